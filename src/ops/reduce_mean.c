/* ReduceMean: the mean along axes. */
#include "ops/lib.h"

static double f(double acc, double x)
{
    return acc + x;
}

static double finish(double acc, double n, double max)
{
    (void)max;
    return acc / n;
}

static hn_status ref(const hn_refargs *a)
{
    static const hn_reduce r = {.fn = {.f = f}, .finish = finish};
    return hn_ref_reduce(a, &r);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    double share = (double)hn_type_elems(&g->node->out[0]->type) / (double)hn_type_elems(&x->type);
    g->dx[0] = hn_g_expand(rw, hn_g_scale(rw, hn_g_keepdims(g, g->dy[0]), share), x);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_reduce(c, -2, 2, HN_VALS(1.5, 3.5));
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
const hn_op hn_op_reduce_mean = {
    .name = "ReduceMean",
    .domain = "",
    .since = 18,
    .doc = "y = the mean along the axes in input 1 (none: all). ReduceMean([[1, 2], [3, 4]], axes [1], keepdims "
           "0) = [1.5, 3.5].",
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
