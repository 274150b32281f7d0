/* 8-bit depthwise convolution for AVX2: pairs of rows (lib_dwconv_q8.h) times pairs of weights with vpmaddwd, which is
 * exact. Sums of 8 channels of up to twelve outputs are in registers, one weight after the other meets all of them.
 * Outputs of odd rows read the same pairs with weights that have moved down by one row. */
#include "kernels/avx2/lib_dwconv_q8.h"

/* What is to be done to sums: all that the output asks; nothing but saturation; nothing but that to sums that started
 * at HN_Q8_RAISE, with a zero point of 0. */
enum { ANY, PLAIN, RAISED };
ALWAYS int end_of(const hn_q8_out *e)
{
    return !finish_q8_plain(e) ? ANY : e->bounded == HN_Q8_RAISED && e->y_flip == 0 ? RAISED : PLAIN;
}

/* Pairs of taps of a row of outputs: where they are, in bytes, and their weights. */
typedef struct taps {
    uint32_t at[HN_DWCONV_Q8_TAPS];
    size_t columns, count[2]; /* of the window; by the parity of the row */
    const int32_t *w[2];
    _Alignas(32) int32_t odd[8 * HN_DWCONV_Q8_TAPS];
} taps;

/* Rows of 8 lanes of outputs. */
typedef struct lines {
    const taps *t;
    const finish_q8 *f;
    const uint8_t *x;
    size_t step;            /* bytes between outputs in x */
    size_t pitch, sh;       /* bytes between pairs of rows in x; stride of rows */
    size_t inside, outside; /* first pair of rows that is not all padding; first one after those */
    __m256i pad;
    _Alignas(32) int32_t start[8]; /* of sums */
    float scale[8], less[8];
    uint8_t *y;
    ptrdiff_t r;              /* RESIDUAL: bytes from y to it */
    size_t y_step, y_row;     /* bytes */
    size_t rows, count;       /* outputs: rows, and of a row */
    size_t whole, part, last; /* outputs of 8 bytes; bytes of the others, and of the last */
    int32_t kind;
} lines;

/* In assembly: compilers do the products first and spill. */
ALWAYS void add_product(__m256i *acc, const uint8_t *x, __m256i w)
{
    __m256i product;
    __asm__("vpmaddwd %[x], %[w], %[p]\n\tvpaddd %[p], %[acc], %[acc]"
            : [acc] "+x"(*acc), [p] "=&x"(product)
            : [x] "m"(*(const __m256i_u *)(const void *)x), [w] "x"(w));
}

/* Bytes of output i, which are 8 or fewer. */
ALWAYS size_t bytes_of_output(const lines *l, size_t i)
{
    return i < l->whole ? 8 : i + 1 < l->count ? l->part : l->last;
}

ALWAYS __m256i residual_of(const lines *l, const uint8_t *y, size_t i)
{
    if (i >= l->count) return _mm256_setzero_si256();
    const uint8_t *r = y + l->r;
    return _mm256_cvtepu8_epi32(i < l->whole ? _mm_loadl_epi64((const __m128i *)(const void *)r)
                                             : load_part(r, bytes_of_output(l, i)));
}

/* Those of outputs i to i + 3 that there are, where not all are of 8 bytes. */
static __attribute__((noinline)) void put_some(const lines *l, size_t i, uint8_t *y, __m128i two, __m128i others)
{
    for (size_t k = 0; k < 4 && i + k < l->count; k++, y += l->y_step) {
        const __m128i v = k < 2 ? two : others, bytes = k % 2 == 0 ? v : _mm_unpackhi_epi64(v, v);
        if (i + k < l->whole)
            _mm_storel_epi64((__m128i *)(void *)y, bytes);
        else
            store_part(y, bytes, bytes_of_output(l, i + k));
    }
}

/* Bytes of outputs i to i + 3, which go to y. */
ALWAYS two_q8 finish_four(const lines *l, size_t i, const uint8_t *y, const __m256i *acc, const int end)
{
    const __m256 scale = _mm256_load_ps(l->scale);
    __m256i q[4];
    HN_UNROLL for (size_t k = 0; k < 4; k++)
    {
        q[k] = acc[k];
        if (end == RAISED)
            round_raised(&q[k], scale, l->less);
        else if (end == PLAIN)
            q[k] = rounded_sum(q[k], scale);
        else if (l->kind == HN_Q8_RESIDUAL)
            q[k] = residual(l->f, scaled(q[k], scale), residual_of(l, y + k * l->y_step, i + k), 0);
        else
            q[k] = _mm256_cvtps_epi32(_mm256_min_ps(scaled(q[k], scale), l->f->t_hi));
    }
    return bytes_of(l->f, q, end == RAISED, end != ANY);
}

/* A row of outputs: its windows, and the taps of those pairs of rows that are not all padding. */
typedef struct row {
    const uint8_t *x;
    const uint32_t *at;
    const int32_t *w, *end;
    _Alignas(32) int32_t start[8]; /* of sums, with the padding */
} row;

ALWAYS void find_row(const lines *l, size_t first, row *o)
{
    const size_t odd = first % 2, line = first / 2, count = l->t->count[odd], kw = l->t->columns,
                 from = l->inside > line ? (l->inside - line) * kw : 0,
                 to = l->outside > line ? (l->outside - line) * kw : 0;
    const int32_t *w = l->t->w[odd];
    const size_t begin = from < count ? from : count, end = to < begin ? begin : to < count ? to : count;
    o->x = l->x + line * l->pitch;
    o->at = l->t->at + begin;
    o->w = w + 8 * begin;
    o->end = w + 8 * end;
    __m256i start = _mm256_load_si256((const __m256i *)(const void *)l->start);
    for (size_t t = begin > 0 ? 0 : end; t < count; t = t + 1 == begin ? end : t + 1)
        start = _mm256_add_epi32(start, _mm256_madd_epi16(l->pad, load32(w + 8 * t)));
    _mm256_store_si256((__m256i *)(void *)o->start, start);
}

/* Sums of n outputs, whose windows are at x; step: l's. */
ALWAYS void sums(const row *o, const uint8_t *x, __m256i *acc, const int n, const size_t step)
{
    const uint32_t *at = o->at;
    const int32_t *w = o->w, *end = o->end;
    HN_UNROLL for (int k = 0; k < n; k++) acc[k] = _mm256_load_si256((const __m256i *)(const void *)o->start);
    for (; w != end; w += 8) {
        const uint8_t *p = x + *at++;
        const __m256i v = load32(w);
        HN_UNROLL for (int k = 0; k < n; k++) add_product(&acc[k], p + (size_t)k * step, v);
    }
}

/* Outputs i to i + n - 1 at y, those there are. */
ALWAYS void tile(const lines *l, const row *o, const uint8_t *x, size_t i, uint8_t *y, const size_t y_step, const int n,
                 const size_t step, const int end)
{
    __m256i acc[12];
    two_q8 v[3];
    sums(o, x, acc, n, step);
    if (n == 10) acc[10] = acc[11] = acc[9]; /* not stored */
    HN_UNROLL for (int k = 0; k < n; k += 4) v[k / 4] =
        finish_four(l, i + (size_t)k, y + (size_t)k * y_step, acc + k, end);
    if (i + (size_t)n > l->whole) {
        HN_UNROLL for (int k = 0; k < n; k += 4)
            put_some(l, i + (size_t)k, y + (size_t)k * y_step, v[k / 4].v[0], v[k / 4].v[1]);
        return;
    }
    HN_UNROLL for (int k = 0; k < n; k += 2, y += 2 * y_step)
    {
        const __m128i two = v[k / 4].v[k / 2 % 2];
        _mm_storel_epi64((__m128i *)(void *)y, two);
        _mm_storeh_pi((__m64 *)(void *)(y + y_step), _mm_castsi128_ps(two));
    }
}

ALWAYS void all_lines(const lines *l, const size_t step, const int end)
{
    const size_t count = l->count, y_step = l->y_step;
    for (size_t k = 0; k < l->rows; k++) {
        row o;
        find_row(l, k * l->sh, &o);
        const uint8_t *x = o.x;
        uint8_t *y = l->y + k * l->y_row;
        size_t i = 0;
        for (; i + 10 < count; i += 12, x += 12 * step, y += 12 * y_step) tile(l, &o, x, i, y, y_step, 12, step, end);
        if (i + 8 < count)
            tile(l, &o, x, i, y, y_step, 10, step, end);
        else if (i + 4 < count)
            tile(l, &o, x, i, y, y_step, 8, step, end);
        else if (i < count)
            tile(l, &o, x, i, y, y_step, 4, step, end);
    }
}

typedef void lines_fn(const lines *l);

/* One copy of each for outputs that follow each other in x and for others, and for what is to be done at the end. */
#define LINES_FN(end)                      \
    static void near_##end(const lines *l) \
    {                                      \
        all_lines(l, 32, end);             \
    }                                      \
    static void far_##end(const lines *l)  \
    {                                      \
        all_lines(l, l->step, end);        \
    }
LINES_FN(ANY)
LINES_FN(PLAIN)
LINES_FN(RAISED)

/* Weights of a block for odd rows: every second one is of the pair before. */
static void move_down(const image *m, const int32_t *w, int32_t *odd)
{
    const size_t kh = m->g->one.kh, kw = m->g->one.kw, pairs = (kh + 1) / 2;
    for (size_t i = 0; i <= kh / 2; i++)
        for (size_t k = 0; k < kw; k++) {
            const __m256i none = _mm256_setzero_si256(), above = i > 0 ? load32(w + 8 * ((i - 1) * kw + k)) : none,
                          here = i < pairs ? load32(w + 8 * (i * kw + k)) : none;
            const __m256i v = _mm256_blend_epi16(_mm256_srli_epi32(above, 16), _mm256_slli_epi32(here, 16), 0xaa);
            _mm256_storeu_si256((__m256i *)(void *)(odd + 8 * (i * kw + k)), v);
        }
}

/* One block of channels, or of those that make 8 lanes (flat), whose pairs are in `slot` of the band. */
static void block_rows(const image *m, const band *b, size_t slot, taps *t, size_t block, lines *l)
{
    static lines_fn *const fns[2][3] = {{far_ANY, far_PLAIN, far_RAISED}, {near_ANY, near_PLAIN, near_RAISED}};
    const hn_dwconv_q8 *g = &m->g->one;
    const int end = end_of(g->out);
    const size_t pairs = hn_dwconv_q8_pairs(g->kh, g->kw), bytes = b->columns * g->c,
                 blocks = hn_dwconv_q8_blocks(g->c);
    t->w[0] = (const int32_t *)(const void *)g->w + 8 * block * pairs;
    if (m->sh % 2 == 1 && b->rows > 1) move_down(m, t->w[0], t->odd);
    const __m256i bias = load32(g->bias + 8 * block);
    const __m256 scale = _mm256_loadu_ps(g->scale + 8 * block);
    _mm256_store_si256((__m256i *)(void *)l->start,
                       end == RAISED ? _mm256_add_epi32(bias, _mm256_set1_epi32(HN_Q8_RAISE)) : bias);
    _mm256_store_ps(l->scale, scale);
    _mm256_store_ps(l->less, fall(scale));
    l->rows = b->rows;
    l->pitch = 4 * b->pitch * b->unit;
    l->sh = m->sh;
    l->inside = b->inside;
    l->outside = b->outside;
    l->pad = padding(g);
    l->x = (const uint8_t *)(b->x + slot * b->lines * b->pitch * 8 + (m->flat ? 8 * block : 0));
    l->step = m->flat ? 32 * blocks : 32;
    l->y_row = m->y_row;
    l->y_step = m->flat ? 8 * blocks : m->y_step;
    l->y = g->y + m->y + b->y * m->y_row + b->x_first * m->y_step + 8 * block;
    l->r = g->r != NULL ? g->r - g->y : 0;
    if (m->flat) {
        if (8 * block >= bytes) return;
        l->count = hn_div_up(bytes - 8 * block, 8 * blocks);
        l->last = bytes - 8 * block - (l->count - 1) * l->y_step;
        l->last = l->last < 8 ? l->last : 8;
        l->part = 8;
        l->whole = l->count - (l->last < 8);
    } else {
        l->count = b->columns;
        l->part = l->last = g->c - 8 * block < 8 ? g->c - 8 * block : 8;
        l->whole = l->part == 8 ? l->count : 0;
    }
    fns[l->step == 32][end](l);
}

static void band_rows(const image *m, band *b, taps *t, lines *l)
{
    const hn_dwconv_q8_rows *g = m->g;
    const size_t cells = (g->one.c + 7) / 8, end = g->block + g->blocks, last = m->flat || end < cells ? end : cells;
    if (m->flat)
        widen_all(m, b);
    else
        pad_cells(m, b);
    for (size_t k = g->block, n; k < last; k += n) {
        n = m->flat ? 1 : widen(m, b, k, last - k);
        for (size_t i = 0; i < n; i++) block_rows(m, b, i, t, k + i, l);
    }
}

static void find_taps(const image *m, const band *b, taps *t)
{
    const size_t kh = m->g->one.kh, kw = m->g->one.kw;
    t->count[0] = (kh + 1) / 2 * kw;
    t->count[1] = (kh / 2 + 1) * kw;
    t->columns = kw;
    t->w[1] = t->odd;
    for (size_t i = 0; i <= kh / 2; i++)
        for (size_t k = 0; k < kw; k++) {
            const size_t column = i * b->pitch + k % m->sw * b->phase + k / m->sw;
            t->at[i * kw + k] = (uint32_t)(4 * b->unit * column);
        }
}

/* Most outputs of a row such that `rows` of them have room; 0: none. At least 1 for a single row: a window's pairs of
 * rows come to less than its taps and columns, of 15 channels at most. */
static size_t columns_for(const image *m, const band *b, size_t rows)
{
    if (lines_of(m, rows) > LINES) return 0;
    const hn_dwconv_q8 *g = &m->g->one;
    const size_t phases = m->sw < g->kw ? m->sw : g->kw, more = (g->kw - 1) / m->sw,
                 room = (m->flat ? 2 : 1) * PAIRS / (b->unit * phases * lines_of(m, rows));
    return room > more ? room - more : 0;
}

static void whole_image(const image *m)
{
    band b;
    taps t;
    const finish_q8 f = finish_q8_load(m->g->one.out);
    lines l = {.t = &t, .f = &f, .kind = m->g->one.out->kind};
    b.unit = m->flat ? m->g->one.c : 8;
    size_t few = m->rows < 8 ? m->rows : 8, most = columns_for(m, &b, few);
    while (most < 24 && most < m->columns && few > 1) most = columns_for(m, &b, few = few / 2);
    const size_t pieces = hn_div_up(m->columns, most);
    for (size_t piece = 0; piece < pieces; piece++) {
        const size_t x = m->columns * piece / pieces;
        cut_columns(m, &b, x, m->columns * (piece + 1) / pieces - x);
        find_taps(m, &b, &t);
        size_t fit = few;
        while (fit < m->rows && columns_for(m, &b, fit + 1) >= b.columns) fit++;
        const size_t bands = hn_div_up(m->rows, fit);
        for (size_t i = 0; i < bands; i++) {
            const size_t y = m->rows * i / bands;
            cut_rows(m, &b, y, m->rows * (i + 1) / bands - y);
            band_rows(m, &b, &t, &l);
        }
    }
}

static size_t divisor(size_t a, size_t b)
{
    return b == 0 ? a : divisor(b, a % b);
}

static void dwconv(const hn_dwconv_q8 *one)
{
    const hn_dwconv_q8_rows *g = (const hn_dwconv_q8_rows *)(const void *)one;
    const size_t ch = divisor(g->dh, g->sh), cw = divisor(one->dw, one->sw), y_apart = g->dh / ch,
                 x_apart = one->dw / cw, out = one->m * one->c;
    image m = {.g = g, .sh = g->sh / ch, .sw = one->sw / cw, .dh = g->dh, .dw = one->dw};
    m.flat = hn_dwconv_q8_flat(one->c) && x_apart == 1;
    m.y_row = y_apart * out;
    m.y_step = x_apart * one->c;
    for (size_t y = 0; y < y_apart && y < g->rows; y++)
        for (size_t x = 0; x < x_apart && x < one->m; x++) {
            m.y0 = (ptrdiff_t)((g->oy + y) * g->sh) - (ptrdiff_t)g->ph;
            m.x0 = (ptrdiff_t)((one->from + x) * one->sw) - (ptrdiff_t)one->pw;
            m.rows = hn_div_up(g->rows - y, y_apart);
            m.columns = hn_div_up(one->m - x, x_apart);
            m.y = y * out + x * one->c;
            whole_image(&m);
        }
}

const hn_kernel hn_k_avx2_dwconv_q8 = {.family = "dwconv_q8",
                                       .name = "avx2_dwconv_q8",
                                       .isa = HN_ISA_AVX2,
                                       .variant = HN_DWCONV_Q8_PAIRS,
                                       .rank = 1,
                                       .fn = (hn_kernel_fn *)dwconv};
