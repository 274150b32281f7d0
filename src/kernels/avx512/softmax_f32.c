/* softmax_f32 on the vectors of vec_avx512.h; see kernels/softmax_f32.h. */
#define VEC_TWO_ROUNDINGS
#include "kernels/vec_avx512.h"

#define RECORD      hn_k_avx512_softmax_f32
#define RECORD_NAME "avx512_softmax_f32"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/softmax_f32.inc"
