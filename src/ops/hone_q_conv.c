/* hone.QConv: the integer convolution that quantised graphs are lowered to; exact, so every device gives the same
 * bytes. */
#include "ops/lib_conv.h"
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *r = hn_nn_type(c, 4), *w = c->in[1];
    hn_q_tail t;
    HN_TRY(hn_q_tail_read(c->env, c->node, &t));
    c->out[0].dtype = t.y_dtype;
    HN_TRY(hn_conv_infer(c, 0, 1, 3));
    HN_TRY(hn_q_check_channels(c, 2, w->rank > 0 ? w->dims[0] : -1, true));
    if (r && r->rank == 1) return hn_q_check_channels(c, 4, w->rank > 0 ? w->dims[0] : -1, false);
    if (!r || r->rank < 0 || c->out[0].rank < 0) return HN_OK;
    if (r->rank != c->out[0].rank) return hn_op_fail(c->env, c->node, "R has rank %d, Y %d", r->rank, c->out[0].rank);
    for (int i = 0; i < r->rank; i++) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of R and Y", r->dims[i], c->out[0].dims[i], &c->out[0].dims[i]));
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *r, *y, *first;
    bool nhwc = hn_attr_int(a->node, "layout", 0) == 1, in_nhwc = hn_attr_int(a->node, "in_layout", nhwc) == 1;
    double x_zp = (double)hn_attr_int(a->node, "x_zp", 0), w_zp = (double)hn_attr_int(a->node, "w_zp", 0);
    hn_conv g;
    hn_q_tail t;
    HN_TRY(hn_q_tail_read(a->env, a->node, &t));
    HN_TRY(hn_conv_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, in_nhwc, &g));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 3, &b));
    HN_TRY(hn_nn_load(a, 4, &r));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(g.w.out, g.w.n), m = (size_t)g.cout;
    bool by_channel = r && a->in[4]->rank == 1;
    size_t nx = hn_tensor_elems(a->in[0]), nw = hn_tensor_elems(a->in[1]), nm = hn_tensor_elems(a->in[2]);
    for (size_t i = 0; i < nx; i++) x[i] -= x_zp;
    for (size_t i = 0; i < nw; i++) w[i] -= w_zp;
    if (in_nhwc) {
        HN_TRY(hn_nn_new(a, nx, &first));
        hn_conv_swap_layout(x, first, (size_t)g.batch, (size_t)g.cin, hn_window_elems(g.w.in, g.w.n), true);
        x = first;
    }
    HN_TRY(hn_nn_new(a, n, &y));
    hn_conv_run(HN_CONV_FORWARD, &g, x, w, y);
    if (nhwc) {
        HN_TRY(hn_nn_new(a, n, &first));
        hn_conv_swap_layout(y, first, (size_t)g.batch, m, plane, false);
        y = first;
    }
    for (size_t i = 0; i < n; i++) {
        size_t ch = nhwc ? i % m : i / plane % m;
        int32_t acc = hn_q_wrap(y[i] + (b ? b[ch] : 0));
        y[i] =
            hn_q_tail_apply(&t, acc, (float)hn_get_f64(a->in[2], nm == 1 ? 0 : ch), r ? &r[by_channel ? ch : i] : NULL);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static bool shard(hn_shard *s)
{
    const hn_value *r = hn_node_in(s->node, 4);
    return r && r->type.rank == 1 ? hn_shard_batch(s) : hn_shard_residual(s);
}

static void big_case(hn_cases *c, const char *name, int64_t layout, int64_t y_dtype)
{
    hn_case(c, name);
    hn_case_int(c, "layout", layout);
    hn_case_int(c, "y_dtype", y_dtype);
    hn_case_int(c, "x_zp", 7);
    hn_case_int(c, "w_zp", -2);
    hn_case_int(c, "t_zp", y_dtype == HN_I8 ? -10 : 100);
    hn_case_int(c, "t_lo", y_dtype == HN_I8 ? -128 : 0);
    hn_case_int(c, "t_hi", y_dtype == HN_I8 ? 127 : 255);
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 1});
    if (layout)
        hn_case_rand(c, HN_U8, HN_DIMS(2, 5, 4, 3), 0, 255);
    else
        hn_case_rand(c, HN_U8, HN_DIMS(2, 3, 5, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 3, 3, 2), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(0.004, 0.002, 0.003, 0.001));
    hn_case_in(c, HN_I32, HN_DIMS(4), HN_VALS(100, -2000, 3000, 0));
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "x_zp", 128);
    hn_case_int(c, "t_zp", 100);
    hn_case_in(c, HN_U8, HN_DIMS(1, 1, 3), HN_VALS(130, 132, 134));
    hn_case_in(c, HN_I8, HN_DIMS(1, 1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.25));
    hn_case_want(c, HN_U8, HN_DIMS(1, 1, 2), HN_VALS(102, 104));
    big_case(c, "u8 channels first", 0, HN_U8);
    big_case(c, "u8 channels last", 1, HN_U8);
    big_case(c, "i8 channels last", 1, HN_I8);
    big_case(c, "f32 channels last", 1, HN_F32);
    big_case(c, "f32 between bounds", 1, HN_F32);
    hn_case_float(c, "f_lo", 0);
    hn_case_float(c, "f_hi", 6);
    hn_case(c, "residual, depthwise");
    hn_case_int(c, "layout", 1);
    hn_case_int(c, "group", 4);
    hn_case_int(c, "x_zp", 3);
    hn_case_int(c, "t_zp", 9);
    hn_case_int(c, "t_lo", 9);
    hn_case_float(c, "t_scale", 0.75);
    hn_case_int(c, "r_zp", 4);
    hn_case_float(c, "r_scale", 1.25);
    hn_case_int(c, "y_zp", 11);
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    hn_case_rand(c, HN_U8, HN_DIMS(1, 3, 5, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 1, 3, 3), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.002));
    hn_case_absent(c);
    hn_case_rand(c, HN_U8, HN_DIMS(1, 3, 5, 4), 0, 255);
    hn_case(c, "residual of a channel");
    hn_case_int(c, "t_lo", -256);
    hn_case_int(c, "t_hi", 256);
    hn_case_rand(c, HN_U8, HN_DIMS(2, 3, 5, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 3, 1, 1), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(0.004, 0.002, 0.003, 0.001));
    hn_case_absent(c);
    hn_case_in(c, HN_U8, HN_DIMS(4), HN_VALS(0, 100, 128, 255));
    hn_case(c, "residual of another number of channels");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_U8, HN_DIMS(2, 3, 5, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 3, 1, 1), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.004));
    hn_case_absent(c);
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(0, 100, 128));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_Q8, 0, false},
                             {"W", HN_T_Q8, 0, false},
                             {"M", HN_BIT(HN_F32), 0, false},
                             {"B", HN_BIT(HN_I32), 0, true},
                             {"R", HN_T_Q8, 0, true}};
static const hn_port out[] = {{"Y", HN_T_Q8 | HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS,
    {"group", HN_ATTR_INT, false, "1", "number of channel groups"},
    {"layout", HN_ATTR_INT, false, "0",
     "of X, R and Y: 0 channels first, 1 channels last; W is always [M, C/group, k...]"},
    {"in_layout", HN_ATTR_INT, false, NULL, "of X alone; default: layout"},
    HN_Q_ATTRS,
    {0}};

const hn_op hn_op_hone_q_conv = {
    .name = "QConv",
    .domain = "hone",
    .since = 1,
    .doc =
        "acc = sum (x - x_zp)(w - w_zp) + B in int32; t = clamp(rint(acc M[c]) + t_zp, t_lo, t_hi); Y = t, or with R "
        "clamp(rint((t - t_zp) t_scale + (r - r_zp) r_scale) + y_zp, y_lo, y_hi), R like Y or [M], one for each "
        "channel; or in float32 Y = clamp(acc M[c], f_lo, f_hi); all in float32, without fused "
        "multiply-add. X = [130,132,134], x_zp 128, W = [1,2], M = 0.25, t_zp 100: Y = [102,104].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_conv_cost,
    .shard = shard,
    .cases = cases,
    .quant = "",
};
