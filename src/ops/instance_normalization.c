/* InstanceNormalization: standardise each channel of each sample, then scale and shift. */
#include "ops/lib_norm.h"

static hn_status infer(hn_infer *c)
{
    bool known;
    HN_TRY(hn_nn_rank(c, 0, 3, HN_MAX_RANK, &known));
    hn_nn_like(c, 0, 0);
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
    size_t channels = (size_t)t->dims[1], planes = (size_t)t->dims[0] * channels,
           n = hn_dims_elems(t->rank, t->dims, 2, t->rank);
    for (size_t p = 0; p < planes; p++) {
        double mean, var;
        hn_norm_moments(x + p * n, n, 1, &mean, &var);
        double f = scale[p % channels] / sqrt(var + epsilon);
        for (size_t i = 0; i < n; i++) x[p * n + i] = (x[p * n + i] - mean) * f + bias[p % channels];
    }
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    int64_t axes[HN_MAX_RANK];
    int rank = n->in[0]->type.rank;
    for (int i = 2; i < rank; i++) axes[i - 2] = i;
    hn_value *y = hn_norm_standard(rw, n->in[0], axes, (size_t)rank - 2, hn_attr_float(n, "epsilon", 1e-5), NULL, NULL);
    y = hn_g_mul(rw, y, hn_norm_channel(rw, n->in[1], rank));
    out[0] = hn_g_add(rw, y, hn_norm_channel(rw, n->in[2], rank));
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
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(1, 3, 5, 9));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 10));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(-1, 1, 8, 12));
    hn_case(c, "images");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 3, 4), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case(c, "channels do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2), 0.5, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"input", HN_T_FLOAT, 'T', false}, {"scale", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_NORM_EPSILON, {0}};

const hn_op hn_op_instance_normalization = {
    .name = "InstanceNormalization",
    .domain = "",
    .since = 22,
    .doc = "Y = (X - mean) / sqrt(var + epsilon) scale + B, with mean and population variance per sample and channel. "
           "X = [[1,3],[5,9]], scale = [1,2], B = [0,10], epsilon 0: Y = [[-1,1],[8,12]].",
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
