/* rnn_step_f32: one time step of an LSTM or GRU for one sample: the product of the state with the recurrent weights and
 * the cell after it, a block of nr hidden units at a time, so that the sums never leave the registers.
 *
 * weights: block b of nr units is [h][gates][nr] floats at weights + b * h * gates * nr, units past h are zeros; gates
 * are i, o, f, g (LSTM) or z, r, n (GRU with linear_before_reset). sums: [gates][h], products with the input and all
 * biases but `inner`, which is inside the reset (may be NULL). Blocks [first, end) are done, from the last one down
 * when `down` is set: whoever alternates finds in cache what the step before used last. state and next do not overlap;
 * c is read and written. y (may be NULL) gets a copy of next. Nothing is over-read but the padding of weights. */
#ifndef HN_KERNELS_RNN_STEP_F32_H
#define HN_KERNELS_RNN_STEP_F32_H

#include <stdbool.h>

#include "kernels/kernel.h"

typedef struct hn_rnn_step_f32 {
    bool gru, down;
    size_t h, first, end;
    const float *weights, *sums, *inner, *state;
    float *c, *next, *y;
} hn_rnn_step_f32;

typedef void hn_rnn_step_f32_fn(const hn_rnn_step_f32 *g);

#endif
