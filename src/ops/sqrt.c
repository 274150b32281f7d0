/* Sqrt: y = sqrt(x); NaN below 0. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = sqrt}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_div(rw, g->dy[0], hn_g_scale(rw, y, 2));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, 0.2, 4, 3, HN_VALS(1, 4, 2), HN_VALS(1, 2, 1.4142135623730951));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_sqrt = {
    .name = "Sqrt",
    .domain = "",
    .since = 13,
    .doc = "y = sqrt(x); NaN below 0. Sqrt([1, 4, 2]) = [1, 2, 1.4142135623730951].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
