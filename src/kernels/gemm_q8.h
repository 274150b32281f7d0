/* gemm_q8: rows of 8-bit activations times packed 8-bit weights, int32 sums, finished to bytes, f32 or int32.
 *
 * One call does m rows (any number) of one panel of n <= nr columns:
 *   acc[i][j] = bias[j] + sum over taps t, k of u8(a(i,t)[k]) * b[t][k][j] - (row_sub ? row_sub[i] : 0)
 * where a(i,t) = a + i*lda + t*k bytes without a table, else a + off[t*off_ld + i], or `pad` where that offset is
 * negative; with tap_step it is a + off[i] + t*tap_step, never outside. B: for each tap, for each group of 4 k (the
 * last padded with zeros), for each column of the panel, 4 signed bytes; panels are a multiple of 16 columns wide and
 * 64-byte aligned. bias and scale hold nr entries. Exactly the m*n outputs are written; of A and R nothing outside the
 * rows is read. Y must not overlap A; it may be R itself (same ld).
 *
 * Two other forms of weights, each for any number of panels of nr columns in one call: n columns in all, panels b_step
 * bytes apart, bias and scale with an entry for every column of every panel, row_sub NULL (zero points are in the
 * weights, which are -255 to 255). The k of all taps follow each other without gaps; zeros fill the last group of 4.
 * - kr 2: for each pair of k, for each column, 2 words of 16 bits.
 * - HN_GEMM_Q8_RUNS: for each HN_GEMM_Q8_PIECE k, HN_GEMM_Q8_RUN counts: how many runs of as many groups of 4 k as
 *   possible there are, how many of one less and so on down to one; then for each group of the runs, in this order, its
 *   place (k from the start of the piece, a multiple of 4), up to hn_gemm_q8_head_bytes; then for each place, for each
 *   column, 4 signed bytes. A group of 4 k is there once or more often, and its weights are the sums of these parts.
 * Over all groups of a run neither the positive nor the negative ones of bytes 0 and 1 of a column, and of bytes 2 and
 * 3, come to more than 128: 255 * 128 fits 16 bits.
 */
#ifndef HN_KERNELS_GEMM_Q8_H
#define HN_KERNELS_GEMM_Q8_H

#include "kernels/kernel.h"
#include "kernels/q8.h"

typedef struct hn_gemm_q8 {
    size_t m, n;
    size_t k, taps; /* k: bytes per tap */
    const uint8_t *a;
    size_t lda;
    const int32_t *off; /* NULL: no table */
    size_t off_ld, tap_step;
    const uint8_t *pad; /* k bytes; only with off and without tap_step */
    uint32_t a_flip;    /* 0 or 0x80808080 */
    const int8_t *b;
    const int32_t *bias;
    const float *scale;
    const int32_t *row_sub; /* m entries or NULL */
    void *y;
    size_t ldy; /* elements of the output type */
    const uint8_t *r;
    size_t ldr;
    const hn_q8_out *out;
    size_t b_step; /* bytes; only with kr 2 and HN_GEMM_Q8_RUNS */
} hn_gemm_q8;

enum { HN_GEMM_Q8_RUNS = 1 /* flag of a record */, HN_GEMM_Q8_PIECE = 1024, HN_GEMM_Q8_RUN = 4 };

typedef void hn_gemm_q8_fn(const hn_gemm_q8 *g);

static inline size_t hn_gemm_q8_b_bytes(size_t taps, size_t k, size_t panel)
{
    return taps * ((k + 3) / 4) * 4 * panel;
}
/* Of the form with runs: places after these counts, and bytes of so many places. */
static inline size_t hn_gemm_q8_places(const uint32_t *counts)
{
    size_t places = 0;
    for (size_t i = 0; i < HN_GEMM_Q8_RUN; i++) places += (HN_GEMM_Q8_RUN - i) * counts[i];
    return places;
}
static inline size_t hn_gemm_q8_head_bytes(size_t places)
{
    return (4 * (HN_GEMM_Q8_RUN + places) + 63) / 64 * 64;
}
static inline size_t hn_gemm_q8_piece_bytes(size_t places, size_t panel)
{
    return hn_gemm_q8_head_bytes(places) + 4 * places * panel;
}

/* m rows in tiles of at most mr, as even as can be: the first `wide` tiles have `rows` + 1 rows. */
typedef struct hn_gemm_q8_split {
    size_t tiles, rows, wide;
} hn_gemm_q8_split;
static inline hn_gemm_q8_split hn_gemm_q8_rows(size_t m, size_t mr)
{
    hn_gemm_q8_split s = {(m + mr - 1) / mr, 0, 0};
    s.rows = m / (s.tiles ? s.tiles : 1);
    s.wide = m - s.rows * s.tiles;
    return s;
}

/* One row of k bytes: address for row i and tap t. */
static inline const uint8_t *hn_gemm_q8_row(const hn_gemm_q8 *g, size_t i, size_t t)
{
    if (!g->off) return g->a + i * g->lda + t * g->k;
    if (g->tap_step) return g->a + g->off[i] + t * g->tap_step;
    /* No branch: at borders it would be mispredicted. */
    intptr_t o = g->off[t * g->off_ld + i];
    uintptr_t outside = (uintptr_t)(o >> (8 * sizeof o - 1));
    return (const uint8_t *)((((uintptr_t)g->a + (uintptr_t)o) & ~outside) | ((uintptr_t)g->pad & outside));
}

/* Finish `rows` rows of n sums held at acc, ld entries apart, that start at row i. */
static inline void hn_gemm_q8_finish(const hn_gemm_q8 *g, const int32_t *acc, size_t ld, size_t i, size_t rows)
{
    const hn_q8_out e = *g->out; /* by value: bytes of Y could alias it */
    for (size_t r = 0; r < rows; r++) {
        const int32_t *s = acc + r * ld;
        size_t at = (i + r) * g->ldy;
        if (e.kind == HN_Q8_I32) {
            int32_t *y = (int32_t *)g->y + at;
            for (size_t j = 0; j < g->n; j++) y[j] = s[j];
        } else if (e.kind == HN_Q8_F32) {
            float *y = (float *)g->y + at;
            for (size_t j = 0; j < g->n; j++) y[j] = hn_q8_float(s[j], g->scale[j], e.t_lo, e.t_hi);
        } else {
            uint8_t *y = (uint8_t *)g->y + at;
            const uint8_t *res = g->r ? g->r + (i + r) * g->ldr : y;
            for (size_t j = 0; j < g->n; j++) y[j] = hn_q8_finish(s[j], g->scale[j], res[j], &e);
        }
    }
}

#endif
