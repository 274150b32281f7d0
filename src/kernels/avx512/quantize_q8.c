/* f32 to bytes, for AVX-512. One scale for all: the product with its reciprocal is within 2^-11 of the quotient where
 * |quotient| <= 1024, so that only where it is about that close to a half does the division itself decide. */
#include <immintrin.h>

#include "kernels/quant_q8.inc"

#define ALWAYS static inline __attribute__((always_inline))

enum { RUN = 64 };

typedef struct consts {
    __m512 factor, scale, lo, hi;
    __m512i zp, flip, order;
} consts;

/* 16 elements; *off collects the distance to the nearest integer. NaN becomes the lowest value in max. */
ALWAYS __m512i scaled(const consts *c, const float *f, const int divide, __m512 *off)
{
    __m512 x = _mm512_loadu_ps(f), v = divide ? _mm512_div_ps(x, c->scale) : _mm512_mul_ps(x, c->factor);
    v = _mm512_min_ps(_mm512_max_ps(v, c->lo), c->hi);
    if (!divide) {
        __m512 d = _mm512_abs_ps(_mm512_reduce_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
        *off = _mm512_max_ps(*off, d);
    }
    return _mm512_cvtps_epi32(v);
}

/* Returns the largest distance, 16 of them. */
ALWAYS __m512 run_of_64(const consts *c, const float *f, uint8_t *q, const int divide)
{
    __m512 off = _mm512_setzero_ps();
    __m512i v0 = scaled(c, f, divide, &off), v1 = scaled(c, f + 16, divide, &off);
    __m512i v2 = scaled(c, f + 32, divide, &off), v3 = scaled(c, f + 48, divide, &off);
    __m512i lo = _mm512_adds_epi16(_mm512_packs_epi32(v0, v1), c->zp),
            hi = _mm512_adds_epi16(_mm512_packs_epi32(v2, v3), c->zp);
    __m512i b = _mm512_xor_si512(_mm512_packus_epi16(lo, hi), c->flip);
    _mm512_storeu_si512(q, _mm512_permutexvar_epi32(c->order, b));
    return off;
}

static void run(hn_quant_q8 *args)
{
    hn_quant_q8 g = *args;
    float scale = g.scale[0];
    size_t i = 0;
    if (!g.each && scale > 1e-30f && scale < 1e30f) {
        consts c = {_mm512_set1_ps(1.0f / scale),
                    _mm512_set1_ps(scale),
                    _mm512_set1_ps(-1024.0f),
                    _mm512_set1_ps(1024.0f),
                    _mm512_set1_epi16((short)g.zp[0]),
                    _mm512_set1_epi8((char)g.flip),
                    _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)};
        const __m512 close = _mm512_set1_ps(0.4995f);
        for (; i + RUN <= g.n; i += RUN) {
            __m512 off = run_of_64(&c, g.f + i, g.q + i, 0);
            if (_mm512_cmp_ps_mask(off, close, _CMP_GT_OQ) != 0) (void)run_of_64(&c, g.f + i, g.q + i, 1);
        }
        g.f += i;
        g.q += i;
        g.n -= i;
    }
    quantize(&g);
}

const hn_kernel hn_k_avx512_quantize_q8 = {.family = "quant_q8",
                                           .name = "avx512_quantize_q8",
                                           .isa = HN_ISA_AVX2 | HN_ISA_AVX512,
                                           .variant = HN_QUANT_Q8_QUANTIZE,
                                           .rank = 2,
                                           .fn = (hn_kernel_fn *)run};
