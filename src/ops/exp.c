/* Exp: y = e^x. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = exp}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_mul(rw, g->dy[0], y);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 1), HN_VALS(0.36787944117144233, 1, 2.718281828459045));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_exp = {
    .name = "Exp",
    .domain = "",
    .since = 13,
    .doc = "y = e^x. Exp([-1, 0, 1]) = [0.36787944117144233, 1, 2.718281828459045].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
