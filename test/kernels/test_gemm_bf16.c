/* Every gemm_bf16 record that runs here, against sums in double: every edge of the tile, odd depths, padded strides,
 * sentinels around C, infinity and NaN, ties of the last rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernels/gemm_bf16.h"
#include "support/guard.h"

enum { SENTINEL = 0x7fa5 };

static uint16_t *numbers(size_t n, hn_rng *rng)
{
    uint16_t *p = malloc((n + 1) * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) p[i] = hn_f32_to_bf16((float)(2 * hn_rng_unit(rng) - 1));
    return p;
}

static void check(const hn_kernel *kernel, size_t m, size_t n, size_t k, bool with_bias, hn_rng *rng)
{
    size_t lanes = kernel->flags, width = (n + lanes - 1) / lanes * lanes, pairs = (k + 1) / 2, a_stride = k + 3;
    size_t c_stride = n + 5, c_size = m * c_stride;
    uint16_t *a = numbers(m * a_stride, rng), *b = numbers(k * n, rng), *c = malloc((c_size + 1) * sizeof *c);
    uint32_t *packed = calloc(pairs * width + 1, sizeof *packed);
    guard bias = guard_new(n, 3);
    guard_rand(&bias, rng, -1, 1);
    assert_non_null(c);
    assert_non_null(packed);
    for (size_t i = 0; i < c_size; i++) c[i] = SENTINEL;
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < n; j++) packed[p / 2 * width + j] |= (uint32_t)b[p * n + j] << (p % 2 * 16);
    hn_gemm_bf16 g = {.m = m, .n = n, .k = k, .a = a, .a_stride = a_stride, .b = packed, .b_stride = width};
    g.bias = with_bias ? bias.p : NULL;
    g.c = c;
    g.c_stride = c_stride;
    ((hn_gemm_bf16_fn *)kernel->fn)(&g);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = with_bias ? (double)bias.p[j] : 0;
            for (size_t p = 0; p < k; p++)
                sum += (double)hn_bf16_to_f32(a[i * a_stride + p]) * (double)hn_bf16_to_f32(b[p * n + j]);
            double got = (double)hn_bf16_to_f32(c[i * c_stride + j]);
            if (!close_to(got, sum, 1.0 / 256 + 1e-5, 1e-6 * (double)(2 + k)))
                fail_msg("%s m %zu n %zu k %zu at %zu %zu: %g, want %g", kernel->name, m, n, k, i, j, got, sum);
        }
        for (size_t j = n; j < c_stride; j++) assert_int_equal(c[i * c_stride + j], SENTINEL);
    }
    guard_free(&bias);
    free(a);
    free(b);
    free(c);
    free(packed);
}

static void edges_match_the_double_sum(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 3, 0);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_bf16")) continue;
        for (size_t m = 1; m <= 3u * k->mr + 1; m++)
            for (size_t n = 1; n <= k->nr; n++) check(k, m, n, 1 + (3 * m + n) % 23, (m + n) % 2, &rng);
        check(k, k->mr, k->nr, 1001, true, &rng);
        check(k, 1, 3, 0, true, &rng);
    }
}

/* 1 + bias, where the bias puts the sum between two bf16 values. */
static void last_rounding_is_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        float bias;
        uint16_t want;
    } CASES[] = {{0x1p-9f, 0x3f80},   {0x1p-8f, 0x3f80},  {0x1p-8f + 0x1p-20f, 0x3f81},
                 {0x1.8p-7f, 0x3f82}, {INFINITY, 0x7f80}, {-INFINITY, 0xff80}};
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "gemm_bf16")) continue;
        for (size_t t = 0; t < sizeof CASES / sizeof *CASES; t++) {
            uint16_t a = 0x3f80, c = 0;
            uint32_t b[16] = {0x3f80};
            hn_gemm_bf16 g = {.m = 1, .n = 1, .k = 1, .a = &a, .a_stride = 1, .b = b, .b_stride = k->flags};
            g.bias = &CASES[t].bias;
            g.c = &c;
            g.c_stride = 1;
            ((hn_gemm_bf16_fn *)k->fn)(&g);
            if (c != CASES[t].want) fail_msg("%s: 1 + %a gives %x", k->name, (double)CASES[t].bias, (unsigned)c);
            b[0] = 0x7fc0;
            ((hn_gemm_bf16_fn *)k->fn)(&g);
            assert_true((c & 0x7fff) > 0x7f80);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_match_the_double_sum),
        cmocka_unit_test(last_rounding_is_to_nearest_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
