/* wino_f32 of 4 x 4 outputs. */
#include "kernels/vec_avx512.h"

#define TILE        4
#define MR          14
#define RECORD      hn_k_avx512_wino_f32_4
#define RECORD_NAME "avx512_wino_f32_4"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/wino_f32.inc"
