/* lib_dead: removal of what nobody reads. Nodes are visited backwards, so one walk suffices. */
#include "passes/lib_match.h"

static bool unused(const hn_node *n)
{
    for (size_t i = 0; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->nuses != 0) return false;
    return n->nout > 0;
}

static size_t drop_outputs(hn_node *n)
{
    size_t dropped = 0;
    for (size_t i = 0; i < n->nout; ++i) {
        bool optional = i < (size_t)n->op->nout && n->op->out[i].optional && (n->op->flags & HN_OP_VARIADIC_OUT) == 0;
        if (!optional || n->out[i] == NULL || n->out[i]->nuses != 0) continue;
        n->out[i] = NULL;
        dropped++;
    }
    while (n->nout > (size_t)n->op->nout_min && n->out[n->nout - 1] == NULL) n->nout--;
    return dropped;
}

static hn_status drop_captures(hn_node *n, size_t *removed)
{
    for (size_t k = n->ncaptures; k-- > 0;) {
        bool used = false;
        for (size_t r = 0; r < n->nregions; ++r) {
            const hn_graph *g = n->regions[r];
            used = used || g->in[g->nin - n->ncaptures + k]->nuses != 0;
        }
        if (used) continue;
        for (size_t r = 0; r < n->nregions; ++r) {
            hn_graph *g = n->regions[r];
            HN_TRY(hn_graph_input_remove(g, g->nin - n->ncaptures + k));
        }
        hn_node_input_remove(n, n->nin - n->ncaptures + k);
        n->ncaptures--;
        ++*removed;
    }
    return HN_OK;
}

hn_status hn_dead_sweep(hn_graph *g, size_t *removed)
{
    for (hn_node *n = g->last, *prev; n != NULL; n = prev) {
        prev = n->prev;
        if (unused(n)) {
            hn_node_remove(n);
            ++*removed;
            continue;
        }
        *removed += drop_outputs(n);
        for (size_t i = 0; i < n->nregions; ++i) HN_TRY(hn_dead_sweep(n->regions[i], removed));
        HN_TRY(drop_captures(n, removed));
    }
    return HN_OK;
}
