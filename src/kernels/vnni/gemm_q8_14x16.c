/* 8-bit GEMM with VNNI: 14 rows by 16 columns. */
#define MR 14
#define NV 1
#include "kernels/vnni/lib_gemm_q8.inc"

const hn_kernel hn_k_vnni_gemm_q8_14x16 = {.family = "gemm_q8",
                                           .name = "vnni_gemm_q8_14x16",
                                           .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                           .mr = MR,
                                           .nr = NV * 16,
                                           .kr = 4,
                                           .rank = 2,
                                           .fn = (hn_kernel_fn *)gemm};
