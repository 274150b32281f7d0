/* Every dwconv_q8 record that runs here, bit for bit against sums in int64: channel tails, strides, dilations, padding
 * on every side, both signs, residuals; nothing past the input is read, nothing outside Y is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/dwconv_q8.h"
#include "support/edge.h"
#include "support/guard.h"

typedef struct shape {
    size_t c, kh, kw, sw, dw, pw, width, m, from;
    size_t rows, h, sh, dh, ph, oy;                    /* rows: of the output; more than 1 only with PAIRS and THREE */
    bool x_signed, extremes, residual, in_place, wide; /* wide: weights of 9 bits */
} shape;

typedef struct packed {
    int8_t *w;
    int32_t *bias;
    float *scale;
} packed;

static size_t below(hn_rng *rng, size_t n)
{
    return (size_t)hn_rng_below(rng, n);
}

static void *block(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p == NULL) abort();
    memset(p, 0, (bytes + 63) / 64 * 64);
    return p;
}

/* The kernel's argument is an hn_dwconv_q8_rows. */
static bool takes_rows(const hn_kernel *kernel)
{
    return kernel->variant == HN_DWCONV_Q8_PAIRS || kernel->variant == HN_DWCONV_Q8_THREE;
}

static size_t blocks_of(const hn_kernel *kernel, size_t c)
{
    return kernel->variant == HN_DWCONV_Q8_THREE ? hn_dwconv_q8_blocks3(c) : hn_dwconv_q8_blocks(c);
}

static packed pack_pairs(const shape *s, bool three, const int16_t *w, const int32_t *bias, const float *scale)
{
    const size_t taps = s->kh * s->kw, pairs = three ? 5 : hn_dwconv_q8_pairs(s->kh, s->kw),
                 lanes = three ? 16 * hn_dwconv_q8_blocks3(s->c) : 8 * hn_dwconv_q8_blocks(s->c);
    packed p = {block(4 * pairs * lanes), block(4 * lanes), block(4 * lanes)};
    for (size_t i = 0; i < lanes; i++) {
        const size_t j = three ? hn_dwconv_q8_lane3(s->c, i) : hn_dwconv_q8_lane(s->c, i),
                     at = three ? hn_dwconv_q8_order3(i) : i;
        p.bias[at] = bias[j];
        p.scale[at] = scale[j];
        for (size_t t = 0; t < taps; t++) {
            const int16_t v = w[t * s->c + j];
            const size_t ky = t / s->kw, kx = t % s->kw;
            ((int16_t *)(void *)
                 p.w)[three ? hn_dwconv_q8_place3(i, ky, kx) : hn_dwconv_q8_place(s->kh, s->kw, i, ky, kx)] = v;
            if (s->x_signed) p.bias[at] += 128 * v;
        }
    }
    return p;
}

static packed pack(const shape *s, const hn_kernel *k, const int16_t *w, const int32_t *bias, const float *scale)
{
    if (takes_rows(k)) return pack_pairs(s, k->variant == HN_DWCONV_Q8_THREE, w, bias, scale);
    size_t taps = s->kh * s->kw, channels = hn_dwconv_q8_channels(s->c);
    bool columns = k->variant == HN_DWCONV_Q8_COLUMNS;
    packed p = {block((columns ? 12 : taps) * channels), block(4 * channels), block(4 * channels)};
    for (size_t j = 0; j < s->c; j++) {
        size_t at = columns ? hn_dwconv_q8_channel_at(s->c, j) : j;
        p.bias[at] = bias[j];
        p.scale[at] = scale[j];
        for (size_t t = 0; t < taps; t++) {
            size_t to = columns ? hn_dwconv_q8_at(s->c, j, 4 * (t % 3) + t / 3) : t * s->c + j;
            p.w[to] = (int8_t)w[t * s->c + j];
        }
    }
    return p;
}

/* Pixel x of the row, or padding. */
static int64_t pixel(const shape *s, const hn_dwconv_q8 *g, const uint8_t *row, int64_t x, size_t j)
{
    const bool inside = row != NULL && x >= 0 && x < (int64_t)s->width;
    const uint8_t v = inside ? row[(size_t)x * s->c + j] : g->pad[j];
    return s->x_signed ? (int64_t)(int8_t)v + 128 : v;
}

/* Output row i, whose window has these rows. */
static void compare(const shape *s, const hn_kernel *kernel, const hn_dwconv_q8 *g, const uint8_t *const *row, size_t i,
                    const uint8_t *old, const int16_t *w, const int32_t *bias, const float *scale)
{
    for (size_t k = 0; k < s->m; k++)
        for (size_t j = 0; j < s->c; j++) {
            const size_t at = (i * s->m + k) * s->c + j;
            int64_t acc = bias[j];
            for (size_t ky = 0; ky < s->kh; ky++)
                for (size_t kx = 0; kx < s->kw; kx++) {
                    int64_t x = (int64_t)((s->from + k) * s->sw + kx * s->dw) - (int64_t)s->pw;
                    acc += pixel(s, g, row[ky], x, j) * w[(ky * s->kw + kx) * s->c + j];
                }
            uint8_t r = s->residual ? old[at] : 0;
            if (g->y[at] != hn_q8_finish((int32_t)acc, scale[j], r, g->out))
                fail_msg(
                    "%s: c %zu kernel %zux%zu stride %zu width %zu pad %zu differs at row %zu pixel %zu of %zu channel "
                    "%zu",
                    kernel->name, s->c, s->kh, s->kw, s->sw, s->width, s->pw, i, k, s->m, j);
        }
}

/* Rows of the window of output row i. */
static void rows_of(const shape *s, const uint8_t *x, size_t i, const uint8_t **row)
{
    for (size_t ky = 0; ky < s->kh; ky++) {
        const int64_t iy = (int64_t)((s->oy + i) * s->sh + ky * s->dh) - (int64_t)s->ph;
        row[ky] = iy >= 0 && iy < (int64_t)s->h ? x + (size_t)iy * s->width * s->c : NULL;
    }
}

/* Random rows and heights, for those kernels that take more than one row. */
static void choose_rows(const hn_kernel *kernel, size_t most, shape *s, hn_rng *rng)
{
    s->rows = takes_rows(kernel) ? 1 + below(rng, most) : 1;
    s->h = 1 + below(rng, most + 2);
    s->sh = 1 + below(rng, 2);
    s->dh = 1 + below(rng, 2);
    s->ph = below(rng, 3);
    s->oy = below(rng, 3);
}

/* The nearest shape that the kernel takes. */
static shape fitting(const hn_kernel *kernel, const shape *like)
{
    shape s = *like;
    if (kernel->variant == HN_DWCONV_Q8_COLUMNS) {
        s.kh = 1 + s.kh % 3;
        s.kw = 3;
        s.sw = 1 + s.sw % 2;
        s.dw = 1;
    }
    if (kernel->variant == HN_DWCONV_Q8_THREE) {
        s.c = s.c < 16 ? 8 : s.c;
        s.kh = s.kw = 3;
        s.sw = 1 + s.sw % 2;
        s.dw = 1;
        if (s.c == 8 && s.sw == 1) s.sh = s.dh = 1, s.residual = false;
    }
    return s;
}

static void check(const hn_kernel *kernel, const shape *like, hn_rng *rng)
{
    const shape fit = fitting(kernel, like), *s = &fit;
    size_t taps = s->kh * s->kw;
    edge x = edge_new(s->width * s->h * s->c), pad = edge_new(s->c), w = edge_new(2 * taps * s->c),
         y = edge_new(s->rows * s->m * s->c), r = edge_new(s->rows * s->m * s->c);
    edge_fill(&x, rng, s->extremes);
    int16_t *weight = (int16_t *)(void *)w.p;
    for (size_t i = 0, range = s->wide ? 767 : 256; i < taps * s->c; i++) /* -383 to 383, or 8 bits */
        weight[i] = (int16_t)((int)(s->extremes ? (range - 1) * below(rng, 2) : below(rng, range)) - (int)(range / 2));
    memset(pad.p, (int)hn_rng_below(rng, 256), pad.n);
    edge_fill(&r, rng, s->extremes);
    memcpy(y.p, r.p, r.n);
    int32_t *bias = block(4 * s->c);
    float *scale = block(4 * s->c);
    for (size_t j = 0; j < s->c; j++) {
        bias[j] = (int32_t)below(rng, 60000) - 30000;
        scale[j] = (float)(0.02 * hn_rng_unit(rng) / (double)taps);
    }
    packed p = pack(s, kernel, weight, bias, scale);
    const uint8_t *row[8];
    rows_of(s, x.p, 0, row);
    hn_q8_out e = {
        .kind = s->residual ? HN_Q8_RESIDUAL : HN_Q8_BYTE, .t_lo = -90, .t_hi = 100, .u_hi = 110, .t_scale = 0.7f};
    e.r_scale = 0.9f;
    e.r_zp = 77, e.r_flip = 0x80;
    e.y_zp = 120, e.y_lo = 3, e.y_hi = 230, e.y_flip = s->x_signed ? 0x80 : 0;
    const bool plain = below(rng, 2);
    if (plain) { /* saturation is all there is to do */
        e.y_zp = 0, e.y_lo = 0, e.y_hi = 255;
        e.t_hi = 255;
    }
    e.bounded = (int32_t)below(rng, plain && !s->residual ? HN_Q8_RAISED + 1 : HN_Q8_RAISED);
    if (e.bounded && !s->residual) e.t_hi = (float)(e.y_hi - e.y_zp); /* may be left out */
    hn_dwconv_q8 g = {
        .from = s->from, .m = s->m, .c = s->c, .kh = s->kh, .kw = s->kw, .sw = s->sw, .dw = s->dw, .pw = s->pw};
    g.width = s->width;
    g.row = takes_rows(kernel) ? NULL : row;
    g.pad = pad.p;
    g.x_flip = s->x_signed ? 0x80 : 0;
    g.w = p.w;
    g.bias = p.bias;
    g.scale = p.scale;
    g.y = y.p;
    g.r = !s->residual ? NULL : s->in_place ? y.p : r.p;
    g.out = &e;
    /* blocks of channels in one call or in two */
    const bool some = takes_rows(kernel) && s->c % 16 == 0;
    const size_t blocks = blocks_of(kernel, s->c), cut = some ? below(rng, blocks) : 0;
    hn_dwconv_q8_rows a = {.one = g, .x = x.p, .h = s->h, .sh = s->sh, .dh = s->dh, .ph = s->ph, .oy = s->oy};
    a.rows = s->rows;
    assert_true(kernel->variant != HN_DWCONV_Q8_THREE || hn_dwconv_q8_three(&a));
    a.blocks = cut;
    if (cut > 0) ((hn_dwconv_q8_fn *)kernel->fn)(&a.one);
    a.block = cut;
    a.blocks = blocks - cut;
    ((hn_dwconv_q8_fn *)kernel->fn)(&a.one);
    for (size_t i = 0; i < s->rows; i++) {
        rows_of(s, x.p, i, row);
        compare(s, kernel, &g, row, i, r.p, weight, bias, scale);
    }
    assert_true(edge_intact(&y));
    free(p.w), free(p.bias), free(p.scale), free(bias), free(scale);
    edge_free(&x), edge_free(&pad), edge_free(&w), edge_free(&y), edge_free(&r);
}

static void test_variety(void **state)
{
    (void)state;
    size_t ran = 0;
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *kernel = hn_kernel_rows[q];
        if (!guard_runs(kernel, "dwconv_q8")) continue;
        ran++;
        hn_rng rng;
        hn_rng_init(&rng, 21, 0);
        for (size_t i = 0; i < 400; i++) {
            shape s = {.c = i < 200 ? i + 1 : 1 + below(&rng, 260), .kh = 1 + below(&rng, 5), .kw = 1 + below(&rng, 5)};
            s.sw = 1 + below(&rng, 3);
            s.dw = 1 + below(&rng, 3);
            s.pw = below(&rng, 4);
            s.width = 1 + below(&rng, i % 4 ? 14 : 70);
            s.m = 1 + below(&rng, i % 4 ? 12 : 40);
            s.from = below(&rng, 3);
            s.x_signed = below(&rng, 2);
            s.extremes = below(&rng, 2);
            s.residual = below(&rng, 2);
            choose_rows(kernel, 5, &s, &rng);
            s.wide = takes_rows(kernel) && below(&rng, 2);
            check(kernel, &s, &rng);
        }
    }
    assert_true(ran > 0);
}

/* Windows of 3 x 3 with all widths of channels: rows shorter and longer than what kernels do at a time, inside and over
 * both edges. */
static void test_three(void **state)
{
    (void)state;
    size_t ran = 0;
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *kernel = hn_kernel_rows[q];
        if (!guard_runs(kernel, "dwconv_q8")) continue;
        ran++;
        hn_rng rng;
        hn_rng_init(&rng, 22, 0);
        for (size_t c = 1; c <= 40; c++)
            for (size_t i = 0; i < 24; i++) {
                shape s = {.c = c, .kh = 3, .kw = 3, .sw = 1 + i % 2, .dw = 1, .pw = i / 2 % 3, .from = below(&rng, 3)};
                s.m = 1 + below(&rng, 14);
                s.width = 1 + below(&rng, 16 * s.sw);
                s.x_signed = below(&rng, 2);
                s.extremes = below(&rng, 2);
                s.residual = i % 4 == 3;
                s.in_place = below(&rng, 2);
                s.wide = takes_rows(kernel) && below(&rng, 2);
                choose_rows(kernel, 12, &s, &rng);
                if (i % 3 > 0) s.dh = 1, s.sh = s.sw;
                check(kernel, &s, &rng);
            }
    }
    assert_true(ran > 0);
}

/* Images of whole layers, stride 1: short and tall ones, more rows or columns than kernels keep at a time. */
static void test_images(void **state)
{
    (void)state;
    static const size_t sizes[][4] = {{25, 5, 64, 1},  {13, 5, 32, 2},  {6, 6, 48, 1},   {7, 7, 24, 1},
                                      {14, 14, 16, 1}, {30, 31, 17, 1}, {3, 130, 8, 1},  {9, 9, 8, 1},
                                      {40, 40, 8, 0},  {240, 2, 16, 1}, {70, 32, 16, 1}, {1, 40, 16, 1},
                                      {40, 1, 20, 2},  {12, 33, 16, 1}, {20, 20, 16, 0}, {2, 300, 8, 1},
                                      {300, 3, 8, 1},  {11, 28, 40, 2}, {5, 112, 8, 1},  {113, 4, 16, 1}};
    size_t ran = 0;
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *kernel = hn_kernel_rows[q];
        if (!takes_rows(kernel) || !guard_runs(kernel, "dwconv_q8")) continue;
        ran++;
        hn_rng rng;
        hn_rng_init(&rng, 23, 0);
        for (size_t i = 0; i < 4 * sizeof sizes / sizeof *sizes; i++) {
            const size_t *z = sizes[i / 4];
            shape s = {.c = z[2], .kh = 3, .kw = 3, .sw = 1, .dw = 1, .sh = 1, .dh = 1, .h = z[0], .width = z[1]};
            s.ph = s.pw = z[3];
            if (z[3] > 0 && i % 4 == 3) s.pw--; /* padding on one side */
            s.rows = s.h + s.ph > 2 ? s.h + s.ph - 2 + (z[3] > 0) : 1;
            s.m = s.width + s.pw > 2 ? s.width + s.pw - 2 + (z[3] > 0) : 1;
            s.x_signed = i % 2;
            s.extremes = i / 2 % 2;
            s.wide = true;
            check(kernel, &s, &rng);
        }
    }
    if (ran == 0) skip();
}

/* Images with windows of all sizes, larger than what kernels keep at a time, and all numbers of channels that come in
 * blocks of their own. */
static void test_windows(void **state)
{
    (void)state;
    static const size_t windows[][2] = {{5, 5}, {7, 7}, {3, 3}, {1, 7}, {7, 1}, {2, 2}, {4, 5}, {8, 8}, {1, 1}, {6, 3}};
    size_t ran = 0;
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *kernel = hn_kernel_rows[q];
        if (kernel->variant != HN_DWCONV_Q8_PAIRS || !guard_runs(kernel, "dwconv_q8")) continue;
        ran++;
        hn_rng rng;
        hn_rng_init(&rng, 24, 0);
        for (size_t c = 1; c <= 70; c++)
            for (size_t i = 0; i < 10; i++) {
                shape s = {.c = c, .kh = windows[i][0], .kw = windows[i][1], .wide = true};
                s.sh = 1 + below(&rng, 2), s.sw = 1 + below(&rng, 2);
                s.dh = below(&rng, 4) ? 1 : 1 + below(&rng, 4), s.dw = below(&rng, 4) ? 1 : 1 + below(&rng, 4);
                s.ph = below(&rng, s.kh + 1), s.pw = below(&rng, s.kw + 1);
                s.oy = below(&rng, 2), s.from = below(&rng, 2);
                s.h = 1 + below(&rng, 40), s.width = 1 + below(&rng, 60 + 800 / c);
                if (c % 8 == 3) s.h = 150 + below(&rng, 150), s.width = 1 + below(&rng, 3);
                if (c % 8 == 5) s.sh = 1 + below(&rng, 40), s.sw = 1 + below(&rng, 40);
                s.rows = 1 + s.h / s.sh, s.m = 1 + s.width / s.sw;
                s.x_signed = below(&rng, 2);
                s.extremes = below(&rng, 2);
                s.residual = below(&rng, 2);
                s.in_place = below(&rng, 2);
                check(kernel, &s, &rng);
            }
    }
    if (ran == 0) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variety), cmocka_unit_test(test_three),
                                       cmocka_unit_test(test_images), cmocka_unit_test(test_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
