/* 8-bit 3 x 3 convolution by F(2 x 2, 3 x 3) for AVX2: 3 tiles by 16 columns of two products at a time in registers.
 * Their sum and difference are what the next two products are added to, so that half of A' M A needs no memory. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/wino_q8.h"

enum { MR = 3, NR = 16, LANES = 16, HALVES = 8 * NR }; /* HALVES: sums of a tile, [row][output column][NR] */

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
ALWAYS void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* Where a tile lies: image, row and column of its first output. */
typedef struct place {
    size_t image, row, col;
} place;

ALWAYS place tile_place(const hn_wino_q8 *g, size_t tile)
{
    size_t an_image = g->down * g->across, in_image = tile % an_image;
    return (place){tile / an_image, in_image / g->across * 2, in_image % g->across * 2};
}

ALWAYS void next_tile(const hn_wino_q8 *g, place *p)
{
    p->col += 2;
    if (p->col < 2 * g->across) return;
    p->col = 0;
    p->row += 2;
    if (p->row < 2 * g->down) return;
    p->row = 0;
    p->image++;
}

/* The four input lines of a row of tiles, at one block of channels. A line outside the image is one pixel of padding
 * that all columns share: `reach` masks their distance. */
typedef struct lines {
    const uint8_t *at[4];
    ptrdiff_t reach[4];
    size_t w, c, channels; /* channels: of this block, at most 16 */
    __m128i flip, order;
    __m256i pad; /* 16 channels of padding, as words */
} lines;

/* Which bytes of two times eight, the second ones being the last of the block, are its first 16. */
static __m128i order_of(size_t n)
{
    uint8_t order[LANES];
    for (size_t i = 0; i < LANES; i++) order[i] = (uint8_t)(i >= n ? 0x80 : i < 8 && n >= 8 ? i : i + LANES - n);
    return _mm_loadu_si128((const __m128i *)(const void *)order);
}

ALWAYS __m256i pixel(const lines *l, const uint8_t *p, const bool whole)
{
    __m128i x;
    if (whole) {
        x = _mm_loadu_si128((const __m128i *)(const void *)p);
    } else {
        const uint8_t *last = p + l->channels - 8; /* c >= 8: a pixel has as many */
        const __m128i high = _mm_loadl_epi64((const __m128i *)(const void *)last);
        x = _mm_loadl_epi64((const __m128i *)(const void *)(l->channels < 8 ? last : p));
        x = _mm_shuffle_epi8(_mm_unpacklo_epi64(x, high), l->order);
    }
    return _mm256_cvtepu8_epi16(_mm_xor_si128(x, l->flip));
}

/* B' d of one column of the window. */
ALWAYS void column(const lines *l, ptrdiff_t x, const bool whole, __m256i t[4])
{
    if ((size_t)x >= l->w) {
        t[0] = t[2] = t[3] = _mm256_setzero_si256();
        t[1] = _mm256_add_epi16(l->pad, l->pad);
        return;
    }
    const ptrdiff_t off = x * (ptrdiff_t)l->c;
    __m256i d[4];
    HN_UNROLL for (int i = 0; i < 4; i++) d[i] = pixel(l, l->at[i] + (off & l->reach[i]), whole);
    t[0] = _mm256_sub_epi16(d[0], d[2]);
    t[1] = _mm256_add_epi16(d[1], d[2]);
    t[2] = _mm256_sub_epi16(d[2], d[1]);
    t[3] = _mm256_sub_epi16(d[3], d[1]);
}

/* V of `tiles` neighbours, the first of which is number `tile` of the run and has its window at column x. `line` words
 * lie between the rows of V. */
ALWAYS void windows(const lines *l, ptrdiff_t x, size_t tile, size_t tiles, int16_t *v, size_t product, size_t line,
                    const bool whole)
{
    const size_t group = 4 * product;
    size_t place = tile % MR;
    v += tile / MR * group + place * LANES;
    __m256i a[4], b[4];
    column(l, x, whole, a);
    column(l, x + 1, whole, b);
    for (size_t i = 0; i < tiles; i++, x += 2) {
        __m256i t[4];
        int16_t *to = v;
        column(l, x + 2, whole, t);
        HN_UNROLL for (int k = 0; k < 4; k++, to += line)
        {
            store(to, _mm256_sub_epi16(a[k], t[k]));
            store(to + product, _mm256_add_epi16(b[k], t[k]));
            store(to + 2 * product, _mm256_sub_epi16(t[k], b[k]));
            a[k] = t[k];
        }
        column(l, x + 3, whole, t);
        to = v + 3 * product;
        HN_UNROLL for (int k = 0; k < 4; k++, to += line)
        {
            store(to, _mm256_sub_epi16(t[k], b[k]));
            b[k] = t[k];
        }
        v += LANES;
        if (++place < MR) continue;
        place = 0;
        v += group - MR * LANES;
    }
}

static void transform(const hn_wino_q8 *g, int16_t *v, size_t product, size_t line)
{
    uint8_t pad[8 + LANES];
    memset(pad, g->pad, sizeof pad);
    lines l = {.w = g->w, .c = g->c, .flip = _mm_set1_epi8((char)g->flip), .order = order_of(g->c % LANES)};
    l.pad = _mm256_set1_epi16((short)(g->pad ^ g->flip));
    place p = tile_place(g, g->first);
    for (size_t tile = 0, tiles; tile < g->count; tile += tiles) {
        tiles = g->across - p.col / 2 < g->count - tile ? g->across - p.col / 2 : g->count - tile;
        const uint8_t *image = g->x + p.image * g->h * g->w * g->c;
        const ptrdiff_t top = (ptrdiff_t)p.row - g->pt, left = (ptrdiff_t)p.col - g->pl;
        for (size_t c0 = 0; c0 < g->c; c0 += LANES) {
            for (ptrdiff_t i = 0; i < 4; i++) {
                bool inside = (size_t)(top + i) < g->h;
                l.at[i] = inside ? image + (size_t)(top + i) * g->w * g->c + c0 : pad + 8;
                l.reach[i] = inside ? -1 : 0;
            }
            l.channels = g->c - c0 < LANES ? g->c - c0 : LANES;
            if (l.channels == LANES)
                windows(&l, left, tile, tiles, v + c0 * MR, product, line, true);
            else
                windows(&l, left, tile, tiles, v + c0 * MR, product, line, false);
        }
        p.col += 2 * (tiles - 1);
        next_tile(g, &p);
    }
}

/* A sum in its register: the compiler would add products to each other first, and has no room for them. */
#define HOLD(x) __asm__ volatile("" : "+x"(x))

/* Two channels of MR tiles at v times u. */
ALWAYS void pair(const int16_t *v, const int16_t *u, __m256i acc[MR][2])
{
    __m256i u0 = load(u), u1 = load(u + 16);
    HN_UNROLL for (int i = 0; i < MR; i++)
    {
        int32_t two;
        memcpy(&two, v + i * LANES, 4);
        __m256i x = _mm256_set1_epi32(two);
        HOLD(x);
        acc[i][0] = _mm256_add_epi32(acc[i][0], _mm256_madd_epi16(x, u0));
        HOLD(acc[i][0]);
        acc[i][1] = _mm256_add_epi32(acc[i][1], _mm256_madd_epi16(x, u1));
        HOLD(acc[i][1]);
    }
}

/* One block of 16 channels, added to a and b: products of the tiles at v with u, and of those at w with u's others. */
ALWAYS const int16_t *multiply(const int16_t *v, const int16_t *w, const int16_t *u, __m256i a[MR][2], __m256i b[MR][2])
{
    _Pragma("GCC unroll 4") for (int k = 0; k < LANES; k += 2, u += 64)
    {
        pair(v + k, u, a);
        pair(w + k, u + 32, b);
    }
    return u;
}

/* Row `line` of M for a group of tiles, A' along it done. start: what the product at x = 1 begins with. */
ALWAYS void row_of(const int16_t *v, size_t product, const int16_t *u, size_t blocks, const int32_t *start,
                   int32_t *halves)
{
    __m256i a[MR][2], b[MR][2];
    HN_UNROLL for (int i = 0; i < MR; i++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        a[i][n] = load(start + 8 * n);
        b[i][n] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < blocks; k++)
        u = multiply(v + product + k * MR * LANES, v + 2 * product + k * MR * LANES, u, a, b);
    HN_UNROLL for (int i = 0; i < MR; i++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        const __m256i difference = _mm256_sub_epi32(a[i][n], b[i][n]);
        a[i][n] = _mm256_add_epi32(a[i][n], b[i][n]);
        b[i][n] = difference;
    }
    for (size_t k = 0; k < blocks; k++) u = multiply(v + k * MR * LANES, v + 3 * product + k * MR * LANES, u, a, b);
    HN_UNROLL for (int i = 0; i < MR; i++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        store(halves + i * HALVES + 8 * n, a[i][n]);
        store(halves + i * HALVES + NR + 8 * n, b[i][n]);
    }
}

static __attribute__((noinline)) void rows_of(const int16_t *v, size_t product, const int16_t *u, size_t blocks,
                                              size_t groups, const int32_t *start, int32_t *halves)
{
    for (size_t i = 0; i < groups; i++)
        row_of(v + i * 4 * product, product, u, blocks, start, halves + i * MR * HALVES);
}

/* Bytes of R at 8 columns, as numbers. */
ALWAYS __m256 residual_at(const hn_q8_out *e, const uint8_t *r)
{
    __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)r));
    x = _mm256_sub_epi32(_mm256_xor_si256(x, _mm256_set1_epi32(e->r_flip)), _mm256_set1_epi32(e->r_zp));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(x), _mm256_set1_ps(e->r_scale));
}

ALWAYS __m256i scaled(const hn_q8_out *e, __m256i acc, __m256 scale, const uint8_t *r, const bool residual)
{
    __m256 v = _mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale), _mm256_set1_ps(e->t_hi));
    if (residual) {
        v = _mm256_max_ps(v, _mm256_set1_ps(e->t_lo));
        v = _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        v = _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(e->t_scale)), residual_at(e, r));
        v = _mm256_min_ps(v, _mm256_set1_ps(e->u_hi));
    }
    return _mm256_cvtps_epi32(v); /* too small gives INT_MIN, which the packs take to the lower limit */
}

/* Two pixels of 16 columns to bytes at y[0] and y[1]. */
ALWAYS void store_two(const hn_q8_out *e, __m256i acc[2][2], const __m256 scale[2], const uint8_t *const r[2],
                      uint8_t *const y[2], const bool residual)
{
    const __m256i zp = _mm256_set1_epi16((short)e->y_zp), order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i q[2];
    HN_UNROLL for (int j = 0; j < 2; j++)
    {
        const __m256i low = scaled(e, acc[j][0], scale[0], r[j], residual),
                      high = scaled(e, acc[j][1], scale[1], r[j] + 8, residual);
        q[j] = _mm256_adds_epi16(_mm256_packs_epi32(low, high), zp);
    }
    __m256i v = _mm256_max_epu8(_mm256_packus_epi16(q[0], q[1]), _mm256_set1_epi8((char)e->y_lo));
    v = _mm256_xor_si256(_mm256_min_epu8(v, _mm256_set1_epi8((char)e->y_hi)), _mm256_set1_epi8((char)e->y_flip));
    v = _mm256_permutevar8x32_epi32(v, order);
    _mm_storeu_si128((__m128i *)(void *)y[0], _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(void *)y[1], _mm256_extracti128_si256(v, 1));
}

/* A' down the columns of a tile's halves, then its bytes at y, of whose pixels the residuals are at r. */
ALWAYS void outputs(const hn_q8_out *e, const int32_t *halves, const __m256 scale[2], const uint8_t *r, uint8_t *y,
                    size_t pixel, size_t line, const bool residual)
{
    __m256i acc[2][2][2];
    HN_UNROLL for (int j = 0; j < 2; j++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        const int32_t *h = halves + j * NR + 8 * n;
        const __m256i m1 = load(h + 2 * NR), m2 = load(h + 4 * NR);
        acc[0][j][n] = _mm256_add_epi32(load(h), _mm256_add_epi32(m1, m2));
        acc[1][j][n] = _mm256_add_epi32(load(h + 6 * NR), _mm256_sub_epi32(m1, m2));
    }
    HN_UNROLL for (int i = 0; i < 2; i++, r += line, y += line)
        store_two(e, acc[i], scale, (const uint8_t *const[]){r, r + pixel}, (uint8_t *const[]){y, y + pixel}, residual);
}

/* n <= 16 bytes. */
ALWAYS void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    size_t i = 0;
    if (n & 16) memcpy(to, from, 16);
    if (n & 8) memcpy(to, from, 8), i = 8;
    if (n & 4) memcpy(to + i, from + i, 4), i += 4;
    for (; i < n && n < 16; i++) to[i] = from[i];
}

/* The same for a tile that leaves the output, or for fewer channels. */
ALWAYS void outputs_inside(const hn_wino_q8 *g, const hn_q8_out *e, const int32_t *halves, const __m256 scale[2],
                           size_t at, size_t rows, size_t cols, size_t n, const bool residual)
{
    uint8_t r[4 * NR] = {0}, y[4 * NR];
    for (size_t i = 0; residual && i < rows; i++)
        for (size_t j = 0; j < cols; j++) copy(r + (2 * i + j) * NR, g->r + at + (i * g->ow + j) * g->y_stride, n);
    outputs(e, halves, scale, r, y, NR, 2 * NR, residual);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) copy(g->y + at + (i * g->ow + j) * g->y_stride, y + (2 * i + j) * NR, n);
}

/* All tiles of the run at the 16 columns from n0. */
ALWAYS void finish(const hn_wino_q8 *g, const int32_t *halves, size_t n0, const bool residual)
{
    const hn_q8_out e = *g->out; /* by value: bytes of Y could alias it */
    const __m256 scale[2] = {_mm256_loadu_ps(g->scale + n0), _mm256_loadu_ps(g->scale + n0 + 8)};
    place p = tile_place(g, g->first);
    const size_t n = g->m - n0 < NR ? g->m - n0 : NR, line = g->ow * g->y_stride;
    for (size_t i = 0; i < g->count; i++, next_tile(g, &p), halves += HALVES) {
        const size_t rows = g->oh - p.row < 2 ? 1 : 2, cols = g->ow - p.col < 2 ? 1 : 2;
        const size_t at = ((p.image * g->oh + p.row) * g->ow + p.col) * g->y_stride + n0;
        if (rows == 2 && cols == 2 && n == NR)
            outputs(&e, halves, scale, residual ? g->r + at : NULL, g->y + at, g->y_stride, line, residual);
        else
            outputs_inside(g, &e, halves, scale, at, rows, cols, n, residual);
    }
}

static __attribute__((noinline)) void finish_byte(const hn_wino_q8 *g, const int32_t *halves, size_t n0)
{
    finish(g, halves, n0, false);
}
static __attribute__((noinline)) void finish_residual(const hn_wino_q8 *g, const int32_t *halves, size_t n0)
{
    finish(g, halves, n0, true);
}

static void wino(const hn_wino_q8 *g)
{
    static const int32_t NONE[NR] = {0};
    const size_t product = hn_wino_q8_product(MR, g->c), groups = (g->count + MR - 1) / MR,
                 blocks = hn_wino_q8_blocks(g->c);
    const size_t line = groups * 4 * product;
    int16_t *const v = g->scratch; /* [row][group][column][block of channels][tile][LANES] */
    int32_t *const halves = (int32_t *)(void *)(v + 4 * line);
    transform(g, v, product, line);
    const int16_t *u = g->u;
    for (size_t n0 = 0; n0 < g->m; n0 += NR) {
        for (size_t y = 0; y < 4; y++, u += blocks * 16 * 64)
            rows_of(v + y * line, product, u, blocks, groups, y == 1 ? g->bias + n0 : NONE, halves + 2 * y * NR);
        (g->out->kind == HN_Q8_RESIDUAL ? finish_residual : finish_byte)(g, halves, n0);
    }
}

const hn_kernel hn_k_avx2_wino_q8 = {.family = "wino_q8",
                                     .name = "avx2_wino_q8_3x16",
                                     .isa = HN_ISA_AVX2,
                                     .mr = MR,
                                     .nr = NR,
                                     .kr = 2,
                                     .variant = 2,
                                     .rank = 1,
                                     .fn = (hn_kernel_fn *)wino};
