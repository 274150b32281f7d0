/* hone.QPool: pooling of 8-bit integers. A maximum keeps its parameters; an average is rescaled by one float32 factor.
 */
#include "ops/lib_conv.h"
#include "ops/lib_pool.h"
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    if (!hn_attr_is(c->node, "mode", "max") && !hn_attr_is(c->node, "mode", "average")) {
        return hn_op_fail(c->env, c->node, "mode must be max or average");
    }
    return hn_pool_infer(c);
}

/* Sums of one plane to averages in Y's scale. */
static void average(const hn_refargs *a, const hn_window *w, double *y, size_t n)
{
    bool include = hn_attr_int(a->node, "count_include_pad", 0) != 0;
    double x_zp = (double)hn_attr_int(a->node, "x_zp", 0);
    float m = (float)hn_attr_float(a->node, "m", 1), y_zp = (float)hn_attr_int(a->node, "y_zp", 0);
    float lo = (float)hn_attr_int(a->node, "y_lo", 0), hi = (float)hn_attr_int(a->node, "y_hi", 255);
    for (size_t i = 0; i < n; i++) {
        /* Padding holds x_zp, so that only elements inside the input move the sum. */
        size_t count = hn_pool_count(w, i, include), inside = hn_pool_count(w, i, false);
        float sum = (float)(y[i] - (double)inside * x_zp);
        y[i] = hn_q_clamp(count == 0 ? 0 : sum * (m / (float)count), y_zp, lo, hi);
    }
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *y, *swapped;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    const hn_tensor *t = a->in[0];
    bool nhwc = hn_attr_int(a->node, "layout", 0) == 1, max = hn_attr_is(a->node, "mode", "max");
    HN_TRY(hn_pool_read(a->env, a->node, t->rank, t->dims, nhwc, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &x));
    size_t in = hn_window_elems(w.in, w.n), n = hn_window_elems(w.out, w.n);
    size_t batch = (size_t)t->dims[0], channels = (size_t)t->dims[nhwc ? t->rank - 1 : 1];
    if (nhwc) {
        HN_TRY(hn_nn_new(a, hn_tensor_elems(t), &swapped));
        hn_conv_swap_layout(x, swapped, batch, channels, in, true);
        x = swapped;
    }
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    int64_t *at = hn_arena_array(a->env, a->scratch, n + 1, sizeof *at);
    if (!at) return HN_NOMEM;
    for (size_t p = 0; p < batch * channels; p++) {
        if (max) {
            hn_pool_max(&w, x + p * in, y + p * n, at);
        } else {
            hn_pool_sum(&w, x + p * in, y + p * n);
            average(a, &w, y + p * n, n);
        }
    }
    if (nhwc) {
        HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &swapped));
        hn_conv_swap_layout(y, swapped, batch, channels, n, false);
        y = swapped;
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static void shape_case(hn_cases *c, const char *name, const char *mode, int64_t layout, int64_t include, bool i8)
{
    hn_case(c, name);
    hn_case_string(c, "mode", mode);
    hn_case_int(c, "layout", layout);
    hn_case_int(c, "count_include_pad", include);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 1});
    hn_case_int(c, "x_zp", i8 ? -5 : 120);
    hn_case_int(c, "y_zp", i8 ? 3 : 100);
    hn_case_int(c, "y_lo", i8 ? -128 : 0);
    hn_case_int(c, "y_hi", i8 ? 127 : 255);
    hn_case_float(c, "m", 1.5);
    if (layout)
        hn_case_rand(c, i8 ? HN_I8 : HN_U8, HN_DIMS(2, 5, 4, 3), i8 ? -128 : 0, i8 ? 127 : 255);
    else
        hn_case_rand(c, i8 ? HN_I8 : HN_U8, HN_DIMS(2, 3, 5, 4), i8 ? -128 : 0, i8 ? 127 : 255);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "mode", "average");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_int(c, "x_zp", 10);
    hn_case_int(c, "y_zp", 20);
    hn_case_float(c, "m", 0.5);
    hn_case_in(c, HN_U8, HN_DIMS(1, 1, 3), HN_VALS(12, 16, 30));
    hn_case_want(c, HN_U8, HN_DIMS(1, 1, 2), HN_VALS(22, 26));
    shape_case(c, "max, channels last", "max", 1, 0, false);
    shape_case(c, "average, channels first", "average", 0, 0, true);
    shape_case(c, "average, channels last", "average", 1, 0, false);
    shape_case(c, "average with padding, channels last", "average", 1, 1, true);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_Q8, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_Q8, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS,
                                    HN_POOL_INCLUDE_PAD,
                                    {"mode", HN_ATTR_STRING, true, NULL, "max or average"},
                                    {"layout", HN_ATTR_INT, false, "0", "0 channels first, 1 channels last"},
                                    {"x_zp", HN_ATTR_INT, false, "0", "average: zero point of X"},
                                    {"m", HN_ATTR_FLOAT, false, "1.0", "average: scale of X / scale of Y"},
                                    {"y_zp", HN_ATTR_INT, false, "0", "average: zero point of Y"},
                                    {"y_lo", HN_ATTR_INT, false, "0", "average: smallest Y"},
                                    {"y_hi", HN_ATTR_INT, false, "255", "average: largest Y"},
                                    {0}};

const hn_op hn_op_hone_q_pool = {
    .name = "QPool",
    .domain = "hone",
    .since = 1,
    .doc =
        "max: the largest element of each window. average: clamp(rint((sum - n x_zp) (m / n)) + y_zp, y_lo, y_hi) over "
        "the n "
        "elements of the window inside the input (with count_include_pad n also counts padding, which holds x_zp). "
        "average, kernel_shape = [2], x_zp 10, m 0.5, y_zp 20, X = [12,16,30]: sums 8 and 26 times 0.25: Y = [22,26].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_pool_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
