/* Sum of two byte tensors of different scales, in plain C. */
#define MUL 0
#include "kernels/binary_q8.inc"

const hn_kernel hn_k_generic_add_q8 = {.family = "binary_q8",
                                       .name = "generic_add_q8",
                                       .isa = HN_ISA_GENERIC,
                                       .variant = HN_BINARY_Q8_ADD,
                                       .rank = 0,
                                       .fn = (hn_kernel_fn *)binary};
