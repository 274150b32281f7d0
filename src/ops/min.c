/* Min: y = the smallest; NaN wins over any number of inputs with broadcasting. */
#include "ops/lib.h"

static double f(double a, double b)
{
    return a != a || a < b ? a : b;
}
static int64_t i(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static uint64_t u(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_fold(a, &(hn_fn2){.f = f, .i = i, .u = u}, 1);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *y = g->node->out[0], *taken = NULL;
    if (hn_g_skips(g, 0)) return HN_OK;
    /* Where several inputs attain the result, the first of them gets the gradient. */
    for (size_t k = 0; k < g->node->nin; k++) {
        hn_value *hit = hn_rw_2(rw, "Equal", g->node->in[k], y);
        hn_value *mine = taken ? hn_rw_2(rw, "And", hit, hn_rw_1(rw, "Not", taken)) : hit;
        hn_g_set(g, k, hn_g_where(rw, mine, g->dy[0]));
        taken = taken ? hn_rw_2(rw, "Or", taken, hit) : hit;
    }
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, -2, 2, 2, HN_VALS(1, 5), HN_VALS(3, 2), HN_VALS(1, 2)));
    hn_case(c, "one input");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "three inputs");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data_0", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"y", HN_T_NUM, 'T', false}};
const hn_op hn_op_min = {
    .name = "Min",
    .domain = "",
    .since = 13,
    .doc = "y = the smallest; NaN wins over all inputs, broadcast. Min([1, 5], [3, 2]) = [1, 2].",
    .flags = HN_OP_ELEMENTWISE | HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
