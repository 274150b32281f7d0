/* 8-bit 3 x 3 convolution by F(4 x 4, 3 x 3) for AVX2. What A' makes of a row of products is put together from sums and
 * differences of pairs as they come. */
#include "kernels/avx2/lib_wino_q8.h"

enum { TILE = 4, POINTS = 6, HALVES = POINTS * TILE * NR }; /* HALVES: sums of a tile, [row][output column][NR] */

HN_WINO_Q8_SIX(six, __m256i, _mm256_add_epi16, _mm256_sub_epi16, _mm256_slli_epi16)

/* B' d of one column of the window. */
ALWAYS void column(const lines *l, ptrdiff_t x, const bool whole, const bool inside, __m256i t[6])
{
    __m256i d[6];
    const ptrdiff_t off = x * (ptrdiff_t)l->c;
    if ((size_t)x >= l->w)
        HN_UNROLL for (int i = 0; i < 6; i++) d[i] = l->pad;
    else
        HN_UNROLL for (int i = 0; i < 6; i++) d[i] = pixel(l, l->at[i] + (inside ? off : off & l->reach[i]), whole);
    six(d, t);
}

/* V of `tiles` neighbours, the first of which is number `tile` of the run and has its window at column x. `line` words
 * lie between the rows of V. */
ALWAYS void windows(const lines *l, ptrdiff_t x, size_t tile, size_t tiles, int16_t *v, size_t product, size_t line,
                    const bool whole, const bool inside)
{
    spot at = spot_of(v, tile, POINTS * product, MR);
    __m256i c[6][6]; /* [column][row] */
    column(l, x, whole, inside, c[4]);
    column(l, x + 1, whole, inside, c[5]);
    for (size_t i = 0; i < tiles; i++, x += TILE) {
        int16_t *to = at.v;
        memcpy(c, c[4], 2 * sizeof *c);
        for (ptrdiff_t k = 2; k < 6; k++) column(l, x + k, whole, inside, c[k]);
        for (size_t k = 0; k < 6; k++, to += line) {
            __m256i d[6], t[6];
            HN_UNROLL for (int j = 0; j < 6; j++) d[j] = c[j][k];
            six(d, t);
            HN_UNROLL for (size_t j = 0; j < 6; j++) store(to + j * product, t[j]);
        }
        next_spot(&at, MR);
    }
}

ALWAYS __m256i plus(__m256i a, __m256i b, const int shift)
{
    return _mm256_add_epi32(a, _mm256_slli_epi32(b, shift));
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
        int32_t *h = halves + i * HALVES + 8 * n;
        store(h + NR, _mm256_sub_epi32(a[i][n], b[i][n]));
        store(h + 2 * NR, _mm256_add_epi32(a[i][n], b[i][n]));
        a[i][n] = b[i][n] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < blocks; k++)
        u = multiply(v + 3 * product + k * MR * LANES, v + 4 * product + k * MR * LANES, u, a, b);
    HN_UNROLL for (int i = 0; i < MR; i++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        int32_t *h = halves + i * HALVES + 8 * n;
        const __m256i sum = _mm256_add_epi32(a[i][n], b[i][n]), difference = _mm256_sub_epi32(a[i][n], b[i][n]);
        const __m256i other = load(h + NR), one = load(h + 2 * NR);
        store(h + NR, plus(other, difference, 1));
        store(h + 2 * NR, plus(one, sum, 2));
        a[i][n] = _mm256_add_epi32(one, sum);
        b[i][n] = plus(other, difference, 3);
    }
    for (size_t k = 0; k < blocks; k++) u = multiply(v + k * MR * LANES, v + 5 * product + k * MR * LANES, u, a, b);
    HN_UNROLL for (int i = 0; i < MR; i++) HN_UNROLL for (int n = 0; n < 2; n++)
    {
        int32_t *h = halves + i * HALVES + 8 * n;
        store(h, a[i][n]);
        store(h + 3 * NR, b[i][n]);
    }
}

/* A' down 8 columns of halves, [row] NR * TILE apart: 64 times the sums. */
ALWAYS void down(const int32_t *h, __m256i *o, size_t step)
{
    enum { ROW = TILE * NR };
    const __m256i ninth = _mm256_set1_epi32(HN_WINO_Q8_NINTH);
    const __m256i h1 = load(h + ROW), h2 = load(h + 2 * ROW), h3 = load(h + 3 * ROW), h4 = load(h + 4 * ROW);
    const __m256i s = _mm256_add_epi32(h1, h2), d = _mm256_sub_epi32(h1, h2);
    const __m256i s2 = _mm256_add_epi32(h3, h4), d2 = _mm256_sub_epi32(h3, h4);
    const __m256i t3 = _mm256_add_epi32(load(h + 5 * ROW), plus(d, d2, 1));
    o[0] = _mm256_mullo_epi32(_mm256_add_epi32(plus(load(h), s, 2), s2), ninth);
    o[step] = _mm256_mullo_epi32(_mm256_slli_epi32(plus(d2, d, 1), 1), ninth);
    o[2 * step] = _mm256_mullo_epi32(_mm256_slli_epi32(_mm256_add_epi32(s, s2), 2), ninth);
    o[3 * step] = _mm256_mullo_epi32(_mm256_slli_epi32(t3, 2), ninth);
}

/* A' down the columns of a tile's halves, then its outputs at y, of whose pixels the residuals are at r; pixel and line
 * in bytes. */
ALWAYS void outputs(const ending *e, const int32_t *halves, const uint8_t *r, uint8_t *y, size_t pixel, size_t line,
                    const int kind)
{
    for (size_t j = 0; j < TILE; j++, halves += NR, r += pixel, y += pixel) {
        __m256i acc[TILE][2];
        down(halves, &acc[0][0], 2);
        down(halves + 8, &acc[0][1], 2);
        HN_UNROLL for (size_t i = 0; i < TILE; i += 2)
            store_two(e, acc + i, (const uint8_t *const[]){r + i * line, r + (i + 1) * line},
                      (uint8_t *const[]){y + i * line, y + (i + 1) * line}, kind);
    }
}

#include "kernels/wino_q8.inc"

const hn_kernel hn_k_avx2_wino_q8_4 = {.family = "wino_q8",
                                       .name = "avx2_wino_q8_4_3x16",
                                       .isa = HN_ISA_AVX2,
                                       .mr = MR,
                                       .nr = NR,
                                       .kr = 2,
                                       .variant = TILE,
                                       .rank = 1,
                                       .fn = (hn_kernel_fn *)wino};
