/* Abs: y = |x|. */
#include "ops/lib.h"

static int64_t i(int64_t x)
{
    return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}
static uint64_t u(uint64_t x)
{
    return x;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = fabs, .i = i, .u = u}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_mul(rw, g->dy[0], hn_rw_1(rw, "Sign", x));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1.5, 0, 2), HN_VALS(1.5, 0, 2));
}

static const hn_port in[] = {{"X", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_NUM, 'T', false}};
const hn_op hn_op_abs = {
    .name = "Abs",
    .domain = "",
    .since = 13,
    .doc = "y = |x|. Abs([-1.5, 0, 2]) = [1.5, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
