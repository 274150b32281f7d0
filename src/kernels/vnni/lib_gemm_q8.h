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

ALWAYS void depth(const hn_gemm_q8 *g, const uint8_t *const *p, const int8_t **b, __m512i (*acc)[NV], const int rows,
                  const int is_signed)
{
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    const int8_t *w = *b;
    size_t k = 0;
    for (; k + 4 <= g->k; k += 4, w += NV * 64) {
        __m512i bv[NV];
        HN_UNROLL for (int v = 0; v < NV; v++) bv[v] = _mm512_load_si512(w + 64 * v);
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i x = broadcast(p[r] + k);
            if (is_signed) x = _mm512_xor_si512(x, flip);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] = _mm512_dpbusd_epi32(acc[r][v], x, bv[v]);
        }
    }
    if (k < g->k) {
        __mmask16 tail = (__mmask16)((1u << (g->k - k)) - 1);
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i x = _mm512_broadcastd_epi32(_mm_maskz_loadu_epi8(tail, p[r] + k));
            if (is_signed) x = _mm512_xor_si512(x, flip);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] =
                _mm512_dpbusd_epi32(acc[r][v], x, _mm512_load_si512(w + 64 * v));
        }
        w += NV * 64;
    }
    *b = w;
}

/* Byte masks make slow stores, so that the common half strip goes without. */
ALWAYS void store_row(size_t n, uint8_t *y, __m512i q)
{
    if (n != NV * 16 && n != NV * 16 - 8) {
        _mm512_mask_storeu_epi8(y, (UINT64_C(1) << n) - 1, q);
        return;
    }
#if NV == 4
    if (n == 64) {
        _mm512_storeu_si512(y, q);
        return;
    }
#endif
#if NV >= 3
    _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256(q));
#elif NV == 2
    _mm_storeu_si128((__m128i *)y, _mm512_castsi512_si128(q));
#endif
#if NV == 4
    _mm_storeu_si128((__m128i *)(y + 32), _mm512_extracti32x4_epi32(q, 2));
#endif
    __m128i last = _mm512_extracti32x4_epi32(q, NV - 1);
    if (n == NV * 16)
        _mm_storeu_si128((__m128i *)(y + 16 * (NV - 1)), last);
    else
        _mm_storel_epi64((__m128i *)(y + 16 * (NV - 1)), last);
}

/* What is read through g is read first: stores of bytes could alias it. */
ALWAYS void finish_byte(const hn_gemm_q8 *g, size_t i, __m512i (*acc)[NV], const int rows, const int bounded)
{
    const q8_consts c = q8_load(g->out);
    const size_t ldy = g->ldy, n = g->n;
    const float *scale = g->scale;
    uint8_t *y = (uint8_t *)g->y + i * ldy;
    __m512 s[NV];
    HN_UNROLL for (int v = 0; v < NV; v++) s[v] = _mm512_loadu_ps(scale + 16 * v);
#if NV == 1
    /* Four rows fill a vector of bytes. */
    HN_UNROLL for (int r = 0; r < rows; r += 4)
    {
        __m512i q[4];
        HN_UNROLL for (int k = 0; k < 4; k++) q[k] = q8_byte(&c, acc[r + k < rows ? r + k : r][0], s[0], bounded);
        __m512i bytes = q8_pack(&c, q[0], q[1], q[2], q[3]);
        store_row(n, y, bytes);
        if (r + 1 < rows) store_row(n, y + ldy, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 1)));
        if (r + 2 < rows) store_row(n, y + 2 * ldy, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 2)));
        if (r + 3 < rows) store_row(n, y + 3 * ldy, _mm512_castsi128_si512(_mm512_extracti32x4_epi32(bytes, 3)));
        y += 4 * ldy;
    }
#elif NV == 2
    HN_UNROLL for (int r = 0; r < rows; r += 2)
    {
        const int next = r + 1 < rows ? r + 1 : r;
        __m512i bytes = q8_pack(&c, q8_byte(&c, acc[r][0], s[0], bounded), q8_byte(&c, acc[r][1], s[1], bounded),
                                q8_byte(&c, acc[next][0], s[0], bounded), q8_byte(&c, acc[next][1], s[1], bounded));
        store_row(n, y, bytes);
        if (r + 1 < rows) store_row(n, y + ldy, _mm512_castsi256_si512(_mm512_extracti64x4_epi64(bytes, 1)));
        y += 2 * ldy;
    }
#else
    HN_UNROLL for (int r = 0; r < rows; r++, y += ldy)
    {
        __m512i q[4];
        HN_UNROLL for (int v = 0; v < 4; v++) q[v] = q8_byte(&c, acc[r][v < NV ? v : 0], s[v < NV ? v : 0], bounded);
        store_row(n, y, q8_pack(&c, q[0], q[1], q[2], q[3]));
    }
#endif
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
        store_row(g->n, y, q8_pack(&c, q[0], q[1], q[2], q[3]));
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

ALWAYS void tile(const hn_gemm_q8 *g, size_t i, const int rows, const int is_signed)
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
        depth(g, p, &b, acc, rows, is_signed);
    }
    if (g->row_sub) HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m512i s = _mm512_set1_epi32(g->row_sub[i + (size_t)r]);
            HN_UNROLL for (int v = 0; v < NV; v++) acc[r][v] = _mm512_sub_epi32(acc[r][v], s);
        }
    if (g->out->kind == HN_Q8_BYTE) {
        if (g->out->bounded)
            finish_byte(g, i, acc, rows, 1);
        else
            finish_byte(g, i, acc, rows, 0);
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

/* `count` tiles of n rows from row i, for u8 and for s8 activations. */
#define TILES(n)                                                                              \
    static __attribute__((noinline)) void u8_##n(const hn_gemm_q8 *g, size_t i, size_t count) \
    {                                                                                         \
        for (; count > 0; count--, i += n) tile(g, i, n, 0);                                  \
    }                                                                                         \
    static __attribute__((noinline)) void s8_##n(const hn_gemm_q8 *g, size_t i, size_t count) \
    {                                                                                         \
        for (; count > 0; count--, i += n) tile(g, i, n, 1);                                  \
    }
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#if MR > 6
TILES(7)
TILES(8)
#endif
#if MR > 8
TILES(9)
TILES(10)
TILES(11)
TILES(12)
TILES(13)
TILES(14)
#endif

typedef void tiles_fn(const hn_gemm_q8 *g, size_t i, size_t count);

static void gemm(const hn_gemm_q8 *g)
{
    static tiles_fn *const tiles[2][MR] = {{
                                               u8_1,
                                               u8_2,
                                               u8_3,
                                               u8_4,
                                               u8_5,
                                               u8_6,
#if MR > 6
                                               u8_7,
                                               u8_8,
#endif
#if MR > 8
                                               u8_9,
                                               u8_10,
                                               u8_11,
                                               u8_12,
                                               u8_13,
                                               u8_14,
#endif
                                           },
                                           {
                                               s8_1,
                                               s8_2,
                                               s8_3,
                                               s8_4,
                                               s8_5,
                                               s8_6,
#if MR > 6
                                               s8_7,
                                               s8_8,
#endif
#if MR > 8
                                               s8_9,
                                               s8_10,
                                               s8_11,
                                               s8_12,
                                               s8_13,
                                               s8_14,
#endif
                                           }};
    hn_gemm_q8_split s = hn_gemm_q8_rows(g->m, MR);
    tiles_fn *const *t = tiles[g->a_flip != 0];
    if (s.wide > 0) t[s.rows](g, 0, s.wide);
    if (s.tiles > s.wide) t[s.rows - 1](g, s.wide * (s.rows + 1), s.tiles - s.wide);
}
