/* RMSNormalization: divide by the root mean square over the last axes, then scale. */
#include "ops/lib_norm.h"

static hn_status infer(hn_infer *c)
{
    int axis;
    const hn_type *x = c->in[0], *s = c->in[1];
    if (x->rank >= 0) HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), x->rank, &axis));
    c->out[0] = *x;
    c->out[0].dtype = s->dtype;
    if (x->rank < 0 || s->rank < 0) return HN_OK;
    if (s->rank > x->rank) return hn_op_fail(c->env, c->node, "scale has more dims than X");
    for (int i = 0; i < s->rank; i++) {
        int64_t d;
        if (s->dims[i] != 1 && !hn_dim_meet(s->dims[i], x->dims[x->rank - s->rank + i], &d)) {
            return hn_op_fail(c->env, c->node, "scale cannot be broadcast to X");
        }
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    double *v, epsilon = hn_attr_float(a->node, "epsilon", 1e-5);
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), x->rank, &axis));
    HN_TRY(hn_nn_load(a, 0, &v));
    size_t rows = axis ? hn_dims_elems(x->rank, x->dims, 0, axis) : 1,
           n = hn_dims_elems(x->rank, x->dims, axis, x->rank);
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += v[r * n + i] * v[r * n + i];
        double inverse = 1 / sqrt(sum / (double)n + epsilon);
        for (size_t i = 0; i < n; i++) v[r * n + i] *= inverse;
    }
    hn_walk w;
    hn_walk_init(&w, x->rank, x->dims);
    hn_walk_add(&w, a->in[1]);
    for (size_t i = 0; i < rows * n; i++, hn_walk_next(&w)) v[i] *= hn_get_f64(a->in[1], (size_t)w.offset[0]);
    hn_nn_store(a->out[0], v);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0];
    hn_dtype type = x->type.dtype, wide = type == HN_F64 ? HN_F64 : HN_F32, last = n->in[1]->type.dtype;
    hn_rw_attr to_wide[] = {HN_A_INT("to", wide), {0}}, to_last[] = {HN_A_INT("to", last), {0}};
    int64_t axes[HN_MAX_RANK], first = hn_attr_int(n, "axis", -1);
    size_t count = 0;
    if (first < 0) first += x->type.rank;
    for (int64_t i = first; i < x->type.rank; i++) axes[count++] = i;
    if (type != wide) x = hn_rw_op(rw, "Cast", 1, &x, to_wide);
    hn_value *mean = hn_norm_mean(rw, hn_g_mul(rw, x, x), axes, count);
    hn_value *y = hn_g_mul(rw, x, hn_norm_inverse(rw, mean, hn_attr_float(n, "epsilon", 1e-5)));
    if (wide != last) y = hn_rw_op(rw, "Cast", 1, &y, to_last);
    out[0] = hn_g_mul(rw, y, n->in[1]);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 4);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 7));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(5, 10));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 14));
    hn_case(c, "last axis");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(5), 0.5, 2);
    hn_case(c, "two axes");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), 0.5, 2);
    hn_case(c, "scale does not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}, {"scale", HN_T_FLOAT, 'V', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'V', false}};
static const hn_attr_row attrs[] = {
    HN_NORM_EPSILON,
    {"axis", HN_ATTR_INT, false, "-1", "first of the axes that are normalised"},
    {"stash_type", HN_ATTR_INT, false, "1", "type of the arithmetic; always f32 or wider"},
    {0}};

const hn_op hn_op_rms_normalization = {
    .name = "RMSNormalization",
    .domain = "",
    .since = 23,
    .doc = "Y = X / sqrt(mean(X^2) + epsilon) scale over the dims from axis on. "
           "X = [[1,7]], scale = [5,10], epsilon 0: the root mean square is 5, Y = [[1,14]].",
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
