/* wino_f32 of 6 x 6 outputs. */
#include "kernels/vec_generic.h"

#define TILE        6
#define MR          4
#define RECORD      hn_k_generic_wino_f32_6
#define RECORD_NAME "generic_wino_f32_6"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/wino_f32.inc"
