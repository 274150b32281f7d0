/* pool_q8: windows of channels-last bytes, pixels [from, from + m) of output row oy, in the u8 domain of kernels/q8.h.
 *
 * MAX: the largest byte of the window inside the image. AVERAGE: with `inside` pixels of the window in the image and
 * `count` of inside or (include) all within the padded image, y = clamp(rint((float)(sum - inside * x_zp) * (scale /
 * (float)count)) + y_zp). An empty window gives the smallest byte (MAX) or y_zp clamped. */
#ifndef HN_KERNELS_POOL_Q8_H
#define HN_KERNELS_POOL_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_POOL_Q8_MAX, HN_POOL_Q8_AVERAGE };

typedef struct hn_pool_q8 {
    size_t oy, from, m, c;
    size_t h, w, kh, kw, sh, sw, dh, dw, ph, pw;
    const uint8_t *x; /* the image */
    uint8_t *y;       /* of pixel `from` */
    uint8_t x_flip;
    uint32_t include;
    int32_t x_zp;
    float scale;
    const hn_q8_out *out; /* y_zp, limits, y_flip */
} hn_pool_q8;

typedef void hn_pool_q8_fn(const hn_pool_q8 *g);

/* Kernel positions [first, end) of one dim whose input is inside [0, size). */
static inline void hn_pool_q8_span(size_t o, size_t stride, size_t dilation, size_t pad, size_t k, size_t size,
                                   size_t *first, size_t *end)
{
    size_t at = o * stride;
    if (at >= pad && at - pad + (k - 1) * dilation < size) { /* as nearly always: no division */
        *first = 0;
        *end = k;
        return;
    }
    *first = at >= pad ? 0 : (pad - at + dilation - 1) / dilation;
    *end = at >= pad + size ? 0 : (pad + size - at + dilation - 1) / dilation;
    if (*end > k) *end = k;
    if (*first > *end) *first = *end;
}

#endif
