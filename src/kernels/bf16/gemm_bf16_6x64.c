/* gemm_bf16 tile of 6 x 64: for widths that it covers in fewer tiles than the taller one. */
#include "kernels/bf16/lib_gemm_bf16.h"

#define MR          6
#define NV          4
#define RECORD      hn_k_bf16_gemm_bf16_6x64
#define RECORD_NAME "bf16_gemm_bf16_6x64"
#define RECORD_RANK 18
#include "kernels/gemm_bf16.inc"
