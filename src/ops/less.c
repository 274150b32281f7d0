/* Less: c = a < b; false where either is NaN with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a < b;
}
static int64_t i(int64_t a, int64_t b)
{
    return a < b;
}
static uint64_t u(uint64_t a, uint64_t b)
{
    return a < b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.f = f, .i = i, .u = u});
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_binary(c, -3, 3, 3, HN_VALS(1, 2, 3), HN_VALS(2, 2, 2), HN_VALS(1, 0, 0));
}

static const hn_port in[] = {{"A", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"C", HN_T_BOOL, 0, false}};
const hn_op hn_op_less = {
    .name = "Less",
    .domain = "",
    .since = 13,
    .doc = "c = a < b; false where either is NaN, broadcast. Less([1, 2, 3], [2, 2, 2]) = [1, 0, 0].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_compare,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
