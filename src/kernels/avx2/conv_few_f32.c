/* conv_few_f32 on the vectors of vec_avx2.h, up to 24 channels at a time. */
#include "kernels/vec_avx2.h"

#define NV 3
#define RUN_3
#define PIXELS_1    12
#define PIXELS_2    6
#define PIXELS_3    4
#define RECORD      hn_k_avx2_conv_few_f32
#define RECORD_NAME "avx2_conv_few_f32"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/conv_few_f32.inc"
