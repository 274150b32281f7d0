/* LpNormalization: divide by the 1- or 2-norm along one axis; a slice of zeros stays zero. */
#include "ops/lib_nn.h"

static hn_status infer(hn_infer *c)
{
    int64_t p = hn_attr_int(c->node, "p", 2);
    int axis;
    if (p != 1 && p != 2) return hn_op_fail(c->env, c->node, "p is %lld, allowed are 1 and 2", (long long)p);
    if (c->in[0]->rank >= 0)
        HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), c->in[0]->rank, &axis));
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    double *x;
    int axis;
    bool one = hn_attr_int(a->node, "p", 2) == 1;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), a->in[0]->rank, &axis));
    HN_TRY(hn_nn_load(a, 0, &x));
    hn_nn_split s = hn_nn_split_at(a->in[0], axis);
    for (size_t i = 0; i < s.outer * s.inner; i++) {
        double *row = x + i / s.inner * s.len * s.inner + i % s.inner, norm = 0;
        for (size_t j = 0; j < s.len; j++) norm += one ? fabs(row[j * s.inner]) : row[j * s.inner] * row[j * s.inner];
        if (!one) norm = sqrt(norm);
        for (size_t j = 0; norm != 0 && j < s.len; j++) row[j * s.inner] /= norm;
    }
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

/* With y = x / r: dx = (dy - y' sum(dy y)) / r, where y' = sign(x) for p 1 and y for p 2. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0], *y = g->node->out[0], *dy = g->dy[0];
    int64_t axis = hn_attr_int(g->node, "axis", -1);
    bool one = hn_attr_int(g->node, "p", 2) == 1;
    if (!dy) return HN_OK;
    if (axis < 0) axis += x->type.rank;
    hn_value *norm = hn_rw_reduce_sum(rw, one ? hn_rw_1(rw, "Abs", x) : hn_g_mul(rw, x, x), &axis, 1, true);
    if (!one) norm = hn_rw_1(rw, "Sqrt", norm);
    hn_value *dot = hn_rw_reduce_sum(rw, hn_g_mul(rw, dy, y), &axis, 1, true);
    hn_value *pull = hn_g_mul(rw, one ? hn_rw_1(rw, "Sign", x) : y, dot);
    g->dx[0] = hn_g_div(rw, hn_g_sub(rw, dy, pull), norm);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 3);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 4, 0, 0));
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_INEXACT);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.6, 0.8, 0, 0));
    hn_case(c, "p 1, axis 0");
    hn_case_int(c, "p", 1);
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), 0.5, 2);
    hn_case(c, "p 2, middle axis");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case(c, "p 3");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "p", 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "-1", "axis of the norm"}, {"p", HN_ATTR_INT, false, "2", "1 or 2"}, {0}};

const hn_op hn_op_lp_normalization = {
    .name = "LpNormalization",
    .domain = "",
    .since = 22,
    .doc =
        "y = x / (sum of |x|^p)^(1/p) along axis, 0 where that sum is 0. p = 2: [[3,4],[0,0]] gives [[0.6,0.8],[0,0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = hn_shard_off_axis,
    .cases = cases,
    .quant = "",
};
