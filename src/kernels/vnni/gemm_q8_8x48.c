/* 8-bit GEMM with VNNI: 8 rows by 48 columns. */
#define MR 8
#define NV 3
#include "kernels/vnni/lib_gemm_q8.inc"

const hn_kernel hn_k_vnni_gemm_q8_8x48 = {.family = "gemm_q8",
                                          .name = "vnni_gemm_q8_8x48",
                                          .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                          .mr = MR,
                                          .nr = NV * 16,
                                          .kr = 4,
                                          .rank = 2,
                                          .fn = (hn_kernel_fn *)gemm};
