/* Tile: x repeated along every axis. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int64_t repeats[HN_MAX_RANK];
    size_t n;
    c->out[0].dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    hn_type_unknown_dims(&c->out[0], x->rank);
    if (!c->data[1]) return HN_OK;
    HN_TRY(hn_op_ints(c->env, c->node, c->data[1], HN_MAX_RANK, repeats, &n));
    if ((int)n != x->rank) return hn_op_fail(c->env, c->node, "%zu repeats for rank %d", n, x->rank);
    for (int d = 0; d < x->rank; d++) {
        if (repeats[d] < 0) return hn_op_fail(c->env, c->node, "%lld repeats along axis %d", (long long)repeats[d], d);
        c->out[0].dims[d] = hn_dim_mul(x->dims[d], repeats[d]);
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    int64_t strides[HN_MAX_RANK];
    size_t n = hn_tensor_elems(y);
    hn_walk w;
    hn_strides(x->rank, x->dims, strides);
    hn_walk_init(&w, y->rank, y->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int64_t at = 0;
        for (int d = 0; d < y->rank; d++) at += w.at[d] % x->dims[d] * strides[d];
        hn_elem_copy(y, i, x, (size_t)at);
    }
    return HN_OK;
}

/* Axis by axis: [before, repeats, dim, after] summed over the repeats. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    const hn_type *x = &g->node->in[0]->type;
    hn_value *dx = g->dy[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    if (hn_type_elems(&dx->type) == 0) {
        g->dx[0] = hn_g_zeros(rw, g->node->in[0]);
        return hn_rw_status(rw);
    }
    for (int d = 0; d < x->rank && dx; d++) {
        hn_type t = dx->type;
        if (t.dims[d] == x->dims[d]) continue;
        int64_t dims[] = {(int64_t)hn_dims_elems(t.rank, t.dims, 0, d), t.dims[d] / x->dims[d], x->dims[d],
                          (int64_t)hn_dims_elems(t.rank, t.dims, d + 1, t.rank)};
        t.dims[d] = x->dims[d];
        dx = hn_rw_reduce_sum(rw, hn_rw_reshape(rw, dx, 4, dims), (int64_t[]){1}, 1, false);
        dx = hn_rw_reshape(rw, dx, t.rank, t.dims);
    }
    g->dx[0] = dx;
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 1, 2));
    hn_case(c, "three axes");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3), -2, 2);
    hn_case_axes(c, 3, (int64_t[]){2, 3, 1});
    hn_case(c, "no repeats");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){1, 0});
    hn_case(c, "too few repeats");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){2});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"repeats", HN_T_I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
const hn_op hn_op_tile = {
    .name = "Tile",
    .domain = "",
    .since = 13,
    .doc = "y = x repeated repeats[d] times along axis d. Tile([1, 2], [2]) = [1, 2, 1, 2].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
