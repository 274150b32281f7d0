/* gemm_f32 tile of 6 x 64: for widths that it covers in fewer tiles than the taller one. */
#include "kernels/vec_avx512.h"

#define MR          6
#define NV          4
#define RECORD      hn_k_avx512_gemm_f32_6x64
#define RECORD_NAME "avx512_gemm_f32_6x64"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 18
#include "kernels/gemm_f32.inc"
