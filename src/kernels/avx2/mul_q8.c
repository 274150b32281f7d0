/* Product of two byte tensors, for AVX2. */
#define MUL 1
#include "kernels/binary_q8.inc"

const hn_kernel hn_k_avx2_mul_q8 = {.family = "binary_q8",
                                    .name = "avx2_mul_q8",
                                    .isa = HN_ISA_AVX2,
                                    .variant = HN_BINARY_Q8_MUL,
                                    .rank = 1,
                                    .fn = (hn_kernel_fn *)binary};
