/* 8-bit depthwise convolution from plain C, compiled for AVX2. */
#include "kernels/dwconv_q8.inc"

const hn_kernel hn_k_avx2_dwconv_q8 = {.family = "dwconv_q8",
                                       .name = "avx2_dwconv_q8",
                                       .isa = HN_ISA_AVX2,
                                       .variant = HN_DWCONV_Q8_PLAIN,
                                       .rank = 1,
                                       .fn = (hn_kernel_fn *)dwconv};
