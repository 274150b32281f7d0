/* What the gemm_bf16 tiles of 512-bit vectors share: the dot product of pairs in one instruction, which takes subnormal
 * values as zero. */
#ifndef HN_KERNELS_BF16_LIB_GEMM_BF16_H
#define HN_KERNELS_BF16_LIB_GEMM_BF16_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define LANES      16
#define RECORD_ISA (HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_BF16)

typedef __m512 sums;
typedef __m512i pairs;

static inline sums sums_zero(void)
{
    return _mm512_setzero_ps();
}
static inline pairs pairs_load(const uint32_t *p)
{
    return _mm512_loadu_si512(p);
}
static inline pairs pairs_set(uint32_t pair)
{
    return _mm512_set1_epi32((int)pair);
}
static inline sums sums_madd(sums s, pairs a, pairs b)
{
    return _mm512_dpbf16_ps(s, (__m512bh)a, (__m512bh)b);
}
static inline __mmask16 first(size_t n)
{
    return (__mmask16)(n >= 16 ? 0xffffu : (1u << n) - 1u);
}
static inline sums sums_bias(sums s, const float *p, size_t count)
{
    return _mm512_add_ps(s, _mm512_maskz_loadu_ps(first(count), p));
}
static inline void sums_store(uint16_t *p, sums s, size_t count)
{
    __m256i half = (__m256i)_mm512_cvtneps_pbh(s);
    if (count == 16)
        _mm256_storeu_si256((__m256i *)p, half);
    else
        _mm256_mask_storeu_epi16(p, first(count), half);
}

#endif
