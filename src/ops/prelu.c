/* PRelu: y = x for x >= 0, else slope * x; slope broadcasts to x. */
#include "ops/lib.h"

static double f(double x, double slope)
{
    return x < 0 ? slope * x : x;
}
static int64_t i(int64_t x, int64_t slope)
{
    return x < 0 ? (int64_t)((uint64_t)slope * (uint64_t)x) : x;
}
static uint64_t u(uint64_t x, uint64_t slope)
{
    (void)slope;
    return x;
}
static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.f = f, .i = i, .u = u});
}

static hn_status infer(hn_infer *c)
{
    hn_type both = *c->in[0];
    HN_TRY(hn_infer_broadcast_of(c, 2, c->in, &both));
    if (c->in[0]->rank >= 0 && both.rank > c->in[0]->rank)
        return hn_op_fail(c->env, c->node, "the slope has more axes than x");
    for (int d = 0; c->in[1]->rank >= 0 && d < c->in[0]->rank; d++)
        if (c->in[0]->dims[d] >= 0 && both.dims[d] >= 0 && both.dims[d] != c->in[0]->dims[d])
            return hn_op_fail(c->env, c->node, "the slope does not broadcast to x at axis %d", d);
    c->out[0] = *c->in[0];
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0], *slope = g->node->in[1];
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *below = hn_rw_2(rw, "Less", x, hn_g_scalar(rw, x, 0));
    g->dx[0] = hn_rw_3(rw, "Where", below, hn_g_mul(rw, g->dy[0], slope), g->dy[0]);
    hn_g_set(g, 1, hn_g_where(rw, below, hn_g_mul(rw, g->dy[0], x)));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-2, 0, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.5));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(-1, 0, 3));
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case(c, "slope per channel");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), 0.1, 0.9);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), 0.1, 0.9);
    hn_case(c, "slope too large");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), 0.1, 0.9);
    return hn_cases_status(c);
}

#define TYPES (HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64))
static const hn_port in[] = {{"X", TYPES, 'T', false}, {"slope", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};
const hn_op hn_op_prelu = {
    .name = "PRelu",
    .domain = "",
    .since = 16,
    .doc = "y = x for x >= 0, else slope * x; slope broadcasts to x. PRelu([-2, 0, 3], [0.5]) = [-1, 0, 3].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
