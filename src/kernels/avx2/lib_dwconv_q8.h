/* Images for dwconv_q8: rows are widened to words and unpacked two by two with their padding, so that 32 bits hold a
 * column of two rows: a pair. A tap of two rows is then one vpmaddwd with an operand in memory, a fixed number of bytes
 * from those of the taps before, for as many outputs as there are registers.
 *
 * Dilated windows are taken apart first: the rows (columns) of one are `dh` (`dw`) apart, and every so many outputs
 * read the same ones, which makes images of their own with plain windows. Columns of a stride lie in phases, those that
 * follow each other in the image of outputs side by side. */
#ifndef HN_KERNELS_AVX2_LIB_DWCONV_Q8_H
#define HN_KERNELS_AVX2_LIB_DWCONV_Q8_H

#include "base/size.h"
#include "kernels/avx2/lib_q8.h"
#include "kernels/dwconv_q8.h"

/* PAIRS: of a block of 8 lanes, such that they stay in L1 with what becomes of them. SLACK: read and written after
 * them. LINES: most pairs of rows. */
enum { PAIRS = 2048, SLACK = 512, LINES = 64 };

/* An image with plain windows. */
typedef struct image {
    const hn_dwconv_q8_rows *g;
    size_t sh, sw, dh, dw;   /* strides of outputs in rows and columns, which are dh and dw apart in memory */
    ptrdiff_t y0, x0;        /* row and column, in memory, of the first window */
    size_t rows, columns;    /* outputs */
    size_t y, y_row, y_step; /* bytes from Y to the first output, to the next row, to the next column */
    bool flat;               /* channels of a row follow each other, else 8 channels at a time */
} image;

/* What a part of an image has in memory: pairs of rows, in each of them phases of columns. */
typedef struct band {
    _Alignas(32) int32_t x[2 * PAIRS + SLACK]; /* of one block, or two */
    size_t unit;                               /* pairs of a column: 8, or all channels (flat) */
    size_t phases, phase, pitch;               /* columns of a phase; of a pair of rows, with all phases */
    size_t y, x_first, rows, columns;          /* first output row and column, and how many */
    size_t lines, inside, outside;             /* pairs of rows: all; those [inside, outside) are not all padding */
    const uint8_t *row[2 * LINES];             /* NULL outside the image */
    /* of each phase: columns before the image, columns up to its end, bytes from a row to the first one inside */
    size_t left[HN_DWCONV_Q8_TAPS], right[HN_DWCONV_Q8_TAPS], at[HN_DWCONV_Q8_TAPS];
} band;

/* Columns [x, x + n) of outputs. */
static void cut_columns(const image *m, band *b, size_t x, size_t n)
{
    const hn_dwconv_q8 *g = &m->g->one;
    b->x_first = x;
    b->columns = n;
    b->phases = m->sw < g->kw ? m->sw : g->kw;
    b->phase = n + (g->kw - 1) / m->sw;
    b->pitch = b->phases * b->phase;
    for (size_t f = 0; f < b->phases; f++) {
        const ptrdiff_t at = m->x0 + (ptrdiff_t)((x * m->sw + f) * m->dw), width = (ptrdiff_t)g->width;
        const size_t step = m->sw * m->dw, left = at < 0 ? hn_div_up((size_t)-at, step) : 0,
                     right = at < width ? hn_div_up((size_t)(width - at), step) : 0;
        b->left[f] = left < b->phase ? left : b->phase;
        b->right[f] = right < b->left[f] ? b->left[f] : right < b->phase ? right : b->phase;
        if (b->left[f] < b->right[f]) b->at[f] = (size_t)(at + (ptrdiff_t)(left * step)) * g->c;
    }
}

/* Pairs of rows that n output rows read. */
ALWAYS size_t lines_of(const image *m, size_t n)
{
    return ((n - 1) * m->sh + m->g->one.kh + 1) / 2;
}

ALWAYS bool all_padding(const band *b, size_t line)
{
    return b->row[2 * line] == NULL && b->row[2 * line + 1] == NULL;
}

/* Rows [y, y + n) of outputs. */
static void cut_rows(const image *m, band *b, size_t y, size_t n)
{
    const hn_dwconv_q8_rows *g = m->g;
    b->y = y;
    b->rows = n;
    b->lines = lines_of(m, n);
    for (size_t i = 0; i < 2 * b->lines; i++) {
        const ptrdiff_t at = m->y0 + (ptrdiff_t)((y * m->sh + i) * m->dh);
        b->row[i] = at >= 0 && (size_t)at < g->h ? g->x + (size_t)at * g->one.width * g->one.c : NULL;
    }
    for (b->inside = 0; b->inside < b->lines && all_padding(b, b->inside);) b->inside++;
    for (b->outside = b->lines; b->outside > b->inside && all_padding(b, b->outside - 1);) b->outside--;
}

/* 8 or, where n is less, n bytes, which are the last ones of a pixel of c. */
ALWAYS __m128i bytes_at(const uint8_t *p, size_t n, size_t c)
{
    if (n == 8) return _mm_loadl_epi64((const __m128i *)(const void *)p);
    if (c < 8) return load_part(p, n);
    return _mm_srl_epi64(_mm_loadl_epi64((const __m128i *)(const void *)(p + n - 8)),
                         _mm_cvtsi32_si128((int)(64 - 8 * n)));
}
ALWAYS void put_pairs(int32_t *to, __m128i bytes, const int is_signed)
{
    _mm256_storeu_si256((__m256i *)(void *)to, words(bytes, is_signed));
}
ALWAYS void fill_pairs(int32_t *to, size_t n, __m256i pad)
{
    for (size_t i = 0; i < n; i += 8) _mm256_storeu_si256((__m256i *)(void *)(to + i), pad);
}
ALWAYS __m256i padding(const hn_dwconv_q8 *g)
{
    return _mm256_set1_epi16(g->x_flip ? (int8_t)*g->pad : *g->pad);
}

/* Pairs of columns [from, from + n) of a phase in block `slot` of the band, 8 channels at a time. */
ALWAYS int32_t *cells_at(band *b, size_t slot, size_t line, size_t phase)
{
    return b->x + 8 * ((slot * b->lines + line) * b->pitch + phase * b->phase);
}

/* Padding where 8 channels go at a time: all of them share it. */
static void pad_cells(const image *m, band *b)
{
    const __m256i pad = padding(&m->g->one);
    for (size_t slot = 0; slot < 2; slot++)
        for (size_t i = b->inside; i < b->outside; i++)
            for (size_t f = 0; f < b->phases; f++) {
                int32_t *to = cells_at(b, slot, i, f);
                fill_pairs(to, 8 * b->left[f], pad);
                fill_pairs(to + 8 * b->right[f], 8 * (b->phase - b->right[f]), pad);
            }
}

/* Channels from `from` on: 16 in two blocks, 8, or, with SOME, fewer. */
enum { TWO_BLOCKS, BLOCK, SOME };

/* Where cells of a row of a phase come from. */
typedef struct cells {
    const uint8_t *row[2];
    size_t step; /* bytes from column to column */
    int32_t *to;
    size_t apart;             /* pairs to those of the second block */
    size_t n, c;              /* SOME: bytes of the block; of a column */
    __m128i mask[2], fill[2]; /* of a row outside: none of its bytes, padding; else all, zeroes */
} cells;

/* Column k; edge: a row is outside. */
ALWAYS void widen_cell(const cells *s, size_t at, size_t k, const int mode, const int edge, const int is_signed)
{
    __m128i v[2];
    HN_UNROLL for (int i = 0; i < 2; i++)
    {
        const uint8_t *p = s->row[i] + at;
        v[i] = mode == TWO_BLOCKS ? load16(p) : bytes_at(p, mode == BLOCK ? 8 : s->n, s->c);
        if (edge) v[i] = _mm_or_si128(_mm_and_si128(v[i], s->mask[i]), s->fill[i]);
    }
    put_pairs(s->to + 8 * k, _mm_unpacklo_epi8(v[0], v[1]), is_signed);
    if (mode == TWO_BLOCKS) put_pairs(s->to + s->apart + 8 * k, _mm_unpackhi_epi8(v[0], v[1]), is_signed);
}
ALWAYS void widen_row(cells *s, size_t count, const int mode, const int edge, const int is_signed)
{
    const size_t step = s->step;
    size_t at = 0;
    for (; count >= 4; count -= 4, at += 4 * step, s->to += 32)
        HN_UNROLL for (size_t k = 0; k < 4; k++) widen_cell(s, at + k * step, k, mode, edge, is_signed);
    for (; count > 0; count--, at += step, s->to += 8) widen_cell(s, at, 0, mode, edge, is_signed);
}

ALWAYS void widen_cells(const image *m, band *b, size_t from, const int mode, const int is_signed)
{
    const hn_dwconv_q8 *g = &m->g->one;
    const __m128i pad = _mm_set1_epi8((char)*g->pad), none = _mm_setzero_si128(), all = _mm_set1_epi8(-1);
    cells s = {.step = m->sw * m->dw * g->c, .apart = 8 * b->lines * b->pitch, .n = g->c - from, .c = g->c};
    for (size_t i = b->inside; i < b->outside; i++) {
        const uint8_t *first = b->row[2 * i], *second = b->row[2 * i + 1];
        const bool edge = first == NULL || second == NULL;
        s.mask[0] = first == NULL ? none : all, s.mask[1] = second == NULL ? none : all;
        s.fill[0] = first == NULL ? pad : none, s.fill[1] = second == NULL ? pad : none;
        for (size_t f = 0; f < b->phases; f++) {
            const size_t left = b->left[f], count = b->right[f] - left;
            if (count == 0) continue;
            s.row[0] = (first == NULL ? second : first) + b->at[f] + from;
            s.row[1] = (second == NULL ? first : second) + b->at[f] + from;
            s.to = cells_at(b, 0, i, f) + 8 * left;
            if (edge)
                widen_row(&s, count, mode, 1, is_signed);
            else
                widen_row(&s, count, mode, 0, is_signed);
        }
    }
}
/* Returns how many blocks that is. */
static __attribute__((noinline)) size_t widen(const image *m, band *b, size_t block, size_t blocks)
{
    const size_t from = 8 * block, left = m->g->one.c - from;
    const int mode = left >= 16 && blocks > 1 ? TWO_BLOCKS : left >= 8 ? BLOCK : SOME;
    if (m->g->one.x_flip) {
        if (mode == TWO_BLOCKS) widen_cells(m, b, from, TWO_BLOCKS, 1);
        if (mode == BLOCK) widen_cells(m, b, from, BLOCK, 1);
        if (mode == SOME) widen_cells(m, b, from, SOME, 1);
    } else {
        if (mode == TWO_BLOCKS) widen_cells(m, b, from, TWO_BLOCKS, 0);
        if (mode == BLOCK) widen_cells(m, b, from, BLOCK, 0);
        if (mode == SOME) widen_cells(m, b, from, SOME, 0);
    }
    return mode == TWO_BLOCKS ? 2 : 1;
}

/* n bytes of each row, those of a missing one being `pad`. Writes up to 16 pairs more than there are. */
ALWAYS void widen_run(int32_t *to, const uint8_t *one, const uint8_t *two, size_t n, __m128i pad, const int is_signed)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t left = n - i;
        const __m128i a = one == NULL  ? pad
                          : left >= 16 ? load16(one + i)
                                       : load_part(one + i, left),
                      b = two == NULL  ? pad
                          : left >= 16 ? load16(two + i)
                                       : load_part(two + i, left);
        put_pairs(to + i, _mm_unpacklo_epi8(a, b), is_signed);
        put_pairs(to + i + 8, _mm_unpackhi_epi8(a, b), is_signed);
    }
}

/* All channels, each of which is written over by what comes after it. */
ALWAYS void widen_flat(const image *m, band *b, const int is_signed)
{
    const hn_dwconv_q8 *g = &m->g->one;
    const size_t c = g->c, step = m->sw * m->dw * c;
    const __m256i pad = padding(g);
    const __m128i byte = _mm_set1_epi8((char)*g->pad);
    for (size_t i = b->inside; i < b->outside; i++) {
        const uint8_t *row[2] = {b->row[2 * i], b->row[2 * i + 1]};
        for (size_t f = 0; f < b->phases; f++) {
            int32_t *to = b->x + (i * b->pitch + f * b->phase) * c;
            const size_t left = b->left[f], right = b->right[f];
            fill_pairs(to, left * c, pad);
            const size_t run = step == c ? right - left : 1;
            for (size_t k = left; k < right; k += run) {
                const size_t at = b->at[f] + (k - left) * step;
                widen_run(to + k * c, row[0] != NULL ? row[0] + at : NULL, row[1] != NULL ? row[1] + at : NULL, run * c,
                          byte, is_signed);
            }
            fill_pairs(to + right * c, (b->phase - right) * c, pad);
        }
    }
}
static __attribute__((noinline)) void widen_all(const image *m, band *b)
{
    if (m->g->one.x_flip)
        widen_flat(m, b, 1);
    else
        widen_flat(m, b, 0);
}

#endif
