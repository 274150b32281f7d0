/* Sum: y = the sum over any number of inputs with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a + b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_fold(a, &(hn_fn2){.f = f}, 1);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *y = node->in[0];
    for (size_t k = 1; k < node->nin; k++) y = hn_g_add(rw, y, node->in[k]);
    out[0] = node->nin == 1 ? hn_rw_1(rw, "Identity", y) : y;
    return hn_rw_status(rw);
}

static hn_status grad(hn_gradargs *g)
{
    for (size_t k = 0; k < g->node->nin; k++) hn_g_set(g, k, g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, -2, 2, 2, HN_VALS(1, 5), HN_VALS(3, 2), HN_VALS(4, 7)));
    hn_case(c, "one input");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "three inputs");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data_0", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"y", HN_T_FLOAT, 'T', false}};
const hn_op hn_op_sum = {
    .name = "Sum",
    .domain = "",
    .since = 13,
    .doc = "y = the sum over all inputs, broadcast. Sum([1, 5], [3, 2]) = [4, 7].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .decompose = decompose,
    .cases = cases,
    .quant = "compute",
};
