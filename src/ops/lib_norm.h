/* lib_norm: normalisation as a table of statistics per slice: mean and 1 / sqrt(variance + epsilon), with two passes in
 * double. */
#ifndef HN_OPS_LIB_NORM_H
#define HN_OPS_LIB_NORM_H

#include "ops/lib_nn.h"

/* Mean and population variance of n elements that lie `stride` apart. */
void hn_norm_moments(const double *x, size_t n, size_t stride, double *mean, double *var);

/* v [C] reshaped so that it broadcasts against a tensor of `rank` dims along dim 1. */
hn_value *hn_norm_channel(hn_rw *rw, hn_value *v, int rank);
/* Mean over axes, dims kept. */
hn_value *hn_norm_mean(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count);
/* (x - mean) / sqrt(mean((x - mean)^2) + epsilon) over axes; *mean and *var (may be NULL) get the statistics. */
hn_value *hn_norm_standard(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count, double epsilon, hn_value **mean,
                           hn_value **var);
/* 1 / sqrt(v + epsilon) */
hn_value *hn_norm_inverse(hn_rw *rw, hn_value *v, double epsilon);

#define HN_NORM_EPSILON                                                   \
    {                                                                     \
        "epsilon", HN_ATTR_FLOAT, false, "1e-05", "added to the variance" \
    }

#endif
