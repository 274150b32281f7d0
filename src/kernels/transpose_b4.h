/* transpose_b4: dst[c][r] = src[r][c] for 4-byte elements (moved as bits), row strides in elements. src and dst are
 * apart. Nothing is over-read or over-written. */
#ifndef HN_KERNELS_TRANSPOSE_B4_H
#define HN_KERNELS_TRANSPOSE_B4_H

#include "kernels/kernel.h"

typedef void hn_transpose_b4_fn(size_t rows, size_t cols, const void *src, size_t src_stride, void *dst,
                                size_t dst_stride);

#endif
