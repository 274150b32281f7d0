/* Reciprocal: y = 1 / x. */
#include "ops/lib.h"

static double f(double x)
{
    return 1 / x;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_neg(rw, hn_g_mul(rw, g->dy[0], hn_g_mul(rw, y, y)));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, 0.3, 3, 2, HN_VALS(2, -4), HN_VALS(0.5, -0.25));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_reciprocal = {
    .name = "Reciprocal",
    .domain = "",
    .since = 13,
    .doc = "y = 1 / x. Reciprocal([2, -4]) = [0.5, -0.25].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
