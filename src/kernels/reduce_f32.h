/* reduce_f32: y[j] = finish(f over i < n of x[i * stride + j]) for j < inner, in a fixed order; stride >= inner. With
 * inner 1 and stride 1 the row is summed in lanes. n 0 gives the neutral element. Nothing is over-read. */
#ifndef HN_KERNELS_REDUCE_F32_H
#define HN_KERNELS_REDUCE_F32_H

#include <stdbool.h>

#include "kernels/kernel.h"

typedef enum hn_reduce_kind {
    HN_REDUCE_SUM, /* times scale */
    HN_REDUCE_MAX, /* NaN when any is */
    HN_REDUCE_MIN,
    HN_REDUCE_SUM_SQUARE, /* times scale */
    HN_REDUCE_SUM_ABS
} hn_reduce_kind;

typedef void hn_reduce_f32_fn(int32_t kind, size_t n, size_t inner, const float *x, size_t stride, float *y,
                              float scale);

#endif
