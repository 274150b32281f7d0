/* Largest bytes of windows, for AVX2. */
#define AVERAGE 0
#include "kernels/pool_q8.inc"

const hn_kernel hn_k_avx2_max_pool_q8 = {.family = "pool_q8",
                                         .name = "avx2_max_pool_q8",
                                         .isa = HN_ISA_AVX2,
                                         .variant = HN_POOL_Q8_MAX,
                                         .rank = 1,
                                         .fn = (hn_kernel_fn *)pool};
