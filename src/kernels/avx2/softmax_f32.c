/* softmax_f32 on the vectors of vec_avx2.h; see kernels/softmax_f32.h. */
#define VEC_TWO_ROUNDINGS
#include "kernels/vec_avx2.h"

#define RECORD      hn_k_avx2_softmax_f32
#define RECORD_NAME "avx2_softmax_f32"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/softmax_f32.inc"
