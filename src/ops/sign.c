/* Sign: y = -1, 0 or 1 with the sign of x; NaN stays NaN. */
#include "ops/lib.h"

static double f(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}
static int64_t i(int64_t x)
{
    return (x > 0) - (x < 0);
}
static uint64_t u(uint64_t x)
{
    return x > 0;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f, .i = i, .u = u}, NULL);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-3, 0, 2), HN_VALS(-1, 0, 1));
}

static const hn_port in[] = {{"X", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_NUM, 'T', false}};
const hn_op hn_op_sign = {
    .name = "Sign",
    .domain = "",
    .since = 13,
    .doc = "y = -1, 0 or 1 with the sign of x; NaN stays NaN. Sign([-3, 0, 2]) = [-1, 0, 1].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "lut",
};
