/* session: a model ready to run on inputs of any shape it accepts. A plan is built (or taken from a plan file) per set
 * of input shapes and kept; the graph itself is never changed. */
#ifndef HN_OPTIMIZE_SESSION_H
#define HN_OPTIMIZE_SESSION_H

#include "exec/exec.h"
#include "formats/model.h"

typedef struct hn_session hn_session;

typedef struct hn_session_options {
    bool plain;               /* run the graph as it stands: no passes (the reference for tests) */
    bool reference;           /* row reference kernels only */
    bool apart;               /* each layer a step of its own, so that it can be timed */
    size_t keep;              /* plans kept at a time; 0: 8 */
    int64_t slice;            /* samples of a batch that are run at a time where they may be; 0: by rule */
    hn_lower_trace_fn *trace; /* of every plan built; may be NULL */
    void *trace_self;
} hn_session_options;

/* Open a model file or a plan file, told apart by content. options may be NULL. */
hn_status hn_session_open(hn_env *env, const char *path, const hn_session_options *options,
                          hn_session **out) HN_MUST_CHECK;
/* On a graph that outlives the session. `digest` (may be NULL) goes into plans that are saved. */
hn_status hn_session_new(hn_env *env, const hn_graph *graph, const char *digest, const hn_session_options *options,
                         hn_session **out) HN_MUST_CHECK;
void hn_session_close(hn_env *env, hn_session *s);

const hn_graph *hn_session_graph(const hn_session *s); /* NULL when opened from a plan file */
const hn_model *hn_session_model(const hn_session *s); /* NULL unless opened from a model file */
size_t hn_session_inputs(const hn_session *s);
size_t hn_session_outputs(const hn_session *s);
const char *hn_session_input_name(const hn_session *s, size_t i);
const char *hn_session_output_name(const hn_session *s, size_t i);
/* Declared type: free dims are symbols (names through the graph) or -1. */
const hn_type *hn_session_input_type(const hn_session *s, size_t i);
const hn_type *hn_session_output_type(const hn_session *s, size_t i);
/* The type under which a value given for input i is planned: a tensor's own, what is declared for a list. */
hn_type hn_session_type_for(const hn_session *s, size_t i, const hn_tensor *value);

typedef struct hn_ready {
    const hn_plan *plan;
    hn_instance *inst;
    const hn_graph *compiled; /* after the passes, of one slice; NULL from a plan file */
    const char *unsliced;     /* why the batch was not cut although that would be good; "" else */
} hn_ready;

/* An arena for inputs, which live as long as the session. That of a plan file shares pages with the instance, so it is
 * made now. */
hn_status hn_session_arena(hn_env *env, hn_session *s, hn_arena **out) HN_MUST_CHECK;
/* The plan and instance for these input shapes, built when new. Valid until the next call with other shapes pushes it
 * out. */
hn_status hn_session_ready(hn_env *env, hn_session *s, const hn_type *types, hn_ready *out) HN_MUST_CHECK;
/* Run; out[] gets views that are valid until the next run. Inputs must have the declared dtype. */
hn_status hn_session_run(hn_env *env, hn_session *s, const hn_tensor *const *in, hn_tensor *out) HN_MUST_CHECK;
/* Complete a declared type with `batch` for a free first dim and with 1 for the others; false when another dim is free
 * (its name in *which). */
bool hn_session_default_dims(const hn_session *s, size_t i, int64_t batch, hn_type *out, const char **which);

#endif
