/* 8-bit GEMM for AVX2: 6 rows by 16 columns. Bytes are widened to 16 bits and multiplied with vpmaddwd, which is exact
 * (vpmaddubsw would saturate); two partial sums per column are added at the end. A's rows are widened once for all
 * columns; 8 columns of sums stay in registers at a time. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/avx2/lib_q8.h"
#include "kernels/gemm_q8.h"

enum { MR = 6, NR = 16, CHUNK = 256 }; /* CHUNK: depth that is widened at a time */

typedef struct work {
    _Alignas(32) int16_t a[MR][CHUNK + 16];
    _Alignas(32) int32_t sums[MR][2 * NR]; /* two partial sums per column */
} work;

/* k bytes to words, filled with anything to a multiple of 4, which meets weights of zero; may write 16 words more. */
ALWAYS void widen(const uint8_t *p, size_t k, __m128i flip, int16_t *y)
{
    size_t i = 0;
    for (; i + 16 <= k; i += 16) {
        __m128i x = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)(p + i)), flip);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), _mm256_cvtepu8_epi16(x));
    }
    if (i + 8 <= k) {
        __m128i x = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(const void *)(p + i)), flip);
        _mm_storeu_si128((__m128i *)(void *)(y + i), _mm_cvtepu8_epi16(x));
        i += 8;
    }
    if (i + 4 <= k) {
        int32_t four;
        memcpy(&four, p + i, 4);
        _mm_storel_epi64((__m128i *)(void *)(y + i), _mm_cvtepu8_epi16(_mm_xor_si128(_mm_cvtsi32_si128(four), flip)));
        i += 4;
    }
    if (i < k) {
        int32_t some = p[i];
        if (i + 1 < k) some |= p[i + 1] << 8;
        if (i + 2 < k) some |= p[i + 2] << 16;
        _mm_storel_epi64((__m128i *)(void *)(y + i), _mm_cvtepu8_epi16(_mm_xor_si128(_mm_cvtsi32_si128(some), flip)));
    }
}

ALWAYS __m256i weights(const int8_t *b)
{
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(const void *)b));
}

/* `groups` groups of 4 times 8 columns, added to their sums; after the last ones there is one sum per column. */
ALWAYS void half(work *w, const int8_t *b, size_t groups, size_t column, bool first, bool last, const int rows)
{
    __m256i acc[MR][2];
    HN_UNROLL for (int r = 0; r < rows; r++) acc[r][0] = acc[r][1] = _mm256_setzero_si256();
    if (!first) HN_UNROLL for (int r = 0; r < rows; r++)
        {
            acc[r][0] = _mm256_load_si256((const __m256i *)(const void *)(w->sums[r] + 2 * column));
            acc[r][1] = _mm256_load_si256((const __m256i *)(const void *)(w->sums[r] + 2 * column + 8));
        }
    b += 4 * column;
    for (size_t k = 0; k < groups; k++, b += 4 * NR) {
        __m256i w0 = weights(b), w1 = weights(b + 16);
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            long long four;
            memcpy(&four, w->a[r] + 4 * k, 8);
            __m256i a = _mm256_set1_epi64x(four);
            acc[r][0] = _mm256_add_epi32(acc[r][0], _mm256_madd_epi16(a, w0));
            acc[r][1] = _mm256_add_epi32(acc[r][1], _mm256_madd_epi16(a, w1));
        }
    }
    if (last) {
        HN_UNROLL for (int r = 0; r < rows; r++)
        {
            __m256i s = _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[r][0], acc[r][1]), 0xd8);
            _mm256_store_si256((__m256i *)(void *)(w->sums[r] + column), s);
        }
        return;
    }
    HN_UNROLL for (int r = 0; r < rows; r++)
    {
        _mm256_store_si256((__m256i *)(void *)(w->sums[r] + 2 * column), acc[r][0]);
        _mm256_store_si256((__m256i *)(void *)(w->sums[r] + 2 * column + 8), acc[r][1]);
    }
}

ALWAYS void store_row(uint8_t *y, size_t n, __m128i v)
{
    if (n == NR) {
        _mm_storeu_si128((__m128i *)(void *)y, v);
    } else if (n == 8) {
        _mm_storel_epi64((__m128i *)(void *)y, v);
    } else {
        uint8_t last[NR];
        _mm_storeu_si128((__m128i *)(void *)last, v);
        memcpy(y, last, n);
    }
}

/* Rows of bytes, two at a time, from bounded sums. */
ALWAYS void finish(const hn_gemm_q8 *g, const work *w, size_t i, size_t rows, const int residual)
{
    const finish_q8 f = finish_q8_load(g->out);
    const __m256 scale[2] = {_mm256_loadu_ps(g->scale), _mm256_loadu_ps(g->scale + 8)};
    const __m256i bias[2] = {_mm256_loadu_si256((const __m256i *)(const void *)g->bias),
                             _mm256_loadu_si256((const __m256i *)(const void *)(g->bias + 8))};
    const int32_t *sub = g->row_sub == NULL ? NULL : g->row_sub + i;
    const size_t ldy = g->ldy, n = g->n;
    uint8_t *y = (uint8_t *)g->y + i * ldy, part[2][NR] = {{0}};
    for (size_t r = 0; r < rows; r += 2, y += 2 * ldy) {
        __m256i q[4];
        HN_UNROLL for (size_t k = 0; k < 2; k++)
        {
            const size_t row = r + k < rows ? r + k : r;
            const __m256i off = _mm256_set1_epi32(sub == NULL ? 0 : sub[row]);
            const uint8_t *res = part[k];
            if (residual && n == NR)
                res = g->r + (i + row) * g->ldr;
            else if (residual)
                memcpy(part[k], g->r + (i + row) * g->ldr, n);
            HN_UNROLL for (size_t v = 0; v < 2; v++)
            {
                __m256i s = _mm256_load_si256((const __m256i *)(const void *)(w->sums[row] + 8 * v));
                s = _mm256_sub_epi32(_mm256_add_epi32(s, bias[v]), off);
                q[2 * k + v] = residual ? rounded_residual(&f, s, scale[v], res + 8 * v) : rounded_sum(s, scale[v]);
            }
        }
        const two_q8 bytes = bytes_of(&f, q, 0, 0);
        store_row(y, n, bytes.v[0]);
        if (r + 1 < rows) store_row(y + ldy, n, bytes.v[1]);
    }
}

static __attribute__((noinline)) void finish_byte(const hn_gemm_q8 *g, const work *w, size_t i, size_t rows)
{
    finish(g, w, i, rows, 0);
}
static __attribute__((noinline)) void finish_residual(const hn_gemm_q8 *g, const work *w, size_t i, size_t rows)
{
    finish(g, w, i, rows, 1);
}

static __attribute__((noinline)) void finish_wide(const hn_gemm_q8 *g, work *w, size_t i, size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        int32_t *s = w->sums[r];
        for (size_t j = 0; j < NR; j++)
            s[j] = (int32_t)((uint32_t)s[j] + (uint32_t)g->bias[j] - (uint32_t)(g->row_sub ? g->row_sub[i + r] : 0));
        hn_gemm_q8_finish(g, s, NR, i + r, 1);
    }
}

/* Taps follow each other in the widened rows, which are multiplied when they are full. */
ALWAYS void depth(const hn_gemm_q8 *g, work *w, size_t i, const int rows)
{
    const __m128i flip = _mm_set1_epi8((char)(g->a_flip & 0xff));
    const int8_t *b = g->b;
    size_t full = 0;
    bool first = true;
    for (size_t t = 0; t < g->taps; t++) {
        const uint8_t *p[MR];
        HN_UNROLL for (int r = 0; r < rows; r++) p[r] = hn_gemm_q8_row(g, i + (size_t)r, t);
        for (size_t k = 0, part; k < g->k; k += part) {
            part = g->k - k < CHUNK - full ? g->k - k : CHUNK - full;
            HN_UNROLL for (int r = 0; r < rows; r++) widen(p[r] + k, part, flip, w->a[r] + full);
            full += (part + 3) / 4 * 4;
            bool last = k + part == g->k && t + 1 == g->taps;
            if (full < CHUNK && !last) continue;
            half(w, b, full / 4, 0, first, last, rows);
            if (g->n > 8) half(w, b, full / 4, 8, first, last, rows);
            b += full * NR;
            full = 0;
            first = false;
        }
    }
}

ALWAYS void tile(const hn_gemm_q8 *g, size_t i, const int rows)
{
    work w;
    depth(g, &w, i, rows);
    if (g->out->bounded && g->out->kind == HN_Q8_BYTE)
        finish_byte(g, &w, i, (size_t)rows);
    else if (g->out->bounded && g->out->kind == HN_Q8_RESIDUAL)
        finish_residual(g, &w, i, (size_t)rows);
    else
        finish_wide(g, &w, i, (size_t)rows);
}

static __attribute__((noinline)) void rows_of(const hn_gemm_q8 *g, size_t i, size_t rows)
{
    switch (rows) {
    case 1: tile(g, i, 1); break;
    case 2: tile(g, i, 2); break;
    case 3: tile(g, i, 3); break;
    case 4: tile(g, i, 4); break;
    case 5: tile(g, i, 5); break;
    default: tile(g, i, 6); break;
    }
}

static void gemm(const hn_gemm_q8 *g)
{
    hn_gemm_q8_split s = hn_gemm_q8_rows(g->m, MR);
    for (size_t t = 0, i = 0; t < s.tiles; t++) {
        size_t rows = s.rows + (t < s.wide);
        rows_of(g, i, rows);
        i += rows;
    }
}

const hn_kernel hn_k_avx2_gemm_q8_few = {.family = "gemm_q8",
                                         .name = "avx2_gemm_q8_few",
                                         .isa = HN_ISA_AVX2,
                                         .mr = MR,
                                         .nr = NR,
                                         .kr = 4,
                                         .rank = 1,
                                         .fn = (hn_kernel_fn *)gemm};
