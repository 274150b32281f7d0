/* MatMulInteger: 8-bit matrix product in int32, zero points per tensor, per row of A or per column of B. */
#include "ops/lib_matmul.h"
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = HN_I32;
    return hn_mm_infer(c, 0, 1);
}

/* Zero points broadcast against the matrix they belong to: [rows, 1] or [rows] for A, [1, cols] or [cols] for B. */
static hn_status load(const hn_refargs *a, size_t i, size_t zp, double **out)
{
    const hn_tensor *z = hn_nn_in(a, zp), *t = a->in[i];
    int axis = i == 0 ? t->rank - 2 : t->rank - 1;
    size_t batch = t->rank > 2 ? hn_dims_elems(t->rank, t->dims, 0, t->rank - 2) : 1;
    size_t nz = z ? hn_tensor_elems(z) : 1;
    if (nz == 1 || axis < 0 || nz == (size_t)t->dims[axis]) return hn_q_load(a, i, zp, axis, out);
    if (nz != batch * (size_t)t->dims[axis]) {
        return hn_op_fail(a->env, a->node, "%zu zero points do not fit the tensor they belong to", nz);
    }
    size_t rows = (size_t)t->dims[t->rank - 2], cols = (size_t)t->dims[t->rank - 1];
    HN_TRY(hn_nn_load(a, i, out));
    for (size_t j = 0; j < batch * rows * cols; j++) {
        size_t at = i == 0 ? j / cols : j / (rows * cols) * cols + j % cols;
        (*out)[j] -= hn_get_f64(z, at);
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    hn_mm mm;
    double *x, *w, *y;
    HN_TRY(hn_mm_read(a->env, a->node, a->in[0], a->in[1], &mm));
    HN_TRY(load(a, 0, 2, &x));
    HN_TRY(load(a, 1, 3, &w));
    size_t n = hn_tensor_elems(a->out[0]);
    HN_TRY(hn_nn_new(a, n, &y));
    hn_mm_run_f64(&mm, x, w, y);
    for (size_t i = 0; i < n; i++) hn_set_i64(a->out[0], i, hn_q_wrap(y[i]));
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(1, 2), HN_VALS(11, 12));
    hn_case_in(c, HN_U8, HN_DIMS(2, 1), HN_VALS(3, 4));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(10));
    hn_case_want(c, HN_I32, HN_DIMS(1, 1), HN_VALS(11));
    hn_case(c, "batches, zero points per row and column");
    hn_case_rand(c, HN_U8, HN_DIMS(2, 3, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 2), -128, 127);
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_I8, HN_DIMS(2), HN_VALS(-1, 1));
    hn_case(c, "too many zero points");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_U8, HN_DIMS(3, 4), 0, 255);
    hn_case_rand(c, HN_I8, HN_DIMS(4, 2), -128, 127);
    hn_case_in(c, HN_U8, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_Q8, 0, false},
                             {"B", HN_T_Q8, 0, false},
                             {"a_zero_point", HN_T_Q8, 0, true},
                             {"b_zero_point", HN_T_Q8, 0, true}};
static const hn_port out[] = {{"Y", HN_BIT(HN_I32), 0, false}};

const hn_op hn_op_mat_mul_integer = {
    .name = "MatMulInteger",
    .domain = "",
    .since = 10,
    .doc = "MatMul of (A - a_zero_point) and (B - b_zero_point) in int32. "
           "A = [[11,12]], B = [[3],[4]], a_zero_point 10: Y = [[1*3 + 2*4]] = [[11]].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_mm_cost,
    .cases = cases,
    .quant = "",
};
