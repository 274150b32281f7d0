/* Acosh: y = arcosh(x) for x >= 1. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = acosh}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_div(rw, g->dy[0], hn_rw_1(rw, "Sqrt", hn_g_plus(rw, hn_g_mul(rw, x, x), -1)));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, 1.2, 5, 3, HN_VALS(1, 2, 10), HN_VALS(0, 1.3169578969248166, 2.993222846126381));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_acosh = {
    .name = "Acosh",
    .domain = "",
    .since = 22,
    .doc = "y = arcosh(x) for x >= 1. Acosh([1, 2, 10]) = [0, 1.3169578969248166, 2.993222846126381].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
