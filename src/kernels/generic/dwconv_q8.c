/* 8-bit depthwise convolution from plain C. */
#include "kernels/dwconv_q8.inc"

const hn_kernel hn_k_generic_dwconv_q8 = {.family = "dwconv_q8",
                                          .name = "generic_dwconv_q8",
                                          .isa = HN_ISA_GENERIC,
                                          .variant = HN_DWCONV_Q8_PLAIN,
                                          .rank = 0,
                                          .fn = (hn_kernel_fn *)dwconv};
