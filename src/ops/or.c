/* Or: c = a or b of booleans with broadcasting. */
#include "ops/lib.h"

static int64_t i(int64_t a, int64_t b)
{
    return a || b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.i = i});
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_binary(c, 0, 2, 4, HN_VALS(0, 0, 1, 1), HN_VALS(0, 1, 0, 1), HN_VALS(0, 1, 1, 1));
}

static const hn_port in[] = {{"A", HN_T_BOOL, 'T', false}, {"B", HN_T_BOOL, 'T', false}};
static const hn_port out[] = {{"C", HN_T_BOOL, 'T', false}};
const hn_op hn_op_or = {
    .name = "Or",
    .domain = "",
    .since = 7,
    .doc = "c = a or b of booleans, broadcast. Or([0, 0, 1, 1], [0, 1, 0, 1]) = [0, 1, 1, 1].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_COMMUTES,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
