/* QLinearConv: 8-bit convolution with rescaled 8-bit result. */
#include "ops/lib_conv.h"
#include "ops/lib_quant.h"

enum { X, XS, XZ, W, WS, WZ, YS, YZ, B };

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[YZ]->dtype;
    return hn_conv_infer(c, X, W, B);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *y;
    hn_conv g;
    HN_TRY(hn_conv_read(a->env, a->node, a->in[X]->rank, a->in[X]->dims, a->in[W]->dims, false, &g));
    HN_TRY(hn_q_load(a, X, XZ, -1, &x));
    HN_TRY(hn_q_load(a, W, WZ, 0, &w));
    HN_TRY(hn_nn_load(a, B, &b));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(g.w.out, g.w.n), nws = hn_tensor_elems(a->in[WS]);
    HN_TRY(hn_nn_new(a, n, &y));
    if (nws != 1 && nws != (size_t)g.cout) return hn_op_fail(a->env, a->node, "%zu weight scales", nws);
    hn_dtype t = a->out[0]->dtype;
    float lo = (float)hn_dtype_int_min(t), hi = (float)hn_dtype_int_max(t), zp = (float)hn_nn_scalar(a, YZ, 0);
    hn_conv_run(HN_CONV_FORWARD, &g, x, w, y);
    for (size_t i = 0; i < n; i++) {
        size_t m = i / plane % (size_t)g.cout;
        float ws = (float)hn_get_f64(a->in[WS], nws == 1 ? 0 : m);
        float scale = (float)hn_nn_scalar(a, XS, 1) * ws / (float)hn_nn_scalar(a, YS, 1);
        int32_t acc = hn_q_wrap(y[i] + (b ? b[m] : 0));
        hn_set_f64(a->out[0], i, hn_q_clamp((float)acc * scale, zp, lo, hi));
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &n->in[W]->type;
    double taps = 1;
    for (int i = 1; i < w->rank; i++) taps *= (double)w->dims[i];
    cost->macs = hn_nn_elems(n->out[0]) * taps;
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(1, 1, 3), HN_VALS(130, 132, 134));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.5));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(128));
    hn_case_in(c, HN_I8, HN_DIMS(1, 1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_I8, HN_DIMS(1), HN_VALS(0));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(100));
    hn_case_want(c, HN_U8, HN_DIMS(1, 1, 2), HN_VALS(102, 104));
    hn_case(c, "scales per channel, bias, groups");
    hn_case_int(c, "group", 2);
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    hn_case_rand(c, HN_I8, HN_DIMS(1, 4, 4, 4), -128, 127);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.02));
    hn_case_in(c, HN_I8, HN_NO_DIMS, HN_VALS(-3));
    hn_case_rand(c, HN_I8, HN_DIMS(2, 2, 3, 3), -128, 127);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0.01, 0.03));
    hn_case_in(c, HN_I8, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in(c, HN_I8, HN_NO_DIMS, HN_VALS(5));
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(100, -200));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"x", HN_T_Q8, 'X', false},
                             {"x_scale", HN_BIT(HN_F32), 0, false},
                             {"x_zero_point", HN_T_Q8, 'X', false},
                             {"w", HN_T_Q8, 'W', false},
                             {"w_scale", HN_BIT(HN_F32), 0, false},
                             {"w_zero_point", HN_T_Q8, 'W', false},
                             {"y_scale", HN_BIT(HN_F32), 0, false},
                             {"y_zero_point", HN_T_Q8, 'Y', false},
                             {"B", HN_BIT(HN_I32), 0, true}};
static const hn_port out[] = {{"y", HN_T_Q8, 'Y', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS, HN_WINDOW_AUTO, {"group", HN_ATTR_INT, false, "1", "number of channel groups"}, {0}};

const hn_op hn_op_q_linear_conv = {
    .name = "QLinearConv",
    .domain = "",
    .since = 10,
    .doc =
        "y = saturate(rint((Conv(x - x_zero_point, w - w_zero_point) + B) x_scale w_scale / y_scale) + y_zero_point). "
        "x = [130,132,134], x_scale 0.5, x_zero_point 128, w = [1,2], w_scale 1, y_scale 2, y_zero_point 100: the sums "
        "are "
        "10 and 16, a quarter of them rounds to 2 and 4: y = [102,104].",
    HN_PORTS(in, 8, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
