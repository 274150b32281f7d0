/* pool_f32: one row of outputs of a max or sum pooling, channels last, all channels.
 *
 * Output pixel o of channel c is the largest (-inf where there is none; NaN is passed over), or scale * col_scale[o]
 * times the sum, of x[i * row_stride + (o * sw + j * dw - pl) * c + channel] over tap rows i < rows and columns j < kw
 * inside [0, width). Nothing is over-read. */
#ifndef HN_KERNELS_POOL_F32_H
#define HN_KERNELS_POOL_F32_H

#include <stdbool.h>

#include "kernels/kernel.h"

typedef struct hn_pool_f32 {
    size_t c, rows, kw, width, ow;
    ptrdiff_t sw, dw, pl;
    const float *x;
    size_t row_stride;
    float *y;
    bool average;
    float scale;
    const float *col_scale;
} hn_pool_f32;

typedef void hn_pool_f32_fn(const hn_pool_f32 *g);

#endif
