/* Depthwise windows over images of 8 or 16 channels, 3 wide and up to 3 high: a vector is 64 / c pixels that lie
 * next to each other, so that no lane is idle. Vectors whose windows leave the image take what is outside from a vector
 * of padding. */
#ifndef HN_KERNELS_VNNI_LIB_DWCONV_Q8_NARROW_H
#define HN_KERNELS_VNNI_LIB_DWCONV_Q8_NARROW_H

#include <string.h>

#include "kernels/vnni/lib_dwconv_q8_all.h"
#include "kernels/vnni/lib_q8.h"

/* Parameters repeated for all pixels of a vector, and what all vectors of a row share. */
typedef struct narrow {
    __m512i w[12], more[12], bias[4];
    __m512 scale[4];
    q8_consts out;
    __m512i flip, pad, even, odd; /* even, odd: which 8 bytes of two vectors are pixels at even and odd places */
    size_t c, pixels, span;       /* of one vector: outputs, inputs read */
    uintptr_t row[3];             /* with pixel 0 where output 0 begins to read: may lie before the object */
    uint64_t real[3];             /* all bits, or none where the row is padding */
} narrow;

static inline bool narrow_fits(const hn_dwconv_q8 *g)
{
    return (g->c == 8 || g->c == 16) && g->m >= 64 / g->c && g->out->kind == HN_Q8_BYTE;
}

/* Quarter q of a block of 16 channels, repeated to 64 bytes. For 8 channels there are two, which repeat. */
ALWAYS __m512i narrow_quarter(const void *from, size_t c, size_t q)
{
    const uint8_t *x = from;
    x += (c == 8 ? q % 2 : q) * 16;
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)x));
}

static inline void narrow_start(narrow *s, const hn_dwconv_q8 *g)
{
    size_t c = g->c;
    for (size_t q = 0; q < 4; q++) {
        for (size_t k = 0; k < 3; k++) s->w[4 * k + q] = narrow_quarter(g->w + 64 * k, c, q);
        if (g->more != NULL)
            for (size_t k = 0; k < 3; k++) s->more[4 * k + q] = narrow_quarter(g->more + 64 * k, c, q);
        s->bias[q] = narrow_quarter(g->bias, c, q);
        s->scale[q] = _mm512_castsi512_ps(narrow_quarter(g->scale, c, q));
    }
    s->out = q8_load(g->out);
    s->flip = _mm512_set1_epi8((char)g->x_flip);
    s->even = c == 8 ? _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14) : _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13);
    s->odd = _mm512_add_epi64(s->even, _mm512_set1_epi64((long long)(c / 8)));
    s->c = c;
    s->pixels = 64 / c;
    s->span = g->sw * s->pixels + 2;
    s->pad = _mm512_set1_epi8((char)g->pad[0]);
    for (size_t k = 0; k < 3; k++) {
        bool real = k < g->kh && g->row[k] != NULL;
        s->row[k] = (uintptr_t)(real ? g->row[k] : g->pad) - g->pw * c;
        s->real[k] = real ? ~UINT64_C(0) : 0;
    }
}

/* Bytes of 64 / c pixels from pixel x on that lie in the row. */
static inline uint64_t narrow_mask(const narrow *s, ptrdiff_t x, size_t width)
{
    ptrdiff_t first = x < 0 ? -x : 0, end = (ptrdiff_t)width - x, all = (ptrdiff_t)s->pixels;
    if (end > all) end = all;
    if (first >= end) return 0;
    uint64_t low = end == all ? ~UINT64_C(0) : (UINT64_C(1) << ((size_t)end * s->c)) - 1;
    return low & ~((UINT64_C(1) << ((size_t)first * s->c)) - 1);
}

/* in: which bytes lie in the row, for each place that is read; only where `edge`. */
ALWAYS __m512i narrow_load(const narrow *s, uintptr_t at, int k, uint64_t in, const int edge)
{
    const uint8_t *p = (const uint8_t *)at;
    return edge ? _mm512_mask_loadu_epi8(s->pad, in & s->real[k], p) : _mm512_loadu_si512(p);
}

/* Bytes of 3 rows for tap column kx of all pixels; at: bytes from the row's begin to the vector's first input pixel. */
ALWAYS void narrow_column(const narrow *s, size_t at, const int kx, const int stride, const uint64_t *in,
                          const int edge, __m512i *out)
{
    __m512i x[3];
    const size_t c = s->c;
    HN_UNROLL for (int k = 0; k < 3; k++)
    {
        if (stride == 1) {
            x[k] = narrow_load(s, s->row[k] + at + (size_t)kx * c, k, in[kx], edge);
        } else {
            const int half = kx / 2;
            uintptr_t p = s->row[k] + at + (size_t)half * 2 * c;
            x[k] = _mm512_permutex2var_epi64(narrow_load(s, p, k, in[2 * half], edge), kx == 1 ? s->odd : s->even,
                                             narrow_load(s, p + 64, k, in[2 * half + 1], edge));
        }
        x[k] = _mm512_xor_si512(x[k], s->flip);
    }
    __m512i a = _mm512_unpacklo_epi8(x[0], x[1]), b = _mm512_unpackhi_epi8(x[0], x[1]);
    __m512i d = _mm512_unpacklo_epi8(x[2], x[2]), e = _mm512_unpackhi_epi8(x[2], x[2]); /* the fourth weight is zero */
    out[0] = _mm512_unpacklo_epi16(a, d), out[1] = _mm512_unpackhi_epi16(a, d);
    out[2] = _mm512_unpacklo_epi16(b, e), out[3] = _mm512_unpackhi_epi16(b, e);
}

ALWAYS void narrow_vector(const narrow *s, size_t at, uint8_t *y, const int stride, const int two, const int bounded,
                          const int plain, const uint64_t *in, const int edge)
{
    __m512i acc[4], x[4];
    HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = s->bias[q];
    HN_UNROLL for (int kx = 0; kx < 3; kx++)
    {
        narrow_column(s, at, kx, stride, in, edge, x);
        HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], x[q], s->w[4 * kx + q]);
        if (two) HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = _mm512_dpbusd_epi32(acc[q], x[q], s->more[4 * kx + q]);
    }
    HN_UNROLL for (int q = 0; q < 4; q++) acc[q] = q8_byte(&s->out, acc[q], s->scale[q], bounded);
    __m512i lo = _mm512_packs_epi32(acc[0], acc[1]), hi = _mm512_packs_epi32(acc[2], acc[3]), v;
    if (plain) {
        v = _mm512_packus_epi16(lo, hi);
    } else {
        lo = _mm512_adds_epi16(lo, s->out.y_zp), hi = _mm512_adds_epi16(hi, s->out.y_zp);
        v = _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(lo, hi), s->out.y_lo), s->out.y_hi);
    }
    _mm512_storeu_si512(y, _mm512_xor_si512(v, s->out.y_flip));
}

ALWAYS void narrow_run(const hn_dwconv_q8 *g, const int stride, const int two, const int bounded, const int plain)
{
    narrow s;
    narrow_start(&s, g);
    const size_t c = g->c, step = (size_t)stride * 64;
    const bool whole = (s.real[0] & s.real[1] & s.real[2]) != 0;
    for (size_t i = 0; i < g->m;) {
        if (i + s.pixels > g->m) i = g->m - s.pixels; /* some again */
        uint8_t *y = g->y + i * c;
        size_t x = (g->from + i) * (size_t)stride, at = x * c, count = 1;
        if (whole && x >= g->pw && x - g->pw + s.span <= g->width) {
            size_t left = (g->width - (x - g->pw) - s.span) / (s.pixels * (size_t)stride) + 1;
            count = (g->m - i) / s.pixels;
            if (count > left) count = left;
            for (size_t n = 0; n < count; n++, y += 64, at += step)
                narrow_vector(&s, at, y, stride, two, bounded, plain, NULL, 0);
        } else {
            uint64_t in[4];
            ptrdiff_t from = (ptrdiff_t)x - (ptrdiff_t)g->pw, far = (ptrdiff_t)s.pixels;
            for (int k = 0; k < 4; k++)
                in[k] = narrow_mask(&s, stride == 1 ? from + k : from + k / 2 * 2 + k % 2 * far, g->width);
            narrow_vector(&s, at, y, stride, two, bounded, plain, in, 1);
        }
        i += count * s.pixels;
    }
}

#endif
