/* Add: y = a + b with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a + b;
}
static int64_t i(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
static hn_status ref(const hn_refargs *a)
{
    return hn_ref_binary(a, &(hn_fn2){.f = f, .i = i});
}

static hn_status grad(hn_gradargs *g)
{
    hn_g_set(g, 0, g->dy[0]);
    hn_g_set(g, 1, g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_binary(c, -2, 2, 2, HN_VALS(1, 2), HN_VALS(3, -5), HN_VALS(4, -3));
}

static const hn_port in[] = {{"A", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"C", HN_T_NUM, 'T', false}};
const hn_op hn_op_add = {
    .name = "Add",
    .domain = "",
    .since = 14,
    .doc = "c = a + b, broadcast; integers wrap. Add([1, 2], [3, -5]) = [4, -3].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_COMMUTES,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
