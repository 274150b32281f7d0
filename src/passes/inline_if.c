/* inline_if: branches that are decided. */
#include "passes/lib_match.h"

static hn_status inline_decided(hn_pass_ctx *c)
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

/* What a branch computes may decide the next If, so the two alternate until nothing is decided any more: every round
 * but the last takes an If away. */
static hn_status run(hn_pass_ctx *c)
{
    for (size_t before = c->changes;; before = c->changes) {
        HN_TRY(inline_decided(c));
        if (c->changes == before) return HN_OK;
        hn_pass_ctx folding = {.env = c->env, .graph = c->graph};
        HN_TRY(hn_fold(&folding, false));
    }
}

const hn_pass hn_pass_inline_if = {
    .name = "inline_if",
    .doc = "An If whose condition is constant, or becomes so by what decided branches compute, is replaced by the "
           "nodes of its branch.",
    .run = run,
};
