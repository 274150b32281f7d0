/* wino_f32 of 4 x 4 outputs. */
#include "kernels/vec_avx2.h"

#define SIXTEEN
#define TILE        4
#define MR          6
#define RECORD      hn_k_avx2_wino_f32_4
#define RECORD_NAME "avx2_wino_f32_4"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/wino_f32.inc"
