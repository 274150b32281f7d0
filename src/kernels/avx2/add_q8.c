/* Sum of two byte tensors of different scales, for AVX2. */
#include "kernels/avx2/lib_binary_q8.h"

static void run(const hn_binary_q8 *g)
{
    binary_q8(g, 0);
}

const hn_kernel hn_k_avx2_add_q8 = {.family = "binary_q8",
                                    .name = "avx2_add_q8",
                                    .isa = HN_ISA_AVX2,
                                    .variant = HN_BINARY_Q8_ADD,
                                    .rank = 1,
                                    .fn = (hn_kernel_fn *)run};
