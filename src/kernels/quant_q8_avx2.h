/* Quotients by multiplication, for kernels of quant_q8 that have fused operations.
 *
 * Division is what takes the time. f * first + f * rest, where first + rest are 1 / scale to 2^-47, rises with f, and
 * its integer changes at the same f as that of f / scale rounded: checked at each of the 256 halves up to 255.5 for
 * each of the 2^23 significands of a scale, it fails for the one of all ones. Exponents do not matter as long as
 * nothing underflows next to a half. */
#ifndef HN_KERNELS_QUANT_Q8_AVX2_H
#define HN_KERNELS_QUANT_Q8_AVX2_H

#include <stdbool.h>
#include <string.h>

#include "kernels/quant_q8.h"

typedef struct inverse {
    float first, rest, most; /* most: f that gives 1024 */
} inverse;

static inline bool by_inverse(float scale)
{
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    return scale >= 0x1p-60f && scale <= 0x1p60f && (bits & 0x7fffff) != 0x7fffff;
}

static inline inverse inverse_of(float scale)
{
    const float first = 1 / scale;
    return (inverse){first, __builtin_fmaf(-scale, first, 1) * first, 1024 * scale};
}

#endif
