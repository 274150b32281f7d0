/* Table look-up of bytes for AVX2, by a shuffle for each of the sixteen parts of a table. A shuffle takes its index
 * from the low four bits and gives zero where the top bit is set. Parts go in as differences from the one before in
 * their half of the table: those up to a byte's own add up to it, those beyond see an index below zero. */
#include <string.h>

#include "kernels/avx2/lib_q8.h"
#include "kernels/lut_q8.h"

enum { PARTS = 16, WIDTH = 32 };

/* n vectors of 1 or 2. Bytes of the other half start at 255, so that seven steps leave them below zero too. */
ALWAYS void look_up(const __m128i *part, __m256i *v, const int n)
{
    const __m256i less = _mm256_set1_epi8(PARTS), half = _mm256_set1_epi8((char)0x80);
    __m256i sum[2], at[2];
    HN_UNROLL for (int i = 0; i < n; i++) sum[i] = _mm256_setzero_si256();
    HN_UNROLL for (int k = 0; k < PARTS; k++)
    {
        const __m256i p = _mm256_broadcastsi128_si256(part[k]);
        HN_UNROLL for (int i = 0; i < n; i++)
        {
            if (k % (PARTS / 2) == 0) {
                __m256i low = k == 0 ? v[i] : _mm256_xor_si256(v[i], half);
                at[i] = _mm256_or_si256(low, _mm256_cmpgt_epi8(_mm256_setzero_si256(), low));
            } else {
                at[i] = _mm256_sub_epi8(at[i], less);
            }
            sum[i] = _mm256_xor_si256(sum[i], _mm256_shuffle_epi8(p, at[i]));
            __asm__("" : "+x"(sum[i])); /* else all shuffles come first and are spilled */
        }
    }
    HN_UNROLL for (int i = 0; i < n; i++) v[i] = sum[i];
}

static void lut(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    if (n < WIDTH) {
        for (size_t i = 0; i < n; i++) y[i] = table[x[i]];
        return;
    }
    __m128i part[PARTS];
    for (size_t k = 0; k < PARTS; k++) {
        __m128i before = k % (PARTS / 2) == 0 ? _mm_setzero_si128() : load16(table + 16 * k - 16);
        part[k] = _mm_xor_si128(load16(table + 16 * k), before);
    }
    __m256i last = load32(x + n - WIDTH); /* before y, which may be x, is written */
    size_t i = 0;
    for (; i + 2 * WIDTH <= n; i += 2 * WIDTH) {
        __m256i v[2] = {load32(x + i), load32(x + i + WIDTH)};
        look_up(part, v, 2);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), v[0]);
        _mm256_storeu_si256((__m256i *)(void *)(y + i + WIDTH), v[1]);
    }
    if (i + WIDTH < n) {
        __m256i v[2] = {load32(x + i), last};
        look_up(part, v, 2);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), v[0]);
        last = v[1];
    } else if (i < n) {
        look_up(part, &last, 1);
    } else {
        return;
    }
    _mm256_storeu_si256((__m256i *)(void *)(y + n - WIDTH), last);
}

const hn_kernel hn_k_avx2_lut_q8 = {
    .family = "lut_q8", .name = "avx2_lut_q8", .isa = HN_ISA_AVX2, .rank = 1, .fn = (hn_kernel_fn *)lut};
