/* Every quant_q8, binary_q8, lut_q8, pool_q8, phases_q8 and transpose_b1 record that runs here, bit for bit against
 * scalar code in other words: all lengths around vectors, both signs, NaN and infinity, halves, limits; nothing outside
 * the output is touched. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/size.h"
#include "kernels/binary_q8.h"
#include "kernels/lut_q8.h"
#include "kernels/phases_q8.h"
#include "kernels/pool_q8.h"
#include "kernels/quant_q8.h"
#include "kernels/transpose_b1.h"
#include "support/edge.h"
#include "support/guard.h"

static int value(uint8_t byte, uint8_t flip)
{
    return flip ? (int8_t)byte : byte;
}

static void fill_floats(edge *e, hn_rng *rng)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 1e20f, -1e20f, 0, -0.0f};
    float *f = (float *)(void *)e->p;
    for (size_t i = 0; i < e->n / 4; i++) {
        uint64_t pick = hn_rng_below(rng, 40);
        f[i] = pick < 12 ? odd[pick] : (float)((hn_rng_unit(rng) - 0.5) * 300);
    }
}

static void check_quant(const hn_kernel *k, size_t n, bool each, uint8_t flip, hn_rng *rng)
{
    edge f = edge_new(4 * n), q = edge_new(n), scale = edge_new(4 * (each ? n : 1)), zp = edge_new(4 * (each ? n : 1));
    bool back = k->variant == HN_QUANT_Q8_DEQUANTIZE;
    fill_floats(&f, rng);
    if (back) edge_fill(&q, rng, false);
    float *s = (float *)(void *)scale.p, *x = (float *)(void *)f.p;
    int32_t *z = (int32_t *)(void *)zp.p;
    for (size_t i = 0; i < (each ? n : 1); i++) {
        s[i] = (i + n) % 3 == 0 ? 1.0f : (float)(0.1 + hn_rng_unit(rng));
        z[i] = (int32_t)hn_rng_below(rng, 256);
    }
    for (size_t i = 0; !back && n % 4 == 1 && i < n; i++) { /* quotients beside halves */
        float half = ((float)(int)hn_rng_below(rng, 300) - 149.5f) * s[each ? i : 0];
        uint64_t side = hn_rng_below(rng, 3);
        x[i] = side == 0 ? half : nextafterf(half, side == 1 ? INFINITY : -INFINITY);
    }
    hn_quant_q8 g = {.n = n, .f = x, .q = q.p, .scale = s, .zp = z, .each = each, .flip = flip};
    ((hn_quant_q8_fn *)k->fn)(&g);
    int up = flip ? 128 : 0;
    for (size_t i = 0; i < n; i++) {
        float sc = s[each ? i : 0];
        int zero = z[each ? i : 0] - up;
        if (back) {
            assert_true(x[i] == (float)(value(q.p[i], flip) - zero) * sc);
            continue;
        }
        volatile float v = x[i] / sc;
        double t = rint((double)v) + zero, lo = flip ? -128 : 0, hi = flip ? 127 : 255;
        t = !(t > lo) ? lo : t > hi ? hi : t;
        if (value(q.p[i], flip) != (int)t)
            fail_msg("%s: %g / %g gives %d, want %g", k->name, x[i], sc, value(q.p[i], flip), t);
    }
    assert_true(edge_intact(&f) && edge_intact(&q));
    edge_free(&f), edge_free(&q), edge_free(&scale), edge_free(&zp);
}

/* Numbers beside every half, by scales of every size and kind: q is that of a division. */
static void check_halves(const hn_kernel *k, hn_rng *rng)
{
    enum { HALVES = 256, NEAR = 5, N = 2 * HALVES * NEAR + 32 };
    static const uint32_t odd[] = {0, 1, 0x7fffff, 0x7ffffe, 0x400000, 0x74fffe};
    static float f[N];
    static uint8_t q[N];
    for (size_t t = 0; t < 600; t++) {
        const uint32_t low = t % 2 ? odd[hn_rng_below(rng, HN_COUNT(odd))] : (uint32_t)hn_rng_below(rng, 1 << 23);
        const uint32_t bits = (uint32_t)(t % 3 ? 117 + hn_rng_below(rng, 20) : 1 + hn_rng_below(rng, 253)) << 23 | low;
        const int32_t zp = (int32_t)hn_rng_below(rng, 256);
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        size_t n = 0;
        for (int half = -HALVES; half < HALVES; half++) {
            float at = (float)((half + 0.5) * (double)scale);
            for (int i = 0; i < NEAR / 2; i++) at = nextafterf(at, -INFINITY);
            for (int i = 0; i < NEAR; i++, at = nextafterf(at, INFINITY)) f[n++] = at;
        }
        static const float far[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, -0.0f, 0};
        for (size_t i = 0; n < N; i++) f[n++] = far[i % HN_COUNT(far)];
        hn_quant_q8 g = {.n = N, .f = f, .q = q, .scale = &scale, .zp = &zp};
        ((hn_quant_q8_fn *)k->fn)(&g);
        for (size_t i = 0; i < N; i++) {
            volatile float v = f[i] / scale;
            const double want = rint((double)v) + zp;
            if (q[i] != (!(want > 0) ? 0 : want > 255 ? 255 : (int)want))
                fail_msg("%s: %a / %a and %d give %d, want %g", k->name, f[i], scale, zp, q[i], want);
        }
    }
}

static void check_range(const hn_kernel *k, size_t n, hn_rng *rng)
{
    edge f = edge_new(4 * n);
    fill_floats(&f, rng);
    float *x = (float *)(void *)f.p, lo = 0, hi = 0;
    if (n % 2)
        for (size_t i = 0; i < n; i++) x[i] = (float)i - 20;
    for (size_t i = 0; i < n; i++) {
        if (x[i] < lo) lo = x[i];
        if (x[i] > hi) hi = x[i];
    }
    hn_quant_q8 g = {.n = n, .f = x};
    ((hn_quant_q8_fn *)k->fn)(&g);
    assert_true(g.lo == lo && g.hi == hi);
    edge_free(&f);
}

static void check_binary(const hn_kernel *k, size_t n, bool vector, bool in_place, hn_rng *rng)
{
    edge a = edge_new(n), b = edge_new(vector ? n : 1), y = edge_new(n), old = edge_new(n);
    edge_fill(&a, rng, n % 3 == 0);
    edge_fill(&b, rng, n % 3 == 0);
    memcpy(old.p, a.p, n);
    hn_binary_q8 g = {.n = n, .a = a.p, .b = b.p, .y = in_place ? a.p : y.p, .b_step = vector};
    g.a_flip = n % 2 ? 0x80 : 0, g.b_flip = n % 5 ? 0x80 : 0, g.y_flip = n % 7 ? 0x80 : 0;
    g.a_zp = (int32_t)hn_rng_below(rng, 256), g.b_zp = (int32_t)hn_rng_below(rng, 256),
    g.y_zp = (int32_t)hn_rng_below(rng, 256);
    g.a_scale = n % 9 == 4 ? -3e9f : n % 4 ? 0.4375f : 0.01f, g.b_scale = 1.0f - 0.3f * (float)(n % 3);
    g.u_lo = (float)(3 - g.y_zp), g.u_hi = (float)(250 - g.y_zp);
    ((hn_binary_q8_fn *)k->fn)(&g);
    for (size_t i = 0; i < n; i++) {
        float av = (float)((old.p[i] ^ g.a_flip) - g.a_zp), bv = (float)((b.p[vector ? i : 0] ^ g.b_flip) - g.b_zp);
        volatile float s = av * g.a_scale, t = bv * g.b_scale, u = s + t;
        if (k->variant == HN_BINARY_Q8_MUL) s = av * bv, u = s * g.a_scale;
        double want = rint((double)u) + g.y_zp;
        want = want < 3 ? 3 : want > 250 ? 250 : want;
        if ((g.y[i] ^ g.y_flip) != (int)want) fail_msg("%s: n %zu differs at %zu", k->name, n, i);
    }
    assert_true(edge_intact(&y) && edge_intact(&a));
    edge_free(&a), edge_free(&b), edge_free(&y), edge_free(&old);
}

static void check_lut(const hn_kernel *k, size_t n, hn_rng *rng)
{
    edge x = edge_new(n), table = edge_new(256), y = edge_new(n);
    edge_fill(&x, rng, false);
    edge_fill(&table, rng, false);
    ((hn_lut_q8_fn *)k->fn)(n, x.p, table.p, y.p);
    for (size_t i = 0; i < n; i++) assert_int_equal(y.p[i], table.p[x.p[i]]);
    assert_true(edge_intact(&y));
    ((hn_lut_q8_fn *)k->fn)(n, x.p, table.p, x.p);
    assert_memory_equal(x.p, y.p, n);
    edge_free(&x), edge_free(&table), edge_free(&y);
}

static void check_transpose(const hn_kernel *k, size_t rows, size_t cols, hn_rng *rng)
{
    size_t ss = cols + hn_rng_below(rng, 5), ds = rows + hn_rng_below(rng, 2) * 3;
    edge x = edge_new(ss * (rows - 1) + cols), y = edge_new(ds * (cols - 1) + rows), old = edge_new(y.n);
    edge_fill(&x, rng, false);
    edge_fill(&y, rng, false);
    memcpy(old.p, y.p, y.n);
    for (size_t c = 0; c < cols; c++)
        for (size_t r = 0; r < rows; r++) old.p[c * ds + r] = x.p[r * ss + c];
    ((hn_transpose_b1_fn *)k->fn)(rows, cols, x.p, ss, y.p, ds);
    assert_memory_equal(y.p, old.p, y.n);
    assert_true(edge_intact(&y));
    edge_free(&x), edge_free(&y), edge_free(&old);
}

static void check_phases(const hn_kernel *k, size_t n, size_t step, hn_rng *rng)
{
    size_t ld = (n + step - 1) / step + hn_rng_below(rng, 3);
    edge x = edge_new(n), y = edge_new(step * ld), old = edge_new(step * ld);
    edge_fill(&x, rng, false);
    edge_fill(&y, rng, false);
    memcpy(old.p, y.p, step * ld);
    for (size_t i = 0; i < n; i++) old.p[i % step * ld + i / step] = x.p[i];
    ((hn_phases_q8_fn *)k->fn)(n, step, x.p, y.p, ld);
    assert_memory_equal(y.p, old.p, step * ld);
    edge_free(&x), edge_free(&y), edge_free(&old);
}

static void check_pool(const hn_kernel *k, bool whole, hn_rng *rng)
{
    hn_pool_q8 g = {.c = 1 + hn_rng_below(rng, hn_rng_below(rng, 2) ? 40 : 300),
                    .h = 1 + hn_rng_below(rng, 6),
                    .w = 1 + hn_rng_below(rng, 9)};
    g.kh = 1 + hn_rng_below(rng, 4), g.kw = 1 + hn_rng_below(rng, 4), g.sh = 1 + hn_rng_below(rng, 2);
    g.sw = 1 + hn_rng_below(rng, 3), g.dh = 1 + hn_rng_below(rng, 2), g.dw = 1 + hn_rng_below(rng, 2);
    g.ph = hn_rng_below(rng, g.kh), g.pw = hn_rng_below(rng, g.kw);
    if (whole) { /* more pixels than words can sum */
        g.kh = g.h = 1 + hn_rng_below(rng, 24), g.kw = g.w = 1 + hn_rng_below(rng, 24);
        g.dh = g.dw = 1, g.ph = g.pw = 0, g.c = 1 + g.c % 40;
    }
    g.oy = hn_rng_below(rng, 3), g.from = hn_rng_below(rng, 2), g.m = 1 + hn_rng_below(rng, 5);
    bool is_signed = hn_rng_below(rng, 2);
    hn_q8_out e = {.y_zp = (int32_t)hn_rng_below(rng, 256), .y_lo = 2, .y_hi = 240, .y_flip = is_signed ? 0x80 : 0};
    edge x = edge_new(g.h * g.w * g.c), y = edge_new(g.m * g.c);
    edge_fill(&x, rng, false);
    if (whole) memset(x.p, hn_rng_below(rng, 2) ? 0x7f : 0x80, x.n / 2), memset(x.p, 0xff, x.n / 3);
    g.x = x.p, g.y = y.p, g.x_flip = is_signed ? 0x80 : 0, g.x_zp = (int32_t)hn_rng_below(rng, 256);
    g.include = hn_rng_below(rng, 2), g.scale = 0.8f, g.out = &e;
    ((hn_pool_q8_fn *)k->fn)(&g);
    for (size_t i = 0; i < g.m; i++)
        for (size_t j = 0; j < g.c; j++) {
            int64_t sum = 0, top = 0, inside = 0;
            for (size_t ky = 0; ky < g.kh; ky++)
                for (size_t kx = 0; kx < g.kw; kx++) {
                    int64_t iy = (int64_t)(g.oy * g.sh + ky * g.dh) - (int64_t)g.ph;
                    int64_t ix = (int64_t)((g.from + i) * g.sw + kx * g.dw) - (int64_t)g.pw;
                    if (iy < 0 || ix < 0 || iy >= (int64_t)g.h || ix >= (int64_t)g.w) continue;
                    int64_t v = x.p[((size_t)iy * g.w + (size_t)ix) * g.c + j] ^ g.x_flip;
                    sum += v - g.x_zp;
                    top = v > top ? v : top;
                    inside++;
                }
            size_t count = g.include ? g.kh * g.kw : (size_t)inside;
            volatile float factor = count == 0 ? 0 : g.scale / (float)count, u = (float)sum * factor;
            double mean = rint((double)u) + e.y_zp;
            mean = mean < 2 ? 2 : mean > 240 ? 240 : mean;
            int64_t want = k->variant == HN_POOL_Q8_MAX ? top : (int64_t)mean;
            if ((y.p[i * g.c + j] ^ g.x_flip) != want) fail_msg("%s: pixel %zu channel %zu differs", k->name, i, j);
        }
    assert_true(edge_intact(&y));
    edge_free(&x), edge_free(&y);
}

static void test_all(void **state)
{
    (void)state;
    size_t ran[6] = {0};
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *k = hn_kernel_rows[q];
        hn_rng rng;
        hn_rng_init(&rng, 31, 0);
        if (guard_runs(k, "quant_q8") && k->variant == HN_QUANT_Q8_QUANTIZE) check_halves(k, &rng);
        for (size_t n = 1; n < 300; n += n < 140 ? 1 : 37) {
            if (guard_runs(k, "quant_q8") && k->variant != HN_QUANT_Q8_RANGE) {
                check_quant(k, n, n % 2, n % 3 ? 0x80 : 0, &rng);
                check_quant(k, n, n % 2 == 0, n % 3 ? 0 : 0x80, &rng);
                ran[0]++;
            } else if (guard_runs(k, "quant_q8")) {
                check_range(k, n, &rng);
            } else if (guard_runs(k, "binary_q8")) {
                check_binary(k, n, n % 4 < 3, n % 5 == 0, &rng);
                ran[1]++;
            } else if (guard_runs(k, "lut_q8")) {
                check_lut(k, n, &rng);
                ran[2]++;
            } else if (guard_runs(k, "pool_q8")) {
                check_pool(k, n % 32 == 0, &rng);
                ran[3]++;
            } else if (guard_runs(k, "transpose_b1")) {
                for (size_t c = 1; c < 36; c++) check_transpose(k, c, n, &rng);
                for (size_t c = 1; c < 20; c++) check_transpose(k, n, c, &rng);
                ran[4]++;
            } else if (guard_runs(k, "phases_q8")) {
                for (size_t step = 1; step < 5; step++) check_phases(k, n, step, &rng);
                ran[5]++;
            }
        }
    }
    for (size_t i = 0; i < 6; i++) assert_true(ran[i] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
