/* ConvInteger: convolution of 8-bit integers without rescaling. Padding contributes zero, that is the zero point. */
#include "ops/lib_conv.h"
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = HN_I32;
    return hn_conv_infer(c, 0, 1, SIZE_MAX);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *y;
    hn_conv g;
    HN_TRY(hn_conv_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, false, &g));
    HN_TRY(hn_q_load(a, 0, 2, -1, &x));
    HN_TRY(hn_q_load(a, 1, 3, 0, &w));
    size_t n = hn_tensor_elems(a->out[0]);
    HN_TRY(hn_nn_new(a, n, &y));
    hn_conv_run(HN_CONV_FORWARD, &g, x, w, y);
    for (size_t i = 0; i < n; i++) hn_set_i64(a->out[0], i, hn_q_wrap(y[i]));
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(1, 1, 3, 3), HN_VALS(2, 3, 4, 5, 6, 7, 8, 9, 10));
    hn_case_in(c, HN_U8, HN_DIMS(1, 1, 2, 2), HN_VALS(1, 1, 1, 1));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(1));
    hn_case_want(c, HN_I32, HN_DIMS(1, 1, 2, 2), HN_VALS(12, 16, 24, 28));
    hn_case(c, "padding, zero points per channel");
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    hn_case_rand(c, HN_U8, HN_DIMS(2, 2, 4, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(3, 2, 3, 3), -128, 127);
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(128));
    hn_case_in(c, HN_I8, HN_DIMS(3), HN_VALS(1, -2, 3));
    hn_case(c, "too many zero points");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_U8, HN_DIMS(1, 1, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(1, 1, 3), -128, 127);
    hn_case_absent(c);
    hn_case_in(c, HN_I8, HN_DIMS(2), HN_VALS(1, 2));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"x", HN_T_Q8, 0, false},
                             {"w", HN_T_Q8, 0, false},
                             {"x_zero_point", HN_T_Q8, 0, true},
                             {"w_zero_point", HN_T_Q8, 0, true}};
static const hn_port out[] = {{"y", HN_BIT(HN_I32), 0, false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS, HN_WINDOW_AUTO, {"group", HN_ATTR_INT, false, "1", "number of channel groups"}, {0}};

const hn_op hn_op_conv_integer = {
    .name = "ConvInteger",
    .domain = "",
    .since = 10,
    .doc = "Conv of (x - x_zero_point) and (w - w_zero_point) in int32. "
           "x = [[2,3,4],[5,6,7],[8,9,10]], w = [[1,1],[1,1]], x_zero_point = 1: y = [[12,16],[24,28]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_conv_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
