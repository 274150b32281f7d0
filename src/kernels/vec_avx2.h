/* vec_avx2: 8 floats in a ymm register; see vec_avx512.h for the contract. */
#ifndef HN_KERNELS_VEC_H
#define HN_KERNELS_VEC_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define VEC_NAME(x) avx2_##x
/* Keeps a value in its register: the compiler would load it again for every use. */
#define VF_HOLD(x)  __asm__("" : "+x"(x))
#define VEC_LANES   8

typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vb;
typedef struct vt {
    __m256i mask;
    size_t n;
} vt;

static inline vt vt_first(size_t n)
{
    vt t;
    t.n = n >= 8 ? 8 : n;
    t.mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)t.n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    return t;
}
static inline vf vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
static inline vf vf_load_t(const float *p, vt t)
{
    return t.n == 8 ? vf_load(p) : _mm256_maskload_ps(p, t.mask);
}
static inline vf vf_load_or(const float *p, vt t, vf others)
{
    return t.n == 8 ? vf_load(p) : _mm256_blendv_ps(others, _mm256_maskload_ps(p, t.mask), _mm256_castsi256_ps(t.mask));
}
static inline void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v);
}
/* Masked stores of AVX are microcode on some machines. */
static inline void vf_store_t(float *p, vf v, vt t)
{
    if (t.n == 8) {
        vf_store(p, v);
        return;
    }
#ifdef __AVX512VL__
    _mm256_mask_storeu_ps(p, _mm256_movepi32_mask(t.mask), v);
#else
    __m128 x = _mm256_castps256_ps128(v);
    if (t.n & 4) {
        _mm_storeu_ps(p, x);
        p += 4;
        x = _mm256_extractf128_ps(v, 1);
    }
    if (t.n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, x);
        p += 2;
        x = _mm_movehl_ps(x, x);
    }
    if (t.n & 1) _mm_store_ss(p, x);
#endif
}
static inline vf vf_set(float x)
{
    return _mm256_set1_ps(x);
}
static inline vf vf_swap(vf a)
{
    return _mm256_permute_ps(a, 0xb1);
} /* neighbours change places */
static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}
static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}
static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}
static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}
static inline vf vf_fma(vf a, vf b, vf c)
{
#ifdef VEC_TWO_ROUNDINGS
    return _mm256_add_ps(_mm256_mul_ps(a, b), c);
#else
    return _mm256_fmadd_ps(a, b, c);
#endif
}
static inline vf vf_fnma(vf a, vf b, vf c)
{
#ifdef VEC_TWO_ROUNDINGS
    return _mm256_sub_ps(c, _mm256_mul_ps(a, b));
#else
    return _mm256_fnmadd_ps(a, b, c);
#endif
}
static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return _mm256_min_ps(a, b);
}
static inline vf vf_sqrt(vf a)
{
    return _mm256_sqrt_ps(a);
}
static inline vf vf_rint(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf vf_floor(vf a)
{
    return _mm256_floor_ps(a);
}
static inline vf vf_ceil(vf a)
{
    return _mm256_ceil_ps(a);
}
static inline vf vf_and(vf a, vf b)
{
    return _mm256_and_ps(a, b);
}
static inline vf vf_or(vf a, vf b)
{
    return _mm256_or_ps(a, b);
}
static inline vf vf_xor(vf a, vf b)
{
    return _mm256_xor_ps(a, b);
}
static inline vb vf_lt(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
static inline vb vf_le(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
static inline vb vf_eq(vf a, vf b)
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
static inline vb vf_nan(vf a)
{
    return _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
}
static inline vf vf_pick(vb m, vf yes, vf no)
{
    return _mm256_blendv_ps(no, yes, m);
}
static inline vi vi_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}
static inline vi vi_add(vi a, vi b)
{
    return _mm256_add_epi32(a, b);
}
static inline vi vi_sub(vi a, vi b)
{
    return _mm256_sub_epi32(a, b);
}
static inline vi vi_and(vi a, vi b)
{
    return _mm256_and_si256(a, b);
}
static inline vi vi_sra23(vi a)
{
    return _mm256_srai_epi32(a, 23);
}
static inline vf vf_of_int(vi a)
{
    return _mm256_cvtepi32_ps(a);
}
static inline vi vi_bits(vf a)
{
    return _mm256_castps_si256(a);
}
static inline vf vf_bits(vi a)
{
    return _mm256_castsi256_ps(a);
}

static inline vf vf_scale(vf x, vf n)
{
    vi e = _mm256_cvtps_epi32(n), lo = _mm256_srai_epi32(e, 1), one = vi_set(127);
    vf a = vf_bits(_mm256_slli_epi32(vi_add(lo, one), 23));
    vf b = vf_bits(_mm256_slli_epi32(vi_add(vi_sub(e, lo), one), 23));
    return vf_mul(vf_mul(x, a), b);
}

static inline float vf_sum(vf a)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
static inline float vf_top(vf a)
{
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

#endif
