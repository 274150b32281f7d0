/* f32 to bytes, for AVX2: 32 at a time; the limits keep words from overflow. */
#include "kernels/avx2/lib_q8.h"
#include "kernels/quant_q8_avx2.h"

/* 8 numbers rounded, without the zero point. A NaN gives the lower limit, as max returns its second argument. */
ALWAYS __m256i rounded(const float *f, __m256 scale)
{
    __m256 v = _mm256_div_ps(_mm256_loadu_ps(f), scale);
    v = _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-1024.0f)), _mm256_set1_ps(1024.0f));
    return _mm256_cvtps_epi32(v);
}

/* Bytes in the order that packs give: element 8 k + 4 h + i is i of half h of vector k. */
ALWAYS __m256i in_order(__m256i v)
{
    return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* 32 elements; each: a scale and a zero point for every one of them. */
ALWAYS void block(const float *f, const float *scale, const int32_t *zp, const int each, __m256i flip, uint8_t *q)
{
    __m256i v[4];
    HN_UNROLL for (int k = 0; k < 4; k++)
    {
        __m256 s = each ? _mm256_loadu_ps(scale + 8 * k) : _mm256_broadcast_ss(scale);
        __m256i z = each ? load32(zp + 8 * k) : _mm256_set1_epi32(*zp);
        v[k] = _mm256_add_epi32(rounded(f + 8 * k, s), z);
    }
    const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
    _mm256_storeu_si256((__m256i *)(void *)q, _mm256_xor_si256(in_order(bytes), flip));
}

/* 32 elements by one scale. NaN goes through the minimum, as that returns its second argument; it and what is far below
 * give INT_MIN, which saturates to 0. zp: words. */
ALWAYS void block_inverse(const float *f, inverse by, __m256i zp, __m256i flip, uint8_t *q)
{
    const __m256 first = _mm256_set1_ps(by.first), rest = _mm256_set1_ps(by.rest), most = _mm256_set1_ps(by.most);
    __m256i v[4];
    HN_UNROLL for (int k = 0; k < 4; k++)
    {
        const __m256 a = _mm256_min_ps(most, _mm256_loadu_ps(f + 8 * k));
        v[k] = _mm256_cvtps_epi32(_mm256_fmadd_ps(a, first, _mm256_mul_ps(a, rest)));
    }
    const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), zp);
    const __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), zp);
    _mm256_storeu_si256((__m256i *)(void *)q, _mm256_xor_si256(in_order(_mm256_packus_epi16(low, high)), flip));
}

/* Fewer than 32 go through copies. */
static void rest(const hn_quant_q8 *g, size_t i)
{
    const size_t n = g->n - i;
    float f[32] = {0}, scale[32];
    int32_t zp[32] = {0};
    uint8_t q[32];
    memcpy(f, g->f + i, 4 * n);
    for (size_t k = 0; k < 32; k++) scale[k] = g->each ? 1.0f : g->scale[0];
    for (size_t k = 0; k < 32; k++) zp[k] = g->each ? 0 : g->zp[0];
    if (g->each) {
        memcpy(scale, g->scale + i, 4 * n);
        memcpy(zp, g->zp + i, 4 * n);
    }
    block(f, scale, zp, 1, _mm256_set1_epi8((char)g->flip), q);
    memcpy(g->q + i, q, n);
}

static void run(hn_quant_q8 *args)
{
    const hn_quant_q8 g = *args; /* stores of bytes could alias it */
    const __m256i flip = _mm256_set1_epi8((char)g.flip);
    const float scale = *g.scale;
    const int32_t zp = *g.zp;
    size_t i = 0;
    if (g.each) {
        for (; i + 32 <= g.n; i += 32) block(g.f + i, g.scale + i, g.zp + i, 1, flip, g.q + i);
    } else if (by_inverse(scale)) {
        const inverse by = inverse_of(scale);
        for (; i + 32 <= g.n; i += 32) block_inverse(g.f + i, by, _mm256_set1_epi16((short)zp), flip, g.q + i);
    } else {
        for (; i + 32 <= g.n; i += 32) block(g.f + i, &scale, &zp, 0, flip, g.q + i);
    }
    if (i < g.n) rest(&g, i);
}

const hn_kernel hn_k_avx2_quantize_q8 = {.family = "quant_q8",
                                         .name = "avx2_quantize_q8",
                                         .isa = HN_ISA_AVX2,
                                         .variant = HN_QUANT_Q8_QUANTIZE,
                                         .rank = 1,
                                         .fn = (hn_kernel_fn *)run};
