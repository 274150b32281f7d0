/* lib_signal: see the header. Sources: the formulas of HannWindow-17, HammingWindow-17, BlackmanWindow-17 and DFT-20;
 * Cooley and Tukey 1965 for the mixed radix. */
#include "ops/lib_signal.h"

#define PI         3.14159265358979323846
#define LENGTH_MAX (INT64_C(1) << 28)
enum { MATRIX_MAX = 1 << 22 };

hn_status hn_signal_int(hn_env *env, const hn_node *node, const hn_tensor *t, const char *what, int64_t min,
                        int64_t *out)
{
    if (hn_tensor_elems(t) != 1) return hn_op_fail(env, node, "%s has %zu elements, not 1", what, hn_tensor_elems(t));
    *out = hn_get_i64(t, 0);
    if (*out < min || *out > LENGTH_MAX) {
        return hn_op_fail(env, node, "%s is %lld, allowed are %lld to %lld", what, (long long)*out, (long long)min,
                          (long long)LENGTH_MAX);
    }
    return HN_OK;
}

hn_status hn_signal_dtype(hn_infer *c)
{
    int64_t to = hn_attr_int(c->node, "output_datatype", HN_F32);
    if (!hn_dtype_valid(to) || !(HN_BIT(to) & HN_T_NUM))
        return hn_op_fail(c->env, c->node, "output_datatype %lld is no numeric type", (long long)to);
    c->out[0].dtype = (hn_dtype)to;
    return HN_OK;
}

hn_status hn_signal_window_infer(hn_infer *c)
{
    HN_TRY(hn_signal_dtype(c));
    hn_type_unknown_dims(&c->out[0], 1);
    if (!c->data[0]) return HN_OK;
    return hn_signal_int(c->env, c->node, c->data[0], "size", 0, &c->out[0].dims[0]);
}

hn_status hn_signal_window(const hn_refargs *a, double x, double y, double z)
{
    const hn_tensor *t = a->out[0];
    size_t size = hn_tensor_elems(t);
    double n = (double)size - (hn_attr_int(a->node, "periodic", 1) ? 0 : 1);
    for (size_t k = 0; k < size; k++) {
        double turn = n > 0 ? 2 * PI * (double)k / n : PI; /* a symmetric window of one element is its middle */
        hn_set_f64(t, k, x - y * cos(turn) + z * cos(2 * turn));
    }
    return HN_OK;
}

hn_status hn_signal_window_cases(hn_cases *c, const double *want)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_int(c, "periodic", 0);
    hn_case_scalar(c, HN_I64, 5);
    hn_case_want(c, HN_F32, HN_DIMS(5), want);
    hn_case(c, "periodic");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_scalar(c, HN_I32, 4);
    hn_case_want(c, HN_F32, HN_DIMS(4), want);
    hn_case(c, "one element, double");
    hn_case_int(c, "periodic", 0);
    hn_case_int(c, "output_datatype", HN_F64);
    hn_case_scalar(c, HN_I64, 1);
    hn_case_want(c, HN_F64, HN_DIMS(1), HN_VALS(1));
    hn_case(c, "empty, in half precision");
    hn_case_int(c, "output_datatype", HN_F16);
    hn_case_scalar(c, HN_I64, 0);
    hn_case(c, "negative size");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_I64, -1);
    hn_case(c, "no numeric type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "output_datatype", HN_STRING);
    hn_case_scalar(c, HN_I64, 3);
    return hn_cases_status(c);
}

hn_status hn_dft_init(const hn_refargs *a, size_t n, bool inverse, hn_dft *d)
{
    d->n = n;
    HN_TRY(hn_nn_new(a, 2 * n, &d->turn));
    HN_TRY(hn_nn_new(a, 2 * n, &d->scratch));
    for (size_t k = 0; k < n; k++) {
        double turn = 2 * PI * (double)k / (double)n;
        d->turn[2 * k] = cos(turn);
        d->turn[2 * k + 1] = inverse ? sin(turn) : -sin(turn);
    }
    return HN_OK;
}

/* Transform of n elements of x, `step` apart, into y; `work` has room for n. The length is p times m with p the
 * smallest prime factor: p transforms of length m, then sums of p terms each. */
static void transform(const hn_dft *d, size_t n, const double *x, size_t step, double *y, double *work)
{
    size_t p = 2;
    if (n == 1) {
        memcpy(y, x, 2 * sizeof *y);
        return;
    }
    while (p * p <= n && n % p != 0) p++;
    if (n % p != 0) p = n;
    size_t m = n / p, unit = d->n / n;
    for (size_t r = 0; r < p; r++) transform(d, m, x + 2 * r * step, step * p, work + 2 * r * m, y + 2 * r * m);
    for (size_t k = 0; k < n; k++) {
        double re = 0, im = 0;
        for (size_t r = 0, at = 0; r < p; r++, at = (at + k) % n) {
            const double *v = work + 2 * (r * m + k % m), *t = d->turn + 2 * at * unit;
            re += v[0] * t[0] - v[1] * t[1];
            im += v[0] * t[1] + v[1] * t[0];
        }
        y[2 * k] = re;
        y[2 * k + 1] = im;
    }
}

void hn_dft_run(const hn_dft *d, const double *x, double *y)
{
    if (d->n > 0) transform(d, d->n, x, 1, y, d->scratch);
}

void hn_dft_signal(const hn_dft_axis *s, const hn_dft *d, const double *x, size_t x_step, double *y, size_t y_step,
                   double *buf)
{
    size_t n = (size_t)s->n;
    double *to = buf + 2 * n, scale = s->inverse ? 1 / (double)s->n : 1;
    for (size_t k = 0; k < n; k++) {
        bool there = (int64_t)k < s->in;
        buf[2 * k] = there ? x[k * x_step] : 0;
        buf[2 * k + 1] = there && s->in_parts == 2 ? x[k * x_step + 1] : 0;
    }
    if (s->inverse && s->onesided) {
        /* The missing half is the conjugate of the given one; what has no counterpart must be real. */
        if (n > 0) buf[1] = 0;
        if (n > 1 && n % 2 == 0) buf[n + 1] = 0;
        for (size_t k = n / 2 + 1; k < n; k++) {
            buf[2 * k] = buf[2 * (n - k)];
            buf[2 * k + 1] = -buf[2 * (n - k) + 1];
        }
    }
    hn_dft_run(d, buf, to);
    for (size_t k = 0; k < (size_t)s->out; k++)
        for (size_t part = 0; part < (size_t)s->parts; part++) y[k * y_step + part] = to[2 * k + part] * scale;
}

double hn_dft_weight(const hn_dft_axis *s, int64_t i, int ip, int64_t k, int kp)
{
    if (i >= s->n) return 0;
    double turn = 2 * PI * (double)(i * k % s->n) / (double)s->n, scale = s->inverse ? 1 / (double)s->n : 1;
    if (s->inverse && s->onesided) {
        bool alone = i == 0 || 2 * i == s->n;
        if (i > s->n / 2) return 0;
        if (ip == 1) return alone ? 0 : -2 * scale * sin(turn);
        return (alone ? 1 : 2) * scale * cos(turn);
    }
    if (ip == kp) return scale * cos(turn);
    return scale * ((ip == 0) == s->inverse ? sin(turn) : -sin(turn));
}

static hn_value *matrix(hn_rw *rw, const hn_dft_axis *s, hn_dtype dtype)
{
    int64_t dims[] = {s->in * s->in_parts, s->out * s->parts};
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, dtype, 2, dims, &t);
    for (int64_t r = 0; v && r < dims[0]; r++)
        for (int64_t c = 0; c < dims[1]; c++)
            hn_set_f64(t, (size_t)(r * dims[1] + c),
                       hn_dft_weight(s, r / s->in_parts, (int)(r % s->in_parts), c / s->parts, (int)(c % s->parts)));
    return v;
}

hn_status hn_dft_nodes(hn_rw *rw, const hn_node *node, const hn_dft_axis *s, hn_value *x, int axis, hn_value **out)
{
    int rank = x->type.rank;
    int64_t perm[HN_MAX_RANK], back[HN_MAX_RANK], dims[HN_MAX_RANK];
    if (s->in > MATRIX_MAX || s->out > MATRIX_MAX || s->in * s->in_parts * s->out * s->parts > MATRIX_MAX)
        return hn_op_unsupported(rw->graph->env, node, "no decomposition of a transform of length %lld",
                                 (long long)s->n);
    /* Move the axis next to the parts, which stay last; multiply the two as one. */
    int m = 0;
    for (int d = 0; d < rank - 1; d++)
        if (d != axis) perm[m++] = d;
    perm[m++] = axis;
    perm[m] = rank - 1;
    for (int d = 0; d < rank; d++) back[perm[d]] = d;
    bool moves = axis != rank - 2;
    if (moves) x = hn_rw_transpose(rw, x, perm, (size_t)rank);
    if (!x) return hn_rw_status(rw);
    memcpy(dims, x->type.dims, sizeof dims);
    dims[rank - 2] = s->in * s->in_parts;
    hn_value *y = hn_rw_2(rw, "MatMul", hn_rw_reshape(rw, x, rank - 1, dims), matrix(rw, s, x->type.dtype));
    dims[rank - 2] = s->out;
    dims[rank - 1] = s->parts;
    y = hn_rw_reshape(rw, y, rank, dims);
    *out = moves ? hn_rw_transpose(rw, y, back, (size_t)rank) : y;
    return hn_rw_status(rw);
}
