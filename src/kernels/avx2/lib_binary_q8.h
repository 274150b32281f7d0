/* Two byte runs to one for AVX2, 32 elements at a time: the sum and the product. */
#ifndef HN_KERNELS_AVX2_LIB_BINARY_Q8_H
#define HN_KERNELS_AVX2_LIB_BINARY_Q8_H

#include "kernels/avx2/lib_q8.h"
#include "kernels/binary_q8.h"

/* Bytes less their zero point, which is in the domain of the bytes as they are. */
ALWAYS __m256 eight(const uint8_t *p, __m256i zp, const int is_signed)
{
    __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)p);
    __m256i w = is_signed ? _mm256_cvtepi8_epi32(v) : _mm256_cvtepu8_epi32(v);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(w, zp));
}

/* u of 32 sums: bytes 0-7, 8-15 and so on. */
ALWAYS void sums(const hn_binary_q8 *g, const uint8_t *a, const uint8_t *b, const int a_signed, const int b_signed,
                 const int b_step, __m256 *u)
{
    const __m256i a_zp = _mm256_set1_epi32(a_signed ? g->a_zp - 128 : g->a_zp);
    const __m256i b_zp = _mm256_set1_epi32(b_signed ? g->b_zp - 128 : g->b_zp);
    const __m256 a_scale = _mm256_set1_ps(g->a_scale), b_scale = _mm256_set1_ps(g->b_scale);
    HN_UNROLL for (int k = 0; k < 4; k++)
    {
        __m256 p = eight(a + 8 * k, a_zp, a_signed);
        __m256 q = b_step ? eight(b + 8 * k, b_zp, b_signed)
                          : _mm256_set1_ps((float)((int32_t)(uint8_t)(*b ^ g->b_flip) - g->b_zp));
        u[k] = _mm256_add_ps(_mm256_mul_ps(p, a_scale), _mm256_mul_ps(q, b_scale));
    }
}

/* u of 32 products, made of words: bytes 0-3 and 8-11, 4-7 and 12-15, and so on. */
ALWAYS void products(const hn_binary_q8 *g, const uint8_t *a, const uint8_t *b, const int a_signed, const int b_signed,
                     const int b_step, __m256 *u)
{
    const __m256i a_zp = _mm256_set1_epi16((short)(a_signed ? g->a_zp - 128 : g->a_zp));
    const __m256i b_zp = _mm256_set1_epi16((short)(b_signed ? g->b_zp - 128 : g->b_zp));
    const __m256 scale = _mm256_set1_ps(g->a_scale);
    HN_UNROLL for (int k = 0; k < 2; k++)
    {
        __m256i p = _mm256_sub_epi16(words(load16(a + 16 * k), a_signed), a_zp);
        __m256i q = b_step ? _mm256_sub_epi16(words(load16(b + 16 * k), b_signed), b_zp)
                           : _mm256_set1_epi16((short)((uint8_t)(*b ^ g->b_flip) - g->b_zp));
        __m256i low = _mm256_mullo_epi16(p, q), high = _mm256_mulhi_epi16(p, q);
        u[2 * k] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_unpacklo_epi16(low, high)), scale);
        u[2 * k + 1] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_unpackhi_epi16(low, high)), scale);
    }
}

/* All of a and b is read before y is written. What is too small or NaN becomes INT_MIN, which the packs take to 0. */
ALWAYS void block(const hn_binary_q8 *g, const uint8_t *a, const uint8_t *b, uint8_t *y, const int mul,
                  const int a_signed, const int b_signed, const int b_step)
{
    __m256 u[4];
    __m256i v[4];
    if (mul)
        products(g, a, b, a_signed, b_signed, b_step, u);
    else
        sums(g, a, b, a_signed, b_signed, b_step, u);
    HN_UNROLL for (int k = 0; k < 4; k++) v[k] = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_set1_ps(g->u_hi), u[k]));
    const __m256i y_zp = _mm256_set1_epi16((short)g->y_zp);
    __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), y_zp);
    __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), y_zp);
    __m256i bytes = _mm256_max_epu8(_mm256_packus_epi16(low, high), _mm256_set1_epi8((char)((int)g->u_lo + g->y_zp)));
    bytes = mul ? _mm256_permute4x64_epi64(bytes, 0xd8)
                : _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)y, _mm256_xor_si256(bytes, _mm256_set1_epi8((char)g->y_flip)));
}

/* What is left after whole blocks goes through copies. */
ALWAYS void blocks(const hn_binary_q8 *args, const int mul, const int a_signed, const int b_signed, const int b_step)
{
    const hn_binary_q8 g = *args; /* stores of bytes could alias it */
    size_t i = 0, n = g.n;
    for (; i + 32 <= n; i += 32) block(&g, g.a + i, b_step ? g.b + i : g.b, g.y + i, mul, a_signed, b_signed, b_step);
    if (i == n) return;
    uint8_t a[32] = {0}, b[32] = {0}, y[32];
    memcpy(a, g.a + i, n - i);
    memcpy(b, b_step ? g.b + i : g.b, b_step ? n - i : 1);
    block(&g, a, b, y, mul, a_signed, b_signed, b_step);
    memcpy(g.y + i, y, n - i);
}

ALWAYS void binary_q8(const hn_binary_q8 *g, const int mul)
{
    if (!g->b_step && g->a_flip)
        blocks(g, mul, 1, 0, 0);
    else if (!g->b_step)
        blocks(g, mul, 0, 0, 0);
    else if (g->a_flip && g->b_flip)
        blocks(g, mul, 1, 1, 1);
    else if (g->a_flip)
        blocks(g, mul, 1, 0, 1);
    else if (g->b_flip)
        blocks(g, mul, 0, 1, 1);
    else
        blocks(g, mul, 0, 0, 1);
}

#endif
