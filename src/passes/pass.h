/* pass: graph -> graph, in place. A pass is a row; pipelines are explicit lists. */
#ifndef HN_PASSES_PASS_H
#define HN_PASSES_PASS_H

#include "ir/graph.h"
#include "ir/op.h"
#include "ir/rewrite.h"

typedef struct hn_pass_ctx {
    hn_env *env;
    hn_graph *graph;
    size_t changes; /* the pass counts what it did here */
} hn_pass_ctx;

typedef struct hn_pass {
    const char *name; /* "fold_bn" */
    const char *doc;  /* one paragraph */
    bool needs_types; /* every value's dims must be known */
    hn_status (*run)(hn_pass_ctx *c);
} hn_pass;

extern const hn_pass *const hn_pass_rows[]; /* generated */
extern const size_t hn_pass_count;
const hn_pass *hn_pass_find(const char *name);

/* Run one pass: check its needs, run it (on regions too), verify the result. *changes (may be NULL) gets the count. */
hn_status hn_pass_run(hn_env *env, hn_graph *g, const char *name, size_t *changes) HN_MUST_CHECK;

/* Pipelines: lists of names that end in NULL. */
extern const char
    *const hn_pipeline_clean[]; /* any graph, stays plain ONNX: fold, cse, dead code, identities, BN folding */
extern const char
    *const hn_pipeline_compile[]; /* known shapes; result uses "hone" ops: fusion, layout, integer lowering */
extern const char
    *const hn_pipeline_join[]; /* after compile: several layers become one node, and one step of the plan */
hn_status hn_pipeline_run(hn_env *env, hn_graph *g, const char *const *pipeline) HN_MUST_CHECK;

#endif
