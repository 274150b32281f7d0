/* The VNNI tile: up to MR rows by NV vectors of 16 columns. Include once per file after defining MR and NV; ends in the
 * record's function `gemm`. Sums, the weights of one depth group and one broadcast stay in registers: MR * NV + NV + 2
 * <= 32. */
#include "kernels/gemm_q8.h"
#include "kernels/vnni/lib_q8.h"

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS __m512i broadcast(const uint8_t *p)
{
    int32_t x;
    memcpy(&x, p, 4);
    return _mm512_set1_epi32(x);
}

ALWAYS void depth(const hn_gemm_q8 *g, const uint8_t *const *p, const int8_t **b, __m512i (*acc)[NV], const int rows)
{
    const __m512i flip = _mm512_set1_epi32((int32_t)g->a_flip);
    const int8_t *w = *b;
    size_t k = 0;
    for (; k + 4 <= g->k; k += 4, w += NV * 64) {
        __m512i bv[NV];
        HN_UNROLL for (int v = 0; v < NV; v++) bv[v] = _mm512_load_si512(w + 64 * v);
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i x = _mm512_xor_si512(broadcast(p[r] + k), flip);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], x, bv[v]);
        }
    }
    if (k < g->k) {
        __mmask16 tail = (__mmask16)((1u << (g->k - k)) - 1);
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i x = _mm512_broadcastd_epi32(_mm_maskz_loadu_epi8(tail, p[r] + k));
            x = _mm512_xor_si512(x, flip);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] =
                _mm512_dpbusd_epi32(acc[r][v], x, _mm512_load_si512(w + 64 * v));
        }
        w += NV * 64;
    }
    *b = w;
}

ALWAYS void store_row(const hn_gemm_q8 *g, uint8_t *y, __m512i q)
{
    if (g->n != NV * 16) {
        _mm512_mask_storeu_epi8(y, (UINT64_C(1) << g->n) - 1, q);
        return;
    }
#if NV == 1
    _mm_storeu_si128((__m128i *)y, _mm512_castsi512_si128(q));
#elif NV == 2
    _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256(q));
#elif NV == 3
    _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256(q));
    _mm_storeu_si128((__m128i *)(y + 32), _mm512_extracti32x4_epi32(q, 2));
#else
    _mm512_storeu_si512(y, q);
#endif
}

ALWAYS void finish_byte(const hn_gemm_q8 *g, size_t i, __m512i (*acc)[NV], const int rows)
{
    const q8_consts c = q8_load(g->out);
    uint8_t *y = (uint8_t *)g->y + i * g->ldy;
    HN_UNROLL for (int r = 0; r < rows; r++, y += g->ldy)
    {
        __m512i q[4];
        HN_UNROLL for (int v = 0; v < 4; v++) q[v] = _mm512_setzero_si512();
        HN_UNROLL for (int v = 0; v < NV; v++) q[v] = q8_byte(&c, acc[r][v], _mm512_loadu_ps(g->scale + 16 * v));
        store_row(g, y, q8_pack(&c, q[0], q[1], q[2], q[3]));
    }
}

static __attribute__((noinline)) void finish_residual(const hn_gemm_q8 *g, size_t i, const int32_t *acc, size_t rows)
{
    const q8_consts c = q8_load(g->out);
    uint64_t mask = g->n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << g->n) - 1;
    for (size_t r = 0; r < rows; r++) {
        uint8_t *y = (uint8_t *)g->y + (i + r) * g->ldy;
        const uint8_t *res = g->r + (i + r) * g->ldr;
        __m512i q[4];
        HN_UNROLL for (int v = 0; v < 4; v++) q[v] = _mm512_setzero_si512();
        HN_UNROLL for (int v = 0; v < NV; v++)
        {
            __m512i s = _mm512_load_si512(acc + (r * NV + (size_t)v) * 16);
            __m128i x = _mm_maskz_loadu_epi8((__mmask16)(mask >> (16 * v)), res + 16 * v);
            q[v] = q8_residual(&c, s, _mm512_loadu_ps(g->scale + 16 * v), x);
        }
        store_row(g, y, q8_pack(&c, q[0], q[1], q[2], q[3]));
    }
}

static __attribute__((noinline)) void finish_wide(const hn_gemm_q8 *g, size_t i, const int32_t *acc, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v * 16 < g->n; v++) {
            size_t left = g->n - v * 16;
            __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
            size_t at = (i + r) * g->ldy + v * 16;
            __m512i s = _mm512_load_si512(acc + (r * NV + v) * 16);
            if (g->out->kind == HN_Q8_I32) {
                _mm512_mask_storeu_epi32((int32_t *)g->y + at, mask, s);
            } else {
                __m512 u = _mm512_mul_ps(_mm512_cvtepi32_ps(s), _mm512_loadu_ps(g->scale + 16 * v));
                _mm512_mask_storeu_ps((float *)g->y + at, mask, u);
            }
        }
}

ALWAYS void tile(const hn_gemm_q8 *g, size_t i, const int rows)
{
    __m512i acc[MR][NV];
    HN_UNROLL for (int v = 0; v < NV; v++)
    {
        __m512i bias = _mm512_loadu_si512(g->bias + 16 * v);
        HN_UNROLL for (int r = 0; r < rows; r++) acc[r][v] = bias;
    }
    const int8_t *b = g->b;
    for (size_t t = 0; t < g->taps; t++) {
        const uint8_t *p[MR];
        HN_UNROLL for (int r = 0; r < rows; r++) p[r] = hn_gemm_q8_row(g, i + (size_t)r, t);
        depth(g, p, &b, acc, rows);
    }
    if (g->row_sub) HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i s = _mm512_set1_epi32(g->row_sub[i + (size_t)r]);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] = _mm512_sub_epi32(acc[r][v], s);
        }
    if (g->out->kind == HN_Q8_BYTE) {
        finish_byte(g, i, acc, rows);
        return;
    }
    _Alignas(64) int32_t sums[MR * NV * 16];
    HN_UNROLL for (int r = 0; r < rows; r++) HN_UNROLL for (int v = 0; v < NV; v++)
        _mm512_store_si512(sums + (r * NV + v) * 16, acc[r][v]);
    if (g->out->kind == HN_Q8_RESIDUAL)
        finish_residual(g, i, sums, (size_t)rows);
    else
        finish_wide(g, i, sums, (size_t)rows);
}

#define TILE(n)                                                                   \
    static __attribute__((noinline)) void tile_##n(const hn_gemm_q8 *g, size_t i) \
    {                                                                             \
        tile(g, i, n);                                                            \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if MR > 6
TILE(7)
TILE(8)
#endif
#if MR > 8
TILE(9)
TILE(10)
TILE(11)
TILE(12)
#endif

static void gemm(const hn_gemm_q8 *g)
{
    static void (*const tiles[])(const hn_gemm_q8 *, size_t) = {
        tile_1,
        tile_2,
        tile_3,
        tile_4,
        tile_5,
        tile_6,
#if MR > 6
        tile_7,
        tile_8,
#endif
#if MR > 8
        tile_9,
        tile_10,
        tile_11,
        tile_12,
#endif
    };
    hn_gemm_q8_split s = hn_gemm_q8_rows(g->m, MR);
    size_t i = 0;
    for (size_t t = 0; t < s.tiles; t++) {
        size_t rows = s.rows + (t < s.wide);
        tiles[rows - 1](g, i);
        i += rows;
    }
}
