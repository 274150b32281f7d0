/* What the 8-bit kernels for AVX2 share: bytes in and out, and finishing sums to bytes. Sums of 16 channels are two
 * vectors, channels 0-3 and 8-11, and those between, which is the order that unpacking and packing within halves of
 * vectors give. */
#ifndef HN_KERNELS_AVX2_LIB_Q8_H
#define HN_KERNELS_AVX2_LIB_Q8_H

#include <immintrin.h>
#include <string.h>

#include "kernels/q8.h"

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}
ALWAYS __m256i load32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* n < 16 bytes, zeroes after them; two overlapping reads rather than a loop. */
ALWAYS __m128i load_part(const uint8_t *p, size_t n)
{
    uint64_t low = 0, high = 0;
    if (n >= 8) {
        memcpy(&low, p, 8);
        memcpy(&high, p + n - 8, 8);
        high = n == 8 ? 0 : high >> (8 * (16 - n));
    } else if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
        low = first | (uint64_t)last << (8 * (n - 4));
    } else {
        for (size_t i = 0; i < n; i++) low |= (uint64_t)p[i] << (8 * i);
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}
ALWAYS void store_part(uint8_t *p, __m128i v, size_t n)
{
    uint8_t part[16];
    _mm_storeu_si128((__m128i *)(void *)part, v);
    if (n >= 8) {
        memcpy(p, part, 8);
        memcpy(p + n - 8, part + n - 8, 8);
    } else if (n >= 4) {
        memcpy(p, part, 4);
        memcpy(p + n - 4, part + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++) p[i] = part[i];
    }
}

ALWAYS __m256i words(__m128i bytes, const int is_signed)
{
    return is_signed ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
}

ALWAYS __m128i words8(const void *p, const int is_signed)
{
    __m128i v = _mm_loadl_epi64((const __m128i *)p);
    return is_signed ? _mm_cvtepi8_epi16(v) : _mm_cvtepu8_epi16(v);
}

/* Saturation is all there is to do. */
ALWAYS int finish_q8_plain(const hn_q8_out *e)
{
    return e->kind == HN_Q8_BYTE && e->bounded && e->y_lo == 0 && e->y_hi == 255;
}

typedef struct finish_q8 {
    __m256 t_lo, t_hi, u_hi, t_scale, r_scale, r_less;
    __m256i r_bits, y_zp, y_lo, y_hi, y_flip;
} finish_q8;

ALWAYS finish_q8 finish_q8_load(const hn_q8_out *e)
{
    finish_q8 f;
    f.t_lo = _mm256_set1_ps(e->t_lo), f.t_hi = _mm256_set1_ps(e->t_hi), f.u_hi = _mm256_set1_ps(e->u_hi);
    f.t_scale = _mm256_set1_ps(e->t_scale), f.r_scale = _mm256_set1_ps(e->r_scale);
    f.r_bits = _mm256_set1_epi32(HN_Q8_RAISE | e->r_flip), f.r_less = _mm256_set1_ps(0x1p23f + (float)e->r_zp);
    f.y_zp = _mm256_set1_epi16((short)e->y_zp), f.y_flip = _mm256_set1_epi8((char)e->y_flip);
    f.y_lo = _mm256_set1_epi8((char)e->y_lo), f.y_hi = _mm256_set1_epi8((char)e->y_hi);
    return f;
}

/* Too small gives INT_MIN, which the packs take to the lower limit; too large must be met by the caller. */
ALWAYS __m256 scaled(__m256i acc, __m256 scale)
{
    return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
}
ALWAYS __m256i rounded_sum(__m256i acc, __m256 scale)
{
    return _mm256_cvtps_epi32(scaled(acc, scale));
}

/* The same in place, for sums that started at HN_Q8_RAISE; less: the 8 numbers of `fall` for these scales. In assembly:
 * compilers copy sums first. */
ALWAYS void round_raised(__m256i *acc, __m256 scale, const float *less)
{
    __asm__("vfmsub213ps %[less], %[scale], %[v]\n\tvcvtps2dq %[v], %[v]"
            : [v] "+x"(*acc)
            : [scale] "x"(scale), [less] "m"(*(const __m256 *)(const void *)less));
}
ALWAYS __m256 fall(__m256 scale)
{
    return _mm256_mul_ps(scale, _mm256_set1_ps(0x1p23f));
}

/* r: bytes of residual in lanes of 32 bits. With HN_Q8_RAISE around them they are floats 2^23 too large. */
ALWAYS __m256i residual(const finish_q8 *f, __m256 v, __m256i r, const int bounded)
{
    v = _mm256_max_ps(_mm256_min_ps(v, f->t_hi), f->t_lo);
    v = _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 b = _mm256_sub_ps(_mm256_castsi256_ps(_mm256_xor_si256(r, f->r_bits)), f->r_less);
    v = _mm256_add_ps(_mm256_mul_ps(v, f->t_scale), _mm256_mul_ps(b, f->r_scale));
    return _mm256_cvtps_epi32(bounded ? v : _mm256_min_ps(v, f->u_hi));
}
ALWAYS __m256i rounded_residual(const finish_q8 *f, __m256i acc, __m256 scale, const uint8_t *r)
{
    const __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)r));
    return residual(f, scaled(acc, scale), x, 1);
}

/* 32 bytes. To take the halves of a vector apart and unpack them takes less time than to put it in order and store
 * them. */
typedef struct two_q8 {
    __m128i v[2];
} two_q8;

/* Rounded numbers of 32 outputs to bytes, in order. plain: y_lo is 0 and y_hi 255; with `raised` y_flip is 0 too. */
ALWAYS two_q8 bytes_of(const finish_q8 *f, const __m256i q[4], const int raised, const int plain)
{
    __m256i a = _mm256_packs_epi32(q[0], q[1]), b = _mm256_packs_epi32(q[2], q[3]);
    if (!raised) a = _mm256_adds_epi16(a, f->y_zp), b = _mm256_adds_epi16(b, f->y_zp);
    __m256i v = _mm256_packus_epi16(a, b);
    if (!plain) v = raised ? _mm256_adds_epu8(v, f->y_lo) : _mm256_max_epu8(v, f->y_lo);
    if (!plain) v = _mm256_min_epu8(v, f->y_hi);
    if (!raised || !plain) v = _mm256_xor_si256(v, f->y_flip);
    const __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
    return (two_q8){{_mm_unpacklo_epi32(low, high), _mm_unpackhi_epi32(low, high)}};
}

/* 16 sums to words with the zero point added. r: 16 bytes of residual, else ignored. */
ALWAYS __m256i finish_words(const finish_q8 *f, const int plain, const int kind, const __m256i *acc, const float *scale,
                            __m128i r)
{
    __m256 a = scaled(acc[0], _mm256_loadu_ps(scale)), b = scaled(acc[1], _mm256_loadu_ps(scale + 8));
    __m256i lo, hi;
    if (!plain && kind == HN_Q8_RESIDUAL) {
        const __m256i rw = _mm256_cvtepu8_epi16(r), none = _mm256_setzero_si256();
        lo = residual(f, a, _mm256_unpacklo_epi16(rw, none), 0);
        hi = residual(f, b, _mm256_unpackhi_epi16(rw, none), 0);
    } else {
        lo = _mm256_cvtps_epi32(plain ? a : _mm256_min_ps(a, f->t_hi));
        hi = _mm256_cvtps_epi32(plain ? b : _mm256_min_ps(b, f->t_hi));
    }
    return _mm256_adds_epi16(_mm256_packs_epi32(lo, hi), f->y_zp);
}

/* Two times 16 words to bytes. */
ALWAYS two_q8 finish_bytes(const finish_q8 *f, const int plain, __m256i a, __m256i b)
{
    __m256i v = _mm256_packus_epi16(a, b);
    if (!plain) v = _mm256_min_epu8(_mm256_max_epu8(v, f->y_lo), f->y_hi);
    v = _mm256_xor_si256(v, f->y_flip);
    const __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
    return (two_q8){{_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high)}};
}

#endif
