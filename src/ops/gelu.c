/* Gelu: y = x * Phi(x), Phi the normal distribution function; "tanh" is the usual approximation of it. */
#include "ops/lib.h"

static double exact(double x)
{
    return 0.5 * x * (1 + erf(x * 0.70710678118654752));
}
static double approximate(double x)
{
    return 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
}

static hn_status ref(const hn_refargs *a)
{
    bool tanh_form = hn_attr_is(a->node, "approximate", "tanh");
    return hn_ref_unary(a, &(hn_fn1){.f = tanh_form ? approximate : exact}, NULL);
}

static hn_status infer(hn_infer *c)
{
    if (!hn_attr_is(c->node, "approximate", "none") && !hn_attr_is(c->node, "approximate", "tanh"))
        return hn_op_fail(c->env, c->node, "approximate must be none or tanh");
    return hn_infer_same(c);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *x = hn_node_in(node, 0), *t;
    if (hn_attr_is(node, "approximate", "tanh")) {
        hn_value *cube = hn_g_mul(rw, x, hn_g_mul(rw, x, x));
        hn_value *inner = hn_g_add(rw, x, hn_g_scale(rw, cube, 0.044715));
        t = hn_rw_1(rw, "Tanh", hn_g_scale(rw, inner, 0.79788456080286536));
    } else {
        t = hn_rw_1(rw, "Erf", hn_g_scale(rw, x, 0.70710678118654752));
    }
    out[0] = hn_g_mul(rw, hn_g_scale(rw, x, 0.5), hn_g_plus(rw, t, 1));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-1, 0, 1), HN_VALS(-0.15865525393145707, 0, 0.8413447460685429)));
    hn_case(c, "tanh");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_string(c, "approximate", "tanh");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-1, 0, 1));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(-0.158808, 0, 0.841192));
    hn_case(c, "unknown form");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "approximate", "fast");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"approximate", HN_ATTR_STRING, false, "none",
     "none: the exact form; tanh: 0.5x(1 + tanh(sqrt(2/pi)(x + 0.044715x^3)))"},
    {0},
};
const hn_op hn_op_gelu = {
    .name = "Gelu",
    .domain = "",
    .since = 20,
    .doc = "y = 0.5x(1 + erf(x / sqrt(2))), or its tanh approximation. Gelu([-1, 0, 1]) = [-0.158655, 0, 0.841345].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "lut",
};
