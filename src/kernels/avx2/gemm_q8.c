/* 8-bit GEMM for AVX2: 3 rows by 16 columns. Bytes are widened to 16 bits and multiplied with vpmaddwd, which is exact
 * (vpmaddubsw would saturate); two partial sums per column are added at the end. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/gemm_q8.h"

enum { MR = 3, NR = 16 };

#define ALWAYS static inline __attribute__((always_inline))

/* 4 bytes to 4 words, in each half of each lane. */
ALWAYS __m256i widen(int32_t x)
{
    const __m256i spread = _mm256_setr_epi8(0, -1, 1, -1, 2, -1, 3, -1, 0, -1, 1, -1, 2, -1, 3, -1, 0, -1, 1, -1, 2, -1,
                                            3, -1, 0, -1, 1, -1, 2, -1, 3, -1);
    return _mm256_shuffle_epi8(_mm256_set1_epi32(x), spread);
}

ALWAYS void group(__m256i (*acc)[4], const int32_t *x, __m256i flip, const int8_t *b, const int rows)
{
    __m256i a[MR];
    HN_UNROLL for (int r = 0; r < rows; r++) a[r] = _mm256_xor_si256(widen(x[r]), flip);
    HN_UNROLL for (int v = 0; v < 4; v++)
    {
        __m256i w = _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(const void *)(b + 16 * v)));
        HN_UNROLL for (int r = 0; r < rows; r++) acc[r][v] = _mm256_add_epi32(acc[r][v], _mm256_madd_epi16(a[r], w));
    }
}

ALWAYS __m256i scaled(const hn_q8_out *e, __m256i acc, const float *scale, const uint8_t *r)
{
    __m256 v = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(scale));
    v = _mm256_min_ps(v, _mm256_set1_ps(e->t_hi));
    if (e->kind == HN_Q8_RESIDUAL) {
        v = _mm256_max_ps(v, _mm256_set1_ps(e->t_lo));
        v = _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)r));
        x = _mm256_sub_epi32(_mm256_xor_si256(x, _mm256_set1_epi32(e->r_flip)), _mm256_set1_epi32(e->r_zp));
        v = _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(e->t_scale)),
                          _mm256_mul_ps(_mm256_cvtepi32_ps(x), _mm256_set1_ps(e->r_scale)));
        v = _mm256_min_ps(v, _mm256_set1_ps(e->u_hi));
    }
    return _mm256_cvtps_epi32(v); /* too small gives INT_MIN, which the packs take to the lower limit */
}

/* One row of bytes; the kinds with 4-byte elements go through hn_gemm_q8_finish. */
ALWAYS void finish(const hn_gemm_q8 *g, size_t i, __m256i lo, __m256i hi)
{
    const hn_q8_out *e = g->out;
    uint8_t *y = (uint8_t *)g->y + i * g->ldy, r[NR] = {0}, last[NR];
    if (e->kind == HN_Q8_RESIDUAL) {
        if (g->n == NR)
            memcpy(r, g->r + i * g->ldr, NR);
        else if (g->n == 8)
            memcpy(r, g->r + i * g->ldr, 8);
        else
            memcpy(r, g->r + i * g->ldr, g->n);
    }
    lo = scaled(e, lo, g->scale, r);
    hi = scaled(e, hi, g->scale + 8, r + 8);
    __m256i q = _mm256_permute4x64_epi64(_mm256_packs_epi32(lo, hi), 0xd8);
    q = _mm256_adds_epi16(q, _mm256_set1_epi16((short)e->y_zp));
    __m128i v = _mm_packus_epi16(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
    v = _mm_min_epu8(_mm_max_epu8(v, _mm_set1_epi8((char)e->y_lo)), _mm_set1_epi8((char)e->y_hi));
    v = _mm_xor_si128(v, _mm_set1_epi8((char)e->y_flip));
    if (g->n == NR) {
        _mm_storeu_si128((__m128i *)(void *)y, v);
    } else if (g->n == 8) {
        _mm_storel_epi64((__m128i *)(void *)y, v);
    } else {
        _mm_storeu_si128((__m128i *)(void *)last, v);
        memcpy(y, last, g->n);
    }
}

ALWAYS void tile(const hn_gemm_q8 *g, size_t i, const int rows)
{
    __m256i acc[MR][4];
    const int8_t *b = g->b;
    const __m256i flip = _mm256_set1_epi16((short)(g->a_flip & 0xff));
    HN_UNROLL for (int r = 0; r < rows; r++) HN_UNROLL for (int v = 0; v < 4; v++) acc[r][v] = _mm256_setzero_si256();
    for (size_t t = 0; t < g->taps; t++) {
        const uint8_t *p[MR];
        int32_t x[MR];
        size_t k = 0;
        HN_UNROLL for (int r = 0; r < rows; r++) p[r] = hn_gemm_q8_row(g, i + (size_t)r, t);
        for (; k + 4 <= g->k; k += 4, b += 4 * NR) {
            HN_UNROLL for (int r = 0; r < rows; r++) memcpy(&x[r], p[r] + k, 4);
            group(acc, x, flip, b, rows);
        }
        if (k < g->k) {
            HN_UNROLL for (int r = 0; r < rows; r++)
            {
                x[r] = 0;
                memcpy(&x[r], p[r] + k, g->k - k);
            }
            group(acc, x, flip, b, rows);
            b += 4 * NR;
        }
    }
    const bool bytes = g->out->kind == HN_Q8_BYTE || g->out->kind == HN_Q8_RESIDUAL;
    HN_UNROLL for (int r = 0; r < rows; r++)
    {
        __m256i sub = _mm256_set1_epi32(g->row_sub ? g->row_sub[i + (size_t)r] : 0), s[2];
        HN_UNROLL for (int v = 0; v < 2; v++)
        {
            s[v] = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[r][2 * v], acc[r][2 * v + 1]), 0xd8);
            __m256i bias = _mm256_loadu_si256((const __m256i *)(const void *)(g->bias + 8 * v));
            s[v] = _mm256_sub_epi32(_mm256_add_epi32(s[v], bias), sub);
        }
        if (bytes) {
            finish(g, i + (size_t)r, s[0], s[1]);
        } else {
            _Alignas(32) int32_t sums[NR];
            _mm256_store_si256((__m256i *)(void *)sums, s[0]);
            _mm256_store_si256((__m256i *)(void *)(sums + 8), s[1]);
            hn_gemm_q8_finish(g, sums, NR, i + (size_t)r, 1);
        }
    }
}

static void gemm(const hn_gemm_q8 *g)
{
    hn_gemm_q8_split s = hn_gemm_q8_rows(g->m, MR);
    size_t i = 0;
    for (size_t t = 0; t < s.tiles; t++) {
        size_t rows = s.rows + (t < s.wide);
        if (rows == 3)
            tile(g, i, 3);
        else if (rows == 2)
            tile(g, i, 2);
        else
            tile(g, i, 1);
        i += rows;
    }
}

const hn_kernel hn_k_avx2_gemm_q8 = {.family = "gemm_q8",
                                     .name = "avx2_gemm_q8_3x16",
                                     .isa = HN_ISA_AVX2,
                                     .mr = MR,
                                     .nr = NR,
                                     .kr = 4,
                                     .rank = 1,
                                     .fn = (hn_kernel_fn *)gemm};
