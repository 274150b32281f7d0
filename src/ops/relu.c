/* Relu: y = max(x, 0). */
#include "ops/lib.h"

static double f(double x)
{
    return x < 0 ? 0 : x;
}

static int64_t i(int64_t x)
{
    return x < 0 ? 0 : x;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = f, .i = i}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = hn_node_out(g->node, 0);
    g->dx[0] = hn_g_where(rw, hn_rw_2(rw, "Greater", y, hn_g_scalar(rw, y, 0)), g->dy[0]);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 2), HN_VALS(0, 0, 2));
}

static const hn_port in[] = {{"X", HN_T_FLOAT | HN_T_SINT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT | HN_T_SINT, 'T', false}};
const hn_op hn_op_relu = {
    .name = "Relu",
    .domain = "",
    .since = 14,
    .doc = "y = max(x, 0). Relu([-1, 0, 2]) = [0, 0, 2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
