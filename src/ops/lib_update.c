/* lib_update: see the header. */
#include "ops/lib_update.h"

enum { FIRST = 2 };

hn_status hn_infer_update(hn_infer *c, size_t lists)
{
    size_t n = (c->nin - FIRST) / lists;
    if (c->nin < FIRST + lists || FIRST + n * lists != c->nin)
        return hn_op_fail(c->env, c->node, "%zu inputs: after R and T come %zu for each tensor", c->nin, lists);
    if (c->nout > n * (lists - 1)) return hn_op_fail(c->env, c->node, "%zu outputs for %zu tensors", c->nout, n);
    for (size_t i = 0; i < n; i++) {
        const hn_type *x = c->in[FIRST + i];
        for (size_t k = 1; k < lists; k++) {
            const hn_type *other = c->in[FIRST + k * n + i];
            if (!x || !other) return hn_op_fail(c->env, c->node, "no input may be absent");
            bool ranks = x->rank >= 0 && other->rank >= 0;
            if (ranks && x->rank != other->rank)
                return hn_op_fail(c->env, c->node, "tensor %zu and what belongs to it differ in rank", i);
            for (int d = 0; ranks && d < x->rank; d++)
                HN_TRY(
                    hn_nn_same_dim(c->env, c->node, "tensor and what belongs to it", x->dims[d], other->dims[d], NULL));
        }
    }
    for (size_t k = 0; k < c->nout; k++) c->out[k] = *c->in[FIRST + (k < n ? k : k + n)];
    return HN_OK;
}

hn_status hn_ref_update(const hn_refargs *a, size_t lists, hn_update_fn *fn, const void *self)
{
    size_t n = (a->nin - FIRST) / lists;
    for (size_t i = 0; i < n; i++) {
        size_t count = hn_tensor_elems(a->in[FIRST + i]);
        for (size_t e = 0; e < count; e++) {
            double v[HN_UPDATE_LISTS];
            for (size_t k = 0; k < lists; k++) v[k] = hn_get_f64(a->in[FIRST + k * n + i], e);
            fn(self, v);
            for (size_t k = 0; k + 1 < lists; k++) {
                const hn_tensor *y = hn_nn_out(a, k * n + i);
                if (y) hn_set_f64(y, e, v[k == 0 ? 0 : k + 1]);
            }
        }
    }
    return HN_OK;
}

void hn_cost_update(const hn_node *n, hn_cost *cost)
{
    double bytes = hn_nn_bytes(n);
    *cost = (hn_cost){.flops = bytes / 2, .bytes = bytes};
}
