/* HardSwish: y = x * max(0, min(1, x / 6 + 1 / 2)). */
#include "ops/lib.h"

static double f(double x)
{
    return x * fmax(0, fmin(1, x / 6 + 0.5));
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *x = hn_node_in(node, 0);
    const hn_rw_attr attrs[] = {HN_A_FLOAT("alpha", 1.0 / 6), HN_A_FLOAT("beta", 0.5), {0}};
    out[0] = hn_g_mul(rw, x, hn_rw_op(rw, "HardSigmoid", 1, &x, attrs));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -4, 4, 3, HN_VALS(-3, 1, 4), HN_VALS(0, 0.6666666666666666, 4));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_hard_swish = {
    .name = "HardSwish",
    .domain = "",
    .since = 22,
    .doc = "y = x * max(0, min(1, x / 6 + 1 / 2)). HardSwish([-3, 1, 4]) = [0, 0.6666666666666666, 4].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "lut",
};
