/* dwconv_f32 on the vectors of vec_avx2.h; see kernels/dwconv_f32.h. */
#include "kernels/vec_avx2.h"

#define RECORD      hn_k_avx2_dwconv_f32
#define RECORD_NAME "avx2_dwconv_f32"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/dwconv_f32_strip.inc"
