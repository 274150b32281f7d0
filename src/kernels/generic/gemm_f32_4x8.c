/* gemm_f32 tile of 4 x 8. */
#include "kernels/vec_generic.h"

#define MR          4
#define NV          2
#define RECORD      hn_k_generic_gemm_f32_4x8
#define RECORD_NAME "generic_gemm_f32_4x8"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/gemm_f32.inc"
