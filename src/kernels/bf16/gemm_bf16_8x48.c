/* gemm_bf16 tile of 8 x 48. */
#include "kernels/bf16/lib_gemm_bf16.h"

#define MR          8
#define NV          3
#define RECORD      hn_k_bf16_gemm_bf16_8x48
#define RECORD_NAME "bf16_gemm_bf16_8x48"
#define RECORD_RANK 20
#include "kernels/gemm_bf16.inc"
