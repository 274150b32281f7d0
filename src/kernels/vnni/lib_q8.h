/* Finishing of int32 sums with AVX-512: floats as hn_q8_float, bytes as hn_q8_finish makes them: min, convert (negative
 * overflow gives INT_MIN, which the saturating packs take to the lower limit), pack with saturation, add the zero
 * point, clamp. */
#ifndef HN_KERNELS_VNNI_LIB_Q8_H
#define HN_KERNELS_VNNI_LIB_Q8_H

#include <immintrin.h>
#include <string.h>

#include "kernels/q8.h"

typedef struct q8_consts {
    __m512 t_lo, t_hi, u_hi, t_scale, r_scale;
    __m512i y_zp, y_lo, y_hi, y_flip; /* words, bytes, bytes, bytes */
    __m512i r_zp;                     /* double words */
    __m128i r_flip;                   /* bytes */
} q8_consts;

static inline __attribute__((always_inline)) q8_consts q8_load(const hn_q8_out *e)
{
    q8_consts c;
    c.t_lo = _mm512_set1_ps(e->t_lo);
    c.t_hi = _mm512_set1_ps(e->t_hi);
    c.u_hi = _mm512_set1_ps(e->u_hi);
    c.t_scale = _mm512_set1_ps(e->t_scale);
    c.r_scale = _mm512_set1_ps(e->r_scale);
    c.y_zp = _mm512_set1_epi16((short)e->y_zp);
    c.y_lo = _mm512_set1_epi8((char)e->y_lo);
    c.y_hi = _mm512_set1_epi8((char)e->y_hi);
    c.y_flip = _mm512_set1_epi8((char)e->y_flip);
    c.r_zp = _mm512_set1_epi32(e->r_zp);
    c.r_flip = _mm_set1_epi8((char)e->r_flip);
    return c;
}

static inline __attribute__((always_inline)) __m512i q8_byte(const q8_consts *c, __m512i acc, __m512 scale,
                                                             const int bounded)
{
    __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    return _mm512_cvtps_epi32(bounded ? v : _mm512_min_ps(v, c->t_hi));
}

static inline __attribute__((always_inline)) __m512 q8_real(const q8_consts *c, __m512i acc, __m512 scale)
{
    const __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    return _mm512_min_ps(c->t_hi, _mm512_max_ps(c->t_lo, v));
}

/* r: 16 bytes as they are in memory. */
static inline __attribute__((always_inline)) __m512i q8_residual(const q8_consts *c, __m512i acc, __m512 scale,
                                                                 __m128i r, const int bounded)
{
    __m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
    v = _mm512_max_ps(_mm512_min_ps(v, c->t_hi), c->t_lo);
    v = _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512i x = _mm512_sub_epi32(_mm512_cvtepu8_epi32(_mm_xor_si128(r, c->r_flip)), c->r_zp);
    v = _mm512_add_ps(_mm512_mul_ps(v, c->t_scale), _mm512_mul_ps(_mm512_cvtepi32_ps(x), c->r_scale));
    return _mm512_cvtps_epi32(bounded ? v : _mm512_min_ps(v, c->u_hi));
}

/* Whether saturation alone takes sums to bytes: no zero point to add, no limits inside the type. */
static inline int q8_is_plain(const hn_q8_out *e)
{
    return e->y_zp == 0 && e->y_lo == 0 && e->y_hi == 255;
}

/* Four vectors of 16 sums to 64 bytes in order. */
static inline __attribute__((always_inline)) __m512i q8_pack(const q8_consts *c, __m512i a, __m512i b, __m512i d,
                                                             __m512i e, const int plain)
{
    __m512i lo = _mm512_packs_epi32(a, b), hi = _mm512_packs_epi32(d, e), q;
    if (plain) {
        q = _mm512_packus_epi16(lo, hi);
    } else {
        q = _mm512_packus_epi16(_mm512_adds_epi16(lo, c->y_zp), _mm512_adds_epi16(hi, c->y_zp));
        q = _mm512_min_epu8(_mm512_max_epu8(q, c->y_lo), c->y_hi);
    }
    q = _mm512_xor_si512(q, c->y_flip);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, q);
}

#endif
