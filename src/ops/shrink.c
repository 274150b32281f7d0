/* Shrink: y = x + bias for x < -lambd, x - bias for x > lambd, else 0. */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return x < -p[1] ? x + p[0] : x > p[1] ? x - p[0] : 0;
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "bias", 0.0), hn_attr_float(a->node, "lambd", 0.5)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    double lambd = hn_attr_float(g->node, "lambd", 0.5);
    g->dx[0] = hn_g_where(rw, hn_rw_2(rw, "Greater", hn_rw_1(rw, "Abs", x), hn_g_scalar(rw, x, lambd)), g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-2, 0.1, 2), HN_VALS(-2, 0, 2)));
    hn_case(c, "other parameters");
    hn_case_float(c, "bias", 0.2);
    hn_case_float(c, "lambd", 1.1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_NUM, 'T', false}};
static const hn_attr_row attrs[] = {
    {"bias", HN_ATTR_FLOAT, false, "0.0", "shift"},
    {"lambd", HN_ATTR_FLOAT, false, "0.5", "threshold"},
    {0},
};
const hn_op hn_op_shrink = {
    .name = "Shrink",
    .domain = "",
    .since = 9,
    .doc = "y = x + bias for x < -lambd, x - bias for x > lambd, else 0. Shrink([-2, 0.1, 2]) = [-2, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
