/* attention_f32 on the vectors of vec_avx512.h; see kernels/attention_f32.h. */
#include "kernels/vec_avx512.h"

#define RECORD      hn_k_avx512_attention_f32
#define RECORD_NAME "avx512_attention_f32"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/attention_f32.inc"
