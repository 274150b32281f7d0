/* line_f32 variant 0 (windows) on the vectors of vec_avx2.h. */
#include "kernels/vec_avx2.h"

#define VARIANT     0
#define RECORD      hn_k_avx2_line_f32_in
#define RECORD_NAME "avx2_line_f32_in"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10
#include "kernels/line_f32.inc"
