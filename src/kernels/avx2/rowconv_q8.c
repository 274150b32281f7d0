/* 8-bit convolution of byte runs for AVX2: output pixels in lanes, weights broadcast as words. A strip of pixels is
 * widened to words once for all channels, two taps to a lane; tiles of 48 pixels by two channels then take it from
 * memory with vpmaddwd, which is exact. 8 channels at a time are turned over to pixels. */
#include "kernels/rowconv_q8.h"
#include "kernels/avx2/lib_q8.h"

/* Pixels come in units of 16: two vectors, pixels 0-3 and 8-11, and those between. STRIP: such that it stays in L1, and
 * holds a tile of any number of taps. */
enum { BLOCK = HN_ROWCONV_Q8_BLOCK, UNIT = 16, UNITS = 3, STRIP = 16 << 10 };

typedef struct strip {
    _Alignas(32) uint8_t x[STRIP]; /* [pair of taps][unit][2] vectors */
    size_t from, units;            /* first pixel */
} strip;

/* Two taps of n pixels to words. Where pixels lie two bytes apart, neighbours are side by side as they come; else the
 * second tap is read from the byte before it on. */
ALWAYS void side_by_side(const uint8_t *even, const uint8_t *odd, size_t n, __m256i *x, const int is_signed)
{
    for (size_t i = 0; i < n; i += UNIT, x += 2) {
        __m256i a = words(load16(even + i), is_signed), b = words(load16(odd + i), is_signed);
        x[0] = _mm256_unpacklo_epi16(a, b);
        x[1] = _mm256_unpackhi_epi16(a, b);
    }
}
ALWAYS void neighbours(const uint8_t *p, size_t n, __m256i *x, const int is_signed)
{
    const __m256i none = _mm256_setzero_si256();
    for (size_t i = 0; i < 2 * n; i += 2 * UNIT, x += 2) {
        __m256i a = load32(p + i), high = is_signed ? _mm256_cmpgt_epi8(none, a) : none;
        x[0] = _mm256_unpacklo_epi8(a, high);
        x[1] = _mm256_unpackhi_epi8(a, high);
    }
}
ALWAYS void two_apart(const uint8_t *even, const uint8_t *odd, size_t n, __m256i *x, const int is_signed)
{
    const __m256i odd_bytes = _mm256_set1_epi16((short)0xff00), none = _mm256_setzero_si256();
    for (size_t i = 0; i < 2 * n; i += 2 * UNIT, x += 2) {
        __m256i a = _mm256_blendv_epi8(load32(even + i), load32(odd - 1 + i), odd_bytes);
        __m256i high = is_signed ? _mm256_cmpgt_epi8(none, a) : none;
        x[0] = _mm256_unpacklo_epi8(a, high);
        x[1] = _mm256_unpackhi_epi8(a, high);
    }
}

ALWAYS void widen(const hn_rowconv_q8 *g, strip *s, const int step, const int is_signed)
{
    const size_t n = UNIT * s->units, from = (size_t)step * s->from;
    __m256i *x = (__m256i *)(void *)s->x;
    for (size_t q = 0; q < 4 * g->groups; q += 2, x += n / 8) {
        if (step == 2 && g->tap[q + 1] == g->tap[q] + 1)
            neighbours(g->tap[q] + from, n, x, is_signed);
        else if (step == 1)
            side_by_side(g->tap[q] + from, g->tap[q + 1] + from, n, x, is_signed);
        else
            two_apart(g->tap[q] + from, g->tap[q + 1] + from, n, x, is_signed);
    }
}

static void widen_1(const hn_rowconv_q8 *g, strip *s)
{
    if (g->x_flip)
        widen(g, s, 1, 1);
    else
        widen(g, s, 1, 0);
}
static void widen_2(const hn_rowconv_q8 *g, strip *s)
{
    if (g->x_flip)
        widen(g, s, 2, 1);
    else
        widen(g, s, 2, 0);
}

/* Sums of two channels += words in memory times the weights of each. In assembly, since compilers add products to each
 * other before they add them to the sums, and spill. */
ALWAYS void add(__m256i *a, __m256i *b, const __m256i *x, __m256i wa, __m256i wb)
{
    __m256i some, more;
    __asm__("vpmaddwd %[x], %[wa], %[t]\n\t"
            "vpmaddwd %[x], %[wb], %[u]\n\t"
            "vpaddd %[t], %[a], %[a]\n\t"
            "vpaddd %[u], %[b], %[b]\n\t"
            : [a] "+x"(*a), [b] "+x"(*b), [t] "=&x"(some), [u] "=&x"(more)
            : [x] "m"(*x), [wa] "x"(wa), [wb] "x"(wb));
}

ALWAYS __m256i pair(const int16_t *w)
{
    int32_t two;
    memcpy(&two, w, 4);
    return _mm256_set1_epi32(two);
}

/* Two channels of `units` units to bytes: 8 pixels of the one, of the other, in each half. ld: bytes of a pair of taps.
 */
ALWAYS void tile(const hn_rowconv_q8 *g, const finish_q8 *f, const uint8_t *x, size_t ld, size_t channel,
                 const int units, const int plain, __m256i *out)
{
    const int16_t *w = (const int16_t *)(const void *)g->w + hn_rowconv_q8_at(g->groups, channel, 0);
    __m256i acc[2][2 * UNITS];
    HN_UNROLL for (int c = 0; c < 2; c++) HN_UNROLL for (int v = 0; v < 2 * units; v++) acc[c][v] =
        _mm256_set1_epi32(g->bias[channel + (size_t)c]);
    for (size_t q = 0; q < g->groups; q++, w += 4 * BLOCK) HN_UNROLL for (int h = 0; h < 2; h++, x += ld)
        {
            const __m256i a = pair(w + 2 * h), b = pair(w + 4 + 2 * h);
            HN_UNROLL for (int v = 0; v < 2 * units; v++)
                add(&acc[0][v], &acc[1][v], (const __m256i *)(const void *)(x + 32 * v), a, b);
        }
    HN_UNROLL for (int u = 0; u < units; u++)
    {
        __m256i word[2];
        HN_UNROLL for (int c = 0; c < 2; c++)
        {
            const __m256 scale = _mm256_set1_ps(g->scale[channel + (size_t)c]);
            __m256i q[2];
            HN_UNROLL for (int h = 0; h < 2; h++)
            {
                __m256 v = scaled(acc[c][2 * u + h], scale);
                q[h] = _mm256_cvtps_epi32(plain ? v : _mm256_min_ps(v, f->t_hi));
            }
            word[c] = _mm256_packs_epi32(q[0], q[1]);
            if (!plain) word[c] = _mm256_adds_epi16(word[c], f->y_zp);
        }
        __m256i v = _mm256_packus_epi16(word[0], word[1]);
        if (!plain) v = _mm256_min_epu8(_mm256_max_epu8(v, f->y_lo), f->y_hi);
        out[u] = _mm256_xor_si256(v, f->y_flip);
    }
}

/* Channels to pixels: vector k holds pixels 2 k and 2 k + 1, and 8 further on in its high half. */
ALWAYS void turn(const __m256i *in, __m256i *out)
{
    const __m256i *a = in, *b = in + UNITS, *c = in + 2 * UNITS, *d = in + 3 * UNITS;
    __m256i even = _mm256_unpacklo_epi8(*a, *b), odd = _mm256_unpackhi_epi8(*a, *b);
    __m256i low = _mm256_unpacklo_epi8(even, odd), high = _mm256_unpackhi_epi8(even, odd);
    even = _mm256_unpacklo_epi8(*c, *d), odd = _mm256_unpackhi_epi8(*c, *d);
    __m256i low4 = _mm256_unpacklo_epi8(even, odd), high4 = _mm256_unpackhi_epi8(even, odd);
    out[0] = _mm256_unpacklo_epi32(low, low4), out[1] = _mm256_unpackhi_epi32(low, low4);
    out[2] = _mm256_unpacklo_epi32(high, high4), out[3] = _mm256_unpackhi_epi32(high, high4);
}

ALWAYS void put_two(uint8_t *y, size_t ldy, __m128i v)
{
    if (ldy == BLOCK) {
        _mm_storeu_si128((__m128i *)(void *)y, v);
    } else {
        _mm_storel_epi64((__m128i *)(void *)y, v);
        _mm_storeh_pd((double *)(void *)(y + ldy), _mm_castsi128_pd(v));
    }
}
ALWAYS void put_pixels(const __m256i *v, uint8_t *y, size_t ldy)
{
    HN_UNROLL for (size_t k = 0; k < 4; k++)
    {
        put_two(y + 2 * k * ldy, ldy, _mm256_castsi256_si128(v[k]));
        put_two(y + (2 * k + 8) * ldy, ldy, _mm256_extracti128_si256(v[k], 1));
    }
}

/* 16 channels; a, b: eight of them each. */
ALWAYS void put_wide_pixels(const __m256i *a, const __m256i *b, uint8_t *y, size_t ldy)
{
    HN_UNROLL for (size_t k = 0; k < 4; k++, y += 2 * ldy)
    {
        const __m256i even = _mm256_unpacklo_epi64(a[k], b[k]), odd = _mm256_unpackhi_epi64(a[k], b[k]);
        _mm_storeu_si128((__m128i *)(void *)y, _mm256_castsi256_si128(even));
        _mm_storeu_si128((__m128i *)(void *)(y + ldy), _mm256_castsi256_si128(odd));
        _mm_storeu_si128((__m128i *)(void *)(y + 8 * ldy), _mm256_extracti128_si256(even, 1));
        _mm_storeu_si128((__m128i *)(void *)(y + 9 * ldy), _mm256_extracti128_si256(odd, 1));
    }
}

/* The same of the first m of 16 pixels. */
ALWAYS void put_wide(const __m256i *a, const __m256i *b, size_t m, uint8_t *y, size_t ldy)
{
    uint8_t part[UNIT * 2 * BLOCK];
    if (m == UNIT) {
        put_wide_pixels(a, b, y, ldy);
        return;
    }
    put_wide_pixels(a, b, part, (size_t)2 * BLOCK);
    for (size_t k = 0; k < m; k++) memcpy(y + k * ldy, part + k * 2 * BLOCK, (size_t)2 * BLOCK);
}

/* The first m of 16 pixels, n of their channels. */
ALWAYS void put_part(const __m256i *v, size_t m, size_t n, uint8_t *y, size_t ldy)
{
    uint8_t part[UNIT * BLOCK];
    put_pixels(v, part, BLOCK);
    for (size_t k = 0; k < m; k++) {
        if (n == BLOCK)
            memcpy(y + k * ldy, part + k * BLOCK, BLOCK);
        else
            memcpy(y + k * ldy, part + k * BLOCK, n);
    }
}

/* All channels of `units` units, the first of which is number `at` of the strip. */
ALWAYS void block(const hn_rowconv_q8 *g, const finish_q8 *f, const strip *s, size_t at, const int units,
                  const int plain)
{
    const size_t first = s->from + UNIT * at, ldy = g->ldy;
    for (size_t from = 0, done; from < g->n; from += done) {
        const size_t n = g->n - from < BLOCK ? g->n - from : BLOCK;
        __m256i bytes[BLOCK][UNITS], v[4], more[4];
        done = g->n - from < 2 * BLOCK ? BLOCK : 2 * BLOCK; /* two blocks together: longer stores */
        for (size_t c = 0; c < done; c += 2)
            tile(g, f, s->x + 64 * at, 64 * s->units, from + c, units, plain, bytes[c / 2]);
        HN_UNROLL for (size_t u = 0; u < (size_t)units; u++)
        {
            const size_t i = first + UNIT * u, m = g->m - i < UNIT ? g->m - i : UNIT;
            uint8_t *y = (uint8_t *)g->y + i * ldy + from;
            turn(&bytes[0][u], v);
            if (done > BLOCK) {
                turn(&bytes[BLOCK / 2][u], more);
                put_wide(v, more, m, y, ldy);
            } else if (n < BLOCK || m < UNIT) {
                put_part(v, m, n, y, ldy);
            } else if (ldy == BLOCK) {
                put_pixels(v, y, BLOCK);
            } else {
                put_pixels(v, y, ldy);
            }
        }
    }
}

typedef void block_fn(const hn_rowconv_q8 *g, const finish_q8 *f, const strip *s, size_t at);

#define BLOCKS(units)                                                                                \
    static void any_##units(const hn_rowconv_q8 *g, const finish_q8 *f, const strip *s, size_t at)   \
    {                                                                                                \
        block(g, f, s, at, units, 0);                                                                \
    }                                                                                                \
    static void plain_##units(const hn_rowconv_q8 *g, const finish_q8 *f, const strip *s, size_t at) \
    {                                                                                                \
        block(g, f, s, at, units, 1);                                                                \
    }
BLOCKS(1)
BLOCKS(2)
BLOCKS(3)

static void rowconv(const hn_rowconv_q8 *g)
{
    static block_fn *const blocks[2][UNITS] = {{any_1, any_2, any_3}, {plain_1, plain_2, plain_3}};
    block_fn *const *run = blocks[finish_q8_plain(g->out) && g->out->y_zp == 0];
    const finish_q8 f = finish_q8_load(g->out);
    const size_t units = (g->m + UNIT - 1) / UNIT, most = STRIP / (128 * g->groups) / UNITS * UNITS;
    strip s;
    for (size_t from = 0; from < units; from += s.units) {
        s.from = UNIT * from;
        s.units = units - from < most ? units - from : most;
        if (g->step == 1)
            widen_1(g, &s);
        else
            widen_2(g, &s);
        for (size_t at = 0, step; at < s.units; at += step) {
            const size_t left = s.units - at;
            step = left == UNITS + 1 ? 2 : left < UNITS ? left : UNITS;
            run[step - 1](g, &f, &s, at);
        }
    }
}

const hn_kernel hn_k_avx2_rowconv_q8 = {.family = "rowconv_q8",
                                        .name = "avx2_rowconv_q8",
                                        .isa = HN_ISA_AVX2,
                                        .kr = 2,
                                        .rank = 1,
                                        .fn = (hn_kernel_fn *)rowconv};
