/* Round: y = x rounded to the nearest integer, halves to even. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = nearbyint}, NULL);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 4, HN_VALS(0.5, 1.5, -2.5, 2.7), HN_VALS(0, 2, -2, 3));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_round = {
    .name = "Round",
    .domain = "",
    .since = 22,
    .doc = "y = x rounded to the nearest integer, halves to even. Round([0.5, 1.5, -2.5, 2.7]) = [0, 2, -2, 3].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "lut",
};
