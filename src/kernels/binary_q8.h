/* binary_q8: two runs of n bytes to one, in the u8 domain of kernels/q8.h.
 *
 * A = (float)(a - a_zp), B = (float)(b - b_zp) as exact integers; ADD: u = A * a_scale + B * b_scale; MUL: u = (A * B)
 * * a_scale; y = clamp(rint(u) + y_zp, y_lo, y_hi), NaN gives y_lo. b_step 0: one byte of B for all. y may be a or b.
 */
#ifndef HN_KERNELS_BINARY_Q8_H
#define HN_KERNELS_BINARY_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_BINARY_Q8_ADD, HN_BINARY_Q8_MUL };

typedef struct hn_binary_q8 {
    size_t n;
    const uint8_t *a, *b;
    uint8_t *y;
    uint32_t b_step; /* 0 or 1 */
    int32_t a_zp, b_zp, y_zp;
    float a_scale, b_scale;
    float u_lo, u_hi; /* y_lo - y_zp, y_hi - y_zp */
    uint8_t a_flip, b_flip, y_flip;
} hn_binary_q8;

typedef void hn_binary_q8_fn(const hn_binary_q8 *g);

#endif
