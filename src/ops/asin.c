/* Asin: y = arcsin(x) in radians. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = asin}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_div(rw, g->dy[0], hn_rw_1(rw, "Sqrt", hn_g_plus(rw, hn_g_neg(rw, hn_g_mul(rw, x, x)), 1)));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -0.9, 0.9, 3, HN_VALS(-1, 0, 0.5), HN_VALS(-1.5707963267948966, 0, 0.5235987755982989));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_asin = {
    .name = "Asin",
    .domain = "",
    .since = 22,
    .doc = "y = arcsin(x) in radians. Asin([-1, 0, 0.5]) = [-1.5707963267948966, 0, 0.5235987755982989].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
