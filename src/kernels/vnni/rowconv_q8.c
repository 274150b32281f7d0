/* Convolution of byte runs with VNNI: lanes are pixels, weights are broadcast. 64 pixels of all taps are interleaved
 * to groups of 4 once, then 16 channels by 16 pixels, or 8 by 32, stay in registers. */
#include <stdbool.h>

#include "kernels/rowconv_q8.h"
#include "kernels/vnni/lib_q8.h"

enum { BLOCK = 8, STRIP = 64 };

#define ALWAYS  static inline __attribute__((always_inline))

/* Sums would otherwise move from register to register in every round. */
#define KEEP(x) __asm__("" : "+v"(x))

typedef struct strip {
    _Alignas(64) uint8_t x[HN_ROWCONV_Q8_GROUPS][4][STRIP]; /* group, 16 pixels, 4 taps of each */
    __m512i sub[4];                                         /* what w_zp takes off the sums of 16 pixels */
} strip;

ALWAYS void interleave(const hn_rowconv_q8 *g, size_t from, strip *s)
{
    /* What unpacking within lanes needs so that pixels come out in order. */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i flip = _mm512_set1_epi8((char)g->x_flip);
    for (size_t k = 0; k < g->groups; k++) {
        __m512i x[4];
        HN_UNROLL for (int t = 0; t < 4; t++)
        {
            x[t] = _mm512_permutexvar_epi32(order, _mm512_loadu_si512(g->tap[4 * k + (size_t)t] + from));
            x[t] = _mm512_xor_si512(x[t], flip);
        }
        __m512i a = _mm512_unpacklo_epi8(x[0], x[1]), b = _mm512_unpackhi_epi8(x[0], x[1]);
        __m512i c = _mm512_unpacklo_epi8(x[2], x[3]), d = _mm512_unpackhi_epi8(x[2], x[3]);
        _mm512_store_si512(s->x[k][0], _mm512_unpacklo_epi16(a, c));
        _mm512_store_si512(s->x[k][1], _mm512_unpackhi_epi16(a, c));
        _mm512_store_si512(s->x[k][2], _mm512_unpacklo_epi16(b, d));
        _mm512_store_si512(s->x[k][3], _mm512_unpackhi_epi16(b, d));
    }
}

ALWAYS void sums(const hn_rowconv_q8 *g, strip *s)
{
    const __m512i zp = _mm512_set1_epi32(g->w_zp);
    for (int v = 0; v < 4; v++) s->sub[v] = _mm512_setzero_si512();
    if (g->w_zp == 0) return;
    for (size_t k = 0; k < g->groups; k++) {
        uint32_t ones = 4 * k + 4 <= g->taps ? 0x01010101u : 0x01010101u >> 8 * (4 * k + 4 - g->taps);
        for (int v = 0; v < 4; v++)
            s->sub[v] = _mm512_dpbusd_epi32(s->sub[v], _mm512_load_si512(s->x[k][v]), _mm512_set1_epi32((int32_t)ones));
    }
    for (int v = 0; v < 4; v++) s->sub[v] = _mm512_mullo_epi32(s->sub[v], zp);
}

/* 4 channels of 16 pixels to one vector, 4 bytes a pixel. */
ALWAYS __m512i four(const q8_consts *c, const __m512i *q, const int plain)
{
    const __m512i turn = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i lo = _mm512_packs_epi32(q[0], q[1]), hi = _mm512_packs_epi32(q[2], q[3]), v;
    if (plain)
        v = _mm512_packus_epi16(lo, hi);
    else
        v = _mm512_min_epu8(
            _mm512_max_epu8(_mm512_packus_epi16(_mm512_adds_epi16(lo, c->y_zp), _mm512_adds_epi16(hi, c->y_zp)),
                            c->y_lo),
            c->y_hi);
    return _mm512_shuffle_epi8(_mm512_xor_si512(v, c->y_flip), turn);
}

/* 16 channels of 16 pixels, each place in memory 16 bytes. */
ALWAYS void store_16(const q8_consts *c, const __m512i *q, uint8_t *y, size_t ldy, const int plain)
{
    __m512i a = four(c, q, plain), b = four(c, q + 4, plain), d = four(c, q + 8, plain), e = four(c, q + 12, plain),
            t[4];
    __m512i ab = _mm512_unpacklo_epi32(a, b), de = _mm512_unpacklo_epi32(d, e);
    t[0] = _mm512_unpacklo_epi64(ab, de), t[1] = _mm512_unpackhi_epi64(ab, de);
    ab = _mm512_unpackhi_epi32(a, b), de = _mm512_unpackhi_epi32(d, e);
    t[2] = _mm512_unpacklo_epi64(ab, de), t[3] = _mm512_unpackhi_epi64(ab, de);
    HN_UNROLL for (size_t k = 0; k < 4; k++) /* pixels k, k + 4, k + 8, k + 12 */
    {
        _mm_storeu_si128((__m128i *)(y + k * ldy), _mm512_castsi512_si128(t[k]));
        _mm_storeu_si128((__m128i *)(y + (k + 4) * ldy), _mm512_extracti32x4_epi32(t[k], 1));
        _mm_storeu_si128((__m128i *)(y + (k + 8) * ldy), _mm512_extracti32x4_epi32(t[k], 2));
        _mm_storeu_si128((__m128i *)(y + (k + 12) * ldy), _mm512_extracti32x4_epi32(t[k], 3));
    }
}

/* 8 channels of 16 pixels, one after the other. */
ALWAYS void store_8(const q8_consts *c, const __m512i *q, uint8_t *y, const int plain)
{
    __m512i p = four(c, q, plain), r = four(c, q + 4, plain);
    __m512i lo = _mm512_unpacklo_epi32(p, r), hi = _mm512_unpackhi_epi32(p, r);
    _mm512_storeu_si512(y, _mm512_permutex2var_epi64(lo, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), hi));
    _mm512_storeu_si512(y + 64, _mm512_permutex2var_epi64(lo, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), hi));
}

/* m rows of n bytes, ld and ldy bytes apart. */
static __attribute__((noinline)) void store_part(const void *from, size_t ld, size_t m, size_t n, void *y, size_t ldy)
{
    for (size_t i = 0; i < m; i++) memcpy((char *)y + i * ldy, (const char *)from + i * ld, n);
}

/* 4 channels of 16 pixels to pixels: quarter l of r[k] is pixel 4 l + k. */
ALWAYS void turn_4(const __m512 *q, __m512 *r)
{
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(q[0], q[1])),
                  b = _mm512_castps_pd(_mm512_unpackhi_ps(q[0], q[1]));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(q[2], q[3])),
                  d = _mm512_castps_pd(_mm512_unpackhi_ps(q[2], q[3]));
    r[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c)), r[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d)), r[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}

/* 16 channels of 16 pixels. */
ALWAYS void store_floats_16(const __m512 *q, float *y, size_t ldy)
{
    __m512 r[4][4];
    HN_UNROLL for (int k = 0; k < 4; k++) turn_4(q + 4 * k, r[k]);
    HN_UNROLL for (size_t k = 0; k < 4; k++)
    {
        const __m512 a = _mm512_shuffle_f32x4(r[0][k], r[1][k], 0x44), b = _mm512_shuffle_f32x4(r[0][k], r[1][k], 0xee);
        const __m512 c = _mm512_shuffle_f32x4(r[2][k], r[3][k], 0x44), d = _mm512_shuffle_f32x4(r[2][k], r[3][k], 0xee);
        _mm512_storeu_ps(y + k * ldy, _mm512_shuffle_f32x4(a, c, 0x88));
        _mm512_storeu_ps(y + (k + 4) * ldy, _mm512_shuffle_f32x4(a, c, 0xdd));
        _mm512_storeu_ps(y + (k + 8) * ldy, _mm512_shuffle_f32x4(b, d, 0x88));
        _mm512_storeu_ps(y + (k + 12) * ldy, _mm512_shuffle_f32x4(b, d, 0xdd));
    }
}

/* 8 channels of 16 pixels. */
ALWAYS void store_floats_8(const __m512 *q, float *y, size_t ldy)
{
    __m512 r[2][4];
    HN_UNROLL for (int k = 0; k < 2; k++) turn_4(q + 4 * k, r[k]);
    HN_UNROLL for (size_t k = 0; k < 4; k++)
    {
        __m512 a = _mm512_shuffle_f32x4(r[0][k], r[1][k], 0x44), b = _mm512_shuffle_f32x4(r[0][k], r[1][k], 0xee);
        a = _mm512_shuffle_f32x4(a, a, 0xd8), b = _mm512_shuffle_f32x4(b, b, 0xd8);
        _mm256_storeu_ps(y + k * ldy, _mm512_castps512_ps256(a));
        _mm256_storeu_ps(y + (k + 4) * ldy, _mm512_extractf32x8_ps(a, 1));
        _mm256_storeu_ps(y + (k + 8) * ldy, _mm512_castps512_ps256(b));
        _mm256_storeu_ps(y + (k + 12) * ldy, _mm512_extractf32x8_ps(b, 1));
    }
}

ALWAYS __m512i weights(const int8_t *w)
{
    int32_t four_taps;
    memcpy(&four_taps, w, 4);
    return _mm512_set1_epi32(four_taps);
}

/* 16 channels of 16 pixels: vector v of the strip, m of them from pixel i. */
ALWAYS void block_16(const hn_rowconv_q8 *g, const q8_consts *c, const strip *s, size_t v, size_t i, size_t m, size_t j,
                     const int bounded, const int plain, const int floats)
{
    __m512i q[16];
    const int8_t *w = g->w + j * 4 * g->groups, *w8 = w + 32 * g->groups;
    HN_UNROLL for (int k = 0; k < 16; k++) q[k] =
        _mm512_sub_epi32(_mm512_set1_epi32(g->bias[j + (size_t)k]), s->sub[v]);
    for (size_t t = 0; t < g->groups; t++, w += 32, w8 += 32) {
        __m512i x = _mm512_load_si512(s->x[t][v]);
        HN_UNROLL for (int k = 0; k < 8; k++) q[k] = _mm512_dpbusd_epi32(q[k], x, weights(w + 4 * k));
        HN_UNROLL for (int k = 0; k < 8; k++) q[8 + k] = _mm512_dpbusd_epi32(q[8 + k], x, weights(w8 + 4 * k));
        HN_UNROLL for (int k = 0; k < 16; k++) KEEP(q[k]);
    }
    if (floats) {
        __m512 v[16];
        float part[256], *y = (float *)g->y + i * g->ldy + j;
        HN_UNROLL for (int k = 0; k < 16; k++) v[k] = q8_real(c, q[k], _mm512_set1_ps(g->scale[j + (size_t)k]));
        store_floats_16(v, m >= 16 ? y : part, m >= 16 ? g->ldy : 16);
        if (m < 16) store_part(part, 64, m, 64, y, 4 * g->ldy);
        return;
    }
    HN_UNROLL for (int k = 0; k < 16; k++) q[k] = q8_byte(c, q[k], _mm512_set1_ps(g->scale[j + (size_t)k]), bounded);
    uint8_t *y = (uint8_t *)g->y + i * g->ldy + j;
    if (m >= 16) {
        store_16(c, q, y, g->ldy, plain);
    } else {
        _Alignas(64) uint8_t bytes[256];
        store_16(c, q, bytes, 16, plain);
        store_part(bytes, 16, m, 16, y, g->ldy);
    }
}

/* 8 channels of 32 pixels. */
ALWAYS void block_8(const hn_rowconv_q8 *g, const q8_consts *c, const strip *s, size_t v, size_t i, size_t m, size_t j,
                    const int bounded, const int plain, const int floats)
{
    __m512i acc[2][BLOCK];
    const int8_t *w = g->w + j * 4 * g->groups;
    HN_UNROLL for (int k = 0; k < BLOCK; k++)
    {
        __m512i b = _mm512_set1_epi32(g->bias[j + (size_t)k]);
        acc[0][k] = _mm512_sub_epi32(b, s->sub[v]);
        acc[1][k] = _mm512_sub_epi32(b, s->sub[v + 1]);
    }
    for (size_t t = 0; t < g->groups; t++, w += 32) {
        __m512i x = _mm512_load_si512(s->x[t][v]), z = _mm512_load_si512(s->x[t][v + 1]);
        HN_UNROLL for (int k = 0; k < BLOCK; k++)
        {
            __m512i b = weights(w + 4 * k);
            acc[0][k] = _mm512_dpbusd_epi32(acc[0][k], x, b);
            acc[1][k] = _mm512_dpbusd_epi32(acc[1][k], z, b);
        }
        HN_UNROLL for (int k = 0; k < BLOCK; k++)
        {
            KEEP(acc[0][k]);
            KEEP(acc[1][k]);
        }
    }
    const size_t n = g->n - j < BLOCK ? g->n - j : BLOCK;
    if (floats) {
        float part[32 * BLOCK], *y = (float *)g->y + i * g->ldy + j;
        const bool whole = m >= 32 && n == BLOCK;
        HN_UNROLL for (size_t h = 0; h < 2; h++)
        {
            __m512 v[BLOCK];
            HN_UNROLL for (int k = 0; k < BLOCK; k++) v[k] =
                q8_real(c, acc[h][k], _mm512_set1_ps(g->scale[j + (size_t)k]));
            store_floats_8(v, whole ? y + 16 * h * g->ldy : part + 16 * h * BLOCK, whole ? g->ldy : BLOCK);
        }
        if (!whole) store_part(part, 4 * BLOCK, m < 32 ? m : 32, 4 * n, y, 4 * g->ldy);
        return;
    }
    HN_UNROLL for (int h = 0; h < 2; h++) HN_UNROLL for (int k = 0; k < BLOCK; k++) acc[h][k] =
        q8_byte(c, acc[h][k], _mm512_set1_ps(g->scale[j + (size_t)k]), bounded);
    uint8_t *y = (uint8_t *)g->y + i * g->ldy + j;
    if (m >= 32 && g->ldy == BLOCK && g->n == BLOCK) {
        store_8(c, acc[0], y, plain);
        store_8(c, acc[1], y + 128, plain);
    } else {
        _Alignas(64) uint8_t bytes[256];
        store_8(c, acc[0], bytes, plain);
        store_8(c, acc[1], bytes + 128, plain);
        store_part(bytes, 8, m < 32 ? m : 32, n, y, g->ldy);
    }
}

ALWAYS void row(const hn_rowconv_q8 *g, const int bounded, const int plain, const int floats)
{
    const q8_consts c = q8_load(g->out);
    strip s;
    for (size_t from = 0; from < g->m; from += STRIP) {
        size_t m = g->m - from < STRIP ? g->m - from : STRIP;
        interleave(g, from, &s);
        sums(g, &s);
        size_t j = 0;
        for (; j + 16 <= g->n; j += 16)
            for (size_t at = 0; at < m; at += 16)
                block_16(g, &c, &s, at / 16, from + at, m - at, j, bounded, plain, floats);
        for (; j < g->n; j += BLOCK)
            for (size_t at = 0; at < m; at += 32)
                block_8(g, &c, &s, at / 16, from + at, m - at, j, bounded, plain, floats);
    }
}

static void rowconv(const hn_rowconv_q8 *args)
{
    /* Copies, which stores of bytes cannot alias. */
    const hn_q8_out out = *args->out;
    hn_rowconv_q8 g = *args;
    g.out = &out;
    if (out.kind == HN_Q8_F32)
        row(&g, 0, 0, 1);
    else if (!out.bounded)
        row(&g, 0, 0, 0);
    else if (q8_is_plain(&out))
        row(&g, 1, 1, 0);
    else
        row(&g, 1, 0, 0);
}

const hn_kernel hn_k_vnni_rowconv_q8 = {.family = "rowconv_q8",
                                        .name = "vnni_rowconv_q8",
                                        .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                        .rank = 2,
                                        .flags = HN_ROWCONV_Q8_FLOATS,
                                        .fn = (hn_kernel_fn *)rowconv};
