/* dwconv_q8: depthwise convolution of channels-last bytes, every output channel from the one input channel at its
 * place.
 *
 * One call does pixels [from, from + m) of one output row:
 *   acc[i][j] = bias[j] + sum over ky, kx of u8(x(i,ky,kx)[j]) * w[ky*kw+kx][j]
 * finished as kernels/q8.h says (BYTE, RESIDUAL), with x(i,ky,kx) = row[ky] + c * (i*sw + kx*dw - pw), or `pad` (c
 * bytes, all alike) where row[ky] is NULL or the pixel is outside [0, width). Variant PLAIN: w is [taps][c] bytes, bias
 * and scale in channel order. Variant COLUMNS (kh <= 3, kw 3, sw 1 or 2, dw 1): blocks of 64 channels, the rest in one
 * block of 64, 32 or 16; in a block what hn_dwconv_q8_at says of tap number 4*kx+ky of 12, those past kh with zero
 * weights; where `more` is given, the weight is w plus more. Packed arrays are 64-byte aligned and padded to whole
 * blocks. Variants PAIRS and THREE: w holds 16-bit numbers, so that weights may have 9 bits and need no second summand;
 * x counts as signed where x_flip is 0x80, and bias goes with that. Channels come in blocks as hn_dwconv_q8_lane
 * (THREE: lane3) says, for each of them all pairs of taps, weights at hn_dwconv_q8_place (place3), bias and scale in
 * the order of lanes (THREE: at order3). THREE: windows of which hn_dwconv_q8_three is true. Y and R are those of pixel
 * `from`. Nothing outside the pixels and Y's m * c bytes is touched; Y may be R itself.
 *
 * With PAIRS and THREE a call, whose argument is the first member of an hn_dwconv_q8_rows, does these pixels of output
 * rows [oy, oy + rows), which lie one after the other in Y and R, at blocks [block, block + blocks) of channels, from
 * image x of h rows: the window's rows of output row y are those at y*sh + ky*dh - ph, padding where there is none;
 * `row` is not read. All bytes of Y come to less than 2^32. The last block of THREE may go over channels of the one
 * before: that one comes first. */
#ifndef HN_KERNELS_DWCONV_Q8_H
#define HN_KERNELS_DWCONV_Q8_H

#include <stdbool.h>

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_DWCONV_Q8_PLAIN, HN_DWCONV_Q8_COLUMNS, HN_DWCONV_Q8_PAIRS, HN_DWCONV_Q8_THREE };
enum { HN_DWCONV_Q8_TAPS = 64 }; /* most taps */

typedef struct hn_dwconv_q8 {
    size_t from, m, c;
    size_t kh, kw, sw, dw, pw, width;
    const uint8_t *const *row; /* kh */
    const uint8_t *pad;
    uint8_t x_flip;
    const int8_t *w;
    const int8_t *more; /* COLUMNS: a second summand of each weight, or NULL */
    const int32_t *bias;
    const float *scale;
    uint8_t *y;
    const uint8_t *r; /* RESIDUAL */
    const hn_q8_out *out;
} hn_dwconv_q8;

/* What PAIRS and THREE get. */
typedef struct hn_dwconv_q8_rows {
    hn_dwconv_q8 one;
    const uint8_t *x;
    size_t h, sh, dh, ph, oy, rows;
    size_t block, blocks;
} hn_dwconv_q8_rows;

typedef void hn_dwconv_q8_fn(const hn_dwconv_q8 *g);

/* Width of the block that starts `left` channels before the end. */
static inline size_t hn_dwconv_q8_width(size_t left)
{
    return left > 32 ? 64 : left > 16 ? 32 : 16;
}
/* Channels with padding. */
static inline size_t hn_dwconv_q8_channels(size_t c)
{
    return c / 64 * 64 + (c % 64 ? hn_dwconv_q8_width(c % 64) : 0);
}

/* Place of channel j in bias and scale, and, with tap t, in w. The order is the one that unpacking bytes to 32-bit
 * lanes gives. */
static inline size_t hn_dwconv_q8_channel_at(size_t c, size_t j)
{
    size_t start = j / 64 * 64, width = hn_dwconv_q8_width(c - start), i = j - start;
    return start + i % 16 / 4 * (width / 4) + i / 16 * 4 + i % 4;
}
/* t: the tap's number in the packed order, of 12. */
static inline size_t hn_dwconv_q8_at(size_t c, size_t j, size_t t)
{
    size_t start = j / 64 * 64, width = hn_dwconv_q8_width(c - start);
    return start * 12 + t / 4 * 4 * width + (hn_dwconv_q8_channel_at(c, j) - start) * 4 + t % 4;
}

/* PAIRS: blocks of 8 lanes, lanes counted over the blocks. Few channels that do not fill blocks come again and again:
 * bytes of several pixels of a row make blocks. */
static inline bool hn_dwconv_q8_flat(size_t c)
{
    return c < 16 && c % 8 != 0;
}
static inline size_t hn_dwconv_q8_blocks(size_t c)
{
    return !hn_dwconv_q8_flat(c) ? (c + 7) / 8 : c % 2 != 0 ? c : c % 4 != 0 ? c / 2 : c / 4;
}
static inline size_t hn_dwconv_q8_lane(size_t c, size_t lane)
{
    return lane % c;
}
/* Two rows at a time are paired, a last one with zeroes. */
static inline size_t hn_dwconv_q8_pairs(size_t kh, size_t kw)
{
    return (kh + 1) / 2 * kw;
}
static inline size_t hn_dwconv_q8_place(size_t kh, size_t kw, size_t lane, size_t ky, size_t kx)
{
    return 16 * (lane / 8 * hn_dwconv_q8_pairs(kh, kw) + ky / 2 * kw + kx) + lane % 8 * 2 + ky % 2;
}

/* THREE: blocks of 16 channels, or of twice 8. The last one ends with the last channel, so that it may repeat channels
 * of the one before. */
static inline bool hn_dwconv_q8_three(const hn_dwconv_q8_rows *g)
{
    const hn_dwconv_q8 *o = &g->one;
    const bool plain = g->sh == 1 && g->dh == 1 && o->out->kind == HN_Q8_BYTE;
    return o->kh == 3 && o->kw == 3 && o->dw == 1 && o->sw <= 2 && (o->c >= 16 || (o->c == 8 && (o->sw == 2 || plain)));
}
static inline size_t hn_dwconv_q8_blocks3(size_t c)
{
    return (c + 15) / 16;
}
static inline size_t hn_dwconv_q8_first3(size_t c, size_t block)
{
    return c < 16 ? 0 : 16 * block + 16 < c ? 16 * block : c - 16;
}
static inline size_t hn_dwconv_q8_lane3(size_t c, size_t lane)
{
    return hn_dwconv_q8_first3(c, lane / 16) + lane % 16 % (c < 16 ? 8 : 16);
}
/* Place of a lane in bias and scale. */
static inline size_t hn_dwconv_q8_order3(size_t lane)
{
    return lane / 16 * 16 + lane / 4 % 2 * 8 + lane / 8 % 2 * 4 + lane % 4;
}
/* Two rows are paired, the columns of the last row with each other. */
static inline size_t hn_dwconv_q8_place3(size_t lane, size_t ky, size_t kx)
{
    const size_t pair = ky < 2 ? kx : 3 + kx / 2;
    return 32 * (lane / 16 * 5 + pair) + 2 * (hn_dwconv_q8_order3(lane) % 16) + (ky < 2 ? ky : kx % 2);
}

/* The pixel of each tap for consecutive output pixels: in the middle of the row all move by the same step. */
typedef struct hn_dwconv_q8_taps {
    const uint8_t *p[HN_DWCONV_Q8_TAPS];
    size_t step[HN_DWCONV_Q8_TAPS]; /* 0 for taps in rows of padding */
    bool steady;                    /* p is that of the pixel before, which was in the middle */
} hn_dwconv_q8_taps;

/* Call for i = from, from + 1, ... with steady false and step set by hn_dwconv_q8_start. */
static inline void hn_dwconv_q8_start(const hn_dwconv_q8 *g, hn_dwconv_q8_taps *t)
{
    for (size_t i = 0; i < g->kh * g->kw; i++) t->step[i] = g->row[i / g->kw] ? g->sw * g->c : 0;
    t->steady = false;
}
static inline void hn_dwconv_q8_move(const hn_dwconv_q8 *g, hn_dwconv_q8_taps *t, size_t i)
{
    size_t taps = g->kh * g->kw;
    ptrdiff_t x = (ptrdiff_t)(i * g->sw) - (ptrdiff_t)g->pw;
    bool middle = x >= 0 && (size_t)x + (g->kw - 1) * g->dw < g->width;
    if (middle && t->steady) {
        for (size_t k = 0; k < taps; k++) t->p[k] += t->step[k];
        return;
    }
    for (size_t k = 0; k < taps; k++) {
        const uint8_t *row = g->row[k / g->kw];
        ptrdiff_t at = x + (ptrdiff_t)(k % g->kw * g->dw);
        t->p[k] = row && at >= 0 && (size_t)at < g->width ? row + (size_t)at * g->c : g->pad;
    }
    t->steady = middle;
}

#endif
