/* gemm_f32 around a tile of 6 x 16. */
#include "kernels/vec_avx2.h"

#define RECORD      hn_k_avx2_gemm_f32_6x16
#define RECORD_NAME "avx2_gemm_f32_6x16"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/gemm_f32_any.inc"
