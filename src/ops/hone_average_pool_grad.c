/* hone.AveragePoolGrad: the adjoint of AveragePool, or with `sum` of the sum over each window. Linear. */
#include "ops/lib_pool.h"

static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *dy, hn_window *w, int64_t *x)
{
    const int64_t *spatial;
    int64_t out[HN_MAX_RANK];
    size_t n = hn_attr_ints(node, "input_shape", &spatial);
    if (rank < 3 || n != (size_t)rank - 2)
        return hn_op_fail(env, node, "input_shape has %zu entries, %d needed", n, rank - 2);
    x[0] = dy[0];
    x[1] = dy[1];
    for (size_t i = 0; i < n; i++) x[2 + i] = spatial[i];
    HN_TRY(hn_pool_read(env, node, rank, x, false, w, out));
    for (int i = 2; i < rank; i++) HN_TRY(hn_nn_same_dim(env, node, "dims of dY", dy[i], out[i], NULL));
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_window w;
    c->out[0].dtype = c->in[0]->dtype;
    if (c->in[0]->rank < 0) return HN_OK;
    c->out[0].rank = c->in[0]->rank;
    return read(c->env, c->node, c->in[0]->rank, c->in[0]->dims, &w, c->out[0].dims);
}

static hn_status ref(const hn_refargs *a)
{
    double *dy, *dx;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    bool include = hn_attr_int(a->node, "count_include_pad", 0) != 0, sum = hn_attr_int(a->node, "sum", 0) != 0;
    HN_TRY(read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &dy));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &dx));
    size_t plane = hn_window_elems(w.in, w.n), n = hn_window_elems(w.out, w.n), planes = hn_pool_planes(a->in[0]);
    for (size_t p = 0; p < planes; p++) {
        for (size_t i = 0; !sum && i < n; i++) dy[p * n + i] /= (double)hn_pool_count(&w, i, include);
        hn_pool_spread(&w, dy + p * n, dx + p * plane);
    }
    hn_nn_store(a->out[0], dx);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_value *dy = g->node->in[0];
    int64_t dims[HN_MAX_RANK], pads[2 * HN_MAX_RANK];
    hn_window w;
    hn_rw_attr attrs[7] = {{0}};
    if (!g->dy[0]) return HN_OK;
    if (hn_attr_int(g->node, "sum", 0) != 0) {
        return hn_op_unsupported(g->rw->graph->env, g->node, "no second derivative of a windowed sum");
    }
    HN_TRY(read(g->rw->graph->env, g->node, dy->type.rank, dy->type.dims, &w, dims));
    hn_window_rw(&w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("ceil_mode", hn_attr_int(g->node, "ceil_mode", 0));
    attrs[5] = (hn_rw_attr)HN_A_INT("count_include_pad", hn_attr_int(g->node, "count_include_pad", 0));
    g->dx[0] = hn_rw_op(g->rw, "AveragePool", 1, &g->dy[0], attrs);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){3});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(2, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 3, 2));
    hn_case(c, "two dims, padding, ceil mode");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 0});
    hn_case_int(c, "ceil_mode", 1);
    hn_case_ints(c, "input_shape", 2, (const int64_t[]){5, 5});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3, 3), -2, 2);
    hn_case(c, "sums");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_int(c, "sum", 1);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){3});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(2, 4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(2, 6, 4));
    hn_case(c, "no pooling gives this shape");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){5});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS,
                                    HN_POOL_INCLUDE_PAD,
                                    {"input_shape", HN_ATTR_INTS, true, NULL, "spatial sizes of the pooled input"},
                                    {"sum", HN_ATTR_INT, false, "0", "1: the windows were summed, not averaged"},
                                    {0}};

const hn_op hn_op_hone_average_pool_grad = {
    .name = "AveragePoolGrad",
    .domain = "hone",
    .since = 1,
    .doc = "dX[i] = sum over the windows o that hold i of dY[o] / elements of o. "
           "dY = [2,4], kernel_shape = [2], input_shape = [3]: dX = [1,3,2].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_pool_cost,
    .cases = cases,
    .quant = "",
};
