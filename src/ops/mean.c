/* Mean: y = the mean over any number of inputs with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a + b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_fold(a, &(hn_fn2){.f = f}, 1 / (double)a->nin);
}

static hn_status grad(hn_gradargs *g)
{
    hn_value *d = hn_g_scale(g->rw, g->dy[0], 1 / (double)g->node->nin);
    for (size_t k = 0; k < g->node->nin; k++) hn_g_set(g, k, d);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, -2, 2, 2, HN_VALS(1, 5), HN_VALS(3, 2), HN_VALS(2, 3.5)));
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
const hn_op hn_op_mean = {
    .name = "Mean",
    .domain = "",
    .since = 13,
    .doc = "y = the mean over all inputs, broadcast. Mean([1, 5], [3, 2]) = [2, 3.5].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
