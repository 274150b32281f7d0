/* LayerNormalization: standardise over the last axes, then scale and shift. */
#include "ops/lib_norm.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int axis = 0;
    if (x->rank >= 0) HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), x->rank, &axis));
    hn_nn_like(c, 0, 0);
    int64_t stash = hn_attr_int(c->node, "stash_type", 1);
    for (size_t i = 1; i < c->nout; i++) {
        c->out[i] = *x;
        c->out[i].dtype = stash == HN_BF16 ? HN_BF16 : HN_F32;
        for (int d = axis; d < x->rank; d++) c->out[i].dims[d] = 1;
    }
    for (size_t i = 1; i < c->nin; i++) {
        const hn_type *p = c->in[i];
        int64_t dim;
        if (!p || p->rank < 0 || x->rank < 0) continue;
        bool fits = p->rank <= x->rank;
        for (int d = 0; fits && d < p->rank; d++) {
            fits = p->dims[d] == 1 || hn_dim_meet(p->dims[d], x->dims[x->rank - p->rank + d], &dim);
        }
        if (!fits) return hn_op_fail(c->env, c->node, "input %zu cannot be broadcast to X", i);
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *scale = a->in[1], *bias = hn_nn_in(a, 2);
    double *v, epsilon = hn_attr_float(a->node, "epsilon", 1e-5);
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), x->rank, &axis));
    HN_TRY(hn_nn_load(a, 0, &v));
    size_t rows = axis ? hn_dims_elems(x->rank, x->dims, 0, axis) : 1,
           n = hn_dims_elems(x->rank, x->dims, axis, x->rank);
    for (size_t r = 0; r < rows; r++) {
        double mean, var;
        hn_norm_moments(v + r * n, n, 1, &mean, &var);
        double inverse = 1 / sqrt(var + epsilon);
        if (hn_nn_out(a, 1)) hn_set_f64(a->out[1], r, mean);
        if (hn_nn_out(a, 2)) hn_set_f64(a->out[2], r, inverse);
        for (size_t i = 0; i < n; i++) v[r * n + i] = (v[r * n + i] - mean) * inverse;
    }
    hn_walk w;
    hn_walk_init(&w, x->rank, x->dims);
    hn_walk_add(&w, scale);
    if (bias) hn_walk_add(&w, bias);
    for (size_t i = 0; i < rows * n; i++, hn_walk_next(&w)) {
        v[i] *= hn_get_f64(scale, (size_t)w.offset[0]);
        if (bias) v[i] += hn_get_f64(bias, (size_t)w.offset[1]);
    }
    if (a->out[0]) hn_nn_store(a->out[0], v);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0], *bias = hn_node_in(n, 2), *mean, *var;
    hn_dtype type = x->type.dtype, wide = type == HN_F64 ? HN_F64 : HN_F32;
    int64_t axes[HN_MAX_RANK], first = hn_attr_int(n, "axis", -1);
    double epsilon = hn_attr_float(n, "epsilon", 1e-5);
    size_t count = 0;
    hn_rw_attr to_wide[] = {HN_A_INT("to", wide), {0}}, to_type[] = {HN_A_INT("to", type), {0}};
    if (first < 0) first += x->type.rank;
    for (int64_t i = first; i < x->type.rank; i++) axes[count++] = i;
    if (type != wide) x = hn_rw_op(rw, "Cast", 1, &x, to_wide);
    hn_value *y = hn_norm_standard(rw, x, axes, count, epsilon, &mean, &var);
    if (type != wide) y = hn_rw_op(rw, "Cast", 1, &y, to_type);
    y = hn_g_mul(rw, y, n->in[1]);
    out[0] = bias ? hn_g_add(rw, y, bias) : y;
    for (size_t i = 1; i < n->nout; i++) {
        if (!n->out[i]) continue;
        hn_rw_attr to_stash[] = {HN_A_INT("to", n->out[i]->type.dtype), {0}};
        hn_value *v = i == 1 ? mean : hn_norm_inverse(rw, var, epsilon);
        out[i] = n->out[i]->type.dtype == wide ? v : hn_rw_op(rw, "Cast", 1, &v, to_stash);
    }
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 8);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_nout(c, 1);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(-2, 3));
    hn_case(c, "last axis, bias");
    hn_case_nout(c, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5), -1, 1);
    hn_case(c, "all outputs: the statistics are f32, too coarse for differences");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5), -1, 1);
    hn_case(c, "two axes, no bias");
    hn_case_nout(c, 1);
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), 0.5, 2);
    hn_case(c, "parameters do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -2, 2);
    return hn_cases_status(c);
}

#define T_STASH (HN_BIT(HN_F32) | HN_BIT(HN_BF16))
static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"Scale", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {
    {"Y", HN_T_FLOAT, 'T', false}, {"Mean", T_STASH, 'U', true}, {"InvStdDev", T_STASH, 'U', true}};
static const hn_attr_row attrs[] = {
    HN_NORM_EPSILON,
    {"axis", HN_ATTR_INT, false, "-1", "first of the axes that are normalised"},
    {"stash_type", HN_ATTR_INT, false, "1", "type of Mean and InvStdDev: 1 f32, 16 bf16"},
    {0}};

const hn_op hn_op_layer_normalization = {
    .name = "LayerNormalization",
    .domain = "",
    .since = 17,
    .doc =
        "Y = (X - mean) / sqrt(var + epsilon) Scale + B, with mean and population variance over the dims from axis on. "
        "X = [[1,3]], Scale = [2,2], B = [0,1], epsilon 0: mean 2, var 1, Y = [[-2,3]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = hn_shard_before,
    .cases = cases,
    .quant = "",
};
