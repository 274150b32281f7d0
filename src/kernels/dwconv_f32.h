/* dwconv_f32: one row of outputs of a depthwise convolution, channels last, all channels.
 *
 * Output pixel o of channel c is epilogue(sum over tap rows i < rows and columns j < kw of
 * x[i * row_stride + (o * sw + j * dw - pl) * c_stride + c] * w[(i * kw + j) * w_stride + c]) over the columns inside
 * [0, width). x points at column 0 of the first tap row that lies inside the image, w at that row's weights. w_stride
 * is c rounded up to 16 or more, zero-padded. y and the residual have stride c between pixels. Nothing is over-read but
 * weights. */
#ifndef HN_KERNELS_DWCONV_F32_H
#define HN_KERNELS_DWCONV_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

typedef struct hn_dwconv_f32 {
    size_t c, rows, kw, width, ow;
    ptrdiff_t sw, dw, pl;
    const float *x;
    size_t row_stride, c_stride;
    const float *w;
    size_t w_stride;
    float *y;
    hn_epilogue_f32 ep;
} hn_dwconv_f32;

typedef void hn_dwconv_f32_fn(const hn_dwconv_f32 *g);

#endif
