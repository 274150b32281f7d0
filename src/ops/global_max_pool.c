/* GlobalMaxPool: largest element over all spatial dims. */
#include "ops/lib_pool.h"

static hn_status ref(const hn_refargs *a)
{
    double *x;
    size_t n, planes;
    HN_TRY(hn_pool_global_load(a, &x, &planes, &n));
    for (size_t p = 0; p < planes; p++) {
        double best = -HUGE_VAL;
        for (size_t i = 0; i < n; i++) best = x[p * n + i] > best ? x[p * n + i] : best;
        hn_set_f64(a->out[0], p, best);
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    int64_t axes[HN_MAX_RANK];
    int rank = node->in[0]->type.rank;
    for (int i = 2; i < rank; i++) axes[i - 2] = i;
    out[0] = hn_rw_2(rw, "ReduceMax", node->in[0], hn_rw_ints(rw, axes, (size_t)rank - 2));
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2, 2), HN_VALS(1, 2, 3, 6, 4, 3, 2, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1, 1), HN_VALS(6, 4));
    hn_case(c, "one spatial dim");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -2, 2);
    hn_case(c, "no spatial dim");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};

const hn_op hn_op_global_max_pool = {
    .name = "GlobalMaxPool",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c] = max of X[n,c,...]; spatial dims become 1. X = [[[1,2],[3,6]],[[4,3],[2,1]]]: Y = [6,4].",
    HN_PORTS(in, 1, out),
    .infer = hn_pool_global_infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .shard = hn_shard_planes,
    .cases = cases,
    .quant = "same",
};
