/* DynamicQuantizeLinear: scale and zero point from the range of x, always holding 0; then quantised to u8. */
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    hn_nn_like(c, 0, 0);
    c->out[0].dtype = HN_U8;
    if (c->nout > 1) c->out[1] = hn_type_tensor(HN_F32, 0, NULL);
    if (c->nout > 2) c->out[2] = hn_type_tensor(HN_U8, 0, NULL);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    size_t n = hn_tensor_elems(x);
    float lo = 0, hi = 0;
    for (size_t i = 0; i < n; i++) {
        float v = (float)hn_get_f64(x, i);
        if (v < lo) lo = v;
        if (v > hi) hi = v;
    }
    float scale = (hi - lo) / 255;
    if (scale == 0) scale = 1;
    float zp = hn_q_clamp(-lo / scale, 0, 0, 255);
    for (size_t i = 0; a->out[0] && i < n; i++) hn_q_set(a->out[0], i, (float)hn_get_f64(x, i) / scale, zp, true);
    if (hn_nn_out(a, 1)) hn_set_f64(a->out[1], 0, scale);
    if (hn_nn_out(a, 2)) hn_set_f64(a->out[2], 0, zp);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 4);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(6), HN_VALS(0, 2, -3, -2.5, 1.34, 0.5));
    hn_case_want(c, HN_U8, HN_DIMS(6), HN_VALS(153, 255, 0, 26, 221, 179));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(0.0196078438));
    hn_case_want(c, HN_U8, HN_NO_DIMS, HN_VALS(153));
    hn_case(c, "all positive: the range starts at 0");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 51, 102, 255));
    hn_case_want(c, HN_U8, HN_DIMS(2, 2), HN_VALS(1, 51, 102, 255));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case_want(c, HN_U8, HN_NO_DIMS, HN_VALS(0));
    hn_case(c, "all zero");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_want(c, HN_U8, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case_want(c, HN_U8, HN_NO_DIMS, HN_VALS(0));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"x", HN_BIT(HN_F32), 0, false}};
static const hn_port out[] = {
    {"y", HN_BIT(HN_U8), 0, false}, {"y_scale", HN_BIT(HN_F32), 0, false}, {"y_zero_point", HN_BIT(HN_U8), 0, false}};

const hn_op hn_op_dynamic_quantize_linear = {
    .name = "DynamicQuantizeLinear",
    .domain = "",
    .since = 11,
    .doc = "y_scale = (max(x, 0) - min(x, 0)) / 255; y_zero_point = saturate(round(-min(x, 0) / y_scale)); "
           "y = saturate(round(x / y_scale) + y_zero_point). x = [0,2,-3,-2.5,1.34,0.5]: y_scale = 5/255, y_zero_point "
           "= 153, "
           "y = [153,255,0,26,221,179].",
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("rounding has no useful derivative"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
