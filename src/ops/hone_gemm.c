/* hone.Gemm: a matrix product with constant-shaped weights, bias, activation and residual: what the fusion passes make.
 */
#include "ops/lib_act.h"
#include "ops/lib_matmul.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *a = c->in[0], *b = c->in[1], *bias = hn_nn_type(c, 2), *r = hn_nn_type(c, 3);
    bool known, tb = hn_attr_int(c->node, "trans_b", 0) != 0;
    hn_type *y = &c->out[0];
    hn_act act;
    HN_TRY(hn_act_read(c->env, c->node, &act));
    y->dtype = a->dtype;
    HN_TRY(hn_nn_rank(c, 1, 2, 2, &known));
    HN_TRY(hn_nn_rank(c, 0, 2, HN_MAX_RANK, &known));
    if (!known || b->rank < 0) return HN_OK;
    HN_TRY(hn_nn_same_dim(c->env, c->node, "columns of A and rows of B", a->dims[a->rank - 1], b->dims[tb], NULL));
    *y = *a;
    y->dims[a->rank - 1] = b->dims[!tb];
    if (bias && bias->rank >= 0) {
        HN_TRY(hn_nn_rank(c, 2, 1, 1, &known));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "bias and columns of B", bias->dims[0], b->dims[!tb], NULL));
    }
    if (r && r->rank >= 0) {
        HN_TRY(hn_nn_rank(c, 3, y->rank, y->rank, &known));
        for (int i = 0; i < r->rank; i++) {
            HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of R and Y", r->dims[i], y->dims[i], &y->dims[i]));
        }
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *r, *y;
    bool tb = hn_attr_int(a->node, "trans_b", 0) != 0, act_first = hn_attr_int(a->node, "act_first", 0) != 0;
    double alpha = hn_attr_float(a->node, "alpha", 1);
    size_t k = (size_t)a->in[1]->dims[tb], n = (size_t)a->in[1]->dims[!tb];
    size_t m = hn_dims_elems(a->in[0]->rank, a->in[0]->dims, 0, a->in[0]->rank - 1);
    hn_act act;
    HN_TRY(hn_act_read(a->env, a->node, &act));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 2, &b));
    HN_TRY(hn_nn_load(a, 3, &r));
    HN_TRY(hn_nn_new(a, m * n, &y));
    if (tb) {
        double *flipped;
        HN_TRY(hn_nn_new(a, n * k, &flipped));
        hn_mm_flip(n, k, w, flipped);
        w = flipped;
    }
    hn_mm_f64(m, n, k, x, w, y);
    for (size_t i = 0; i < m * n; i++) {
        double v = alpha * y[i] + (b ? b[i % n] : 0);
        if (r && !act_first) v += r[i];
        v = act.fn(v, act.alpha, act.beta);
        if (r && act_first) v += r[i];
        y[i] = v;
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "trans_b", 1);
    hn_case_string(c, "act", "Relu");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 1, 1, -1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0.5, 0.5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(3.5, 0));
    hn_case(c, "three dims, residual, alpha");
    hn_case_float(c, "alpha", 0.5);
    hn_case_string(c, "act", "Gelu");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -1, 1);
    hn_case(c, "residual after the activation");
    hn_case_int(c, "trans_b", 1);
    hn_case_int(c, "act_first", 1);
    hn_case_string(c, "act", "Sigmoid");
    hn_case_rand(c, HN_F32, HN_DIMS(7, 19), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(17, 19), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(7, 17), -1, 1);
    hn_case(c, "sizes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', false},
                             {"C", HN_T_FLOAT, 'T', true},
                             {"R", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"trans_b", HN_ATTR_INT, false, "0", "1: B is [N, K]"},
                                    {"alpha", HN_ATTR_FLOAT, false, "1.0", "factor of the product"},
                                    HN_ACT_ATTRS,
                                    {0}};

const hn_op hn_op_hone_gemm = {
    .name = "Gemm",
    .domain = "hone",
    .since = 1,
    .doc = "Y[...,M,N] = act(alpha A[...,M,K] B[K,N] + C[N] + R), or act(alpha A B + C) + R with act_first. "
           "A = [[1,2]], B = [[1,1],[1,-1]] (trans_b), C = [0.5,0.5], act Relu: Y = relu([[3.5,-0.5]]) = [[3.5,0]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = hn_mm_cost,
    .shard = hn_shard_rows,
    .cases = cases,
    .quant = "compute",
};
