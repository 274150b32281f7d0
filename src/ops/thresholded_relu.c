/* ThresholdedRelu: y = x for x > alpha, else 0. */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return x > p[0] ? x : 0;
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "alpha", 1.0)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    double alpha = hn_attr_float(g->node, "alpha", 1.0);
    g->dx[0] = hn_g_where(rw, hn_rw_2(rw, "Greater", x, hn_g_scalar(rw, x, alpha)), g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(0.5, 1, 2), HN_VALS(0, 0, 2)));
    hn_case(c, "other parameters");
    hn_case_float(c, "alpha", -0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "1.0", "threshold"},
    {0},
};
const hn_op hn_op_thresholded_relu = {
    .name = "ThresholdedRelu",
    .domain = "",
    .since = 22,
    .doc = "y = x for x > alpha, else 0. ThresholdedRelu([0.5, 1, 2]) = [0, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
