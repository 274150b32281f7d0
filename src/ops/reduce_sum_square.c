/* ReduceSumSquare: the sum of squares along axes. */
#include "ops/lib.h"

static double f(double acc, double x)
{
    return acc + x * x;
}
static int64_t i(int64_t acc, int64_t x)
{
    return (int64_t)((uint64_t)acc + (uint64_t)x * (uint64_t)x);
}

static hn_status ref(const hn_refargs *a)
{
    static const hn_reduce r = {.fn = {.f = f, .i = i}};
    return hn_ref_reduce(a, &r);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *in[] = {hn_g_mul(rw, node->in[0], node->in[0]), hn_node_in(node, 1)};
    const hn_rw_attr attrs[] = {HN_A_INT("keepdims", hn_attr_int(node, "keepdims", 1)),
                                HN_A_INT("noop_with_empty_axes", hn_attr_int(node, "noop_with_empty_axes", 0)),
                                {0}};
    out[0] = hn_rw_op(rw, "ReduceSum", 2, in, attrs);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_reduce(c, -2, 2, HN_VALS(5, 25));
}

static const hn_port in[] = {
    {"data", HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64), 'T', false},
    {"axes", HN_T_I64, 0, true}};
static const hn_port out[] = {
    {"reduced", HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64), 'T', false}};
static const hn_attr_row attrs[] = {
    {"keepdims", HN_ATTR_INT, false, "1", "keep reduced dims as 1"},
    {"noop_with_empty_axes", HN_ATTR_INT, false, "0", "no axes: reduce nothing"},
    {0},
};
const hn_op hn_op_reduce_sum_square = {
    .name = "ReduceSumSquare",
    .domain = "",
    .since = 18,
    .doc = "y = the sum of squares along the axes in input 1 (none: all). ReduceSumSquare([[1, 2], [3, 4]], axes"
           " [1], keepdims 0) = [5, 25].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_reduce,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = hn_cost_reduce,
    .shard = hn_shard_reduce,
    .cases = cases,
    .quant = "compute",
};
