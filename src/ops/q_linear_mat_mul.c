/* QLinearMatMul: 8-bit matrix product with rescaled 8-bit result; parameters per tensor, per row of a or per column of
 * b. */
#include "ops/lib_matmul.h"
#include "ops/lib_quant.h"

enum { A, AS, AZ, B, BS, BZ, YS, YZ };
#define T_F8    (HN_BIT(HN_F8E4M3FN) | HN_BIT(HN_F8E4M3FNUZ) | HN_BIT(HN_F8E5M2) | HN_BIT(HN_F8E5M2FNUZ))
#define T_DATA  (HN_T_Q8 | T_F8)
#define T_SCALE (HN_BIT(HN_F32) | HN_BIT(HN_F16) | HN_BIT(HN_BF16))

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[YZ]->dtype;
    return hn_mm_infer(c, A, B);
}

/* Parameter of row i (of all batches) or column j. */
static hn_status at(const hn_refargs *a, size_t input, size_t i, size_t count, double *out)
{
    const hn_tensor *t = a->in[input];
    size_t n = hn_tensor_elems(t);
    if (n != 1 && n != count && (n == 0 || count % n != 0)) {
        return hn_op_fail(a->env, a->node, "input %zu has %zu entries for %zu rows or columns", input, n, count);
    }
    *out = hn_get_f64(t, i % n);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    hn_mm mm;
    double *x, *w, *y;
    HN_TRY(hn_mm_read(a->env, a->node, a->in[A], a->in[B], &mm));
    HN_TRY(hn_nn_load(a, A, &x));
    HN_TRY(hn_nn_load(a, B, &w));
    size_t nx = hn_tensor_elems(a->in[A]), nw = hn_tensor_elems(a->in[B]), n = hn_tensor_elems(a->out[0]);
    for (size_t i = 0; i < nx; i++) {
        double zp;
        HN_TRY(at(a, AZ, i / mm.k, nx / mm.k, &zp));
        x[i] -= zp;
    }
    for (size_t i = 0; i < nw; i++) {
        double zp;
        HN_TRY(at(a, BZ, i % mm.n, mm.n, &zp));
        w[i] -= zp;
    }
    HN_TRY(hn_nn_new(a, n, &y));
    hn_mm_run_f64(&mm, x, w, y);
    bool integer = hn_dtype_is_int(a->out[0]->dtype);
    for (size_t i = 0; i < n; i++) {
        double as, bs, ys, yz;
        size_t row = i / mm.n, rows = mm.batch * mm.m;
        HN_TRY(at(a, AS, row, rows, &as));
        HN_TRY(at(a, BS, i % mm.n, mm.n, &bs));
        HN_TRY(at(a, YS, row, rows, &ys));
        HN_TRY(at(a, YZ, row, rows, &yz));
        float acc = integer ? (float)hn_q_wrap(y[i]) : (float)y[i];
        hn_q_set(a->out[0], i, acc * ((float)as * (float)bs / (float)ys), yz, true);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(1, 2), HN_VALS(130, 132));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.5));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(128));
    hn_case_in(c, HN_I8, HN_DIMS(2, 2), HN_VALS(1, -1, 2, -2));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case_in(c, HN_I8, HN_NO_DIMS, HN_VALS(0));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(100));
    hn_case_want(c, HN_U8, HN_DIMS(1, 2), HN_VALS(102, 98));
    hn_case(c, "per row and column");
    hn_case_rand(c, HN_I8, HN_DIMS(3, 4), -128, 127);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0.1, 0.2, 0.3));
    hn_case_in(c, HN_I8, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_rand(c, HN_I8, HN_DIMS(4, 2), -128, 127);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0.1, 0.01));
    hn_case_in(c, HN_I8, HN_DIMS(2), HN_VALS(0, -5));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(20));
    hn_case_in(c, HN_I8, HN_NO_DIMS, HN_VALS(-7));
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"a", T_DATA, 'A', false},        {"a_scale", T_SCALE, 'S', false},    {"a_zero_point", T_DATA, 'A', false},
    {"b", T_DATA, 'B', false},        {"b_scale", T_SCALE, 'S', false},    {"b_zero_point", T_DATA, 'B', false},
    {"y_scale", T_SCALE, 'S', false}, {"y_zero_point", T_DATA, 'Y', false}};
static const hn_port out[] = {{"y", T_DATA, 'Y', false}};

const hn_op hn_op_q_linear_mat_mul = {
    .name = "QLinearMatMul",
    .domain = "",
    .since = 21,
    .doc = "y = saturate(round((a - a_zero_point)(b - b_zero_point) a_scale b_scale / y_scale) + y_zero_point). "
           "a = [[130,132]], a_scale 0.5, a_zero_point 128, b = [[1,-1],[2,-2]], b_scale 1, y_scale 2, y_zero_point "
           "100: the "
           "sums are 10 and -10, a quarter of them rounds to 2 and -2: y = [[102,98]].",
    HN_PORTS(in, 8, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = hn_mm_cost,
    .cases = cases,
    .quant = "",
};
