/* conv_few_f32 on the vectors of vec_generic.h, up to 8 channels at a time. */
#include "kernels/vec_generic.h"

#define NV          2
#define PIXELS_1    8
#define PIXELS_2    4
#define RECORD      hn_k_generic_conv_few_f32
#define RECORD_NAME "generic_conv_few_f32"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/conv_few_f32.inc"
