/* A run of bytes cut by phase: even and odd places 64 or 32 bytes at a time; other steps in plain C. */
#include <immintrin.h>

#include "kernels/phases_q8.h"

static void two(size_t n, const uint8_t *x, uint8_t *even, uint8_t *odd)
{
    const __m256i low = _mm256_set1_epi16(0xff);
    const __m128i half = _mm_set1_epi16(0xff);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(x + i)),
                b = _mm256_loadu_si256((const __m256i *)(const void *)(x + i + 32));
        __m256i e = _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
        __m256i o = _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
        _mm256_storeu_si256((__m256i *)(void *)(even + i / 2), _mm256_permute4x64_epi64(e, 0xd8));
        _mm256_storeu_si256((__m256i *)(void *)(odd + i / 2), _mm256_permute4x64_epi64(o, 0xd8));
    }
    for (; i + 16 <= n; i += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        __m128i v = _mm_packus_epi16(_mm_and_si128(a, half), _mm_srli_epi16(a, 8));
        _mm_storel_epi64((__m128i *)(void *)(even + i / 2), v);
        _mm_storel_epi64((__m128i *)(void *)(odd + i / 2), _mm_unpackhi_epi64(v, v));
    }
    for (; i + 2 <= n; i += 2) even[i / 2] = x[i], odd[i / 2] = x[i + 1];
    if (i < n) even[i / 2] = x[i];
}

static void phases(size_t n, size_t step, const uint8_t *x, uint8_t *y, size_t ld)
{
    if (step == 2)
        two(n, x, y, y + ld);
    else
        hn_phases_q8_plain(n, step, x, y, ld);
}

const hn_kernel hn_k_avx2_phases_q8 = {
    .family = "phases_q8", .name = "avx2_phases_q8", .isa = HN_ISA_AVX2, .rank = 1, .fn = (hn_kernel_fn *)phases};
