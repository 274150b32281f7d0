/* cell_f32: what a recurrent cell does to one sample between its matrix products; h is the hidden size, s the sigmoid.
 * Gate arrays hold sums before activation. No arrays overlap but where one is named twice. Nothing is over-read. LSTM
 * a = [i, o, f, g]: c = s(f) c + s(i) tanh(g), state = s(o) tanh(c) GRU_RESET   a = [z, r]: out = s(r) state GRU_NEXT
 * a = [z, r], b: state = (1 - s(z)) tanh(b) + s(z) state GRU_LINEAR  a = [z, r], b, x: state = (1 - s(z)) tanh(x + s(r)
 * b) + s(z) state */
#ifndef HN_KERNELS_CELL_F32_H
#define HN_KERNELS_CELL_F32_H

#include "kernels/kernel.h"

typedef enum hn_cell_kind { HN_CELL_LSTM, HN_CELL_GRU_RESET, HN_CELL_GRU_NEXT, HN_CELL_GRU_LINEAR } hn_cell_kind;

typedef struct hn_cell_f32 {
    int32_t kind;
    size_t h;
    const float *a, *b, *x;
    float *state, *c, *out;
} hn_cell_f32;

typedef void hn_cell_f32_fn(const hn_cell_f32 *g);

#endif
