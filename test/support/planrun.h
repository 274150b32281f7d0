/* planrun: text form -> graph -> plan -> instance, for the tests of the plan and exec rooms. */
#ifndef HN_TEST_SUPPORT_PLANRUN_H
#define HN_TEST_SUPPORT_PLANRUN_H

#include "exec/exec.h"

typedef struct planrun {
    hn_env *env;
    hn_arena arena; /* the graph */
    hn_graph *graph;
    hn_plan *plan;
    hn_instance *inst;
} planrun;

/* Parse and infer, through hn_pipeline_compile when asked; build. Nothing is left behind on failure. */
hn_status planrun_open(hn_env *env, const char *text, bool compile, planrun *r) HN_MUST_CHECK;
/* The same without a failure: fails the test with the message. */
void planrun_must(hn_env *env, const char *text, bool compile, planrun *r);
void planrun_close(planrun *r);
/* Random inputs of the plan's input types, in the arena. */
const hn_tensor **planrun_inputs(hn_env *env, hn_arena *arena, const hn_plan *plan, uint64_t seed);
/* One run in an instance of its own; copies of the outputs in the arena. */
hn_tensor *planrun_once(hn_env *env, hn_arena *arena, const hn_plan *plan, const hn_tensor *const *in);
/* Fails the test with the env's message unless the status is HN_OK. */
void planrun_ok(hn_env *env, hn_status st);

/* Small graphs that together use drivers, reference steps, views, constants and every control operator. */
typedef struct planrun_graph {
    const char *name, *text;
} planrun_graph;
extern const planrun_graph planrun_graphs[];
extern const size_t planrun_graph_count;
const char *planrun_text(const char *name);

#endif
