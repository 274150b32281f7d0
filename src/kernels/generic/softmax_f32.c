/* softmax_f32 on the vectors of vec_generic.h; see kernels/softmax_f32.h. */
#define VEC_TWO_ROUNDINGS
#include "kernels/vec_generic.h"

#define RECORD      hn_k_generic_softmax_f32
#define RECORD_NAME "generic_softmax_f32"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/softmax_f32.inc"
