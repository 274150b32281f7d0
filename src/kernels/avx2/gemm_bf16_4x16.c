/* gemm_bf16 tile of 4 x 16: both halves of a pair as float32. */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#define MR          4
#define NV          2
#define LANES       8
#define RECORD      hn_k_avx2_gemm_bf16_4x16
#define RECORD_NAME "avx2_gemm_bf16_4x16"
#define RECORD_ISA  HN_ISA_AVX2
#define RECORD_RANK 10

typedef __m256 sums;
typedef struct pairs {
    __m256 low, high;
} pairs;

static inline sums sums_zero(void)
{
    return _mm256_setzero_ps();
}
static inline pairs halves(__m256i x)
{
    return (pairs){_mm256_castsi256_ps(_mm256_slli_epi32(x, 16)),
                   _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32((int)0xffff0000)))};
}
static inline pairs pairs_load(const uint32_t *p)
{
    return halves(_mm256_loadu_si256((const __m256i *)p));
}
static inline pairs pairs_set(uint32_t pair)
{
    return halves(_mm256_set1_epi32((int)pair));
}
static inline sums sums_madd(sums s, pairs a, pairs b)
{
    return _mm256_fmadd_ps(a.high, b.high, _mm256_fmadd_ps(a.low, b.low, s));
}
static inline __m256i first(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline sums sums_bias(sums s, const float *p, size_t count)
{
    return _mm256_add_ps(s, _mm256_maskload_ps(p, first(count)));
}
/* Nearest even by carry; a NaN keeps its upper half and stays quiet. */
static inline void sums_store(uint16_t *p, sums s, size_t count)
{
    __m256i x = _mm256_castps_si256(s), odd = _mm256_and_si256(_mm256_srli_epi32(x, 16), _mm256_set1_epi32(1));
    __m256i round = _mm256_add_epi32(x, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(s, s, _CMP_UNORD_Q));
    x = _mm256_blendv_epi8(round, _mm256_or_si256(x, _mm256_set1_epi32(0x400000)), nan);
    x = _mm256_srli_epi32(x, 16);
    __m128i out = _mm_packus_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    if (count >= 8) {
        _mm_storeu_si128((__m128i *)p, out);
        return;
    }
    uint16_t all[8];
    _mm_storeu_si128((__m128i *)all, out);
    for (size_t i = 0; i < count; i++) p[i] = all[i];
}

#include "kernels/gemm_bf16.inc"
