/* IsInf: true where x is infinite, of the signs that the attributes let through. */
#include "ops/lib.h"

static double f(double x, const double *p)
{
    return (x == INFINITY && p[1] != 0) || (x == -INFINITY && p[0] != 0);
}

static hn_status ref(const hn_refargs *a)
{
    const double p[] = {(double)hn_attr_int(a->node, "detect_negative", 1),
                        (double)hn_attr_int(a->node, "detect_positive", 1)};
    return hn_ref_unary(a, &(hn_fn1){.fp = f}, p);
}

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].dtype = HN_BOOL;
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_unary(c, -2, 2, 4, HN_VALS(-INFINITY, 0, INFINITY, NAN), HN_VALS(1, 0, 1, 0)));
    hn_case(c, "positive only");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "detect_negative", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(-INFINITY, INFINITY));
    hn_case_want(c, HN_BOOL, HN_DIMS(2), HN_VALS(0, 1));
    return hn_cases_status(c);
}

#define TYPES (HN_T_FLOAT | (HN_T_F8 & ~HN_BIT(HN_F8E8M0)))
static const hn_port in[] = {{"X", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_BOOL, 0, false}};
static const hn_attr_row attrs[] = {
    {"detect_negative", HN_ATTR_INT, false, "1", "report -inf"},
    {"detect_positive", HN_ATTR_INT, false, "1", "report +inf"},
    {0},
};
const hn_op hn_op_is_inf = {
    .name = "IsInf",
    .domain = "",
    .since = 20,
    .doc = "y = x is infinite. IsInf([-inf, 0, inf, NaN]) = [1, 0, 1, 0].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
