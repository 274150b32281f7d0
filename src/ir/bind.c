/* bind: give an input its dims. A symbol that becomes known becomes known everywhere; what nodes make is inferred anew.
 */
#include <string.h>

#include "ir/ir_priv.h"

typedef struct binding {
    int64_t symbol, size;
} binding;

static void substitute(hn_type *t, const binding *b, int count)
{
    for (int i = 0; i < t->rank; ++i)
        for (int k = 0; k < count; ++k)
            if (t->dims[i] == b[k].symbol) t->dims[i] = b[k].size;
}

/* Shapes of what is computed are forgotten, kinds and dtypes stay. */
static void forget(hn_graph *g)
{
    for (hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nout; ++i)
            if (n->out[i] != NULL) n->out[i]->type.rank = -1;
        for (size_t i = 0; i < n->nregions; ++i) {
            for (size_t k = 0; k < n->regions[i]->nin; ++k) n->regions[i]->in[k]->type.rank = -1;
            forget(n->regions[i]);
        }
    }
}

hn_status hn_graph_bind(hn_graph *g, size_t i, int rank, const int64_t *dims)
{
    if (i >= g->nin) return hn_fail(g->env, HN_INPUT, "graph %s has %zu inputs, no input %zu", g->name, g->nin, i);
    if (rank < 0 || rank > HN_MAX_RANK)
        return hn_fail(g->env, HN_LIMIT, "rank %d is outside 0 to %d", rank, HN_MAX_RANK);
    hn_value *v = g->in[i];
    const char *name = v->name != NULL ? v->name : "?";
    hn_type t = v->type;
    binding b[HN_MAX_RANK];
    int count = 0;
    if (t.rank >= 0 && t.rank != rank)
        return hn_fail(g->env, HN_INPUT, "input %s has rank %d, not %d", name, t.rank, rank);
    for (int d = 0; t.rank < 0 && d < rank; ++d) t.dims[d] = -1;
    t.rank = rank;
    for (int d = 0; d < rank; ++d) {
        if (dims[d] < 0) continue;
        if (t.dims[d] >= 0 && t.dims[d] != dims[d])
            return hn_fail(g->env, HN_INPUT, "input %s, dim %d is %lld, not %lld", name, d, (long long)t.dims[d],
                           (long long)dims[d]);
        if (t.dims[d] <= -2) b[count++] = (binding){t.dims[d], dims[d]};
        t.dims[d] = dims[d];
    }
    for (int k = 0; k < count; ++k)
        for (int j = 0; j < k; ++j)
            if (b[j].symbol == b[k].symbol && b[j].size != b[k].size)
                return hn_fail(g->env, HN_INPUT, "input %s: dim %s cannot be %lld and %lld", name,
                               hn_graph_symbol_name(g, b[k].symbol), (long long)b[j].size, (long long)b[k].size);
    v->type = t;
    for (size_t k = 0; k < g->nin; ++k) substitute(&g->in[k]->type, b, count);
    forget(g);
    return HN_OK;
}
