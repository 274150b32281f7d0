/* 8-bit depthwise convolution with VNNI: 64 channels a pass, the rest in one pass of 64, 32 or 16, masked. */
#include "kernels/vnni/lib_dwconv_q8_all.h"

static void dwconv(const hn_dwconv_q8 *g)
{
    size_t left = g->c % 64, whole = g->c - left;
    hn_dwconv_q8_taps at;
    hn_dwconv_q8_start(g, &at);
    const uint8_t *const *p = at.p;
    for (size_t i = 0; i < g->m; i++) {
        hn_dwconv_q8_move(g, &at, g->from + i);
        for (size_t from = 0; from < whole; from += 64) block_64(g, p, i, from, ~UINT64_C(0), 0);
        if (left > 32)
            block_64(g, p, i, whole, (UINT64_C(1) << left) - 1, 1);
        else if (left == 32)
            block_32(g, p, i, whole, ~UINT32_C(0), 0);
        else if (left > 16)
            block_32(g, p, i, whole, (UINT32_C(1) << left) - 1, 1);
        else if (left == 16)
            block_16(g, p, i, whole, 0xffff, 0);
        else if (left == 8)
            block_16(g, p, i, whole, 0xff, HALF);
        else if (left > 0)
            block_16(g, p, i, whole, (__mmask16)((1u << left) - 1), 1);
    }
}

const hn_kernel hn_k_vnni_dwconv_q8 = {.family = "dwconv_q8",
                                       .name = "vnni_dwconv_q8",
                                       .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                       .variant = HN_DWCONV_Q8_LANES,
                                       .rank = 2,
                                       .fn = (hn_kernel_fn *)dwconv};
