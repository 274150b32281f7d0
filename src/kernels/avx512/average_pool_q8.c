/* Rescaled means of byte windows, for AVX-512. */
#define AVERAGE 1
#include "kernels/pool_q8.inc"

const hn_kernel hn_k_avx512_average_pool_q8 = {.family = "pool_q8",
                                               .name = "avx512_average_pool_q8",
                                               .isa = HN_ISA_AVX2 | HN_ISA_AVX512,
                                               .variant = HN_POOL_Q8_AVERAGE,
                                               .rank = 2,
                                               .fn = (hn_kernel_fn *)pool};
