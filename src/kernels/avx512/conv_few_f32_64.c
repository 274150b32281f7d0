/* conv_few_f32 on the vectors of vec_avx512.h, up to 64 channels at a time. */
#include "kernels/vec_avx512.h"

#define NV          4
#define PIXELS_1    16
#define PIXELS_2    8
#define PIXELS_3    8
#define PIXELS_4    6
#define RECORD      hn_k_avx512_conv_few_f32_64
#define RECORD_NAME "avx512_conv_few_f32_64"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/conv_few_f32.inc"
