/* attention_f32: y = softmax(scale q k' + mask) v for at most nr queries of one head, keys in blocks with a running
 * maximum. The lanes of a vector are queries, so that any head size fills them.
 *
 * Strides count floats from one row to the next; row i of q and of mask is query i, element j of a mask row is added to
 * the score of key j. Query i sees keys below open + i only; open >= keys means all. A score of minus infinity has
 * weight 0, and a query without weights gives 0. size, v_size <= HN_ATTENTION_SIZE. Nothing is over-read; sums run over
 * keys in order. */
#ifndef HN_KERNELS_ATTENTION_F32_H
#define HN_KERNELS_ATTENTION_F32_H

#include "kernels/kernel.h"

enum { HN_ATTENTION_SIZE = 256 };

typedef struct hn_attention_f32 {
    size_t queries, keys, size, v_size, open; /* queries, keys >= 1 */
    const float *q, *k, *v, *mask;            /* mask: NULL for none */
    size_t q_stride, k_stride, v_stride, mask_stride;
    float *y;
    size_t y_stride;
    float scale;
} hn_attention_f32;

typedef void hn_attention_f32_fn(const hn_attention_f32 *g);

#endif
