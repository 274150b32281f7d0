/* Softplus: y = ln(1 + e^x). */
#include "ops/lib.h"

static double f(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_mul(rw, g->dy[0], hn_rw_1(rw, "Sigmoid", x));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 1),
                          HN_VALS(0.31326168751822286, 0.6931471805599453, 1.3132616875182228));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_softplus = {
    .name = "Softplus",
    .domain = "",
    .since = 22,
    .doc = "y = ln(1 + e^x). Softplus([-1, 0, 1]) = [0.31326168751822286, 0.6931471805599453, "
           "1.3132616875182228].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
