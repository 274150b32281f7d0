/* line_f32 variant 1 (outputs) on the vectors of vec_avx512.h. */
#include "kernels/vec_avx512.h"

#define VARIANT     1
#define RECORD      hn_k_avx512_line_f32_out
#define RECORD_NAME "avx512_line_f32_out"
#define RECORD_ISA  HN_ISA_AVX512
#define RECORD_RANK 20
#include "kernels/line_f32.inc"
