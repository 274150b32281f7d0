/* f32 to bytes, for AVX-512: 64 at a time by one scale. */
#include <immintrin.h>

#include "kernels/quant_q8.inc"
#include "kernels/quant_q8_avx2.h"

enum { RUN = 64 };

/* NaN goes through the minimum, as that returns its second argument; it and what is far below give INT_MIN, which
 * saturates to 0. zp: words. */
static inline __attribute__((always_inline)) void run_of_64(const float *f, inverse by, __m512i zp, __m512i flip,
                                                            uint8_t *q)
{
    const __m512 first = _mm512_set1_ps(by.first), rest = _mm512_set1_ps(by.rest), most = _mm512_set1_ps(by.most);
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i v[4];
    HN_UNROLL for (int k = 0; k < 4; k++)
    {
        const __m512 a = _mm512_min_ps(most, _mm512_loadu_ps(f + 16 * k));
        v[k] = _mm512_cvtps_epi32(_mm512_fmadd_ps(a, first, _mm512_mul_ps(a, rest)));
    }
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), zp);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), zp);
    const __m512i bytes = _mm512_xor_si512(_mm512_packus_epi16(low, high), flip);
    _mm512_storeu_si512(q, _mm512_permutexvar_epi32(order, bytes));
}

static void run(hn_quant_q8 *args)
{
    hn_quant_q8 g = *args; /* stores of bytes could alias it */
    if (!g.each && by_inverse(*g.scale)) {
        const inverse by = inverse_of(*g.scale);
        const __m512i zp = _mm512_set1_epi16((short)*g.zp), flip = _mm512_set1_epi8((char)g.flip);
        for (; g.n >= RUN; g.n -= RUN, g.f += RUN, g.q += RUN) run_of_64(g.f, by, zp, flip, g.q);
    }
    quantize(&g);
}

const hn_kernel hn_k_avx512_quantize_q8 = {.family = "quant_q8",
                                           .name = "avx512_quantize_q8",
                                           .isa = HN_ISA_AVX2 | HN_ISA_AVX512,
                                           .variant = HN_QUANT_Q8_QUANTIZE,
                                           .rank = 2,
                                           .fn = (hn_kernel_fn *)run};
