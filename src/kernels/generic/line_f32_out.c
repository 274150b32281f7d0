/* line_f32 variant 1 (outputs) on the vectors of vec_generic.h. */
#include "kernels/vec_generic.h"

#define VARIANT     1
#define RECORD      hn_k_generic_line_f32_out
#define RECORD_NAME "generic_line_f32_out"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/line_f32.inc"
