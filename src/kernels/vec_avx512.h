/* vec_avx512: 16 floats in a zmm register behind the names that the .inc templates use. vec_avx2.h and vec_generic.h
 * give the same names. vt is the mask of a partial last vector, vb the result of a comparison. vf_max and vf_min return
 * the second argument when either is NaN. */
#ifndef HN_KERNELS_VEC_H
#define HN_KERNELS_VEC_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_NAME(x) avx512_##x
/* Keeps a value in its register: the compiler would load it again for every use. */
#define VF_HOLD(x)  __asm__("" : "+v"(x))
#define VEC_LANES   16

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vt;
typedef __mmask16 vb;

static inline vt vt_first(size_t n)
{
    return (vt)_cvtu32_mask16(n >= 16 ? 0xffffu : (1u << n) - 1u);
} /* n >= 1 */
static inline vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline vf vf_load_t(const float *p, vt t)
{
    return _mm512_maskz_loadu_ps(t, p);
} /* others 0 */
static inline vf vf_load_or(const float *p, vt t, vf others)
{
    return _mm512_mask_loadu_ps(others, t, p);
}
static inline void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}
static inline void vf_store_t(float *p, vf v, vt t)
{
    _mm512_mask_storeu_ps(p, t, v);
}
static inline vf vf_set(float x)
{
    return _mm512_set1_ps(x);
}
static inline vf vf_swap(vf a)
{
    return _mm512_permute_ps(a, 0xb1);
} /* neighbours change places */
static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
#ifdef VEC_TWO_ROUNDINGS
    return _mm512_add_ps(_mm512_mul_ps(a, b), c);
#else
    return _mm512_fmadd_ps(a, b, c);
#endif
} /* a b + c */
static inline vf vf_fnma(vf a, vf b, vf c)
{
#ifdef VEC_TWO_ROUNDINGS
    return _mm512_sub_ps(c, _mm512_mul_ps(a, b));
#else
    return _mm512_fnmadd_ps(a, b, c);
#endif
} /* c - a b */
static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
static inline vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
static inline vf vf_rint(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_floor(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
static inline vf vf_ceil(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}
static inline vf vf_and(vf a, vf b)
{
    return _mm512_and_ps(a, b);
}
static inline vf vf_or(vf a, vf b)
{
    return _mm512_or_ps(a, b);
}
static inline vf vf_xor(vf a, vf b)
{
    return _mm512_xor_ps(a, b);
}
static inline vb vf_lt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vb vf_le(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
static inline vb vf_eq(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
static inline vb vf_nan(vf a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
static inline vf vf_pick(vb m, vf yes, vf no)
{
    return _mm512_mask_blend_ps(m, no, yes);
}
/* x 2^n for integral n in [-300, 300], also into the denormals. */
static inline vf vf_scale(vf x, vf n)
{
    return _mm512_scalef_ps(x, n);
}
static inline vi vi_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}
static inline vi vi_add(vi a, vi b)
{
    return _mm512_add_epi32(a, b);
}
static inline vi vi_sub(vi a, vi b)
{
    return _mm512_sub_epi32(a, b);
}
static inline vi vi_and(vi a, vi b)
{
    return _mm512_and_si512(a, b);
}
static inline vi vi_sra23(vi a)
{
    return _mm512_srai_epi32(a, 23);
}
static inline vf vf_of_int(vi a)
{
    return _mm512_cvtepi32_ps(a);
}
static inline vi vi_bits(vf a)
{
    return _mm512_castps_si512(a);
}
static inline vf vf_bits(vi a)
{
    return _mm512_castsi512_ps(a);
}

/* Pairs in a fixed order. */
static inline float vf_sum(vf a)
{
    __m256 y = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
/* The largest lane where none is NaN. */
static inline float vf_top(vf a)
{
    __m256 y = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

#endif
