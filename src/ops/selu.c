/* Selu: y = gamma * x for x > 0, else gamma * alpha * (e^x - 1). */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return x > 0 ? p[1] * x : p[1] * p[0] * expm1(x);
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "alpha", 1.67326319217681884765625),
                        hn_attr_float(a->node, "gamma", 1.05070102214813232421875)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0), *y = hn_node_out(g->node, 0);
    double alpha = hn_attr_float(g->node, "alpha", 1.67326319217681884765625);
    double gamma = hn_attr_float(g->node, "gamma", 1.05070102214813232421875);
    g->dx[0] = hn_rw_3(rw, "Where", hn_rw_2(rw, "Greater", x, hn_g_scalar(rw, x, 0)), hn_g_scale(rw, g->dy[0], gamma),
                       hn_g_mul(rw, g->dy[0], hn_g_plus(rw, y, alpha * gamma)));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-1, 0, 1), HN_VALS(-1.1113307378125625, 0, 1.0507009873554805)));
    hn_case(c, "other parameters");
    hn_case_float(c, "alpha", 0.7);
    hn_case_float(c, "gamma", 1.3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "1.67326319217681884765625", "scale below 0"},
    {"gamma", HN_ATTR_FLOAT, false, "1.05070102214813232421875", "scale of all"},
    {0},
};
const hn_op hn_op_selu = {
    .name = "Selu",
    .domain = "",
    .since = 22,
    .doc = "y = gamma * x for x > 0, else gamma * alpha * (e^x - 1). Selu([-1, 0, 1]) = [-1.1113307378125625, 0,"
           " 1.0507009873554805].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
