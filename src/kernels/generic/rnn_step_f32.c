/* rnn_step_f32 on the vectors of vec_generic.h; see kernels/rnn_step_f32.h. */
#include "kernels/vec_generic.h"

#define RECORD      hn_k_generic_rnn_step_f32
#define RECORD_NAME "generic_rnn_step_f32"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0
#include "kernels/rnn_step_f32.inc"
