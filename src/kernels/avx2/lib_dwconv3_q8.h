/* 3 x 3 windows of stride 1 for dwconv_q8: the rows of a strip are widened to words with their padding, 16 channels at
 * a time. They then are one run of cells, along which the sums of 8 channels of outputs slide two by two: a pair of
 * cells of the third row serves both. So short rows cost no more than long ones. An image that is tall goes through on
 * its side. */
#ifndef HN_KERNELS_AVX2_LIB_DWCONV3_Q8_H
#define HN_KERNELS_AVX2_LIB_DWCONV3_Q8_H

#include "kernels/avx2/lib_q8.h"
#include "kernels/dwconv_q8.h"

/* Where 16 lanes of bytes come from: 16 channels, or 8 channels at two places (of the row, of two strips). */
enum { WHOLE, HALVES };

/* What is to be done to sums: all that the output asks; nothing but saturation; nothing but that to sums that started
 * at HN_Q8_RAISE, with a zero point of 0. */
enum { ANY, PLAIN, RAISED };
ALWAYS int end_of(const hn_q8_out *e)
{
    return !finish_q8_plain(e) ? ANY : e->bounded == HN_Q8_RAISED ? RAISED : PLAIN;
}
ALWAYS __m256i start_of(const int32_t *bias, const int end)
{
    return end == RAISED ? _mm256_add_epi32(load32(bias), _mm256_set1_epi32(HN_Q8_RAISE)) : load32(bias);
}

/* CELLS: of a strip. ENOUGH: such that they stay in L1 with what becomes of them. LONG: most outputs of a row. SLACK:
 * cells that sums under way at the end read. */
enum { CELLS = 512, ENOUGH = 384, LONG = 56, SLACK = 3 };

typedef struct cell {
    int16_t lane[16];
} cell;

/* Rows of cells are `pitch` apart and share padding. */
typedef struct strip {
    _Alignas(32) cell x[CELLS];
    _Alignas(32) cell low[CELLS / 2];    /* words of lanes 0-3 and 8-11 of two outputs */
    uint32_t y[CELLS];                   /* bytes to where an output goes */
    size_t rows, columns, first, pitch;  /* output rows and columns, and the first of these */
    size_t left, body;                   /* cells of a row: padding, pixels; the others are padding */
    size_t outputs;                      /* with those between rows, which give way to others */
    size_t apart;                        /* HALVES: output rows to the second strip's */
    size_t x_step, x_row, y_step, y_row; /* bytes from pixel to pixel and from row to row */
    size_t width, h, pw, ph, oy;         /* as in hn_dwconv_q8_rows */
    bool turned;                         /* rows and columns have changed places */
} strip;

/* Output columns [first, first + m) of all. */
static void cut_columns(strip *s, size_t first, size_t m)
{
    const size_t all = m + 2;
    s->first = first;
    s->columns = m;
    s->left = first >= s->pw ? 0 : s->pw - first < all ? s->pw - first : all;
    const size_t ix = first + s->left - s->pw, there = ix < s->width ? s->width - ix : 0;
    s->body = there < all - s->left ? there : all - s->left;
    const size_t right = all - s->left - s->body, shared = s->left < right ? s->left : right;
    s->pitch = all - (shared < 2 ? shared : 2); /* not less than the outputs */
}

static void cut_rows(strip *s, size_t rows)
{
    s->rows = rows;
    s->outputs = (rows - 1) * s->pitch + s->columns;
    uint32_t *y = s->y;
    for (size_t r = 0; r < rows; r++, y += s->pitch) {
        for (size_t i = 0; i < s->columns; i++) y[i] = (uint32_t)(r * s->y_row + i * s->y_step);
        for (size_t i = s->columns; i < s->pitch; i++) y[i] = (uint32_t)((r + 1) * s->y_row);
    }
}

ALWAYS void put_cell(int16_t *to, __m256i v, const int mode)
{
    if (mode == WHOLE)
        _mm256_store_si256((__m256i *)(void *)to, v);
    else
        _mm_store_si128((__m128i *)(void *)to, _mm256_castsi256_si128(v));
}
ALWAYS void widen_cell(int16_t *to, const uint8_t *x, const int mode, const int is_signed)
{
    put_cell(to, mode == WHOLE ? words(load16(x), is_signed) : _mm256_castsi128_si256(words8(x, is_signed)), mode);
}

/* Row i of those for output rows from oy on is outside the image. */
ALWAYS bool outside(const strip *s, size_t oy, size_t i)
{
    return oy + i - s->ph >= s->h; /* wraps above the image */
}

/* Cells of padding, which all blocks of channels share. half: of the cells (HALVES). */
ALWAYS void pad_rows(strip *s, const hn_dwconv_q8_rows *g, size_t oy, size_t half, const int mode)
{
    const __m256i pad = _mm256_set1_epi16(g->one.x_flip ? (int8_t)*g->one.pad : *g->one.pad);
    for (size_t i = 0; i < s->rows + 2; i++) {
        int16_t *to = s->x[i * s->pitch].lane + 8 * half;
        const size_t all = s->columns + 2 + (i == s->rows + 1 ? SLACK : 0);
        for (size_t k = 0; k < s->left; k++) put_cell(to + 16 * k, pad, mode);
        for (size_t k = s->left + (outside(s, oy, i) ? 0 : s->body); k < all; k++) put_cell(to + 16 * k, pad, mode);
    }
}

/* Cells of pixels. */
ALWAYS void widen_rows(strip *s, const hn_dwconv_q8_rows *g, size_t oy, size_t from, size_t half, const int mode,
                       const int is_signed)
{
    const size_t step = s->x_step, n = s->body;
    for (size_t i = 0; i < s->rows + 2; i++) {
        if (n == 0 || outside(s, oy, i)) continue;
        const uint8_t *x = g->x + (oy + i - s->ph) * s->x_row + (s->first + s->left - s->pw) * step + from;
        int16_t *to = s->x[i * s->pitch + s->left].lane + 8 * half;
        size_t k = 0;
        for (; k + 4 <= n; k += 4, x += 4 * step, to += (ptrdiff_t)4 * 16)
            HN_UNROLL for (size_t j = 0; j < 4; j++) widen_cell(to + 16 * j, x + j * step, mode, is_signed);
        for (; k < n; k++, x += step, to += 16) widen_cell(to, x, mode, is_signed);
    }
}

static __attribute__((noinline)) void widen(strip *s, const hn_dwconv_q8_rows *g, size_t oy, size_t from,
                                            const int mode)
{
    if (mode == WHOLE && g->one.x_flip)
        widen_rows(s, g, oy, from, 0, WHOLE, 1);
    else if (mode == WHOLE)
        widen_rows(s, g, oy, from, 0, WHOLE, 0);
    for (size_t k = 0; mode == HALVES && k < 2; k++)
        if (g->one.x_flip)
            widen_rows(s, g, oy + k * s->apart, from, k, HALVES, 1);
        else
            widen_rows(s, g, oy + k * s->apart, from, k, HALVES, 0);
}

ALWAYS __m256i unpacked(__m256i a, __m256i b, const int half)
{
    return half ? _mm256_unpackhi_epi16(a, b) : _mm256_unpacklo_epi16(a, b);
}
ALWAYS __m256i at(const cell *p, size_t i)
{
    return _mm256_load_si256((const __m256i *)(const void *)(p + i));
}
ALWAYS __m256i plus(__m256i acc, __m256i x, __m256i w)
{
    __m256i product = _mm256_madd_epi16(x, w);
    __asm__("" : "+x"(product)); /* compilers would add in another order, which takes longer */
    return _mm256_add_epi32(acc, product);
}

/* Where a pass over the cells is: the next ones of each row, sums of two outputs. */
typedef struct along {
    const cell *p[3];
    __m256i a, b;
    __m256i w[7], bias;
} along;

/* Weights of 8 lanes, as they are packed or on their side: three columns of the first two rows; of the third row, for
 * pairs of cells, the first two weights, the third, the first at the pair's second cell, the last two. */
ALWAYS void weights_of(const int16_t *w, bool turned, __m256i *v)
{
    HN_UNROLL for (int k = 0; k < 5; k++) v[k] = load32(w + 32 * k);
    if (turned) {
        const __m256i first = v[0], second = v[1], third = v[2];
        v[0] = _mm256_blend_epi16(first, _mm256_slli_epi32(second, 16), 0xaa);
        v[1] = _mm256_blend_epi16(_mm256_srli_epi32(first, 16), second, 0xaa);
        v[2] = v[3];
        v[3] = third;
    }
    v[5] = _mm256_slli_epi32(v[3], 16);
    v[6] = _mm256_blend_epi16(_mm256_srli_epi32(v[3], 16), _mm256_slli_epi32(v[4], 16), 0xaa);
}

/* Two columns: the pairs of their first two rows, and that of the third's two cells. They end the sums of two outputs
 * and begin those of the next two. */
ALWAYS void next_two(along *s, __m256i *sum, const int half)
{
    const __m256i one = unpacked(at(s->p[0], 0), at(s->p[1], 0), half),
                  two = unpacked(at(s->p[0], 1), at(s->p[1], 1), half),
                  last = unpacked(at(s->p[2], 0), at(s->p[2], 1), half);
    HN_UNROLL for (int k = 0; k < 3; k++) s->p[k] += 2;
    sum[0] = plus(plus(s->a, last, s->w[4]), one, s->w[2]);
    sum[1] = plus(plus(plus(s->b, last, s->w[6]), one, s->w[1]), two, s->w[2]);
    s->a = plus(plus(plus(s->bias, last, s->w[3]), one, s->w[0]), two, s->w[1]);
    s->b = plus(plus(s->bias, last, s->w[5]), two, s->w[0]);
}

/* Bytes of outputs i and, where there is one, i + 1 from the words of both halves. */
ALWAYS void put_outputs(const strip *s, const finish_q8 *f, size_t i, __m256i low, __m256i high, uint8_t *y,
                        const int mode, const int end)
{
    __m256i v = _mm256_packus_epi16(low, high);
    if (end == ANY) v = _mm256_min_epu8(_mm256_max_epu8(v, f->y_lo), f->y_hi);
    v = _mm256_xor_si256(v, f->y_flip);
    const __m128 first = _mm_castsi128_ps(_mm256_castsi256_si128(v)),
                 second = _mm_castsi128_ps(_mm256_extracti128_si256(v, 1));
    const __m128i one = _mm_castps_si128(_mm_shuffle_ps(first, second, 0x88)), /* every other four bytes */
        two = _mm_castps_si128(_mm_shuffle_ps(first, second, 0xdd));
    uint8_t *to = y + s->y[i], *then = y + s->y[i + 1];
    const size_t apart = s->apart * s->y_row;
    const bool both = i + 1 < s->outputs;
    if (mode == WHOLE) {
        _mm_storeu_si128((__m128i *)(void *)to, one);
        if (both) _mm_storeu_si128((__m128i *)(void *)then, two);
        return;
    }
    _mm_storel_epi64((__m128i *)(void *)to, one);
    _mm_storeh_pd((double *)(void *)(to + apart), _mm_castsi128_pd(one));
    if (!both) return;
    _mm_storel_epi64((__m128i *)(void *)then, two);
    _mm_storeh_pd((double *)(void *)(then + apart), _mm_castsi128_pd(two));
}

/* Lanes 0-3 and 8-11 (half 0), which are kept as words, or the others, with which they become bytes. Sums are finished
 * while the next two are under way. */
ALWAYS void pass(const hn_dwconv_q8_rows *g, strip *s, size_t block, uint8_t *y, const int half, const int mode,
                 const int end)
{
    const finish_q8 f = finish_q8_load(g->one.out);
    const __m256 scale = _mm256_loadu_ps(g->one.scale + 16 * block + 8 * half);
    _Alignas(32) float less[8];
    _mm256_store_ps(less, fall(scale));
    along on = {.p = {s->x, s->x + s->pitch, s->x + 2 * s->pitch}};
    on.bias = start_of(g->one.bias + 16 * block + 8 * half, end);
    weights_of((const int16_t *)(const void *)g->one.w + block * 5 * 32 + 16 * half, s->turned, on.w);
    on.a = on.b = on.bias;
    __m256i sum[2];
    HN_UNROLL for (int k = 0; k < 2; k++) next_two(&on, sum, half); /* the first ends none */
    cell *low = s->low;
    for (size_t i = 0, n = s->outputs; i < n; i += 2, low++) {
        __m256i done[2] = {sum[0], sum[1]};
        HN_UNROLL for (int k = 0; k < 2; k++)
        {
            if (end == RAISED)
                round_raised(&done[k], scale, less);
            else if (end == PLAIN)
                done[k] = rounded_sum(done[k], scale);
            else
                done[k] = _mm256_cvtps_epi32(_mm256_min_ps(scaled(done[k], scale), f.t_hi));
        }
        next_two(&on, sum, half);
        __m256i v = _mm256_packs_epi32(done[0], done[1]);
        if (end != RAISED) v = _mm256_adds_epi16(v, f.y_zp);
        if (half)
            put_outputs(s, &f, i, at(low, 0), v, y, mode, end);
        else
            _mm256_store_si256((__m256i *)(void *)low, v);
    }
}

typedef void pass_fn(const hn_dwconv_q8_rows *g, strip *s, size_t block, uint8_t *y);

#define PASS(half, mode, end)                                                                                        \
    static __attribute__((noinline)) void pass_##half##mode##end(const hn_dwconv_q8_rows *g, strip *s, size_t block, \
                                                                 uint8_t *y)                                         \
    {                                                                                                                \
        pass(g, s, block, y, half, mode, end);                                                                       \
    }
#define PASSES(half, mode)  \
    PASS(half, mode, ANY)   \
    PASS(half, mode, PLAIN) \
    PASS(half, mode, RAISED)
PASSES(0, WHOLE)
PASSES(1, WHOLE)
PASSES(0, HALVES)
PASSES(1, HALVES)

/* Output rows from oy on, the call's first being oy 0. */
static void strip_rows(const hn_dwconv_q8_rows *g, strip *s, size_t oy, const int mode)
{
    static pass_fn *const passes[2][2][3] = {
        {{pass_0WHOLEANY, pass_0WHOLEPLAIN, pass_0WHOLERAISED}, {pass_1WHOLEANY, pass_1WHOLEPLAIN, pass_1WHOLERAISED}},
        {{pass_0HALVESANY, pass_0HALVESPLAIN, pass_0HALVESRAISED},
         {pass_1HALVESANY, pass_1HALVESPLAIN, pass_1HALVESRAISED}}};
    const int end = end_of(g->one.out);
    const size_t start = s->turned ? g->one.from : g->oy, left = s->first - (s->turned ? g->oy : g->one.from);
    pad_rows(s, g, start + oy, 0, mode);
    if (mode == HALVES) pad_rows(s, g, start + oy + s->apart, 1, mode);
    for (size_t b = g->block; b < g->block + g->blocks; b++) {
        const size_t from = mode == HALVES ? 0 : hn_dwconv_q8_first3(g->one.c, b);
        widen(s, g, start + oy, from, mode);
        for (size_t half = 0; half < 2; half++)
            passes[mode == HALVES][half][end](g, s, b, g->one.y + oy * s->y_row + left * s->y_step + from);
    }
}

static void strips(const hn_dwconv_q8_rows *g)
{
    const size_t line = g->one.width * g->one.c, out = g->one.m * g->one.c;
    const int mode = g->one.c == 8 ? HALVES : WHOLE;
    strip s;
    s.turned = g->rows >= 2 * g->one.m;
    s.x_step = s.turned ? line : g->one.c, s.x_row = s.turned ? g->one.c : line;
    s.y_step = s.turned ? out : g->one.c, s.y_row = s.turned ? g->one.c : out;
    s.width = s.turned ? g->h : g->one.width, s.h = s.turned ? g->one.width : g->h;
    s.pw = s.turned ? g->ph : g->one.pw, s.ph = s.turned ? g->one.pw : g->ph;
    const size_t columns = s.turned ? g->rows : g->one.m, rows = s.turned ? g->one.m : g->rows,
                 lanes = mode == HALVES ? 2 : 1, pieces = (columns + LONG - 1) / LONG;
    for (size_t piece = 0; piece < pieces; piece++) {
        const size_t x = columns * piece / pieces;
        cut_columns(&s, (s.turned ? g->oy : g->one.from) + x, columns * (piece + 1) / pieces - x);
        const size_t fit = ENOUGH / s.pitch, most = lanes * (fit > 3 ? fit - 2 : 1), count = (rows + most - 1) / most;
        s.rows = 0;
        for (size_t i = 0; i < count; i++) {
            const size_t y = rows * i / count, n = rows * (i + 1) / count - y;
            if (s.rows != (n + lanes - 1) / lanes) cut_rows(&s, (n + lanes - 1) / lanes);
            s.apart = n - s.rows;
            strip_rows(g, &s, y, mode);
        }
    }
}

#endif
