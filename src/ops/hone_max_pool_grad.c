/* hone.MaxPoolGrad: sends the gradient of each window to its largest element, the first of equals as MaxPool. */
#include "ops/lib_pool.h"

static hn_status infer(hn_infer *c)
{
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    c->out[0] = *c->in[1];
    if (c->in[0]->rank < 0 || c->in[1]->rank < 0) return HN_OK;
    if (c->in[0]->rank != c->in[1]->rank) return hn_op_fail(c->env, c->node, "dY and X differ in rank");
    HN_TRY(hn_pool_read(c->env, c->node, c->in[1]->rank, c->in[1]->dims, false, &w, dims));
    for (int i = 0; i < c->in[0]->rank; i++) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of dY", c->in[0]->dims[i], dims[i], NULL));
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *dy, *x, *y, *dx;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    HN_TRY(hn_pool_read(a->env, a->node, a->in[1]->rank, a->in[1]->dims, false, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &dy));
    HN_TRY(hn_nn_load(a, 1, &x));
    size_t plane = hn_window_elems(w.in, w.n), n = hn_window_elems(w.out, w.n), planes = hn_pool_planes(a->in[1]);
    HN_TRY(hn_nn_new(a, n, &y));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[1]), &dx));
    int64_t *at = hn_arena_array(a->env, a->scratch, n + 1, sizeof *at);
    if (!at) return HN_NOMEM;
    for (size_t p = 0; p < planes; p++) {
        hn_pool_max(&w, x + p * plane, y, at);
        for (size_t i = 0; i < n; i++) {
            if (at[i] >= 0) dx[p * plane + (size_t)at[i]] += dy[p * n + i];
        }
    }
    hn_nn_store(a->out[0], dx);
    return HN_OK;
}

/* Linear in dY: each window reads where its largest element is. The derivative in X is zero almost everywhere. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    const hn_type *x = &n->in[1]->type;
    hn_rw *rw = g->rw;
    int64_t dims[HN_MAX_RANK], pads[2 * HN_MAX_RANK], all[] = {-1};
    hn_window w;
    hn_rw_attr attrs[6] = {{0}};
    if (!g->dy[0]) return HN_OK;
    HN_TRY(hn_pool_read(rw->graph->env, n, x->rank, x->dims, false, &w, dims));
    hn_window_rw(&w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("ceil_mode", hn_window_ceil(n));
    hn_node *pool = hn_rw_node(rw, "MaxPool", 1, &n->in[1], 2, attrs);
    if (!pool) return hn_rw_status(rw);
    g->dx[0] = hn_rw_2(rw, "Gather", hn_rw_reshape(rw, g->dy[0], 1, all), pool->out[1]);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 5, 2));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(0, 30, 0));
    hn_case(c, "padding, ceil mode");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 3});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 0});
    hn_case_int(c, "ceil_mode", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 4, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 6, 6), -9, 9);
    hn_case(c, "no pooling gives this shape");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}, {"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS, {0}};

const hn_op hn_op_hone_max_pool_grad = {
    .name = "MaxPoolGrad",
    .domain = "hone",
    .since = 1,
    .doc = "dX[i] = sum of dY[o] over the windows o whose first largest element is X[i]. "
           "dY = [10,20], X = [1,5,2], kernel_shape = [2]: dX = [0,30,0].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_pool_cost,
    .cases = cases,
    .quant = "",
};
