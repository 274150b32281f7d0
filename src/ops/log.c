/* Log: y = ln(x). */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = log}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_div(rw, g->dy[0], x);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, 0.2, 4, 2, HN_VALS(1, 10), HN_VALS(0, 2.302585092994046));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_log = {
    .name = "Log",
    .domain = "",
    .since = 13,
    .doc = "y = ln(x). Log([1, 10]) = [0, 2.302585092994046].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
