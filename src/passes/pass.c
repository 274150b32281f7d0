/* pass: running passes. A pass sees one graph; regions are visited here, innermost first, and the result is verified.
 */
#include <string.h>

#include "passes/lib_match.h"

const hn_pass *hn_pass_find(const char *name)
{
    for (size_t i = 0; i < hn_pass_count; ++i)
        if (strcmp(hn_pass_rows[i]->name, name) == 0) return hn_pass_rows[i];
    return NULL;
}

static hn_status need_types(hn_env *env, const hn_pass *p, const hn_graph *g)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nout; ++i) {
            if (n->out[i] == NULL || hn_type_known(&n->out[i]->type)) continue;
            char type[160];
            hn_type_describe(g, &n->out[i]->type, type, sizeof(type));
            (void)hn_fail(env, HN_INPUT, "pass %s needs known dims, and output %zu of node %s is %s", p->name, i,
                          hn_node_label(n), type);
            hn_hint(env, "give the dims of the model's inputs");
            return env->error.status;
        }
    }
    return HN_OK;
}

static hn_status run_on(hn_env *env, const hn_pass *p, hn_graph *g, size_t *changes)
{
    for (hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nregions; ++i) HN_TRY(run_on(env, p, n->regions[i], changes));
    hn_pass_ctx c = {.env = env, .graph = g};
    size_t removed = 0;
    hn_status before = env->error.status;
    HN_TRY(p->run(&c));
    /* A question about the graph that ran out of memory was answered with no; the pass must not pass for done. */
    if (before == HN_OK && env->error.status != HN_OK) return env->error.status;
    if (c.changes > 0) HN_TRY(hn_dead_sweep(g, &removed));
    *changes += c.changes;
    return HN_OK;
}

hn_status hn_pass_run(hn_env *env, hn_graph *g, const char *name, size_t *changes)
{
    size_t count = 0;
    const hn_pass *p = hn_pass_find(name);
    if (p == NULL) return hn_fail(env, HN_INPUT, "there is no pass %s", name);
    if (p->needs_types) HN_TRY(need_types(env, p, g));
    HN_TRY(hn_context(env, run_on(env, p, g, &count), "pass %s", name));
    HN_TRY(hn_context(env, hn_graph_verify(env, g), "after pass %s", name));
    if (changes != NULL) *changes = count;
    return HN_OK;
}

hn_status hn_pipeline_run(hn_env *env, hn_graph *g, const char *const *pipeline)
{
    HN_TRY(hn_graph_infer(g));
    for (; *pipeline != NULL; ++pipeline) {
        size_t changes = 0;
        HN_TRY(hn_pass_run(env, g, *pipeline, &changes));
        if (changes > 0) hn_log(env, HN_LOG_DEBUG, "pass %s: %zu changes, %zu nodes", *pipeline, changes, g->nnodes);
    }
    return HN_OK;
}
