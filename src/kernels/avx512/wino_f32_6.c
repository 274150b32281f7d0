/* wino_f32 of 6 x 6 outputs. */
#include "kernels/vec_avx512.h"

#define TILE        6
#define MR          14
#define RECORD      hn_k_avx512_wino_f32_6
#define RECORD_NAME "avx512_wino_f32_6"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/wino_f32.inc"
