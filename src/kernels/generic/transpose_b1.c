/* Bytes turned over in plain C. */
#include "kernels/transpose_b1.h"

static void transpose_b1(size_t rows, size_t cols, const uint8_t *src, size_t src_stride, uint8_t *dst,
                         size_t dst_stride)
{
    hn_transpose_b1_plain(rows, cols, src, src_stride, dst, dst_stride);
}

const hn_kernel hn_k_generic_transpose_b1 = {.family = "transpose_b1",
                                             .name = "generic_transpose_b1",
                                             .isa = HN_ISA_GENERIC,
                                             .fn = (hn_kernel_fn *)transpose_b1};
