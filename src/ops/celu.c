/* Celu: y = max(0, x) + min(0, alpha * (e^(x / alpha) - 1)). */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return x < 0 ? p[0] * expm1(x / p[0]) : x;
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "alpha", 1.0)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0), *y = hn_node_out(g->node, 0);
    double alpha = hn_attr_float(g->node, "alpha", 1.0);
    g->dx[0] = hn_rw_3(rw, "Where", hn_rw_2(rw, "Less", x, hn_g_scalar(rw, x, 0)),
                       hn_g_mul(rw, g->dy[0], hn_g_plus(rw, hn_g_scale(rw, y, 1 / alpha), 1)), g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-1, 0, 2), HN_VALS(-0.6321205588285577, 0, 2)));
    hn_case(c, "other parameters");
    hn_case_float(c, "alpha", 1.7);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "1.0", "scale below 0"},
    {0},
};
const hn_op hn_op_celu = {
    .name = "Celu",
    .domain = "",
    .since = 28,
    .doc = "y = max(0, x) + min(0, alpha * (e^(x / alpha) - 1)). Celu([-1, 0, 2]) = [-0.6321205588285577, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
