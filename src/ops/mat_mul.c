/* MatMul: numpy's matmul, with batch broadcasting and one-dimensional operands. */
#include "ops/lib_matmul.h"

#define TYPES (HN_T_FLOAT | HN_BIT(HN_I32) | HN_BIT(HN_I64) | HN_BIT(HN_U32) | HN_BIT(HN_U64))

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    return hn_mm_infer(c, 0, 1);
}

static hn_status ref(const hn_refargs *a)
{
    hn_mm mm;
    HN_TRY(hn_mm_read(a->env, a->node, a->in[0], a->in[1], &mm));
    if (hn_dtype_is_float(a->out[0]->dtype)) {
        double *x, *w, *y;
        HN_TRY(hn_nn_load(a, 0, &x));
        HN_TRY(hn_nn_load(a, 1, &w));
        HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
        hn_mm_run_f64(&mm, x, w, y);
        hn_nn_store(a->out[0], y);
        return HN_OK;
    }
    int64_t *x, *w, *y;
    HN_TRY(hn_nn_load_i64(a, 0, &x));
    HN_TRY(hn_nn_load_i64(a, 1, &w));
    y = hn_arena_array(a->env, a->scratch, mm.m * mm.n + 1, sizeof *y);
    if (!y) return HN_NOMEM;
    for (size_t i = 0; i < mm.batch; i++) {
        memset(y, 0, mm.m * mm.n * sizeof *y);
        hn_mm_i64(mm.m, mm.n, mm.k, x + hn_mm_a_at(&mm, i), w + hn_mm_b_at(&mm, i), y);
        for (size_t j = 0; j < mm.m * mm.n; j++) hn_set_i64(a->out[0], i * mm.m * mm.n + j, y[j]);
    }
    return HN_OK;
}

static hn_value *flip(hn_rw *rw, hn_value *x)
{
    int64_t perm[HN_MAX_RANK];
    if (!x) return NULL;
    int r = x->type.rank;
    for (int i = 0; i < r; i++) perm[i] = i;
    perm[r - 2] = r - 1;
    perm[r - 1] = r - 2;
    return hn_rw_transpose(rw, x, perm, (size_t)r);
}

/* x with a dim of 1 put in at `at`. */
static hn_value *lift(hn_rw *rw, hn_value *x, int at)
{
    int64_t dims[HN_MAX_RANK];
    if (!x || x->type.rank == HN_MAX_RANK) return x;
    for (int i = 0, j = 0; i <= x->type.rank; i++) dims[i] = i == at ? 1 : x->type.dims[j++];
    return hn_rw_reshape(rw, x, x->type.rank + 1, dims);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *a = g->node->in[0], *b = g->node->in[1], *dy = g->dy[0];
    if (!dy) return HN_OK;
    hn_value *a2 = a->type.rank == 1 ? lift(rw, a, 0) : a, *b2 = b->type.rank == 1 ? lift(rw, b, 1) : b;
    if (b->type.rank == 1) dy = lift(rw, dy, dy->type.rank);
    if (a->type.rank == 1) dy = lift(rw, dy, dy ? dy->type.rank - 1 : 0);
    hn_value *da = hn_rw_2(rw, "MatMul", dy, flip(rw, b2)), *db = hn_rw_2(rw, "MatMul", flip(rw, a2), dy);
    if (hn_rw_status(rw) != HN_OK) return hn_rw_status(rw);
    g->dx[0] = hn_rw_unbroadcast(rw, da, a2);
    g->dx[1] = hn_rw_unbroadcast(rw, db, b2);
    if (a2 != a) g->dx[0] = hn_rw_reshape(rw, g->dx[0], 1, a->type.dims);
    if (b2 != b) g->dx[1] = hn_rw_reshape(rw, g->dx[1], 1, b->type.dims);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(5, 6, 7, 8));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(19, 22, 43, 50));
    hn_case(c, "batches broadcast both ways");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3, 4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4, 2), -3, 3);
    hn_case(c, "weights without batch");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 5), -3, 3);
    hn_case(c, "vector times matrix");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -3, 3);
    hn_case(c, "matrix times vector");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -3, 3);
    hn_case(c, "vector times vector");
    hn_case_rand(c, HN_F32, HN_DIMS(4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -3, 3);
    hn_case(c, "nothing to add");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -3, 3);
    hn_case(c, "sizes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", TYPES, 'T', false}, {"B", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};

const hn_op hn_op_mat_mul = {
    .name = "MatMul",
    .domain = "",
    .since = 13,
    .doc = "Y[...,i,j] = sum over k of A[...,i,k] B[...,k,j]; leading dims broadcast, a vector is a row of A or a "
           "column of B. "
           "[[1,2],[3,4]] x [[5,6],[7,8]] = [[19,22],[43,50]].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_mm_cost,
    .shard = hn_mm_shard,
    .cases = cases,
    .quant = "compute",
};
