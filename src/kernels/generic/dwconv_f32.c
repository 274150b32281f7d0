/* dwconv_f32 on the vectors of vec_generic.h; see kernels/dwconv_f32.h. */
#include "kernels/vec_generic.h"

#define RECORD      hn_k_generic_dwconv_f32
#define RECORD_NAME "generic_dwconv_f32"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/dwconv_f32_strip.inc"
