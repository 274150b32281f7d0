/* 8-bit depthwise convolution for AVX2: 16 channels a pass, two taps at a time widened to words and multiplied with
 * vpmaddwd, which is exact. The order that unpacking gives is undone by the packs. */
#include <immintrin.h>
#include <string.h>

#include "kernels/dwconv_q8.h"

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS __m128i bytes(const void *p, size_t n)
{
    if (n == 16) return _mm_loadu_si128((const __m128i *)p);
    if (n == 8) return _mm_loadl_epi64((const __m128i *)p);
    uint8_t part[16] = {0};
    memcpy(part, p, n);
    return _mm_loadu_si128((const __m128i *)(const void *)part);
}

/* Channels 0-3 and 8-11, or with +4 those between. */
ALWAYS __m256i split(const void *p)
{
    const uint8_t *q = p;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)q)),
                                   _mm_loadu_si128((const __m128i *)(const void *)(q + 32)), 1);
}

ALWAYS __m256i scaled(const hn_q8_out *e, __m256i acc, const float *scale, __m256i r)
{
    __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_castsi256_ps(split(scale)));
    v = _mm256_min_ps(v, _mm256_set1_ps(e->t_hi));
    if (e->kind == HN_Q8_RESIDUAL) {
        v = _mm256_max_ps(v, _mm256_set1_ps(e->t_lo));
        v = _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        r = _mm256_sub_epi32(r, _mm256_set1_epi32(e->r_zp));
        v = _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(e->t_scale)),
                          _mm256_mul_ps(_mm256_cvtepi32_ps(r), _mm256_set1_ps(e->r_scale)));
        v = _mm256_min_ps(v, _mm256_set1_ps(e->u_hi));
    }
    return _mm256_cvtps_epi32(v); /* too small gives INT_MIN, which the packs take to the lower limit */
}

ALWAYS void pass(const hn_dwconv_q8 *g, const uint8_t *const *p, size_t i, size_t from, size_t n)
{
    const hn_q8_out *e = g->out;
    const __m128i flip = _mm_set1_epi8((char)g->x_flip);
    const __m256i none = _mm256_setzero_si256();
    const int8_t *w = g->w + from;
    __m256i lo = split(g->bias + from), hi = split(g->bias + from + 4);
    for (size_t t = 0, taps = g->kh * g->kw; t < taps; t += 2) {
        __m256i x0 = _mm256_cvtepu8_epi16(_mm_xor_si128(bytes(p[t] + from, n), flip)), x1 = none;
        __m256i w0 = _mm256_cvtepi8_epi16(bytes(w + t * g->c, n)), w1 = none;
        if (t + 1 < taps) {
            x1 = _mm256_cvtepu8_epi16(_mm_xor_si128(bytes(p[t + 1] + from, n), flip));
            w1 = _mm256_cvtepi8_epi16(bytes(w + (t + 1) * g->c, n));
        }
        lo = _mm256_add_epi32(lo, _mm256_madd_epi16(_mm256_unpacklo_epi16(x0, x1), _mm256_unpacklo_epi16(w0, w1)));
        hi = _mm256_add_epi32(hi, _mm256_madd_epi16(_mm256_unpackhi_epi16(x0, x1), _mm256_unpackhi_epi16(w0, w1)));
    }
    __m256i r = none;
    if (e->kind == HN_Q8_RESIDUAL)
        r = _mm256_cvtepu8_epi16(_mm_xor_si128(bytes(g->r + i * g->c + from, n), _mm_set1_epi8((char)e->r_flip)));
    lo = scaled(e, lo, g->scale + from, _mm256_unpacklo_epi16(r, none));
    hi = scaled(e, hi, g->scale + from + 4, _mm256_unpackhi_epi16(r, none));
    __m256i q = _mm256_adds_epi16(_mm256_packs_epi32(lo, hi), _mm256_set1_epi16((short)e->y_zp));
    __m128i v = _mm_packus_epi16(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    v = _mm_min_epu8(_mm_max_epu8(v, _mm_set1_epi8((char)e->y_lo)), _mm_set1_epi8((char)e->y_hi));
    v = _mm_xor_si128(v, _mm_set1_epi8((char)e->y_flip));
    uint8_t last[16], *y = g->y + i * g->c + from;
    if (n == 16) {
        _mm_storeu_si128((__m128i *)(void *)y, v);
    } else if (n == 8) {
        _mm_storel_epi64((__m128i *)(void *)y, v);
    } else {
        _mm_storeu_si128((__m128i *)(void *)last, v);
        memcpy(y, last, n);
    }
}

static void dwconv(const hn_dwconv_q8 *args)
{
    /* Copies, which stores of bytes cannot alias. */
    const hn_q8_out out = *args->out;
    hn_dwconv_q8 g = *args;
    g.out = &out;
    hn_dwconv_q8_taps at;
    hn_dwconv_q8_start(&g, &at);
    size_t left = g.c % 16, whole = g.c - left;
    for (size_t i = 0; i < g.m; i++) {
        hn_dwconv_q8_move(&g, &at, g.from + i);
        for (size_t from = 0; from < whole; from += 16) pass(&g, at.p, i, from, 16);
        if (left == 8)
            pass(&g, at.p, i, whole, 8);
        else if (left > 0)
            pass(&g, at.p, i, whole, left);
    }
}

const hn_kernel hn_k_avx2_dwconv_q8 = {.family = "dwconv_q8",
                                       .name = "avx2_dwconv_q8",
                                       .isa = HN_ISA_AVX2,
                                       .variant = HN_DWCONV_Q8_PLAIN,
                                       .rank = 1,
                                       .fn = (hn_kernel_fn *)dwconv};
