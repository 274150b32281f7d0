/* 8-bit 3 x 3 convolution by F(2 x 2, 3 x 3) for AVX2. Sum and difference of the first two products along a row are
 * what the next two are added to, so that half of A' M A needs no memory. */
#include "kernels/avx2/lib_wino_q8.h"

enum { TILE = 2, POINTS = 4, HALVES = POINTS * TILE * NR }; /* HALVES: sums of a tile, [row][output column][NR] */

/* B' d of one column of the window. */
ALWAYS void column(const lines *l, ptrdiff_t x, const bool whole, const bool inside, __m256i t[4])
{
    if ((size_t)x >= l->w) {
        t[0] = t[2] = t[3] = _mm256_setzero_si256();
        t[1] = _mm256_add_epi16(l->pad, l->pad);
        return;
    }
    const ptrdiff_t off = x * (ptrdiff_t)l->c;
    __m256i d[4];
    HN_UNROLL for (int i = 0; i < 4; i++) d[i] = pixel(l, l->at[i] + (inside ? off : off & l->reach[i]), whole);
    t[0] = _mm256_sub_epi16(d[0], d[2]);
    t[1] = _mm256_add_epi16(d[1], d[2]);
    t[2] = _mm256_sub_epi16(d[2], d[1]);
    t[3] = _mm256_sub_epi16(d[3], d[1]);
}

/* V of `tiles` neighbours, the first of which is number `tile` of the run and has its window at column x. `line` words
 * lie between the rows of V. */
ALWAYS void windows(const lines *l, ptrdiff_t x, size_t tile, size_t tiles, int16_t *v, size_t product, size_t line,
                    const bool whole, const bool inside)
{
    spot at = spot_of(v, tile, POINTS * product, MR);
    __m256i a[4], b[4];
    column(l, x, whole, inside, a);
    column(l, x + 1, whole, inside, b);
    for (size_t i = 0; i < tiles; i++, x += 2) {
        __m256i t[4];
        int16_t *to = at.v;
        column(l, x + 2, whole, inside, t);
        HN_UNROLL for (int k = 0; k < 4; k++, to += line)
        {
            store(to, _mm256_sub_epi16(a[k], t[k]));
            store(to + product, _mm256_add_epi16(b[k], t[k]));
            store(to + 2 * product, _mm256_sub_epi16(t[k], b[k]));
            a[k] = t[k];
        }
        column(l, x + 3, whole, inside, t);
        to = at.v + 3 * product;
        HN_UNROLL for (int k = 0; k < 4; k++, to += line)
        {
            store(to, _mm256_sub_epi16(t[k], b[k]));
            b[k] = t[k];
        }
        next_spot(&at, MR);
    }
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

/* A' down the columns of a tile's halves, then its outputs at y, of whose pixels the residuals are at r; pixel and line
 * in bytes. */
ALWAYS void outputs(const ending *e, const int32_t *halves, const uint8_t *r, uint8_t *y, size_t pixel, size_t line,
                    const int kind)
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
        store_two(e, acc[i], (const uint8_t *const[]){r, r + pixel}, (uint8_t *const[]){y, y + pixel}, kind);
}

#include "kernels/wino_q8.inc"

const hn_kernel hn_k_avx2_wino_q8_2 = {.family = "wino_q8",
                                       .name = "avx2_wino_q8_2_3x16",
                                       .isa = HN_ISA_AVX2,
                                       .mr = MR,
                                       .nr = NR,
                                       .kr = 2,
                                       .variant = TILE,
                                       .rank = 1,
                                       .fn = (hn_kernel_fn *)wino};
