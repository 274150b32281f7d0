/* Sigmoid: y = 1 / (1 + e^-x). */
#include "ops/lib.h"

static double f(double x)
{
    return 1 / (1 + exp(-x));
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_mul(rw, g->dy[0], hn_g_mul(rw, y, hn_g_plus(rw, hn_g_neg(rw, y), 1)));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 1), HN_VALS(0.2689414213699951, 0.5, 0.7310585786300049));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_sigmoid = {
    .name = "Sigmoid",
    .domain = "",
    .since = 13,
    .doc = "y = 1 / (1 + e^-x). Sigmoid([-1, 0, 1]) = [0.2689414213699951, 0.5, 0.7310585786300049].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
