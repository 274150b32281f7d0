/* inline_if: branches that are decided. */
#include "passes/lib_match.h"

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        double cond;
        next = n->next;
        if (!hn_node_is(n, "If") || n->nregions != 2 || !hn_const_scalar(n->in[0], &cond)) continue;
        const hn_graph *branch = n->regions[cond != 0 ? 0 : 1];
        if (branch->nin != n->ncaptures || branch->nout < n->nout) continue;
        hn_rw rw = hn_rw_at(c->graph, n);
        hn_value **out = hn_arena_array(c->env, c->graph->arena, branch->nout, sizeof(hn_value *));
        if (out == NULL) return c->env->error.status;
        HN_TRY(hn_rw_inline(&rw, branch, n->in + (n->nin - n->ncaptures), out));
        HN_TRY(hn_rw_replace(&rw, n, out));
        c->changes++;
    }
    return HN_OK;
}

const hn_pass hn_pass_inline_if = {
    .name = "inline_if",
    .doc = "An If whose condition is constant is replaced by the nodes of its branch.",
    .run = run,
};
