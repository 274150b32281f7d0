/* Halve: y = x / 2. A row for test_add_op.sh, and the shortest complete one to start from. */
#include "ops/lib.h"

static double f(double x)
{
    return x / 2;
}
static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    g->dx[0] = hn_g_scale(g->rw, g->dy[0], 0.5);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 2, HN_VALS(1, -3), HN_VALS(0.5, -1.5));
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_halve = {
    .name = "Halve",
    .domain = "hone",
    .since = 1,
    .doc = "y = x / 2. Halve([1, -3]) = [0.5, -1.5].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
