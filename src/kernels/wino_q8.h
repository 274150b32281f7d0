/* wino_q8: a run of tiles of an 8-bit 3 x 3 convolution with stride 1, channels last, by Winograd's minimal filtering
 * F(t x t, 3 x 3), t (the kernel's variant) 2 or 4: 16 or 36 products a tile instead of 36 or 144, in integers, so that
 * the result is the direct sum's, bit for bit.
 *
 * Tiles of t x t outputs are numbered over image, row, column of the tile. A window d of t + 2 x t + 2 bytes in the u8
 * domain is transformed, V = B' d B; products over the channels follow, M = V U; the outputs are A' M A. Everything is
 * whole numbers: U = (f G) w (f G)' with a factor f for each row of G (hn_wino_q8_g), and A' M A with the factors that
 * make up for the differences is F times the sum of the definition, F 4 or 64 * 9. A window may leave the image (`pad`
 * there), a tile may leave the output (nothing is stored there).
 *
 * Bounds. t 2: |V| <= 4 * 255 = 1020, for weights of |w| <= 255 |U| <= 9 * 255 = 2295. t 4: |V| <= 68 * 255 = 17340,
 * for |w| <= HN_WINO_Q8_WEIGHT |U| <= 7 * 24 * 195 = 32760: words. Products and sums are modulo 2^32: every step is an
 * addition, a subtraction or a multiplication, the division by 9 being one with its inverse, so a sum that wraps on the
 * way is right again when the true value of 4 or 64 times (sum + bias) fits int32. The caller sees to that, and gives
 * `scale` a quarter or a 64th of its value (exact unless subnormal): (float)(4 s) * (scale / 4) rounds as (float)s *
 * scale, for both factors only change their exponents.
 *
 * U is packed by the caller (hn_wino_q8_at), panels of 16 columns, channels in blocks of 16, zeros in what is too much.
 * bias and scale hold a panel's whole width of entries. Exactly the outputs are written; of X and R nothing outside the
 * images is read. Y must not overlap X; it may be R itself. */
#ifndef HN_KERNELS_WINO_Q8_H
#define HN_KERNELS_WINO_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

enum { HN_WINO_Q8_COLUMNS = 16, HN_WINO_Q8_CHANNELS = 16, HN_WINO_Q8_WEIGHT = 195, HN_WINO_Q8_NINTH = 0x38e38e39 };

typedef struct hn_wino_q8 {
    size_t h, w, c;      /* input image; c >= 8 */
    size_t oh, ow, m;    /* output image */
    size_t down, across; /* tiles of an image */
    ptrdiff_t pt, pl;    /* pads of the window */
    const uint8_t *x;    /* of image 0 */
    uint8_t flip, pad;   /* flip: 0 or 0x80; pad: as it would lie in memory */
    void *y;             /* of image 0: bytes or floats */
    size_t y_stride;     /* from pixel to pixel, in elements; m where there is a residual */
    const uint8_t *r;    /* of image 0, as y; only with HN_Q8_RESIDUAL */
    const int16_t *u;
    const int32_t *bias;  /* hn_wino_q8_bias times the bias, modulo 2^32 */
    const float *scale;   /* the scale by hn_wino_q8_times */
    const hn_q8_out *out; /* kinds BYTE and RESIDUAL, HN_Q8_BOUNDED; F32 */
    void *scratch;        /* hn_wino_q8_bytes of them, on a 64-byte boundary */
    size_t first, count;  /* tiles, count >= 1 */
} hn_wino_q8;

typedef void hn_wino_q8_fn(const hn_wino_q8 *g);

static inline size_t hn_wino_q8_blocks(size_t n)
{
    return (n + 15) / 16;
}

/* What the kernel's sums are times those of the definition, and what the bias is to be times. */
static inline int32_t hn_wino_q8_times(size_t t)
{
    return t == 2 ? 4 : 64;
}
static inline int32_t hn_wino_q8_bias(size_t t)
{
    return t == 2 ? 4 : 144;
}

/* Row k of f G, along the rows (across) or the columns of w. */
static inline const int8_t *hn_wino_q8_g(size_t t, size_t k, int across)
{
    static const int8_t two[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
    static const int8_t four[2][6][3] = {
        {{6, 0, 0}, {-1, -1, -1}, {-1, 1, -1}, {1, 2, 4}, {1, -2, 4}, {0, 0, 6}},
        {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 24}},
    };
    return t == 2 ? two[k] : four[across][k];
}

/* Words of U. */
static inline size_t hn_wino_q8_words(size_t t, size_t c, size_t m)
{
    return (t + 2) * (t + 2) * 16 * 16 * hn_wino_q8_blocks(c) * hn_wino_q8_blocks(m);
}

/* Where U has channel i and column o at row y and column x of the transformed window: [panel][y][pair of x][pair of
 * channels][the second x of its pair][column][2]. Pairs of x are 1 and 2, 3 and 4 (t 4), and at last the outer two:
 * sums and differences of the inner pairs start the sums of these.
 */
static inline size_t hn_wino_q8_at(size_t t, size_t c, size_t i, size_t o, size_t y, size_t x)
{
    size_t points = t + 2, pairs = 8 * hn_wino_q8_blocks(c);
    size_t of_x = x == 0 || x == t + 1 ? t / 2 : (x - 1) / 2, second = x > 0 && (x % 2 == 0 || x == t + 1);
    return ((((o / 16 * points + y) * (points / 2) + of_x) * pairs + i / 2) * 2 + second) * 32 + o % 16 * 2 + i % 2;
}

/* Words of V for mr tiles and one of the products: an odd number of vectors, which spreads over cache sets. */
static inline size_t hn_wino_q8_product(size_t mr, size_t c)
{
    return (hn_wino_q8_blocks(c) * mr | 1) * 16;
}

/* Scratch for `count` tiles: V of all channels, A' along rows done M of one panel. */
static inline size_t hn_wino_q8_bytes(const hn_kernel *k, size_t c, size_t count)
{
    size_t groups = (count + k->mr - 1u) / k->mr, t = (size_t)k->variant, points = t + 2;
    return groups * (points * points * hn_wino_q8_product(k->mr, c) * sizeof(int16_t) +
                     k->mr * points * t * 16 * sizeof(int32_t));
}

#endif
