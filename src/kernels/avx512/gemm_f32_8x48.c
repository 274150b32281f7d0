/* gemm_f32 tile of 8 x 48. */
#include "kernels/vec_avx512.h"

#define MR          8
#define NV          3
#define RECORD      hn_k_avx512_gemm_f32_8x48
#define RECORD_NAME "avx512_gemm_f32_8x48"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/gemm_f32.inc"
