/* AveragePool: mean of each window, over the elements inside the input or, with count_include_pad, inside the padded
 * input. */
#include "ops/lib_pool.h"

static hn_status ref(const hn_refargs *a)
{
    double *x, *y;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    bool include = hn_attr_int(a->node, "count_include_pad", 0) != 0;
    HN_TRY(hn_pool_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, false, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    size_t plane = hn_window_elems(w.in, w.n), n = hn_window_elems(w.out, w.n), planes = hn_pool_planes(a->in[0]);
    for (size_t p = 0; p < planes; p++) {
        hn_pool_sum(&w, x + p * plane, y + p * n);
        for (size_t i = 0; i < n; i++) y[p * n + i] /= (double)hn_pool_count(&w, i, include);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_value *x = g->node->in[0];
    int64_t dims[HN_MAX_RANK], pads[2 * HN_MAX_RANK];
    hn_window w;
    hn_rw_attr attrs[8] = {{0}};
    if (!g->dy[0]) return HN_OK;
    HN_TRY(hn_pool_read(g->rw->graph->env, g->node, x->type.rank, x->type.dims, false, &w, dims));
    hn_window_rw(&w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("ceil_mode", hn_window_ceil(g->node));
    attrs[5] = (hn_rw_attr)HN_A_INT("count_include_pad", hn_attr_int(g->node, "count_include_pad", 0));
    attrs[6] = (hn_rw_attr)HN_A_INTS("input_shape", w.in, (size_t)w.n);
    g->dx[0] = hn_rw_op(g->rw, "hone.AveragePoolGrad", 1, &g->dy[0], attrs);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "pads", 2, (const int64_t[]){1, 0});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(2, 4, 8));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(2, 3, 6));
    hn_case(c, "padding counts");
    hn_case_int(c, "count_include_pad", 1);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "pads", 2, (const int64_t[]){1, 0});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(2, 4, 8));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 3, 6));
    hn_case(c, "ceil mode: what lies behind the padding never counts");
    hn_case_int(c, "count_include_pad", 1);
    hn_case_int(c, "ceil_mode", 1);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){3});
    hn_case_ints(c, "strides", 1, (const int64_t[]){2});
    hn_case_ints(c, "pads", 2, (const int64_t[]){0, 1});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 5), HN_VALS(3, 3, 3, 6, 6));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(3, 5, 3));
    hn_case(c, "two dims, dilation, stride");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "dilations", 2, (const int64_t[]){1, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 0, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 5, 6), -2, 2);
    hn_case(c, "same upper");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 2});
    hn_case_string(c, "auto_pad", "SAME_UPPER");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case(c, "window larger than the input");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){4});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS, HN_POOL_INCLUDE_PAD, HN_WINDOW_AUTO, {0}};

const hn_op hn_op_average_pool = {
    .name = "AveragePool",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c,o] = mean over k of X[n,c, o stride - pad + k dilation]. "
           "X = [2,4,8], kernel_shape = [2], pads = [1,0]: Y = [2,3,6]; with count_include_pad [1,3,6].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_pool_infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_pool_cost,
    .shard = hn_shard_planes,
    .cases = cases,
    .quant = "compute",
};
