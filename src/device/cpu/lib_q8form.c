/* Weights of 8-bit products as words or in parts: see kernels/gemm_q8.h. Parts are the faster form where few groups of
 * weights need more than one, which is so where most weights are small against the largest of their channel. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"

enum { COLUMNS = 16, FEW_ROWS = 4, MOST_PARTS = 8, PRODUCTS = 128, SMALL = PRODUCTS / 2 };

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
    if (a >= -SMALL && a <= SMALL && b >= -SMALL && b <= SMALL) return 1; /* most */
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
    const uint8_t *w; /* of the first channel */
    size_t columns, depth;
    int flip, zp; /* a weight is (byte ^ flip) - zp */
} panel;

static panel panel_of(const hn_q8_weights *w, size_t group, size_t p)
{
    const size_t start = COLUMNS * p, depth = w->taps * w->k;
    const int flip = w->w_signed ? 0x80 : 0;
    return (panel){w->w + (group * w->n + start) * depth, hn_min_size(COLUMNS, w->n - start), depth, flip,
                   (int)w->w_zp + flip};
}

/* Weights k to k + 3 of all columns; what is not there is 0. */
static void row_at(const panel *p, size_t k, int16_t *v)
{
    const size_t n = hn_min_size(4, p->depth - k);
    uint8_t bytes[4 * COLUMNS];
    memset(bytes, 0, sizeof bytes);
    if (n == 4)
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, 4);
    else
        for (size_t j = 0; j < p->columns; j++) memcpy(bytes + 4 * j, p->w + j * p->depth + k, n);
    for (size_t i = 0; i < sizeof bytes; i++) v[i] = (int16_t)((bytes[i] ^ p->flip) - p->zp);
    for (size_t i = 4 * p->columns; i < sizeof bytes; i++) v[i] = 0;
    for (size_t j = 0; n < 4 && j < p->columns; j++)
        for (size_t i = n; i < 4; i++) v[4 * j + i] = 0;
}

/* How many parts these weights of all columns need. */
static int parts_at(const int16_t *v)
{
    int far = 0, most = 1;
    for (size_t i = 0; i < (size_t)4 * COLUMNS; i++) far |= v[i] < -SMALL || v[i] > SMALL;
    for (size_t i = 0; far && i < (size_t)4 * COLUMNS; i += 2) {
        int n = parts_of(v[i], v[i + 1]);
        most = most > n ? most : n;
    }
    return most;
}

static size_t parts_in(const panel *p, size_t from)
{
    size_t count = 0, end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE);
    int16_t v[4 * COLUMNS];
    for (size_t k = from; k < end; k += 4) {
        row_at(p, k, v);
        count += (size_t)parts_at(v);
    }
    return count;
}

/* Whether weights less their zero point are within -255 and 255. */
static bool weights_fit(const hn_q8_weights *w)
{
    return w->w_signed ? w->w_zp >= -128 && w->w_zp <= 127 : w->w_zp >= 0 && w->w_zp <= 255;
}

void hn_q8_form_choose(const hn_q8_weights *w, bool parts, bool words, hn_q8_mat *mat)
{
    size_t depth = w->taps * w->k, panels = hn_div_up(w->n, COLUMNS), all = 0, most = 0;
    mat->form = HN_Q8_QUADS;
    if (!(parts || words) || !weights_fit(w)) return;
    for (size_t q = 0; parts && q < w->groups * panels; q++) {
        panel p = panel_of(w, q / panels, q % panels);
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
    int16_t v[4 * COLUMNS];
    for (size_t k = 0; k < p->depth; k += 4, b += 4 * COLUMNS) {
        row_at(p, k, v);
        for (size_t j = 0; j < COLUMNS; j++)
            for (size_t i = 0; i < 4; i++) b[i / 2 * 2 * COLUMNS + 2 * j + i % 2] = v[4 * j + i];
    }
}

/* The parts of the weights v of all columns. */
static void pack_parts(const int16_t *v, int n, int8_t *b)
{
    enum { ROW = 4 * COLUMNS };
    for (size_t i = 0; n == 1 && i < ROW; i++) b[i] = (int8_t)v[i];
    for (size_t pair = 0; n > 1 && pair < ROW; pair += 2) {
        int own = parts_of(v[pair], v[pair + 1]);
        for (int i = 0; i < n; i++)
            for (size_t e = pair; e < pair + 2; e++)
                b[(size_t)i * ROW + e] = (int8_t)(i < own ? part(v[e], i, own) : 0);
    }
}

static void pack_piece(const panel *p, size_t from, size_t count, uint8_t *b)
{
    size_t end = hn_min_size(p->depth, from + HN_GEMM_Q8_PIECE), at = 0;
    uint32_t *head = (uint32_t *)(void *)b;
    int8_t *weights = (int8_t *)b + hn_gemm_q8_head_bytes(count);
    head[0] = (uint32_t)count;
    for (size_t k = from; k < end; k += 4) {
        int16_t v[4 * COLUMNS];
        row_at(p, k, v);
        int n = parts_at(v);
        pack_parts(v, n, weights + at * 4 * COLUMNS);
        for (int i = 0; i < n; i++) head[1 + at++] = (uint32_t)(k - from);
    }
}

void hn_q8_panel_pack(const hn_q8_weights *w, const hn_q8_mat *mat, size_t group, size_t p, uint8_t *b)
{
    panel of = panel_of(w, group, p);
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
