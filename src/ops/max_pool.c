/* MaxPool: largest element of each window; Indices are flat positions in the whole input. */
#include "ops/lib_pool.h"

#define TYPES (HN_T_FLOAT | HN_BIT(HN_I8) | HN_BIT(HN_U8))

/* Position in a column-major plane of a row-major position. */
static int64_t column_major(const hn_window *w, int64_t at)
{
    int64_t index[HN_MAX_RANK], r = 0;
    for (int i = w->n - 1; i >= 0; i--) {
        index[i] = at % w->in[i];
        at /= w->in[i];
    }
    for (int i = w->n - 1; i >= 0; i--) r = r * w->in[i] + index[i];
    return r;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *y;
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    const hn_tensor *indices = hn_nn_out(a, 1), *t = a->in[0];
    bool columns = hn_attr_int(a->node, "storage_order", 0) == 1;
    HN_TRY(hn_pool_read(a->env, a->node, t->rank, t->dims, false, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &x));
    size_t plane = hn_window_elems(w.in, w.n), n = hn_window_elems(w.out, w.n), planes = hn_pool_planes(t);
    HN_TRY(hn_nn_new(a, n, &y));
    int64_t *at = hn_arena_array(a->env, a->scratch, n + 1, sizeof *at);
    if (!at) return HN_NOMEM;
    for (size_t p = 0; p < planes; p++) {
        hn_pool_max(&w, x + p * plane, y, at);
        for (size_t i = 0; i < n; i++) {
            if (a->out[0]) hn_set_f64(a->out[0], p * n + i, y[i]);
            if (!indices) continue;
            int64_t in_plane = columns ? column_major(&w, at[i]) : at[i];
            hn_set_i64(indices, p * n + i, at[i] < 0 ? 0 : (int64_t)(p * plane) + in_plane);
        }
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_value *x = g->node->in[0];
    int64_t dims[HN_MAX_RANK], pads[2 * HN_MAX_RANK];
    hn_window w;
    hn_rw_attr attrs[6] = {{0}};
    if (!g->dy[0]) return HN_OK;
    HN_TRY(hn_pool_read(g->rw->graph->env, g->node, x->type.rank, x->type.dims, false, &w, dims));
    hn_window_rw(&w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("ceil_mode", hn_window_ceil(g->node));
    hn_value *in[] = {g->dy[0], g->node->in[0]};
    g->dx[0] = hn_rw_op(g->rw, "hone.MaxPoolGrad", 2, in, attrs);
    return hn_rw_status(g->rw);
}

/* Indices count from the first image. */
static bool shard(hn_shard *s)
{
    return hn_node_out(s->node, 1) == NULL && hn_shard_planes(s);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(1, 5, 2, 3, 4, 0, 8, 7));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(5, 8));
    hn_case_want(c, HN_I64, HN_DIMS(1, 1, 1, 2), HN_VALS(1, 6));
    hn_case(c, "column-major indices");
    hn_case_int(c, "storage_order", 1);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 4), HN_VALS(1, 5, 2, 3, 4, 0, 8, 7));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(5, 8));
    hn_case_want(c, HN_I64, HN_DIMS(1, 1, 1, 2), HN_VALS(2, 5));
    hn_case(c, "padding, ceil mode");
    hn_case_nout(c, 1);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 3});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 0});
    hn_case_int(c, "ceil_mode", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 6, 6), -9, 9);
    hn_case(c, "dilation, one dim");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){3});
    hn_case_ints(c, "dilations", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 8), -9, 9);
    hn_case(c, "three dims, same lower");
    hn_case_nout(c, 1);
    hn_case_ints(c, "kernel_shape", 3, (const int64_t[]){2, 2, 2});
    hn_case_string(c, "auto_pad", "SAME_LOWER");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3, 3, 3), -9, 9);
    hn_case(c, "no spatial dims");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -9, 9);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}, {"Indices", HN_T_I64, 0, true}};
static const hn_attr_row attrs[] = {
    HN_POOL_ATTRS,
    HN_WINDOW_AUTO,
    {"storage_order", HN_ATTR_INT, false, "0", "of Indices: 0 row-major, 1 column-major"},
    {0}};

const hn_op hn_op_max_pool = {
    .name = "MaxPool",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c,o] = max over k of X[n,c, o stride - pad + k dilation]; padding never wins. "
           "X = [[1,5,2,3],[4,0,8,7]], kernel and strides [2,2]: Y = [[5,8]], Indices = [[1,6]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_pool_infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_pool_cost,
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
