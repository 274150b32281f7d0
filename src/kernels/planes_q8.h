/* planes_q8: bytes of c planes to channels-last pixels: y[i * c + k] = x[k * plane + i], i < n, k < c. Exactly these
 * bytes are read and written; no overlap. */
#ifndef HN_KERNELS_PLANES_Q8_H
#define HN_KERNELS_PLANES_Q8_H

#include "kernels/kernel.h"

typedef void hn_planes_q8_fn(size_t n, size_t c, const uint8_t *x, size_t plane, uint8_t *y);

static inline void hn_planes_q8_plain(size_t from, size_t n, size_t c, const uint8_t *x, size_t plane, uint8_t *y)
{
    for (size_t k = 0; k < c; k++)
        for (size_t i = from; i < n; i++) y[i * c + k] = x[k * plane + i];
}

#endif
