/* Rescaled means of byte windows, in plain C. */
#define AVERAGE 1
#include "kernels/pool_q8.inc"

const hn_kernel hn_k_generic_average_pool_q8 = {.family = "pool_q8",
                                                .name = "generic_average_pool_q8",
                                                .isa = HN_ISA_GENERIC,
                                                .variant = HN_POOL_Q8_AVERAGE,
                                                .rank = 0,
                                                .fn = (hn_kernel_fn *)pool};
