/* ReduceMax: the largest; NaN wins along axes. */
#include "ops/lib.h"

static double f(double acc, double x)
{
    return acc != acc || acc > x ? acc : x;
}
static int64_t i(int64_t acc, int64_t x)
{
    return acc > x ? acc : x;
}
static uint64_t u(uint64_t acc, uint64_t x)
{
    return acc > x ? acc : x;
}

static hn_status ref(const hn_refargs *a)
{
    static const hn_reduce r = {.fn = {.f = f, .i = i, .u = u}, .start = -INFINITY, .start_i = INT64_MIN, .start_u = 0};
    return hn_ref_reduce(a, &r);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *hit = hn_rw_2(rw, "Equal", x, hn_g_keepdims(g, g->node->out[0]));
    /* Ties share the gradient equally. */
    hn_value *one = hn_g_where(rw, hit, hn_g_expand(rw, hn_g_scalar(rw, x, 1), x));
    hn_rw_attr attrs[] = {HN_A_INT("keepdims", 1),
                          HN_A_INT("noop_with_empty_axes", hn_attr_int(g->node, "noop_with_empty_axes", 0)),
                          {0}};
    hn_value *in[] = {one, hn_node_in(g->node, 1)};
    hn_value *count = hn_rw_op(rw, "ReduceSum", 2, in, attrs);
    g->dx[0] = hn_g_mul(rw, one, hn_g_div(rw, hn_g_keepdims(g, g->dy[0]), count));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_reduce(c, -2, 2, HN_VALS(2, 4));
}

static const hn_port in[] = {{"data",
                              HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64) |
                                  HN_BIT(HN_U8) | HN_BIT(HN_I8) | HN_BIT(HN_BOOL),
                              'T', false},
                             {"axes", HN_T_I64, 0, true}};
static const hn_port out[] = {{"reduced",
                               HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64) |
                                   HN_BIT(HN_U8) | HN_BIT(HN_I8) | HN_BIT(HN_BOOL),
                               'T', false}};
static const hn_attr_row attrs[] = {
    {"keepdims", HN_ATTR_INT, false, "1", "keep reduced dims as 1"},
    {"noop_with_empty_axes", HN_ATTR_INT, false, "0", "no axes: reduce nothing"},
    {0},
};
const hn_op hn_op_reduce_max = {
    .name = "ReduceMax",
    .domain = "",
    .since = 20,
    .doc = "y = the largest; NaN wins along the axes in input 1 (none: all). ReduceMax([[1, 2], [3, 4]], axes "
           "[1], keepdims 0) = [2, 4].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_reduce,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_cost_reduce,
    .shard = hn_shard_reduce,
    .cases = cases,
    .quant = "same",
};
