/* norm_f32: one row of n >= 1: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, or with rms the same with mean
 * 0. The variance is that of the whole row, taken about the mean in a second pass. scale and bias may be NULL; y may be
 * x. */
#ifndef HN_KERNELS_NORM_F32_H
#define HN_KERNELS_NORM_F32_H

#include <stdbool.h>

#include "kernels/kernel.h"

typedef struct hn_norm_f32 {
    size_t n;
    const float *x, *scale, *bias;
    float *y;
    float epsilon;
    bool rms;
    float *mean, *inverse; /* 1 / sqrt(variance + epsilon); NULL: not wanted */
} hn_norm_f32;

typedef void hn_norm_f32_fn(const hn_norm_f32 *g);

#endif
