/* ReduceProd: the product along axes. */
#include "ops/lib.h"

static double f(double acc, double x)
{
    return acc * x;
}
static int64_t i(int64_t acc, int64_t x)
{
    return (int64_t)((uint64_t)acc * (uint64_t)x);
}

static hn_status ref(const hn_refargs *a)
{
    static const hn_reduce r = {.fn = {.f = f, .i = i}, .start = 1, .start_i = 1, .start_u = 1};
    return hn_ref_reduce(a, &r);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    /* Elements must not be 0: the quotient form is the one without a loop over elements. */
    hn_value *y = hn_g_keepdims(g, hn_g_mul(rw, g->dy[0], g->node->out[0]));
    g->dx[0] = hn_g_div(rw, y, x);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_reduce(c, 0.5, 2, HN_VALS(2, 12));
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
const hn_op hn_op_reduce_prod = {
    .name = "ReduceProd",
    .domain = "",
    .since = 18,
    .doc = "y = the product along the axes in input 1 (none: all). ReduceProd([[1, 2], [3, 4]], axes [1], "
           "keepdims 0) = [2, 12].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_reduce,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_cost_reduce,
    .shard = hn_shard_reduce,
    .cases = cases,
    .quant = "compute",
};
