/* Not: y = not x. */
#include "ops/lib.h"

static int64_t i(int64_t x)
{
    return !x;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.i = i}, NULL);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, 0, 2, 2, HN_VALS(0, 1), HN_VALS(1, 0));
}

static const hn_port in[] = {{"X", HN_T_BOOL, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_BOOL, 'T', false}};
const hn_op hn_op_not = {
    .name = "Not",
    .domain = "",
    .since = 1,
    .doc = "y = not x. Not([0, 1]) = [1, 0].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
