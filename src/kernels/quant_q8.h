/* quant_q8: f32 to bytes and back, over n contiguous elements, in the u8 domain of kernels/q8.h.
 *
 * QUANTIZE: q[i] = clamp(rint(f[i] / scale[i*each]) + zp[i*each], 0, 255) ^ flip; NaN gives 0 ^ flip. A true division,
 * or what gives the same bytes.
 * DEQUANTIZE: f[i] = (float)((q[i] ^ flip) - zp[i*each]) * scale[i*each].
 * RANGE: lo = min(lo, f[i]), hi = max(hi, f[i]), NaN ignored.
 * `each` is 0 or 1. q and f do not overlap. */
#ifndef HN_KERNELS_QUANT_Q8_H
#define HN_KERNELS_QUANT_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_QUANT_Q8_QUANTIZE, HN_QUANT_Q8_DEQUANTIZE, HN_QUANT_Q8_RANGE };

typedef struct hn_quant_q8 {
    size_t n;
    float *f;
    uint8_t *q;
    const float *scale;
    const int32_t *zp; /* u8 domain, 0 to 255 */
    uint32_t each;
    uint8_t flip;
    float lo, hi; /* RANGE: in and out */
} hn_quant_q8;

typedef void hn_quant_q8_fn(hn_quant_q8 *g);

#endif
