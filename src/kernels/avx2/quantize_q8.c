/* f32 to bytes, for AVX2. */
#include "kernels/quant_q8.inc"

static void run(hn_quant_q8 *g)
{
    quantize(g);
}

const hn_kernel hn_k_avx2_quantize_q8 = {.family = "quant_q8",
                                         .name = "avx2_quantize_q8",
                                         .isa = HN_ISA_AVX2,
                                         .variant = HN_QUANT_Q8_QUANTIZE,
                                         .rank = 1,
                                         .fn = (hn_kernel_fn *)run};
