/* GlobalLpPool: p-norm over all spatial dims. */
#include "ops/lib_pool.h"

static hn_status infer(hn_infer *c)
{
    if (hn_attr_int(c->node, "p", 2) < 1) return hn_op_fail(c->env, c->node, "p must be 1 or more");
    return hn_pool_global_infer(c);
}

static hn_status ref(const hn_refargs *a)
{
    double *x;
    size_t n, planes;
    double power = (double)hn_attr_int(a->node, "p", 2);
    HN_TRY(hn_pool_global_load(a, &x, &planes, &n));
    for (size_t p = 0; p < planes; p++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += pow(fabs(x[p * n + i]), power);
        hn_set_f64(a->out[0], p, pow(sum, 1 / power));
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    int64_t axes[HN_MAX_RANK];
    int rank = node->in[0]->type.rank;
    for (int i = 2; i < rank; i++) axes[i - 2] = i;
    double p = (double)hn_attr_int(node, "p", 2);
    hn_value *x = hn_rw_1(rw, "Abs", node->in[0]);
    hn_value *sum = hn_rw_reduce_sum(rw, hn_rw_2(rw, "Pow", x, hn_g_scalar(rw, x, p)), axes, (size_t)rank - 2, true);
    out[0] = hn_rw_2(rw, "Pow", sum, hn_g_scalar(rw, sum, 1 / p));
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(3, -4, 5, 12));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1), HN_VALS(5, 13));
    hn_case(c, "one spatial dim");
    hn_case_int(c, "p", 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), 0.25, 2);
    hn_case(c, "no spatial dim");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"p", HN_ATTR_INT, false, "2", "the norm"}, {0}};

const hn_op hn_op_global_lp_pool = {
    .name = "GlobalLpPool",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c] = (sum of |X[n,c,...]|^p)^(1/p); spatial dims become 1. X = [[3,-4],[5,12]], p = 2: Y = [5,13].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = hn_shard_planes,
    .cases = cases,
    .quant = "",
};
