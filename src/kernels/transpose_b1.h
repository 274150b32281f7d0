/* transpose_b1: dst[c][r] = src[r][c] for bytes, row strides in bytes. src and dst are apart. Nothing is over-read or
 * over-written. */
#ifndef HN_KERNELS_TRANSPOSE_B1_H
#define HN_KERNELS_TRANSPOSE_B1_H

#include "kernels/kernel.h"

typedef void hn_transpose_b1_fn(size_t rows, size_t cols, const uint8_t *src, size_t src_stride, uint8_t *dst,
                                size_t dst_stride);

/* In tiles of 16 x 16, so that the lines of both sides stay in cache. */
static inline void hn_transpose_b1_plain(size_t rows, size_t cols, const uint8_t *src, size_t src_stride, uint8_t *dst,
                                         size_t dst_stride)
{
    for (size_t r0 = 0; r0 < rows; r0 += 16) {
        size_t r1 = rows - r0 < 16 ? rows : r0 + 16;
        for (size_t c0 = 0; c0 < cols; c0 += 16) {
            size_t c1 = cols - c0 < 16 ? cols : c0 + 16;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) dst[c * dst_stride + r] = src[r * src_stride + c];
        }
    }
}

#endif
