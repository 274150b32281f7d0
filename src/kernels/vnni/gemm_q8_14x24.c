/* 8-bit GEMM with VNNI: 14 rows by 24 columns, in panels of 32. */
#define MR   14
#define NV   2
#define HALF 1
#include "kernels/vnni/lib_gemm_q8.inc"

const hn_kernel hn_k_vnni_gemm_q8_14x24 = {.family = "gemm_q8",
                                           .name = "vnni_gemm_q8_14x24",
                                           .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                           .mr = MR,
                                           .nr = 24,
                                           .kr = 4,
                                           .rank = 2,
                                           .fn = (hn_kernel_fn *)gemm};
