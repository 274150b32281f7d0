/* What the kernels of wino_q8 for x86 share: reading windows, 16 channels at a time in words, and pieces of rows. */
#ifndef HN_KERNELS_WINO_Q8_AVX2_H
#define HN_KERNELS_WINO_Q8_AVX2_H

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/wino_q8.h"

#define ALWAYS static inline __attribute__((always_inline))

enum { NR = HN_WINO_Q8_COLUMNS, LANES = HN_WINO_Q8_CHANNELS };

ALWAYS __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
ALWAYS void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* The input lines of a row of tiles, at one block of channels. A line outside the image is one pixel of padding
 * that all columns share: `reach` masks their distance. */
typedef struct lines {
    const uint8_t *at[6];
    ptrdiff_t reach[6];
    size_t w, c, channels; /* channels: of this block, at most 16 */
    __m128i flip, order;
    __m256i pad; /* 16 channels of padding, as words */
} lines;

/* Which bytes of two times eight, the second ones being the last of the block, are its first 16. */
static __m128i order_of(size_t n)
{
    uint8_t order[LANES];
    for (size_t i = 0; i < LANES; i++) order[i] = (uint8_t)(i >= n ? 0x80 : i < 8 && n >= 8 ? i : i + LANES - n);
    return _mm_loadu_si128((const __m128i *)(const void *)order);
}

/* A pixel's channels as bytes in the u8 domain. */
ALWAYS __m128i bytes_at(const lines *l, const uint8_t *p, const bool whole)
{
    __m128i x;
    if (whole) {
        x = _mm_loadu_si128((const __m128i *)(const void *)p);
    } else {
        const uint8_t *last = p + l->channels - 8; /* c >= 8: a pixel has as many */
        const __m128i high = _mm_loadl_epi64((const __m128i *)(const void *)last);
        x = _mm_loadl_epi64((const __m128i *)(const void *)(l->channels < 8 ? last : p));
        x = _mm_shuffle_epi8(_mm_unpacklo_epi64(x, high), l->order);
    }
    return _mm_xor_si128(x, l->flip);
}

ALWAYS __m256i pixel(const lines *l, const uint8_t *p, const bool whole)
{
    return _mm256_cvtepu8_epi16(bytes_at(l, p, whole));
}

/* B' d of F(4 x 4, 3 x 3) in words, for any width of vectors. */
#define HN_WINO_Q8_SIX(name, vector, add, sub, shift)                    \
    ALWAYS void name(const vector d[6], vector t[6])                     \
    {                                                                    \
        const vector a = sub(d[4], shift(d[2], 2)), c = sub(d[4], d[2]); \
        const vector b = sub(d[3], shift(d[1], 2));                      \
        const vector e = shift(sub(d[3], d[1]), 1);                      \
        t[0] = add(shift(sub(d[0], d[2]), 2), c);                        \
        t[1] = add(a, b);                                                \
        t[2] = sub(a, b);                                                \
        t[3] = add(c, e);                                                \
        t[4] = sub(c, e);                                                \
        t[5] = sub(sub(d[5], d[3]), add(e, e));                          \
    }

/* Where V of a tile lies: its place in a group of mr, `group` words to the next group. */
typedef struct spot {
    int16_t *v;
    size_t place, group;
} spot;

ALWAYS spot spot_of(int16_t *v, size_t tile, size_t group, const size_t mr)
{
    return (spot){v + tile / mr * group + tile % mr * LANES, tile % mr, group};
}
ALWAYS void next_spot(spot *s, const size_t mr)
{
    s->v += LANES;
    if (++s->place < mr) return;
    s->place = 0;
    s->v += s->group - mr * LANES;
}

/* n <= 16 bytes. */
ALWAYS void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    if (n & 16) memcpy(to, from, 16);
    if (n & 8) memcpy(to, from, 8), i = 8;
    if (n & 4) memcpy(to + i, from + i, 4), i += 4;
    for (; i < n && n < 16; i++) to[i] = from[i];
}

#endif
