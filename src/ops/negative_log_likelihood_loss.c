/* NegativeLogLikelihoodLoss: minus the log-probability of the class that each sample belongs to, weighted by class. */
#include "ops/lib_loss.h"

enum { INPUT, TARGET, WEIGHT };

static hn_status ref(const hn_refargs *a)
{
    double *x;
    HN_TRY(hn_nn_load(a, INPUT, &x));
    return hn_ref_loss(a, x);
}

static hn_value *sum_axes(hn_rw *rw, hn_value *x, int skip)
{
    int64_t axes[HN_MAX_RANK];
    size_t n = 0;
    for (int d = 0; x && d < x->type.rank; d++)
        if (d != skip) axes[n++] = d;
    return x ? hn_rw_reduce_sum(rw, x, axes, n, false) : NULL;
}

/* With hot[n, c, d] = (c is the target and not ignored) and w[n, d] its weight: loss[n, d] = -sum_c hot w x. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    hn_value *x = n->in[INPUT], *weight = hn_node_in(n, WEIGHT), *dy = g->dy[0];
    hn_dtype t = x->type.dtype;
    int64_t classes = x->type.dims[1];
    const hn_attr *ignore = hn_node_attr(n, "ignore_index");
    bool none = hn_attr_is(n, "reduction", "none"), mean = hn_attr_is(n, "reduction", "mean");
    hn_tensor *unit;
    if (!dy) return HN_OK;
    hn_value *values = hn_rw_const_new(rw, t, 1, (int64_t[]){2}, &unit);
    if (!values) return hn_rw_status(rw);
    hn_set_f64(unit, 1, 1);
    hn_value *in[] = {n->in[TARGET], hn_rw_ints(rw, &classes, 1), values};
    hn_value *hot = hn_rw_op(rw, "OneHot", 3, in, (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}});
    if (ignore) {
        hn_value *skip =
            hn_rw_2(rw, "Equal", n->in[TARGET], hn_rw_scalar(rw, n->in[TARGET]->type.dtype, (double)ignore->u.i));
        hn_value *keep = hn_rw_2(rw, "Unsqueeze", hn_rw_1(rw, "Not", skip), hn_rw_ints(rw, (int64_t[]){1}, 1));
        hot = hn_g_where(rw, keep, hot);
    }
    hn_value *heavy = hot;
    if (weight) {
        int64_t dims[HN_MAX_RANK] = {1, classes};
        for (int d = 2; d < x->type.rank; d++) dims[d] = 1;
        heavy = hn_g_mul(rw, hot, hn_rw_reshape(rw, weight, x->type.rank, dims));
    }
    hn_value *up = none ? hn_rw_2(rw, "Unsqueeze", dy, hn_rw_ints(rw, (int64_t[]){1}, 1)) : dy;
    if (mean) up = hn_g_div(rw, dy, sum_axes(rw, heavy, -1));
    hn_value *down = hn_g_neg(rw, up);
    g->dx[INPUT] = hn_g_mul(rw, heavy, down);
    /* d loss / d w_c: every sample of class c counts -x, and under a mean as much less as the whole weight grows. */
    if (weight) {
        hn_value *moved = mean ? hn_g_add(rw, x, n->out[0]) : x;
        g->dx[WEIGHT] = sum_axes(rw, hn_g_mul(rw, hn_g_mul(rw, hot, moved), down), 1);
    }
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    *cost = (hn_cost){.flops = 3 * hn_nn_elems(n->in[TARGET]), .bytes = hn_nn_bytes(n)};
}

static void shapes(hn_cases *c, const char *name, const char *reduction, bool weight)
{
    hn_case(c, name);
    hn_case_string(c, "reduction", reduction);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -3, 0);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){2, 0, 1, 1});
    if (weight) hn_case_rand(c, HN_F32, HN_DIMS(3), 0.2, 1);
}

static hn_status cases(hn_cases *c)
{
    /* [[[1, 2], [2, 2], [3, 2]], [[0, 1], [2, 2], [1, 2]]] */
    const double *x = HN_VALS(1, 2, 2, 2, 3, 2, 0, 1, 2, 2, 1, 2);
    hn_case(c, "example");
    hn_case_string(c, "reduction", "none");
    hn_case_in(c, HN_F32, HN_DIMS(2, 3, 2), x);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){2, 1, 0, 2});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(-3, -2, 0, -2));
    hn_case(c, "weighted sum");
    hn_case_string(c, "reduction", "sum");
    hn_case_in(c, HN_F32, HN_DIMS(2, 3, 2), x);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){2, 1, 0, 2});
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0.2, 0.3, 0.1));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(-1.1));
    hn_case(c, "weighted mean");
    hn_case_in(c, HN_F32, HN_DIMS(2, 3, 2), x);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){2, 1, 0, 2});
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0.2, 0.3, 0.1));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(-1.5714285714));
    shapes(c, "mean", "mean", false);
    shapes(c, "sum", "sum", false);
    shapes(c, "each, weighted", "none", true);
    shapes(c, "mean, one ignored", "mean", true);
    hn_case_int(c, "ignore_index", 1);
    shapes(c, "sum, one ignored", "sum", false);
    hn_case_int(c, "ignore_index", 0);
    hn_case(c, "ignored class outside, [N, C]");
    hn_case_int(c, "ignore_index", -1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(3), (int64_t[]){3, -1, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(4), 0.2, 1);
    hn_case(c, "no samples");
    hn_case_string(c, "reduction", "none");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case(c, "target outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){4});
    hn_case(c, "another batch");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(3), (int64_t[]){0, 0, 0});
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"input", HN_T_FLOAT, 'T', false}, {"target", HN_T_I32I64, 0, false}, {"weight", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"loss", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"ignore_index", HN_ATTR_INT, false, NULL, "targets equal to it count for nothing"},
    {"reduction", HN_ATTR_STRING, false, "mean", "none, sum, or mean: the sum over the sum of weights"},
    {0},
};

const hn_op hn_op_negative_log_likelihood_loss = {
    .name = "NegativeLogLikelihoodLoss",
    .domain = "",
    .since = 22,
    .doc =
        "loss[n, d] = -weight[t] x[n, t, d] with t = target[n, d], then reduced. x = [[[1, 2], [2, 2], [3, 2]], [[0, "
        "1], [2, 2], [1, 2]]], target = [[2, 1], [0, 2]], reduction none: [[-3, -2], [0, -2]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = hn_infer_loss,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
