/* lib_norm: see the header. */
#include "ops/lib_norm.h"

void hn_norm_moments(const double *x, size_t n, size_t stride, double *mean, double *var)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i * stride];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i * stride] - *mean) * (x[i * stride] - *mean);
    *var = squares / (double)n;
}

hn_value *hn_norm_channel(hn_rw *rw, hn_value *v, int rank)
{
    int64_t dims[HN_MAX_RANK];
    if (!v) return NULL;
    for (int i = 0; i < rank; i++) dims[i] = i == 1 ? v->type.dims[0] : 1;
    return hn_rw_reshape(rw, v, rank, dims);
}

hn_value *hn_norm_mean(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count)
{
    return hn_rw_2(rw, "ReduceMean", x, hn_rw_ints(rw, axes, count));
}

hn_value *hn_norm_inverse(hn_rw *rw, hn_value *v, double epsilon)
{
    return hn_rw_1(rw, "Reciprocal", hn_rw_1(rw, "Sqrt", hn_g_plus(rw, v, epsilon)));
}

hn_value *hn_norm_standard(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count, double epsilon, hn_value **mean,
                           hn_value **var)
{
    hn_value *m = hn_norm_mean(rw, x, axes, count), *centred = hn_g_sub(rw, x, m);
    hn_value *v = hn_norm_mean(rw, hn_g_mul(rw, centred, centred), axes, count);
    if (mean) *mean = m;
    if (var) *var = v;
    return hn_g_mul(rw, centred, hn_norm_inverse(rw, v, epsilon));
}
