/* Weights of 8-bit products as words or in parts: see kernels/gemm_q8.h. Parts are the faster form where few groups of
 * weights need more than one, which is so where most weights are small against the largest of their channel. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"

enum { COLUMNS = 16, FEW_ROWS = 4, MOST_PARTS = 8, PRODUCTS = 128 };

/* Which of the parts of v is number i of n; together they are v. */
static int part(int v, int i, int n)
{
    return v * (i + 1) / n - v * i / n;
}

/* Whether u8 times these two fits 16 bits whatever the u8 are. */
static bool fits(int a, int b)
{
    int up = (a > 0 ? a : 0) + (b > 0 ? b : 0), down = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    return up <= PRODUCTS && down >= -PRODUCTS;
}

/* How many parts these two weights, -255 to 255, need. With MOST_PARTS none of them is beyond 32. */
static int parts_of(int a, int b)
{
    if (a >= -64 && a <= 64 && b >= -64 && b <= 64) return 1; /* most */
    for (int n = 1; n < MOST_PARTS; n++) {
        bool all = true;
        for (int i = 0; i < n && all; i++) {
            int x = part(a, i, n), y = part(b, i, n);
            all = x <= 127 && y <= 127 && fits(x, y);
        }
        if (all) return n;
    }
    return MOST_PARTS;
}

typedef struct panel {
    const hn_q8_weights *w;
    const hn_q8_mat *mat;
    size_t first, columns; /* channels */
    size_t depth;
} panel;

static panel panel_of(const hn_q8_weights *w, const hn_q8_mat *mat, size_t group, size_t p)
{
    size_t start = COLUMNS * p;
    return (panel){w, mat, group * w->n + start, hn_min_size(COLUMNS, w->n - start), w->taps * w->k};
}

/* Weights k to k + 3 of a column; what is not there is 0. */
static void four(const panel *p, size_t j, size_t k, int *v)
{
    const size_t at = (p->first + j) * p->depth + k;
    for (size_t i = 0; i < 4; i++)
        v[i] = j < p->columns && k + i < p->depth ? (int)hn_q8_packed_weight(p->w, p->mat, at + i) : 0;
}

static int parts_at(const panel *p, size_t k)
{
    int most = 1, v[4];
    for (size_t j = 0; j < p->columns; j++) {
        four(p, j, k, v);
        int low = parts_of(v[0], v[1]), high = parts_of(v[2], v[3]);
        most = most > low ? most : low;
        most = most > high ? most : high;
    }
    return most;
}

static size_t parts_in(const panel *p, size_t from)
{
    size_t count = 0, end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE);
    for (size_t k = from; k < end; k += 4) count += (size_t)parts_at(p, k);
    return count;
}

static bool weights_fit(const hn_q8_weights *w, const hn_q8_mat *mat)
{
    size_t count = w->groups * w->n * w->taps * w->k;
    for (size_t i = 0; i < count; i++) {
        int64_t v = hn_q8_packed_weight(w, mat, i);
        if (v < -255 || v > 255) return false;
    }
    return true;
}

void hn_q8_form_choose(const hn_q8_weights *w, bool parts, bool words, hn_q8_mat *mat)
{
    size_t depth = w->taps * w->k, panels = hn_div_up(w->n, COLUMNS), all = 0, most = 0;
    mat->form = HN_Q8_QUADS;
    if (!(parts || words) || !weights_fit(w, mat)) return;
    for (size_t q = 0; parts && q < w->groups * panels; q++) {
        panel p = panel_of(w, mat, q / panels, q % panels);
        size_t bytes = 0;
        for (size_t k = 0; k < depth; k += HN_GEMM_Q8_PIECE) {
            size_t count = parts_in(&p, k);
            all += count;
            bytes += hn_gemm_q8_piece_bytes(count, COLUMNS);
        }
        most = hn_max_size(most, bytes);
    }
    /* A quarter more parts take as long as words. With few rows the bytes of weights are what counts. */
    if (parts && (!words || 4 * all <= 5 * w->groups * panels * hn_div_up(depth, 4))) {
        mat->form = HN_Q8_PARTS;
        mat->step = most;
    } else if (words && w->rows > FEW_ROWS) {
        mat->form = HN_Q8_WORDS;
        mat->step = hn_align_up(depth, 4) * 2 * COLUMNS;
    }
}

static void pack_words(const panel *p, int16_t *b)
{
    for (size_t k = 0; k < p->depth; k += 4, b += 4 * COLUMNS)
        for (size_t j = 0; j < COLUMNS; j++) {
            int v[4];
            four(p, j, k, v);
            for (size_t i = 0; i < 4; i++) b[i / 2 * 2 * COLUMNS + 2 * j + i % 2] = (int16_t)v[i];
        }
}

/* The parts of the 4 k at `k`. */
static void pack_parts(const panel *p, size_t k, int n, int8_t *b)
{
    for (size_t j = 0; j < COLUMNS; j++) {
        int v[4];
        four(p, j, k, v);
        for (int pair = 0; pair < 4; pair += 2) {
            int own = parts_of(v[pair], v[pair + 1]);
            for (int i = 0; i < n; i++)
                for (int e = pair; e < pair + 2; e++)
                    b[(size_t)i * 4 * COLUMNS + 4 * j + (size_t)e] = (int8_t)(i < own ? part(v[e], i, own) : 0);
        }
    }
}

static void pack_piece(const panel *p, size_t from, size_t count, uint8_t *b)
{
    size_t end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE), at = 0;
    uint32_t *head = (uint32_t *)(void *)b;
    int8_t *weights = (int8_t *)b + hn_gemm_q8_head_bytes(count);
    head[0] = (uint32_t)count;
    for (size_t k = from; k < end; k += 4) {
        int n = parts_at(p, k);
        pack_parts(p, k, n, weights + at * 4 * COLUMNS);
        for (int i = 0; i < n; i++) head[1 + at++] = (uint32_t)(k - from);
    }
}

void hn_q8_panel_pack(const hn_q8_weights *w, const hn_q8_mat *mat, size_t group, size_t p, uint8_t *b)
{
    panel of = panel_of(w, mat, group, p);
    if (mat->form == HN_Q8_WORDS) {
        pack_words(&of, (int16_t *)(void *)b);
        return;
    }
    for (size_t k = 0; k < of.depth; k += HN_GEMM_Q8_PIECE) {
        size_t count = parts_in(&of, k);
        pack_piece(&of, k, count, b);
        b += hn_gemm_q8_piece_bytes(count, COLUMNS);
    }
}
