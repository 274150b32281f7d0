/* GroupNormalization: standardise groups of channels of each sample, then scale and shift each channel. */
#include "ops/lib_norm.h"

static hn_status infer(hn_infer *c)
{
    bool known;
    int64_t groups = hn_attr_int(c->node, "num_groups", 0);
    HN_TRY(hn_nn_rank(c, 0, 2, HN_MAX_RANK, &known));
    hn_nn_like(c, 0, 0);
    if (groups < 1 || (known && c->in[0]->dims[1] >= 0 && c->in[0]->dims[1] % groups != 0)) {
        return hn_op_fail(c->env, c->node, "the channels cannot be cut into %lld groups", (long long)groups);
    }
    for (size_t i = 1; i < 3; i++) {
        bool have;
        HN_TRY(hn_nn_rank(c, i, 1, 1, &have));
        if (known && have) {
            HN_TRY(
                hn_nn_same_dim(c->env, c->node, "channels and parameters", c->in[0]->dims[1], c->in[i]->dims[0], NULL));
        }
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *scale, *bias, epsilon = hn_attr_float(a->node, "epsilon", 1e-5);
    const hn_tensor *t = a->in[0];
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &scale));
    HN_TRY(hn_nn_load(a, 2, &bias));
    size_t channels = (size_t)t->dims[1], groups = (size_t)hn_attr_int(a->node, "num_groups", 1);
    size_t plane = t->rank > 2 ? hn_dims_elems(t->rank, t->dims, 2, t->rank) : 1, n = channels / groups * plane;
    for (size_t g = 0; g < (size_t)t->dims[0] * groups; g++) {
        double mean, var;
        hn_norm_moments(x + g * n, n, 1, &mean, &var);
        for (size_t i = 0; i < n; i++) {
            size_t c = (g * n + i) / plane % channels;
            x[g * n + i] = (x[g * n + i] - mean) / sqrt(var + epsilon) * scale[c] + bias[c];
        }
    }
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0];
    const hn_type type = x->type;
    hn_dtype wide = type.dtype == HN_F64 ? HN_F64 : HN_F32;
    hn_rw_attr to_wide[] = {HN_A_INT("to", wide), {0}}, to_type[] = {HN_A_INT("to", type.dtype), {0}};
    int64_t groups = hn_attr_int(n, "num_groups", 1), axis = 2;
    int64_t dims[] = {type.dims[0], groups, type.dims[1] / groups};
    for (int i = 2; i < type.rank; i++) dims[2] *= type.dims[i];
    if (type.dtype != wide) x = hn_rw_op(rw, "Cast", 1, &x, to_wide);
    x = hn_rw_reshape(rw, x, 3, dims);
    hn_value *y = hn_norm_standard(rw, x, &axis, 1, hn_attr_float(n, "epsilon", 1e-5), NULL, NULL);
    y = hn_rw_reshape(rw, y, type.rank, type.dims);
    if (type.dtype != wide) y = hn_rw_op(rw, "Cast", 1, &y, to_type);
    y = hn_g_mul(rw, y, hn_norm_channel(rw, n->in[1], type.rank));
    out[0] = hn_g_add(rw, y, hn_norm_channel(rw, n->in[2], type.rank));
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 7);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_int(c, "num_groups", 1);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(1, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 10));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(-1, 12));
    hn_case(c, "images, two groups");
    hn_case_int(c, "num_groups", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(4), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -1, 1);
    hn_case(c, "groups do not divide the channels");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "num_groups", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"scale", HN_T_FLOAT, 'T', false}, {"bias", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_NORM_EPSILON,
    {"num_groups", HN_ATTR_INT, true, NULL, "groups of channels"},
    {"stash_type", HN_ATTR_INT, false, "1", "type of the arithmetic; always f32 or wider"},
    {0}};

const hn_op hn_op_group_normalization = {
    .name = "GroupNormalization",
    .domain = "",
    .since = 21,
    .doc =
        "Y = (X - mean) / sqrt(var + epsilon) scale + bias, with mean and population variance per sample and group of "
        "channels, scale and bias per channel. "
        "num_groups 1, X = [[1],[3]], scale = [1,2], bias = [0,10], epsilon 0: Y = [[-1],[12]].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
