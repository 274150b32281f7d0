/* rowconv_q8: one output row of a convolution whose input lies in byte runs, one for each tap (channel and place in the
 * window), with output pixels next to each other: the first layer of networks that see channels-first images.
 *
 *   acc[i][j] = bias[j] + sum over t of (tap[t][i] ^ x_flip) * (w(j, t) - (t < taps ? w_zp : 0)),  i < m, j < n
 * finished as kernels/q8.h says for BYTE, or by records with the flag FLOATS also for F32, Y[i * ldy + j]. There are
 * taps, and up to 4 * groups some that count for nothing but their weight; weights lie in blocks of 8 channels (the
 * last padded), 32 bytes for each group in it: 4 taps of each channel. w, bias and scale are padded to whole blocks, w
 * is 32-byte aligned. Of each run the first m bytes, rounded up to a multiple of 64, are read.
 *
 * Records of kr 2 take weights as words, at the same places, without their zero point (w_zp is 0), and bytes of the
 * image as what they stand for: signed where x_flip is 0x80, instead of 128 more. Their pixels may lie `step` = 2 bytes
 * apart, tap[t][2 * i]. Runs are twice as long then, and start a byte earlier where t is odd, unless tap[t] is
 * tap[t - 1] + 1, which takes least time. */
#ifndef HN_KERNELS_ROWCONV_Q8_H
#define HN_KERNELS_ROWCONV_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_ROWCONV_Q8_BLOCK = 8 /* channels */, HN_ROWCONV_Q8_GROUPS = 40 /* most groups */ };
enum { HN_ROWCONV_Q8_FLOATS = 1 }; /* a flag of records */

typedef struct hn_rowconv_q8 {
    size_t m, n, taps, groups;
    const uint8_t *const *tap;
    uint8_t x_flip;
    int32_t w_zp;
    const int8_t *w; /* or words */
    const int32_t *bias;
    const float *scale;
    void *y; /* bytes or floats */
    size_t ldy;
    const hn_q8_out *out; /* kinds BYTE, F32 */
    size_t step;          /* 1, or 2 with kr 2 */
} hn_rowconv_q8;

typedef void hn_rowconv_q8_fn(const hn_rowconv_q8 *g);

/* Element of tap t of channel j in w. */
static inline size_t hn_rowconv_q8_at(size_t groups, size_t j, size_t t)
{
    const size_t block = HN_ROWCONV_Q8_BLOCK;
    return ((j / block * groups + t / 4) * block + j % block) * 4 + t % 4;
}

#endif
