/* lib_loss: see the header. */
#include "ops/lib_loss.h"

hn_status hn_infer_loss(hn_infer *c)
{
    const hn_type *x = c->in[0], *target = c->in[1], *weight = hn_nn_type(c, 2);
    hn_type *y = &c->out[0];
    int64_t classes = -1;
    y->dtype = x->dtype;
    bool none = hn_attr_is(c->node, "reduction", "none");
    if (!none && !hn_attr_is(c->node, "reduction", "mean") && !hn_attr_is(c->node, "reduction", "sum")) {
        hn_str r = hn_attr_string(c->node, "reduction", "mean");
        return hn_op_fail(c->env, c->node, "reduction is \"%.*s\", it is one of none, mean, sum", (int)r.size, r.data);
    }
    if (x->rank >= 0 && x->rank < 2)
        return hn_op_fail(c->env, c->node, "the input has %d axes, at least [N, C] needed", x->rank);
    if (x->rank >= 0 && target->rank >= 0 && target->rank != x->rank - 1)
        return hn_op_fail(c->env, c->node, "input and target have %d and %d axes", x->rank, target->rank);
    if (x->rank >= 2) classes = x->dims[1];
    if (weight && weight->rank >= 0) {
        if (weight->rank != 1) return hn_op_fail(c->env, c->node, "weight has %d axes, 1 needed", weight->rank);
        HN_TRY(hn_nn_same_dim(c->env, c->node, "classes", classes, weight->dims[0], NULL));
    }
    if (!none) y->rank = 0;
    int rank = target->rank >= 0 ? target->rank : x->rank - 1;
    if (rank < 0) return HN_OK;
    if (none) y->rank = rank;
    for (int d = 0; d < rank; d++) {
        int64_t from = x->rank < 0 ? -1 : x->dims[d == 0 ? 0 : d + 1], dim = from;
        if (target->rank >= 0) HN_TRY(hn_nn_same_dim(c->env, c->node, "input and target", from, target->dims[d], &dim));
        if (none) y->dims[d] = dim;
    }
    return HN_OK;
}

hn_status hn_ref_loss(const hn_refargs *a, const double *log_prob)
{
    const hn_tensor *x = a->in[0], *target = a->in[1], *y = a->out[0];
    const hn_attr *ignore = hn_node_attr(a->node, "ignore_index");
    bool none = hn_attr_is(a->node, "reduction", "none");
    hn_nn_split s = hn_nn_split_at(x, 1);
    double *weight, sum = 0, total = 0;
    HN_TRY(hn_nn_load(a, 2, &weight));
    for (size_t i = 0; i < s.outer * s.inner; i++) {
        int64_t t = hn_get_i64(target, i);
        if (ignore && t == ignore->u.i) continue;
        if (t < 0 || t >= (int64_t)s.len)
            return hn_op_fail(a->env, a->node, "target %lld at %zu is none of %zu classes", (long long)t, i, s.len);
        double w = weight ? weight[t] : 1;
        double loss = -w * log_prob[(i / s.inner * s.len + (size_t)t) * s.inner + i % s.inner];
        if (none && y) hn_set_f64(y, i, loss);
        sum += loss;
        total += w;
    }
    if (!none && y) hn_set_f64(y, 0, hn_attr_is(a->node, "reduction", "mean") ? sum / total : sum);
    return HN_OK;
}
