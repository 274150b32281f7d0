/* HardSigmoid: y = max(0, min(1, alpha * x + beta)). */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return fmax(0, fmin(1, p[0] * x + p[1]));
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "alpha", 0.2), hn_attr_float(a->node, "beta", 0.5)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    double alpha = hn_attr_float(g->node, "alpha", 0.2);
    hn_value *inside = hn_rw_2(rw, "And", hn_rw_2(rw, "Greater", y, hn_g_scalar(rw, y, 0)),
                               hn_rw_2(rw, "Less", y, hn_g_scalar(rw, y, 1)));
    g->dx[0] = hn_g_where(rw, inside, hn_g_scale(rw, g->dy[0], alpha));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-3, 0, 1), HN_VALS(0, 0.5, 0.7)));
    hn_case(c, "other parameters");
    hn_case_float(c, "alpha", 0.4);
    hn_case_float(c, "beta", 0.3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "0.2", "slope"},
    {"beta", HN_ATTR_FLOAT, false, "0.5", "offset"},
    {0},
};
const hn_op hn_op_hard_sigmoid = {
    .name = "HardSigmoid",
    .domain = "",
    .since = 22,
    .doc = "y = max(0, min(1, alpha * x + beta)). HardSigmoid([-3, 0, 1]) = [0, 0.5, 0.7].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
