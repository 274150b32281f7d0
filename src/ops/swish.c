/* Swish: y = x * sigmoid(alpha * x). */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return x / (1 + exp(-p[0] * x));
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {hn_attr_float(a->node, "alpha", 1.0)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *x = hn_node_in(node, 0);
    double alpha = hn_attr_float(node, "alpha", 1);
    out[0] = hn_g_mul(rw, x, hn_rw_1(rw, "Sigmoid", alpha == 1 ? x : hn_g_scale(rw, x, alpha)));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -3, 3, 3, HN_VALS(-1, 0, 1), HN_VALS(-0.2689414213699951, 0, 0.7310585786300049)));
    hn_case(c, "other parameters");
    hn_case_float(c, "alpha", 1.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "1.0", "slope inside"},
    {0},
};
const hn_op hn_op_swish = {
    .name = "Swish",
    .domain = "",
    .since = 24,
    .doc = "y = x * sigmoid(alpha * x). Swish([-1, 0, 1]) = [-0.2689414213699951, 0, 0.7310585786300049].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "lut",
};
