/* Both variants of every line_f32 record that runs here, end to end: windows of single channels, times transformed
 * taps, to outputs, against the sum of five products in double; the rounding error stays within what docs/numerics.md
 * says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/size.h"
#include "kernels/line_f32.h"
#include "support/guard.h"

enum { TILES = 3, MOST = 70 };

static void taps(const float *w, double *u)
{
    static const double POINT[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    for (size_t i = 0; i < 7; i++) {
        double product = 1;
        u[i] = 0;
        for (size_t j = 0; j < 7; j++) product *= j == i ? 1 : POINT[i] - POINT[j];
        for (size_t k = 5; k-- > 0;) u[i] = u[i] * POINT[i] + (double)w[k];
        u[i] /= product;
    }
    u[7] = (double)w[4];
}

static const hn_kernel *of_isa(uint64_t isa, int variant)
{
    for (size_t i = 0; i < hn_kernel_count; i++)
        if (guard_runs(hn_kernel_rows[i], "line_f32") && hn_kernel_rows[i]->isa == isa &&
            hn_kernel_rows[i]->variant == variant)
            return hn_kernel_rows[i];
    return NULL;
}

typedef struct error {
    double squares, most;
    size_t count;
} error;

static void check(const hn_kernel *in, const hn_kernel *out, hn_rng *rng, size_t c, error *e)
{
    guard x = guard_new((4 * TILES + 4) * c, 1), w = guard_new(5 * c, 0), v = guard_new(8 * TILES * c, 3),
          y = guard_new(4 * TILES * c, 2), bias = guard_new(c, 1), res = guard_new(4 * TILES * c, 2);
    const float *rows[8 * TILES];
    float *to[4 * TILES];
    guard_rand(&x, rng, -1, 1);
    guard_rand(&w, rng, -1, 1);
    guard_rand(&bias, rng, -1, 1);
    guard_rand(&res, rng, -1, 1);
    for (size_t t = 0; t < TILES; t++) {
        for (size_t i = 0; i < 8; i++) rows[8 * t + i] = x.p + (4 * t + i) * c;
        for (size_t i = 0; i < 4; i++) to[4 * t + i] = y.p + (4 * t + i) * c;
    }
    to[4 * TILES - 1] = NULL;
    for (size_t i = 0; i < c; i++) y.p[(4 * TILES - 1) * c + i] = 77;
    hn_line_f32 g = {.tiles = TILES, .c = c, .rows = rows, .v = v.p, .v_matrix = TILES * c, .out = to, .y = y.p};
    ((hn_line_f32_fn *)in->fn)(&g);
    assert_true(guard_intact(&v));
    for (size_t i = 0; i < c; i++) {
        double u[8];
        taps(w.p + 5 * i, u);
        for (size_t k = 0; k < 8; k++)
            for (size_t t = 0; t < TILES; t++) v.p[(k * TILES + t) * c + i] *= (float)u[k];
    }
    bool plain = c % 3 == 0;
    if (!plain)
        g.ep =
            (hn_epilogue_f32){.bias = bias.p, .residual = res.p, .act = HN_ACT_LEAKY, .a = 0.25f, .act_first = c % 2};
    ((hn_line_f32_fn *)out->fn)(&g);
    assert_true(guard_intact(&y));
    for (size_t o = 0; o < 4 * TILES - 1; o++)
        for (size_t i = 0; i < c; i++) {
            double sum = plain ? 0 : bias.p[i], squares = 0, r = res.p[o * c + i];
            for (size_t k = 0; k < 5; k++) {
                double p = (double)x.p[(o + k) * c + i] * w.p[5 * i + k];
                sum += p;
                squares += p * p;
            }
            if (plain) {
                double d = fabs(sum - y.p[o * c + i]) / (ldexp(1, -24) * sqrt(squares));
                e->squares += d * d;
                e->most = fmax(e->most, d);
                e->count++;
                continue;
            }
            if (!g.ep.act_first) sum += r;
            sum = sum < 0 ? sum * 0.25 : sum;
            if (g.ep.act_first) sum += r;
            if (!close_to(y.p[o * c + i], sum, 1e-5, 2e-5))
                fail_msg("%s c %zu: %g, want %g", out->name, c, (double)y.p[o * c + i], sum);
        }
    for (size_t i = 0; i < c; i++) assert_true(y.p[(4 * TILES - 1) * c + i] == 77);
    guard *all[] = {&x, &w, &v, &y, &bias, &res};
    for (size_t i = 0; i < 6; i++) guard_free(all[i]);
}

static void lines_match(void **state)
{
    static const uint64_t ISAS[] = {HN_ISA_GENERIC, HN_ISA_AVX2, HN_ISA_AVX512};
    (void)state;
    for (size_t i = 0; i < HN_COUNT(ISAS); i++) {
        const hn_kernel *in = of_isa(ISAS[i], HN_LINE_IN), *out = of_isa(ISAS[i], HN_LINE_OUT);
        error e = {0, 0, 0};
        hn_rng rng;
        if (in == NULL || out == NULL) {
            assert_true(i > 0);
            continue;
        }
        hn_rng_init(&rng, 5, 0);
        for (int again = 0; again < 8; again++)
            for (size_t c = 1; c < MOST; c++) check(in, out, &rng, c, &e);
        double rms = sqrt(e.squares / (double)e.count);
        print_message("%s: error %.2f rms, %.1f largest, in 2^-24 sqrt(sum of squared products)\n", in->name, rms,
                      e.most);
        assert_true(rms < 8 && e.most < 128);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_match)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
