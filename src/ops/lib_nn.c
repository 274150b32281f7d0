/* lib_nn: see the header. */
#include "ops/lib_nn.h"

const hn_tensor *hn_nn_in(const hn_refargs *a, size_t i)
{
    return i < a->nin ? a->in[i] : NULL;
}
const hn_tensor *hn_nn_out(const hn_refargs *a, size_t i)
{
    return i < a->nout ? a->out[i] : NULL;
}

hn_status hn_nn_new(const hn_refargs *a, size_t count, double **out)
{
    *out = hn_arena_array(a->env, a->scratch, count ? count : 1, sizeof **out);
    return *out ? HN_OK : HN_NOMEM;
}

hn_status hn_nn_load(const hn_refargs *a, size_t i, double **out)
{
    const hn_tensor *t = hn_nn_in(a, i);
    *out = NULL;
    if (!t) return HN_OK;
    size_t n = hn_tensor_elems(t);
    HN_TRY(hn_nn_new(a, n, out));
    double *v = *out;
    if (t->dtype == HN_F32) {
        const float *f = t->data;
        for (size_t j = 0; j < n; j++) v[j] = f[j];
    } else {
        for (size_t j = 0; j < n; j++) v[j] = hn_get_f64(t, j);
    }
    return HN_OK;
}

hn_status hn_nn_load_i64(const hn_refargs *a, size_t i, int64_t **out)
{
    const hn_tensor *t = hn_nn_in(a, i);
    *out = NULL;
    if (!t) return HN_OK;
    size_t n = hn_tensor_elems(t);
    *out = hn_arena_array(a->env, a->scratch, n ? n : 1, sizeof **out);
    if (!*out) return HN_NOMEM;
    for (size_t j = 0; j < n; j++) (*out)[j] = hn_get_i64(t, j);
    return HN_OK;
}

void hn_nn_store(const hn_tensor *t, const double *v)
{
    size_t n = hn_tensor_elems(t);
    if (t->dtype == HN_F32) {
        float *f = t->data;
        for (size_t j = 0; j < n; j++) f[j] = (float)v[j];
    } else {
        for (size_t j = 0; j < n; j++) hn_set_f64(t, j, v[j]);
    }
}

double hn_nn_scalar(const hn_refargs *a, size_t input, double otherwise)
{
    const hn_tensor *t = hn_nn_in(a, input);
    return t && hn_tensor_elems(t) > 0 ? hn_get_f64(t, 0) : otherwise;
}

hn_nn_split hn_nn_split_at(const hn_tensor *t, int axis)
{
    return (hn_nn_split){hn_dims_elems(t->rank, t->dims, 0, axis), (size_t)t->dims[axis],
                         hn_dims_elems(t->rank, t->dims, axis + 1, t->rank)};
}

const hn_type *hn_nn_type(const hn_infer *c, size_t i)
{
    return i < c->nin ? c->in[i] : NULL;
}

void hn_nn_like(hn_infer *c, size_t out, size_t in)
{
    if (out < c->nout && hn_nn_type(c, in)) c->out[out] = *c->in[in];
}

hn_status hn_nn_rank(const hn_infer *c, size_t i, int min, int max, bool *known)
{
    const hn_type *t = hn_nn_type(c, i);
    *known = t && t->rank >= 0;
    if (!*known) return HN_OK;
    if (t->rank >= min && t->rank <= max) return HN_OK;
    if (min == max) {
        return hn_fail(c->env, HN_INPUT, "%s: input %zu has rank %d, %d needed", hn_node_label(c->node), i, t->rank,
                       min);
    }
    return hn_fail(c->env, HN_INPUT, "%s: input %zu has rank %d, %d to %d needed", hn_node_label(c->node), i, t->rank,
                   min, max);
}

hn_status hn_nn_same_dim(hn_env *env, const hn_node *n, const char *what, int64_t a, int64_t b, int64_t *out)
{
    if (a >= 0 && b >= 0 && a != b) {
        return hn_fail(env, HN_INPUT, "%s: %s: %lld and %lld differ", hn_node_label(n), what, (long long)a,
                       (long long)b);
    }
    if (out) *out = a >= 0 ? a : b >= 0 ? b : a != -1 ? a : b;
    return HN_OK;
}

double hn_nn_elems(const hn_value *v)
{
    if (!v || v->type.rank < 0) return 0;
    double p = 1;
    for (int i = 0; i < v->type.rank; i++) p *= v->type.dims[i] > 0 ? (double)v->type.dims[i] : 0;
    return p;
}

double hn_nn_bytes(const hn_node *n)
{
    double bits = 0;
    for (size_t i = 0; i < n->nin; i++) {
        if (n->in[i]) bits += hn_nn_elems(n->in[i]) * hn_dtype_bits(n->in[i]->type.dtype);
    }
    for (size_t i = 0; i < n->nout; i++) {
        if (n->out[i]) bits += hn_nn_elems(n->out[i]) * hn_dtype_bits(n->out[i]->type.dtype);
    }
    return bits / 8;
}

void hn_nn_cost_per_elem(const hn_node *n, hn_cost *cost, double flops_per_elem)
{
    cost->flops = flops_per_elem * hn_nn_elems(hn_node_in(n, 0));
    cost->macs = 0;
    cost->bytes = hn_nn_bytes(n);
}
