/* Div: c = a / b; integers truncate toward 0, and x / 0 is 0 for them with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a / b;
}
/* -1 apart, so that the smallest integer does not trap. */
static int64_t i(int64_t a, int64_t b)
{
    return b == 0 ? 0 : b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}
static uint64_t u(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : a / b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.f = f, .i = i, .u = u});
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *b = g->node->in[1];
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *d = hn_g_div(rw, g->dy[0], b);
    hn_g_set(g, 0, d);
    hn_g_set(g, 1, hn_g_neg(rw, hn_g_mul(rw, d, g->node->out[0])));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_binary(c, 0.5, 3, 2, HN_VALS(6, -7), HN_VALS(3, 2), HN_VALS(2, -3.5));
}

static const hn_port in[] = {{"A", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"C", HN_T_NUM, 'T', false}};
const hn_op hn_op_div = {
    .name = "Div",
    .domain = "",
    .since = 14,
    .doc = "c = a / b; integers truncate toward 0, and x / 0 is 0 for them, broadcast. Div([6, -7], [3, 2]) = "
           "[2, -3.5].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
