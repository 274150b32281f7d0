/* case_random: a walk against the order of the nodes, from one output up. */
#include "api/case_random.h"

static bool draws(const hn_node *n)
{
    if (!(n->op->flags & HN_OP_RANDOM)) return false;
    if (!hn_node_is(n, "Dropout")) return true;
    const hn_tensor *on = hn_node_const(n, 2);
    return hn_node_in(n, 2) && !(on && hn_get_i64(on, 0) == 0) && !hn_node_attr(n, "seed");
}

static bool any_draws(const hn_graph *g)
{
    for (const hn_node *n = g->first; n; n = n->next) {
        if (draws(n)) return true;
        for (size_t i = 0; i < n->nregions; i++)
            if (any_draws(n->regions[i])) return true;
    }
    return false;
}

static void bounds(const hn_value *v, hn_case_random *out)
{
    while (v->producer && (v->producer->op->flags & HN_OP_VIEW || hn_node_is(v->producer, "Cast")) &&
           v->producer->in[0])
        v = v->producer->in[0];
    const hn_node *n = v->producer;
    if (!n) return;
    out->bounded = true;
    out->high = 1;
    if (hn_node_is(n, "RandomUniform") || hn_node_is(n, "RandomUniformLike")) {
        out->low = hn_attr_float(n, "low", 0);
        out->high = hn_attr_float(n, "high", 1);
    } else if (hn_node_is(n, "Multinomial") && n->in[0]->type.rank == 2 && n->in[0]->type.dims[1] > 0) {
        out->high = (double)(n->in[0]->type.dims[1] - 1);
    } else {
        out->bounded = hn_node_is(n, "Bernoulli");
    }
}

hn_status hn_case_random_of(hn_env *env, const hn_graph *g, size_t i, hn_case_random *out)
{
    *out = (hn_case_random){.random = false};
    if (i >= g->nout || !any_draws(g)) return HN_OK;
    bool *wanted = hn_zalloc(env, *g->next_id * sizeof *wanted + 1);
    if (!wanted) return env->error.status;
    wanted[g->out[i]->id] = true;
    for (const hn_node *n = g->last; n; n = n->prev) {
        bool use = false;
        for (size_t k = 0; k < n->nout; k++) use |= n->out[k] && wanted[n->out[k]->id];
        if (!use) continue;
        for (size_t k = 0; k < n->nin; k++)
            if (n->in[k]) wanted[n->in[k]->id] = true;
        out->random |= draws(n);
        for (size_t k = 0; k < n->nregions; k++) out->random |= any_draws(n->regions[k]);
    }
    hn_free(env, wanted);
    if (out->random) bounds(g->out[i], out);
    return HN_OK;
}
