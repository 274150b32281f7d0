/* MeanVarianceNormalization: standardise over axes; 1e-9 is added to the standard deviation. */
#include "ops/lib_norm.h"

static const int64_t default_axes[] = {0, 2, 3};

static hn_status read(hn_env *env, const hn_node *node, int rank, bool *flag)
{
    const int64_t *axes;
    size_t n = hn_attr_ints(node, "axes", &axes);
    if (!hn_node_attr(node, "axes"))
        return hn_op_axes(env, node, HN_COUNT(default_axes), default_axes, rank, false, flag);
    return hn_op_axes(env, node, n, axes, rank, false, flag);
}

static hn_status infer(hn_infer *c)
{
    bool flag[HN_MAX_RANK];
    if (c->in[0]->rank >= 0) HN_TRY(read(c->env, c->node, c->in[0]->rank, flag));
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[0];
    double *x, *sum, *squares;
    bool flag[HN_MAX_RANK];
    size_t n = hn_tensor_elems(t), count = 1;
    HN_TRY(read(a->env, a->node, t->rank, flag));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_new(a, n, &sum));
    HN_TRY(hn_nn_new(a, n, &squares));
    int64_t strides[HN_MAX_RANK];
    hn_strides(t->rank, t->dims, strides);
    for (int d = 0; d < t->rank; d++) {
        if (!flag[d]) continue;
        strides[d] = 0;
        count *= (size_t)t->dims[d];
    }
    for (int pass = 0; pass < 3; pass++) {
        hn_walk w;
        hn_walk_init(&w, t->rank, t->dims);
        hn_walk_add_strides(&w, 0, strides);
        for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
            size_t at = (size_t)w.offset[0];
            double centred = x[i] - sum[at] / (double)count;
            if (pass == 0)
                sum[at] += x[i];
            else if (pass == 1)
                squares[at] += centred * centred;
            else
                x[i] = centred / (sqrt(squares[at] / (double)count) + 1e-9);
        }
    }
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *x = node->in[0];
    bool flag[HN_MAX_RANK];
    int64_t axes[HN_MAX_RANK];
    size_t count = 0;
    HN_TRY(read(rw->graph->env, node, x->type.rank, flag));
    for (int d = 0; d < x->type.rank; d++) {
        if (flag[d]) axes[count++] = d;
    }
    hn_value *centred = hn_g_sub(rw, x, hn_norm_mean(rw, x, axes, count));
    hn_value *var = hn_norm_mean(rw, hn_g_mul(rw, centred, centred), axes, count);
    out[0] = hn_g_div(rw, centred, hn_g_plus(rw, hn_rw_1(rw, "Sqrt", var), 1e-9));
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 6);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1, 2), HN_VALS(1, 3, 5, 9));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 1, 2), HN_VALS(-1, 1, -1, 1));
    hn_case(c, "other axes");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_ints(c, "axes", 2, (const int64_t[]){0, -1});
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 4), -2, 2);
    hn_case(c, "too few dims for the default axes");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"axes", HN_ATTR_INTS, false, "[0,2,3]", "axes of the statistics"}, {0}};

const hn_op hn_op_mean_variance_normalization = {
    .name = "MeanVarianceNormalization",
    .domain = "",
    .since = 13,
    .doc = "Y = (X - mean) / (standard deviation + 1e-9) over axes. X = [[1,3],[5,9]] (two channels): Y = "
           "[[-1,1],[-1,1]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
