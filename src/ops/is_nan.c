/* IsNaN: true where x is not a number. */
#include "ops/lib.h"

static double f(double x)
{
    return x != x;
}
static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].dtype = HN_BOOL;
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(NAN, 0, INFINITY), HN_VALS(1, 0, 0));
}

#define TYPES (HN_T_FLOAT | (HN_T_F8 & ~HN_BIT(HN_F8E8M0)))
static const hn_port in[] = {{"X", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_BOOL, 0, false}};
const hn_op hn_op_is_nan = {
    .name = "IsNaN",
    .domain = "",
    .since = 20,
    .doc = "y = x is NaN. IsNaN([NaN, 0, inf]) = [1, 0, 0].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
