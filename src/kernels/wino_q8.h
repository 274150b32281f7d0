/* wino_q8: a run of tiles of an 8-bit 3 x 3 convolution with stride 1, channels last, by Winograd's minimal filtering
 * F(2 x 2, 3 x 3): 16 products a tile instead of 36, in integers, so that the result is the direct sum's, bit for bit.
 *
 * Tiles of 2 x 2 outputs are numbered over image, row, column of the tile. A window d of 4 x 4 bytes in the u8 domain
 * is transformed, V = B' d B; 16 products over the channels follow, M = V U; the outputs are A' M A. B and A hold 0, 1
 * and -1; U = (2G) w (2G)' with the whole numbers 2G = {2 0 0, 1 1 1, 1 -1 1, 0 0 2}, so A' M A is 4 times the sum of
 * the definition. A window may leave the image (`pad` there), a tile may leave the output (nothing is stored there).
 *
 * Bounds. |V| <= 4 * 255 = 1020, for weights of |w| <= 255 |U| <= 9 * 255 = 2295: words. Products and sums are modulo
 * 2^32: every step is an addition, a subtraction or a multiplication, so a sum that wraps on the way is right again
 * when the true value of 4 * (sum + bias) fits int32. The caller sees to that, and gives `scale` a quarter of its value
 * (exact unless subnormal): (float)(4 s) * (scale / 4) rounds as (float)s * scale, for both factors only change their
 * exponents.
 *
 * U is packed by the caller (hn_wino_q8_at), panels of 16 columns, channels in blocks of 16, zeros in what is too much.
 * bias and scale hold a panel's whole width of entries. Exactly the outputs are written; of X and R nothing outside the
 * images is read. Y must not overlap X; it may be R itself. */
#ifndef HN_KERNELS_WINO_Q8_H
#define HN_KERNELS_WINO_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_WINO_Q8_COLUMNS = 16, HN_WINO_Q8_CHANNELS = 16 };

typedef struct hn_wino_q8 {
    size_t h, w, c;      /* input image; c >= 8 */
    size_t oh, ow, m;    /* output image */
    size_t down, across; /* tiles of an image */
    ptrdiff_t pt, pl;    /* pads of the window */
    const uint8_t *x;    /* of image 0 */
    uint8_t flip, pad;   /* flip: 0 or 0x80; pad: as it would lie in memory */
    uint8_t *y;          /* of image 0 */
    size_t y_stride;     /* from pixel to pixel; m where there is a residual */
    const uint8_t *r;    /* of image 0, as y; only with HN_Q8_RESIDUAL */
    const int16_t *u;
    const int32_t *bias;  /* 4 times the bias */
    const float *scale;   /* a quarter of the scale */
    const hn_q8_out *out; /* kinds BYTE and RESIDUAL */
    void *scratch;        /* hn_wino_q8_bytes of them, on a 64-byte boundary */
    size_t first, count;  /* tiles, count >= 1 */
} hn_wino_q8;

typedef void hn_wino_q8_fn(const hn_wino_q8 *g);

static inline size_t hn_wino_q8_blocks(size_t n)
{
    return (n + 15) / 16;
}

/* Words of U. */
static inline size_t hn_wino_q8_words(size_t c, size_t m)
{
    return 16 * 16 * 16 * hn_wino_q8_blocks(c) * hn_wino_q8_blocks(m);
}

/* Where U has channel i and column o at row y and column x of the transformed window: [panel][y][x is 1 or 2][pair of
 * channels][x is 2 or 3][column][2]. x = 1 and 2 go first, for their sum and difference start the sums of the others.
 */
static inline size_t hn_wino_q8_at(size_t c, size_t i, size_t o, size_t y, size_t x)
{
    size_t pairs = 8 * hn_wino_q8_blocks(c), outer = x == 0 || x == 3, second = x >= 2;
    return ((((o / 16 * 4 + y) * 2 + outer) * pairs + i / 2) * 2 + second) * 32 + o % 16 * 2 + i % 2;
}

/* Words of V for mr tiles and one of the 16 products: an odd number of vectors, which spreads over cache sets. */
static inline size_t hn_wino_q8_product(size_t mr, size_t c)
{
    return (hn_wino_q8_blocks(c) * mr | 1) * 16;
}

/* Scratch for `count` tiles: V of all channels, A' along rows done M of one panel. */
static inline size_t hn_wino_q8_bytes(const hn_kernel *k, size_t c, size_t count)
{
    size_t groups = (count + k->mr - 1u) / k->mr;
    return groups * (16 * hn_wino_q8_product(k->mr, c) * sizeof(int16_t) + k->mr * 8u * 16 * sizeof(int32_t));
}

#endif
