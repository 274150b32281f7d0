/* Product of two byte tensors, in plain C. */
#define MUL 1
#include "kernels/binary_q8.inc"

const hn_kernel hn_k_generic_mul_q8 = {.family = "binary_q8",
                                       .name = "generic_mul_q8",
                                       .isa = HN_ISA_GENERIC,
                                       .variant = HN_BINARY_Q8_MUL,
                                       .rank = 0,
                                       .fn = (hn_kernel_fn *)binary};
