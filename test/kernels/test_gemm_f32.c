/* Every gemm_f32 record that runs here, against sums in double: every edge of the tile, several taps, both orders of
 * residual and activation, misaligned and padded strides, sentinels, NaN and infinity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/gemm_f32.h"
#include "support/guard.h"

static double act_of(int act, double x, double a, double b)
{
    switch (act) {
    case HN_ACT_RELU: return x < 0 ? 0 : x;
    case HN_ACT_CLIP: return x < a ? a : x > b ? b : x;
    case HN_ACT_LEAKY: return x < 0 ? a * x : x;
    case HN_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case HN_ACT_TANH: return tanh(x);
    case HN_ACT_HARD_SIGMOID: return fmin(fmax(a * x + b, 0), 1);
    case HN_ACT_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case HN_ACT_SILU: return x / (1 + exp(-a * x));
    case HN_ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case HN_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case HN_ACT_ELU: return x < 0 ? a * expm1(x) : x;
    default: return x;
    }
}

typedef struct shape {
    size_t m, n, taps, k;
    int act, residual, act_first, bias;
} shape;

static void check(const hn_kernel *kernel, const shape *s, hn_rng *rng)
{
    size_t lanes = kernel->flags, width = (s->n + lanes - 1) / lanes * lanes, depth = s->taps * s->k;
    size_t row_floats = s->k + 3 * s->taps, c_stride = s->n + 5, r_stride = s->n + 2;
    guard a = guard_new(s->m * row_floats, 1), b = guard_new(depth * width, 0), bias = guard_new(s->n, 3);
    guard c = guard_new((s->m - 1) * c_stride + s->n, 1), r = guard_new((s->m - 1) * r_stride + s->n, 2);
    guard_rand(&a, rng, -1, 1);
    guard_rand(&b, rng, -1, 1);
    guard_rand(&bias, rng, -1, 1);
    guard_rand(&r, rng, -1, 1);
    const float *rows[64];
    int32_t tap[8];
    for (size_t i = 0; i < s->m; i++) rows[i] = a.p + (s->m - 1 - i) * row_floats; /* rows may lie in any order */
    for (size_t t = 0; t < s->taps; t++) tap[t] = (int32_t)(3 * (s->taps - 1 - t));
    hn_gemm_f32 g = {
        .m = s->m, .n = s->n, .taps = s->taps, .k = s->k, .rows = rows, .tap = tap, .b = b.p, .b_stride = width};
    g.c = c.p;
    g.c_stride = c_stride;
    g.ep = (hn_epilogue_f32){
        .bias = s->bias ? bias.p : NULL, .residual = s->residual ? r.p : NULL, .residual_stride = r_stride};
    g.ep.act = s->act;
    g.ep.a = s->act == HN_ACT_CLIP ? -0.25f : s->act == HN_ACT_SILU ? 1.0f : 0.3f;
    g.ep.b = 0.5f;
    g.ep.act_first = (uint32_t)s->act_first;
    ((hn_gemm_f32_fn *)kernel->fn)(&g);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = s->bias ? bias.p[j] : 0;
            for (size_t t = 0; t < s->taps; t++)
                for (size_t p = 0; p < s->k; p++)
                    sum += (double)rows[i][(size_t)tap[t] + p] * b.p[(t * s->k + p) * width + j];
            double res = s->residual ? r.p[i * r_stride + j] : 0;
            double want =
                s->act_first ? act_of(s->act, sum, g.ep.a, g.ep.b) + res : act_of(s->act, sum + res, g.ep.a, g.ep.b);
            double tol = 1e-6 * (2 + (double)depth);
            if (!close_to(c.p[i * c_stride + j], want, tol, tol))
                fail_msg("%s m %zu n %zu taps %zu k %zu act %d residual %d first %d at %zu %zu: %g, want %g",
                         kernel->name, s->m, s->n, s->taps, s->k, s->act, s->residual, s->act_first, i, j,
                         (double)c.p[i * c_stride + j], want);
        }
        if (i + 1 < s->m)
            for (size_t j = s->n; j < c_stride; j++) assert_true(guard_is(c.p + i * c_stride + j));
    }
    assert_true(guard_intact(&c));
    guard_free(&a);
    guard_free(&b);
    guard_free(&bias);
    guard_free(&c);
    guard_free(&r);
}

static void edges_match_the_double_sum(void **state)
{
    (void)state;
    size_t seen = 0;
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_f32")) continue;
        seen++;
        /* Every remainder of every tile; where any number of columns is taken, every count of vectors. */
        const size_t m_most = 3u * k->mr + 1, n_most = k->variant > 0 ? 4u * k->nr : k->nr;
        for (size_t m = 1; m <= m_most; m++)
            for (size_t n = 1; n <= n_most; n++) {
                shape s = {.m = m, .n = n, .taps = 1 + (m + n) % 3, .k = 1 + (3 * m + n) % 11};
                s.act = n % 3 == 0 ? HN_ACT_RELU : HN_ACT_NONE;
                s.bias = (m + n) % 2;
                s.residual = n % 5 == 0;
                check(k, &s, &rng);
            }
        shape deep = {.m = k->mr, .n = k->nr, .taps = 3, .k = 333, .bias = 1},
              none = {.m = 1, .n = 3, .taps = 1, .k = 0, .bias = 1};
        check(k, &deep, &rng);
        check(k, &none, &rng);
    }
    assert_true(seen >= 1);
}

static void epilogues_match(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 2, 0);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_f32")) continue;
        for (int act = HN_ACT_NONE; act <= HN_ACT_ELU; act++)
            for (int mode = 0; mode < 8; mode++) {
                shape s = {.m = k->mr - 1u, .n = k->nr - 1u, .taps = 1, .k = 9, .act = act, .residual = mode & 1};
                s.act_first = mode >> 1 & 1;
                s.bias = mode >> 2;
                check(k, &s, &rng);
                s.n = 1;
                check(k, &s, &rng);
            }
    }
}

/* Panels in one call, and the depth in two: the bytes of one call over dense rows of B. */
static void check_panels(const hn_kernel *kernel, size_t m, size_t n, size_t k, hn_rng *rng)
{
    size_t lanes = kernel->flags, units = (n + lanes - 1) / lanes, width = units * lanes, nr = kernel->nr;
    size_t panels = units > nr / lanes ? units / (nr / lanes) : 1, c_stride = n + 3, cut = k / 2;
    guard a = guard_new(m * k, 1), b = guard_new(k * width, 0), packed = guard_new(k * width, 0);
    guard bias = guard_new(n, 1), r = guard_new(m * c_stride, 2);
    guard want = guard_new((m - 1) * c_stride + n, 1), got = guard_new((m - 1) * c_stride + n, 1);
    guard_rand(&a, rng, -1, 1);
    guard_rand(&b, rng, -1, 1);
    guard_rand(&bias, rng, -1, 1);
    guard_rand(&r, rng, -1, 1);
    for (size_t j = 0; j < panels; j++) {
        size_t col = j * nr, wide = j + 1 < panels ? nr : width - col;
        for (size_t p = 0; p < k; p++)
            memcpy(packed.p + col * k + p * wide, b.p + p * width + col, wide * sizeof(float));
    }
    const float *rows[64];
    int32_t tap = 0, tail = (int32_t)cut;
    for (size_t i = 0; i < m; i++) rows[i] = a.p + i * k;
    hn_gemm_f32 g = {.m = m, .n = n, .taps = 1, .k = k, .rows = rows, .tap = &tap, .b = b.p, .b_stride = width};
    g.c = want.p;
    g.c_stride = c_stride;
    g.ep = (hn_epilogue_f32){.bias = bias.p, .residual = r.p, .residual_stride = c_stride, .act = HN_ACT_RELU};
    ((hn_gemm_f32_fn *)kernel->fn)(&g);
    g.c = got.p;
    g.b = packed.p;
    g.b_panel = nr * k;
    ((hn_gemm_f32_fn *)kernel->fn)(&g);
    assert_memory_equal(got.base, want.base, (size_t)(want.p + want.n + GUARD_FLOATS - want.base) * sizeof(float));
    memset(got.p, 0x7f, sizeof *got.p);
    g.b_panel = 0;
    g.b = b.p;
    g.k = cut;
    g.ep.residual = NULL;
    g.ep.act = HN_ACT_NONE;
    ((hn_gemm_f32_fn *)kernel->fn)(&g);
    g.onto = 1;
    g.k = k - cut;
    g.tap = &tail;
    g.b = b.p + cut * width;
    g.ep.residual = r.p;
    g.ep.act = HN_ACT_RELU;
    ((hn_gemm_f32_fn *)kernel->fn)(&g);
    assert_memory_equal(got.base, want.base, (size_t)(want.p + want.n + GUARD_FLOATS - want.base) * sizeof(float));
    guard *all[] = {&a, &b, &packed, &bias, &r, &want, &got};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) guard_free(all[i]);
}

static void panels_and_parts_keep_the_bytes(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 3, 0);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_f32") || k->variant == 0) continue;
        for (size_t m = 1; m <= 3u * k->mr + 1; m++)
            for (size_t n = 1; n <= 11u * k->flags; n += n < 2u * k->nr ? 1 : 5)
                check_panels(k, m, n, 1 + (3 * m + n) % 23, &rng);
    }
}

/* Relu keeps NaN, clip keeps NaN, infinities pass. */
static void special_values_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_f32")) continue;
        float one = 1, c[4], b[4 * 16] = {NAN, INFINITY, -INFINITY, -0.5f};
        const float *rows[1] = {&one};
        int32_t tap = 0;
        hn_gemm_f32 g = {.m = 1,
                         .n = 4,
                         .taps = 1,
                         .k = 1,
                         .rows = rows,
                         .tap = &tap,
                         .b = b,
                         .b_stride = 16,
                         .c = c,
                         .c_stride = 4};
        g.ep.act = HN_ACT_RELU;
        ((hn_gemm_f32_fn *)k->fn)(&g);
        assert_true(isnan(c[0]) && c[1] == INFINITY && c[2] == 0 && c[3] == 0);
        g.ep.act = HN_ACT_CLIP;
        g.ep.a = -2;
        g.ep.b = 6;
        ((hn_gemm_f32_fn *)k->fn)(&g);
        assert_true(isnan(c[0]) && c[1] == 6 && c[2] == -2 && c[3] == -0.5f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_match_the_double_sum),
        cmocka_unit_test(epilogues_match),
        cmocka_unit_test(panels_and_parts_keep_the_bytes),
        cmocka_unit_test(special_values_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
