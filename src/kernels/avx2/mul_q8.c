/* Product of two byte tensors, for AVX2. */
#include "kernels/avx2/lib_binary_q8.h"

static void run(const hn_binary_q8 *g)
{
    binary_q8(g, 1);
}

const hn_kernel hn_k_avx2_mul_q8 = {.family = "binary_q8",
                                    .name = "avx2_mul_q8",
                                    .isa = HN_ISA_AVX2,
                                    .variant = HN_BINARY_Q8_MUL,
                                    .rank = 1,
                                    .fn = (hn_kernel_fn *)run};
