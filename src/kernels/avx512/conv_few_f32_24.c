/* conv_few_f32 in 32 ymm registers: widths like 8 or 24 pad nothing. */
#include "kernels/vec_avx2.h"

#define NV          3
#define PIXELS_1    16
#define PIXELS_2    8
#define PIXELS_3    8
#define RECORD      hn_k_avx512_conv_few_f32_24
#define RECORD_NAME "avx512_conv_few_f32_24"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 15
#include "kernels/conv_few_f32.inc"
