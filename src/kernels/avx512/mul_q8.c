/* Product of two byte tensors, for AVX-512. */
#define MUL 1
#include "kernels/binary_q8.inc"

const hn_kernel hn_k_avx512_mul_q8 = {.family = "binary_q8",
                                      .name = "avx512_mul_q8",
                                      .isa = HN_ISA_AVX2 | HN_ISA_AVX512,
                                      .variant = HN_BINARY_Q8_MUL,
                                      .rank = 2,
                                      .fn = (hn_kernel_fn *)binary};
