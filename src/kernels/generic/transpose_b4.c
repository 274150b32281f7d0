/* transpose_b4 in tiles of 8 x 8, so that the lines of both sides stay in cache. */
#include "kernels/transpose_b4.h"

static void transpose_b4(size_t rows, size_t cols, const void *src, size_t src_stride, void *dst, size_t dst_stride)
{
    const uint32_t *s = src;
    uint32_t *d = dst;
    for (size_t r0 = 0; r0 < rows; r0 += 8) {
        size_t r1 = rows - r0 < 8 ? rows : r0 + 8;
        for (size_t c0 = 0; c0 < cols; c0 += 8) {
            size_t c1 = cols - c0 < 8 ? cols : c0 + 8;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) d[c * dst_stride + r] = s[r * src_stride + c];
        }
    }
}

const hn_kernel hn_k_generic_transpose_b4 = {
    .family = "transpose_b4",
    .name = "generic_transpose_b4",
    .isa = HN_ISA_GENERIC,
    .mr = 8,
    .nr = 8,
    .fn = (hn_kernel_fn *)transpose_b4,
};
