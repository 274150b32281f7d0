/* dwconv_f32: rows of outputs of a depthwise convolution, channels last, all channels.
 *
 * Output pixel o of channel c is epilogue(sum over tap rows i < rows and columns j < kw of
 * x[i * row_stride + (o * sw + j * dw - pl) * c_stride + c] * w[(i * kw + j) * w_stride + c]) over the columns inside
 * [0, width). x points at column 0 of the first tap row that lies inside the image, w at that row's weights. w_stride
 * is c rounded up to 16 or more, zero-padded. y and the residual have stride c between pixels. Nothing is over-read but
 * weights.
 *
 * A record with kr > 0 takes lines[0 .. n), n <= kr: as many rows of outputs, one after the other in y and the
 * residual, each with its own x, w and rows. Others compute one row and read no lines. */
#ifndef HN_KERNELS_DWCONV_F32_H
#define HN_KERNELS_DWCONV_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

/* An output row: its first tap row inside the image, that row's weights, its tap rows inside. */
typedef struct hn_dwconv_line {
    const float *x, *w;
    size_t rows;
} hn_dwconv_line;

typedef struct hn_dwconv_f32 {
    size_t c, rows, kw, width, ow;
    ptrdiff_t sw, dw, pl;
    const float *x;
    size_t row_stride, c_stride;
    const float *w;
    size_t w_stride;
    float *y;
    hn_epilogue_f32 ep;
    const hn_dwconv_line *lines;
    size_t n;
} hn_dwconv_f32;

typedef void hn_dwconv_f32_fn(const hn_dwconv_f32 *g);

#endif
