/* Mish: y = x * tanh(ln(1 + e^x)). */
#include "ops/lib.h"

static double f(double x)
{
    return x * tanh(fmax(x, 0) + log1p(exp(-fabs(x))));
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *x = hn_node_in(node, 0);
    out[0] = hn_g_mul(rw, x, hn_rw_1(rw, "Tanh", hn_rw_1(rw, "Softplus", x)));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 1), HN_VALS(-0.3034014613474154, 0, 0.8650983882673103));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_mish = {
    .name = "Mish",
    .domain = "",
    .since = 22,
    .doc = "y = x * tanh(ln(1 + e^x)). Mish([-1, 0, 1]) = [-0.3034014613474154, 0, 0.8650983882673103].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "lut",
};
