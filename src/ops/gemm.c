/* Gemm: alpha A B + beta C on two-dimensional matrices, each of A and B possibly transposed. */
#include "ops/lib_matmul.h"

#define TYPES (HN_T_FLOAT | HN_BIT(HN_I32) | HN_BIT(HN_I64) | HN_BIT(HN_U32) | HN_BIT(HN_U64))

static hn_status infer(hn_infer *c)
{
    bool ka, kb, kc, ta = hn_attr_int(c->node, "transA", 0) != 0, tb = hn_attr_int(c->node, "transB", 0) != 0;
    hn_type *y = &c->out[0];
    HN_TRY(hn_nn_rank(c, 0, 2, 2, &ka));
    HN_TRY(hn_nn_rank(c, 1, 2, 2, &kb));
    HN_TRY(hn_nn_rank(c, 2, 0, 2, &kc));
    y->dtype = c->in[0]->dtype;
    y->rank = 2;
    y->dims[0] = ka ? c->in[0]->dims[ta] : -1;
    y->dims[1] = kb ? c->in[1]->dims[!tb] : -1;
    if (ka && kb) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "columns of A and rows of B", c->in[0]->dims[!ta], c->in[1]->dims[tb],
                              NULL));
    }
    for (int i = 0; kc && i < c->in[2]->rank; i++) {
        int64_t d = c->in[2]->dims[c->in[2]->rank - 1 - i];
        if (d != 1) HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of C and Y", d, y->dims[1 - i], NULL));
    }
    return HN_OK;
}

static hn_status load(const hn_refargs *a, size_t i, bool trans, double **out)
{
    double *x;
    HN_TRY(hn_nn_load(a, i, &x));
    *out = x;
    if (!trans) return HN_OK;
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[i]), out));
    hn_mm_flip((size_t)a->in[i]->dims[0], (size_t)a->in[i]->dims[1], x, *out);
    return HN_OK;
}

/* Index in C of element (i, j) of Y; C is broadcast one way. */
static size_t c_at(const hn_tensor *t, size_t i, size_t j)
{
    size_t cols = t->rank >= 1 ? (size_t)t->dims[t->rank - 1] : 1, rows = t->rank == 2 ? (size_t)t->dims[0] : 1;
    return (rows == 1 ? 0 : i) * cols + (cols == 1 ? 0 : j);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *y;
    const hn_tensor *c = hn_nn_in(a, 2);
    bool ta = hn_attr_int(a->node, "transA", 0) != 0, tb = hn_attr_int(a->node, "transB", 0) != 0;
    double alpha = hn_attr_float(a->node, "alpha", 1), beta = hn_attr_float(a->node, "beta", 1);
    size_t m = (size_t)a->out[0]->dims[0], n = (size_t)a->out[0]->dims[1], k = (size_t)a->in[0]->dims[!ta];
    HN_TRY(load(a, 0, ta, &x));
    HN_TRY(load(a, 1, tb, &w));
    HN_TRY(hn_nn_new(a, m * n, &y));
    hn_mm_f64(m, n, k, x, w, y);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double v = alpha * y[i * n + j];
            if (c && beta != 0) v += beta * hn_get_f64(c, c_at(c, i, j));
            y[i * n + j] = v;
        }
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_value *product(hn_rw *rw, hn_value *a, bool ta, hn_value *b, bool tb, double alpha)
{
    hn_rw_attr attrs[] = {HN_A_INT("transA", ta), HN_A_INT("transB", tb), HN_A_FLOAT("alpha", alpha), {0}};
    hn_value *in[] = {a, b};
    return hn_rw_op(rw, "Gemm", 2, in, attrs);
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_value *a = n->in[0], *b = n->in[1], *c = hn_node_in(n, 2), *dy = g->dy[0];
    bool ta = hn_attr_int(n, "transA", 0) != 0, tb = hn_attr_int(n, "transB", 0) != 0;
    double alpha = hn_attr_float(n, "alpha", 1), beta = hn_attr_float(n, "beta", 1);
    if (!dy) return HN_OK;
    g->dx[0] = ta ? product(g->rw, b, tb, dy, true, alpha) : product(g->rw, dy, false, b, !tb, alpha);
    g->dx[1] = tb ? product(g->rw, dy, true, a, ta, alpha) : product(g->rw, a, !ta, dy, false, alpha);
    if (c) {
        hn_value *dc = beta == 1 ? dy : hn_g_scale(g->rw, dy, beta);
        g->dx[2] = hn_rw_unbroadcast(g->rw, dc, c);
    }
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *a = &n->in[0]->type;
    cost->macs = hn_nn_elems(n->out[0]) * (double)a->dims[hn_attr_int(n, "transA", 0) == 0];
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static bool shard(hn_shard *s)
{
    const hn_value *c = hn_node_in(s->node, 2);
    if (s->in[0] != 0 || s->in[1] != HN_WHOLE || hn_attr_int(s->node, "transA", 0) != 0) return false;
    if (c && (s->in[2] == HN_WHOLE ? c->type.rank == 2 && c->type.dims[0] != 1 : s->in[2] != 0 || c->type.rank != 2))
        return false;
    return hn_shard_all(s, 0);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_float(c, "alpha", 2);
    hn_case_int(c, "transB", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 0, 0, 1, 1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 1, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 3), HN_VALS(3, 5, 7));
    hn_case(c, "plain, full C, beta");
    hn_case_float(c, "beta", 0.5);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 2), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -3, 3);
    hn_case(c, "both transposed, C of one column");
    hn_case_int(c, "transA", 1);
    hn_case_int(c, "transB", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), -3, 3);
    hn_case(c, "A transposed, scalar C");
    hn_case_int(c, "transA", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 2), -3, 3);
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -3, 3);
    hn_case(c, "no rows");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -3, 3);
    hn_case(c, "sizes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "transB", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -3, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", TYPES, 'T', false}, {"B", TYPES, 'T', false}, {"C", TYPES, 'T', true}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {{"alpha", HN_ATTR_FLOAT, false, "1.0", "factor of the product"},
                                    {"beta", HN_ATTR_FLOAT, false, "1.0", "factor of C"},
                                    {"transA", HN_ATTR_INT, false, "0", "1: A is given transposed"},
                                    {"transB", HN_ATTR_INT, false, "0", "1: B is given transposed"},
                                    {0}};

const hn_op hn_op_gemm = {
    .name = "Gemm",
    .domain = "",
    .since = 13,
    .doc = "Y = alpha A B + beta C, with C broadcast to Y. "
           "alpha 2, transB, A = [[1,2]], B = [[1,0],[0,1],[1,1]], C = [1,1,1]: Y = [[3,5,7]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = shard,
    .cases = cases,
    .quant = "compute",
};
