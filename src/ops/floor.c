/* Floor: y = the largest integer not above x. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = floor}, NULL);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1.5, 0.2, 2), HN_VALS(-2, 0, 2));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_floor = {
    .name = "Floor",
    .domain = "",
    .since = 13,
    .doc = "y = the largest integer not above x. Floor([-1.5, 0.2, 2]) = [-2, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "lut",
};
