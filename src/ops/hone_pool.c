/* hone.Pool: MaxPool or AveragePool with explicit padding and a layout. */
#include "ops/lib_conv.h"
#include "ops/lib_pool.h"

static hn_status infer(hn_infer *c)
{
    if (!hn_attr_is(c->node, "mode", "max") && !hn_attr_is(c->node, "mode", "average")) {
        return hn_op_fail(c->env, c->node, "mode must be max or average");
    }
    return hn_pool_infer(c);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *y, *swapped;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    const hn_tensor *t = a->in[0];
    bool nhwc = hn_attr_int(a->node, "layout", 0) == 1, max = hn_attr_is(a->node, "mode", "max");
    bool include = hn_attr_int(a->node, "count_include_pad", 0) != 0;
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
            for (size_t i = 0; i < n; i++) y[p * n + i] /= (double)hn_pool_count(&w, i, include);
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

static void shape_case(hn_cases *c, const char *name, const char *mode, int64_t layout, int64_t include)
{
    hn_case(c, name);
    hn_case_string(c, "mode", mode);
    hn_case_int(c, "layout", layout);
    hn_case_int(c, "count_include_pad", include);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 1});
    if (layout)
        hn_case_rand(c, HN_F32, HN_DIMS(2, 5, 4, 3), -2, 2);
    else
        hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5, 4), -2, 2);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "mode", "average");
    hn_case_int(c, "layout", 1);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 3, 2), HN_VALS(1, 10, 3, 30, 5, 50));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(2, 20, 4, 40));
    shape_case(c, "max, channels first", "max", 0, 0);
    shape_case(c, "max, channels last", "max", 1, 0);
    shape_case(c, "average, channels first", "average", 0, 1);
    shape_case(c, "average, channels last", "average", 1, 0);
    shape_case(c, "average with padding, channels last", "average", 1, 1);
    hn_case(c, "unknown mode");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "mode", "median");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS,
                                    HN_POOL_INCLUDE_PAD,
                                    {"mode", HN_ATTR_STRING, true, NULL, "max or average"},
                                    {"layout", HN_ATTR_INT, false, "0", "0 channels first, 1 channels last"},
                                    {0}};

const hn_op hn_op_hone_pool = {
    .name = "Pool",
    .domain = "hone",
    .since = 1,
    .doc = "MaxPool or AveragePool in either layout. "
           "mode average, layout 1, kernel_shape = [2], X = [[1,10],[3,30],[5,50]]: Y = [[2,20],[4,40]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = hn_pool_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
