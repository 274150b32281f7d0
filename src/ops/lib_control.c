/* lib_control: see the header. */
#include "ops/lib_control.h"

hn_status hn_control_region(const hn_infer *c, size_t r, size_t nin, size_t nout, hn_graph **out)
{
    if (r >= c->node->nregions || !c->node->regions[r]) return hn_op_fail(c->env, c->node, "region %zu is missing", r);
    hn_graph *g = c->node->regions[r];
    size_t captures = c->node->ncaptures;
    if (g->nin != nin + captures) {
        return hn_op_fail(c->env, c->node, "its body has %zu inputs, %zu needed",
                          g->nin - hn_min_size(g->nin, captures), nin);
    }
    if (g->nout != nout) return hn_op_fail(c->env, c->node, "its body has %zu outputs, %zu needed", g->nout, nout);
    *out = g;
    return HN_OK;
}

hn_status hn_control_infer(const hn_infer *c, hn_graph *region, size_t n, const hn_type *const *types)
{
    if (!c->graph) return HN_OK;
    size_t captures = c->node->ncaptures, total = n + captures;
    hn_arena arena = {0};
    hn_status st = HN_NOMEM;
    const hn_type **in = hn_arena_array(c->env, &arena, total + 1, sizeof *in);
    const hn_tensor **data = hn_arena_array(c->env, &arena, total + 1, sizeof *data);
    if (in && data) {
        for (size_t i = 0; i < n; i++) in[i] = types[i];
        for (size_t i = 0; i < captures; i++) {
            in[n + i] = c->in[c->nin - captures + i];
            data[n + i] = c->data ? c->data[c->nin - captures + i] : NULL;
        }
        st = hn_region_infer(region, total, in, data);
    }
    hn_arena_fini(c->env, &arena);
    return st;
}
