/* capture: what regions can hold themselves. */
#include "passes/lib_match.h"

static hn_status sink(hn_pass_ctx *c, hn_node *n, size_t k)
{
    const hn_value *outer = n->in[n->nin - n->ncaptures + k];
    for (size_t r = 0; r < n->nregions; ++r) {
        hn_graph *g = n->regions[r];
        hn_value *v = g->in[g->nin - n->ncaptures + k];
        if (v->nuses == 0) continue;
        if (outer->data != NULL) {
            hn_value *copy = hn_graph_const(g, NULL, outer->data);
            if (copy == NULL) return c->env->error.status;
            hn_value_replace(v, copy);
            c->changes++;
            continue;
        }
        for (size_t j = 0; j < k; ++j) {
            if (n->in[n->nin - n->ncaptures + j] != outer) continue;
            hn_value_replace(v, g->in[g->nin - n->ncaptures + j]);
            c->changes++;
            break;
        }
    }
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first; n != NULL; n = n->next) {
        for (size_t k = 0; k < n->ncaptures; ++k)
            if (n->in[n->nin - n->ncaptures + k] != NULL) HN_TRY(sink(c, n, k));
        /* Constants may have travelled to regions inside, which were visited before. */
        for (size_t r = 0; c->changes > 0 && r < n->nregions; ++r) {
            hn_pass_ctx inner = {.env = c->env, .graph = n->regions[r]};
            HN_TRY(run(&inner));
        }
    }
    return HN_OK;
}

const hn_pass hn_pass_capture = {
    .name = "capture",
    .doc = "A constant that a region captures becomes a constant of the region, and a value captured twice is captured "
           "once, so "
           "that the other passes see weights in regions.",
    .run = run,
};
