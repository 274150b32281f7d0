/* phases_q8: a run of bytes cut by place modulo step: y[(i % step) * ld + i / step] = x[i], i < n. Exactly these bytes
 * are read and written; no overlap. */
#ifndef HN_KERNELS_PHASES_Q8_H
#define HN_KERNELS_PHASES_Q8_H

#include "kernels/kernel.h"

typedef void hn_phases_q8_fn(size_t n, size_t step, const uint8_t *x, uint8_t *y, size_t ld);

static inline void hn_phases_q8_plain(size_t n, size_t step, const uint8_t *x, uint8_t *y, size_t ld)
{
    for (size_t k = 0; k < step; k++)
        for (size_t i = k, at = k * ld; i < n; i += step) y[at++] = x[i];
}

#endif
