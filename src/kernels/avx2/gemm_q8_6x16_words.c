/* 8-bit GEMM for AVX2: 6 rows by 16 columns, weights of any kind as 16-bit words, with vpmaddwd. */
#define WORDS 1
#include "kernels/avx2/lib_gemm_q8.inc"

const hn_kernel hn_k_avx2_gemm_q8_6x16_words = {.family = "gemm_q8",
                                                .name = "avx2_gemm_q8_6x16_words",
                                                .isa = HN_ISA_AVX2,
                                                .mr = MR,
                                                .nr = NR,
                                                .kr = 2,
                                                .rank = 1,
                                                .fn = (hn_kernel_fn *)gemm};
