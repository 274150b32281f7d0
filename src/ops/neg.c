/* Neg: y = -x. */
#include "ops/lib.h"

static double f(double x)
{
    return -x;
}
static int64_t i(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f, .i = i}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    g->dx[0] = hn_g_neg(rw, g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 2, HN_VALS(1, -2), HN_VALS(-1, 2));
}

static const hn_port in[] = {{"X", HN_T_FLOAT | HN_T_SINT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT | HN_T_SINT, 'T', false}};
const hn_op hn_op_neg = {
    .name = "Neg",
    .domain = "",
    .since = 13,
    .doc = "y = -x. Neg([1, -2]) = [-1, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
