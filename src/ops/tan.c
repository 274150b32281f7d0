/* Tan: y = tan(x), x in radians. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = tan}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_mul(rw, g->dy[0], hn_g_plus(rw, hn_g_mul(rw, y, y), 1));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -1.2, 1.2, 2, HN_VALS(0, 1), HN_VALS(0, 1.5574077246549023));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_tan = {
    .name = "Tan",
    .domain = "",
    .since = 22,
    .doc = "y = tan(x), x in radians. Tan([0, 1]) = [0, 1.5574077246549023].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
