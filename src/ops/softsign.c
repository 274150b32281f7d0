/* Softsign: y = x / (1 + |x|). */
#include "ops/lib.h"

static double f(double x)
{
    return x / (1 + fabs(x));
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    hn_value *d = hn_g_plus(rw, hn_rw_1(rw, "Abs", x), 1);
    g->dx[0] = hn_g_div(rw, g->dy[0], hn_g_mul(rw, d, d));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 3), HN_VALS(-0.5, 0, 0.75));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_softsign = {
    .name = "Softsign",
    .domain = "",
    .since = 22,
    .doc = "y = x / (1 + |x|). Softsign([-1, 0, 3]) = [-0.5, 0, 0.75].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
