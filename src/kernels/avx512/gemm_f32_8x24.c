/* gemm_f32 tile of 8 x 24 in 32 ymm registers: two fused multiply-adds a cycle make it as fast as the wide tile, and
 * widths like 8 or 24 pad nothing. */
#include "kernels/vec_avx2.h"

#define MR          8
#define NV          3
#define RECORD      hn_k_avx512_gemm_f32_8x24
#define RECORD_NAME "avx512_gemm_f32_8x24"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 15
#include "kernels/gemm_f32.inc"
