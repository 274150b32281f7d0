/* Bytes to f32, in plain C. */
#include "kernels/quant_q8.inc"

static void run(hn_quant_q8 *g)
{
    dequantize(g);
}

const hn_kernel hn_k_generic_dequantize_q8 = {.family = "quant_q8",
                                              .name = "generic_dequantize_q8",
                                              .isa = HN_ISA_GENERIC,
                                              .variant = HN_QUANT_Q8_DEQUANTIZE,
                                              .rank = 0,
                                              .fn = (hn_kernel_fn *)run};
