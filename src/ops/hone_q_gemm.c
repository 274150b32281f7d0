/* hone.QGemm: the integer matrix product that quantised graphs are lowered to; exact, so every device gives the same
 * bytes. */
#include "ops/lib_matmul.h"
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *a = c->in[0], *b = c->in[1], *r = hn_nn_type(c, 4);
    bool known, tb = hn_attr_int(c->node, "trans_b", 0) != 0;
    hn_type *y = &c->out[0];
    hn_q_tail t;
    HN_TRY(hn_q_tail_read(c->env, c->node, &t));
    y->dtype = t.y_dtype;
    HN_TRY(hn_nn_rank(c, 1, 2, 2, &known));
    HN_TRY(hn_nn_rank(c, 0, 2, HN_MAX_RANK, &known));
    if (!known || b->rank < 0) return HN_OK;
    HN_TRY(hn_nn_same_dim(c->env, c->node, "columns of A and rows of B", a->dims[a->rank - 1], b->dims[tb], NULL));
    HN_TRY(hn_q_check_channels(c, 2, b->dims[!tb], true));
    HN_TRY(hn_q_check_channels(c, 3, b->dims[!tb], false));
    *y = *a;
    y->dtype = t.y_dtype;
    y->dims[a->rank - 1] = b->dims[!tb];
    if (r && r->rank >= 0) {
        HN_TRY(hn_nn_rank(c, 4, y->rank, y->rank, &known));
        for (int i = 0; i < r->rank; i++) {
            HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of R and Y", r->dims[i], y->dims[i], &y->dims[i]));
        }
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *r, *y;
    bool tb = hn_attr_int(a->node, "trans_b", 0) != 0;
    double x_zp = (double)hn_attr_int(a->node, "x_zp", 0), w_zp = (double)hn_attr_int(a->node, "w_zp", 0);
    size_t k = (size_t)a->in[1]->dims[tb], n = (size_t)a->in[1]->dims[!tb], nm = hn_tensor_elems(a->in[2]);
    size_t m = hn_dims_elems(a->in[0]->rank, a->in[0]->dims, 0, a->in[0]->rank - 1);
    hn_q_tail t;
    HN_TRY(hn_q_tail_read(a->env, a->node, &t));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 3, &b));
    HN_TRY(hn_nn_load(a, 4, &r));
    HN_TRY(hn_nn_new(a, m * n, &y));
    for (size_t i = 0; i < m * k; i++) x[i] -= x_zp;
    for (size_t i = 0; i < n * k; i++) w[i] -= w_zp;
    if (tb) {
        double *flipped;
        HN_TRY(hn_nn_new(a, n * k, &flipped));
        hn_mm_flip(n, k, w, flipped);
        w = flipped;
    }
    hn_mm_f64(m, n, k, x, w, y);
    for (size_t i = 0; i < m * n; i++) {
        int32_t acc = hn_q_wrap(y[i] + (b ? b[i % n] : 0));
        y[i] = hn_q_tail_apply(&t, acc, (float)hn_get_f64(a->in[2], nm == 1 ? 0 : i % n), r ? &r[i] : NULL);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "x_zp", 128);
    hn_case_int(c, "t_zp", 100);
    hn_case_in(c, HN_U8, HN_DIMS(1, 2), HN_VALS(130, 132));
    hn_case_in(c, HN_I8, HN_DIMS(2, 2), HN_VALS(1, -1, 2, -2));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.25));
    hn_case_want(c, HN_U8, HN_DIMS(1, 2), HN_VALS(102, 98));
    hn_case(c, "transposed, bias, scales per column");
    hn_case_int(c, "trans_b", 1);
    hn_case_int(c, "x_zp", 3);
    hn_case_int(c, "t_zp", 120);
    hn_case_rand(c, HN_U8, HN_DIMS(2, 3, 19), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(3, 19), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0.001, 0.002, 0.003));
    hn_case_in(c, HN_I32, HN_DIMS(3), HN_VALS(-500, 0, 700));
    hn_case(c, "residual, int8");
    hn_case_int(c, "y_dtype", HN_I8);
    hn_case_int(c, "t_lo", -128);
    hn_case_int(c, "t_hi", 127);
    hn_case_int(c, "y_lo", -128);
    hn_case_int(c, "y_hi", 127);
    hn_case_float(c, "t_scale", 0.5);
    hn_case_float(c, "r_scale", 0.75);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 8), -128, 127);
    hn_case_rand(c, HN_I8, HN_DIMS(8, 5), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.002));
    hn_case_absent(c);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 5), -128, 127);
    hn_case(c, "float result");
    hn_case_int(c, "y_dtype", HN_F32);
    hn_case_float(c, "f_lo", -4);
    hn_case_rand(c, HN_I8, HN_DIMS(3, 8), -128, 127);
    hn_case_rand(c, HN_I8, HN_DIMS(8, 2), -127, 127);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0.002, 0.5));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_Q8, 0, false},
                             {"B", HN_T_Q8, 0, false},
                             {"M", HN_BIT(HN_F32), 0, false},
                             {"C", HN_BIT(HN_I32), 0, true},
                             {"R", HN_T_Q8, 0, true}};
static const hn_port out[] = {{"Y", HN_T_Q8 | HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {{"trans_b", HN_ATTR_INT, false, "0", "1: B is [N, K]"}, HN_Q_ATTRS, {0}};

const hn_op hn_op_hone_q_gemm = {
    .name = "QGemm",
    .domain = "hone",
    .since = 1,
    .doc = "acc = sum (a - x_zp)(b - w_zp) + C in int32, then as hone.QConv: t = clamp(rint(acc M[c]) + t_zp, t_lo, "
           "t_hi) and, "
           "with R, clamp(rint((t - t_zp) t_scale + (r - r_zp) r_scale) + y_zp, y_lo, y_hi), or in float32 "
           "clamp(acc M[c], f_lo, f_hi). "
           "A = [[130,132]], x_zp 128, B = [[1,-1],[2,-2]], M = 0.25, t_zp 100: Y = [[102,98]].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_mm_cost,
    .shard = hn_shard_rows,
    .cases = cases,
    .quant = "",
};
