/* BitwiseOr: c = a | b bit by bit with broadcasting. */
#include "ops/lib.h"

static int64_t i(int64_t a, int64_t b)
{
    return a | b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.i = i});
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_binary(c, 0, 100, 2, HN_VALS(12, 5), HN_VALS(10, 3), HN_VALS(14, 7));
}

static const hn_port in[] = {{"A", HN_T_INT, 'T', false}, {"B", HN_T_INT, 'T', false}};
static const hn_port out[] = {{"C", HN_T_INT, 'T', false}};
const hn_op hn_op_bitwise_or = {
    .name = "BitwiseOr",
    .domain = "",
    .since = 18,
    .doc = "c = a | b bit by bit, broadcast. BitwiseOr([12, 5], [10, 3]) = [14, 7].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_COMMUTES,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
