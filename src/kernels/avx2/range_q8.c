/* Smallest and largest f32, for AVX2. */
#include "kernels/quant_q8.inc"

static void run(hn_quant_q8 *g)
{
    range(g);
}

const hn_kernel hn_k_avx2_range_q8 = {.family = "quant_q8",
                                      .name = "avx2_range_q8",
                                      .isa = HN_ISA_AVX2,
                                      .variant = HN_QUANT_Q8_RANGE,
                                      .rank = 1,
                                      .fn = (hn_kernel_fn *)run};
