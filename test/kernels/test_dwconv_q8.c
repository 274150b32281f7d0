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

static packed pack_pairs(const shape *s, const int16_t *w, const int32_t *bias, const float *scale)
{
    size_t taps = s->kh * s->kw, pairs = hn_dwconv_q8_pairs(s->kh, s->kw), blocks = hn_dwconv_q8_blocks(s->c);
    packed p = {block(64 * pairs * blocks), block(64 * blocks), block(64 * blocks)};
    for (size_t i = 0; i < 16 * blocks; i++) {
        size_t j = hn_dwconv_q8_lane(s->c, i / 16, i % 16), at = hn_dwconv_q8_place(i % 16);
        p.bias[i / 16 * 16 + at] = bias[j];
        p.scale[i / 16 * 16 + at] = scale[j];
        for (size_t t = 0; t < taps; t++) {
            int16_t v = w[t * s->c + j];
            size_t number = hn_dwconv_q8_pair(s->kh, s->kw, t / s->kw, t % s->kw);
            ((int16_t *)(void *)p.w)[32 * (i / 16 * pairs + number / 2) + 2 * at + number % 2] = v;
            if (s->x_signed) p.bias[i / 16 * 16 + at] += 128 * v;
        }
    }
    return p;
}

static packed pack(const shape *s, const hn_kernel *k, const int16_t *w, const int32_t *bias, const float *scale)
{
    if (k->variant == HN_DWCONV_Q8_PAIRS) return pack_pairs(s, w, bias, scale);
    size_t taps = s->kh * s->kw, channels = hn_dwconv_q8_channels(s->c);
    bool lanes = k->variant != HN_DWCONV_Q8_PLAIN, columns = k->variant == HN_DWCONV_Q8_COLUMNS;
    packed p = {block((taps + 12) / 4 * 4 * channels), block(4 * channels), block(4 * channels)};
    for (size_t j = 0; j < s->c; j++) {
        size_t at = lanes ? hn_dwconv_q8_channel_at(s->c, j) : j;
        p.bias[at] = bias[j];
        p.scale[at] = scale[j];
        for (size_t t = 0; t < taps; t++) {
            size_t number = columns ? 4 * (t % 3) + t / 3 : t;
            p.w[lanes ? hn_dwconv_q8_at(s->c, columns ? 12 : taps, j, number) : t * s->c + j] = (int8_t)w[t * s->c + j];
        }
    }
    return p;
}

static void compare(const shape *s, const hn_kernel *kernel, const hn_dwconv_q8 *g, const uint8_t *old,
                    const int16_t *w, const int32_t *bias, const float *scale)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->c; j++) {
            int64_t acc = bias[j];
            for (size_t ky = 0; ky < s->kh; ky++)
                for (size_t kx = 0; kx < s->kw; kx++) {
                    int64_t at = (int64_t)((s->from + i) * s->sw + kx * s->dw) - (int64_t)s->pw;
                    bool inside = g->row[ky] != NULL && at >= 0 && at < (int64_t)s->width;
                    int64_t x = inside ? g->row[ky][(size_t)at * s->c + j] : g->pad[j];
                    x = s->x_signed ? (int64_t)(int8_t)x + 128 : x;
                    acc += x * w[(ky * s->kw + kx) * s->c + j];
                }
            uint8_t r = s->residual ? old[i * s->c + j] : 0;
            if (g->y[i * s->c + j] != hn_q8_finish((int32_t)acc, scale[j], r, g->out))
                fail_msg(
                    "%s: c %zu kernel %zux%zu stride %zu width %zu pad %zu differs at pixel %zu of %zu channel %zu",
                    kernel->name, s->c, s->kh, s->kw, s->sw, s->width, s->pw, i, s->m, j);
        }
}

static void check(const hn_kernel *kernel, const shape *s, hn_rng *rng)
{
    size_t taps = s->kh * s->kw;
    edge x = edge_new(s->width * s->kh * s->c), pad = edge_new(s->c), w = edge_new(2 * taps * s->c),
         y = edge_new(s->m * s->c), r = edge_new(s->m * s->c);
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
    for (size_t k = 0; k < s->kh; k++) row[k] = below(rng, 4) == 0 ? NULL : x.p + k * s->width * s->c;
    hn_q8_out e = {
        .kind = s->residual ? HN_Q8_RESIDUAL : HN_Q8_BYTE, .t_lo = -90, .t_hi = 100, .u_hi = 110, .t_scale = 0.7f};
    e.r_scale = 0.9f;
    e.r_zp = 77, e.r_flip = 0x80;
    e.y_zp = 120, e.y_lo = 3, e.y_hi = 230, e.y_flip = s->x_signed ? 0x80 : 0;
    if (s->m % 3 == 0) { /* saturation is all there is to do */
        e.y_zp = 0, e.y_lo = 0, e.y_hi = 255;
        e.t_hi = 255;
    }
    e.bounded = s->m % 2;
    if (e.bounded && !s->residual) e.t_hi = (float)(e.y_hi - e.y_zp); /* may be left out */
    hn_dwconv_q8 g = {
        .from = s->from, .m = s->m, .c = s->c, .kh = s->kh, .kw = s->kw, .sw = s->sw, .dw = s->dw, .pw = s->pw};
    g.width = s->width;
    g.row = row;
    g.pad = pad.p;
    g.x_flip = s->x_signed ? 0x80 : 0;
    g.w = p.w;
    g.bias = p.bias;
    g.scale = p.scale;
    g.y = y.p;
    g.r = !s->residual ? NULL : s->in_place ? y.p : r.p;
    g.out = &e;
    ((hn_dwconv_q8_fn *)kernel->fn)(&g);
    compare(s, kernel, &g, r.p, weight, bias, scale);
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
            if (kernel->variant == HN_DWCONV_Q8_COLUMNS) {
                s.kh = 1 + s.kh % 3;
                s.kw = 3;
                s.sw = 1 + s.sw % 2;
                s.dw = 1;
            }
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
                s.wide = kernel->variant == HN_DWCONV_Q8_PAIRS && below(&rng, 2);
                check(kernel, &s, &rng);
            }
    }
    assert_true(ran > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_variety), cmocka_unit_test(test_three)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
