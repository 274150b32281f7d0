/* Sums of rows with vpsadbw, 32 bytes at a time. */
#include <immintrin.h>
#include <string.h>

#include "kernels/sums_q8.h"

static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static void sums(const hn_gemm_q8 *g, int32_t factor, int32_t *sub)
{
    const __m256i flip = _mm256_set1_epi32((int32_t)g->a_flip), none = _mm256_setzero_si256();
    const __m128i flip16 = _mm256_castsi256_si128(flip), none16 = _mm_setzero_si128();
    const size_t depth = g->k;
    for (size_t i = 0; i < g->m; i++) {
        __m256i sum = none;
        __m128i rest = none16;
        for (size_t t = 0; t < g->taps; t++) {
            const uint8_t *p = hn_gemm_q8_row(g, i, t);
            size_t k = 0;
            for (; k + 32 <= depth; k += 32)
                sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_xor_si256(load(p + k), flip), none));
            for (; k + 8 <= depth; k += 8) {
                __m128i x = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(const void *)(p + k)), flip16);
                rest = _mm_add_epi64(rest, _mm_sad_epu8(_mm_move_epi64(x), none16));
            }
            if (k < depth) {
                uint64_t last = g->a_flip * UINT64_C(0x100000001); /* what is past the end counts as 0 */
                memcpy(&last, p + k, depth - k);
                __m128i x = _mm_xor_si128(_mm_cvtsi64_si128((long long)last), flip16);
                rest = _mm_add_epi64(rest, _mm_sad_epu8(_mm_move_epi64(x), none16));
            }
        }
        rest = _mm_add_epi64(rest, _mm_add_epi64(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
        uint32_t all = (uint32_t)_mm_cvtsi128_si32(rest) + (uint32_t)_mm_extract_epi32(rest, 2);
        sub[i] = (int32_t)(all * (uint32_t)factor);
    }
}

const hn_kernel hn_k_avx2_sums_q8 = {
    .family = "sums_q8", .name = "avx2_sums_q8", .isa = HN_ISA_AVX2, .rank = 1, .fn = (hn_kernel_fn *)sums};
