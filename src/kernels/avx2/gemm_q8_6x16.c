/* 8-bit GEMM for AVX2: 6 rows by 16 columns, weights in runs whose products vpmaddubsw and vpaddw sum
 * without leaving 16 bits. */
#define WORDS 0
#include "kernels/avx2/lib_gemm_q8.inc"

const hn_kernel hn_k_avx2_gemm_q8_6x16 = {.family = "gemm_q8",
                                          .name = "avx2_gemm_q8_6x16",
                                          .isa = HN_ISA_AVX2,
                                          .mr = MR,
                                          .nr = NR,
                                          .kr = 4,
                                          .rank = 1,
                                          .flags = HN_GEMM_Q8_RUNS,
                                          .fn = (hn_kernel_fn *)gemm};
