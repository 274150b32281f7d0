/* What the 8-bit drivers say about sums (kernels/q8.h): the level at each of its limits, one channel spoiling it for
 * all, what the output allows; channels without weights, whose bytes stay what they were. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "device/cpu/lib_q8.h"

static const hn_q8_out relu = {.kind = HN_Q8_BYTE, .y_zp = 7, .y_lo = 7, .y_hi = 255, .t_hi = 248};

static int32_t level(int64_t start, int64_t down, int64_t up, float scale, const hn_q8_out *out)
{
    hn_q8_bounds b = {0};
    hn_q8_bounds_add(&b, 0, -1, 1, 0.01f);
    hn_q8_bounds_add(&b, start, down, up, scale);
    hn_q8_bounds_add(&b, 100, 0, 1, 0.02f);
    return hn_q8_bounds_level(&b, out);
}

static void test_levels(void **state)
{
    (void)state;
    const int64_t end = INT64_C(1) << 23, far = INT64_C(1) << 25, low = -(INT64_C(1) << 30);
    const struct {
        int64_t start, down, up;
        float scale;
        int32_t level;
    } cases[] = {
        {end - 1, 0, 0, 1e-6f, HN_Q8_RAISED},
        {end, 0, 0, 1e-6f, HN_Q8_BOUNDED},
        {end - 256, 0, 1, 1e-6f, HN_Q8_RAISED},
        {end - 255, 0, 1, 1e-6f, HN_Q8_BOUNDED},
        {end - 255, -1, 0, 1e-6f, HN_Q8_RAISED},
        {end, 0, 0, 0x1p-15f, HN_Q8_RAISED},
        {end, 0, 0, 0x1.fffffep-16f, HN_Q8_BOUNDED},
        {far - 1, 0, 0, 0x1p-15f, HN_Q8_RAISED},
        {far, 0, 0, 0x1p-15f, HN_Q8_BOUNDED},
        {far - 1, 0, 0, 15.9f, HN_Q8_RAISED},
        {end, 0, 0, 16, HN_Q8_BOUNDED},
        {end - 1, 0, 0, 16, HN_Q8_RAISED},
        {low, 0, 0, 0.5f, HN_Q8_RAISED},
        {low - 1, 0, 0, 0.5f, HN_Q8_BOUNDED},
        {low + 254, -1, 0, 0.5f, HN_Q8_BOUNDED},
        {low + 255, -1, 0, 0.5f, HN_Q8_RAISED},
        {low, 0, 0, 1, 0},
        {-low, 0, 0, -1, 0},
        {10, -1, 1, 0, HN_Q8_RAISED},
        {10, -1, 1, FLT_TRUE_MIN, HN_Q8_RAISED},
        {10, -1, 1, -0x1p-20f, HN_Q8_BOUNDED},
        {0, 0, 0, 0x1p99f, HN_Q8_RAISED},
        {0, 0, 0, 0x1p100f, HN_Q8_BOUNDED},
        {1, 0, 0, 0x1p30f, 0},
        {0, -1, 0, 0x1p30f, 0},
    };
    for (size_t i = 0; i < HN_COUNT(cases); i++) {
        const int32_t got = level(cases[i].start, cases[i].down, cases[i].up, cases[i].scale, &relu);
        if (got != cases[i].level) fail_msg("case %zu: %d, not %d", i, got, cases[i].level);
    }
}

static void test_outputs(void **state)
{
    (void)state;
    hn_q8_out e = relu;
    assert_int_equal(level(0, -5, 5, 0.1f, &e), HN_Q8_RAISED);
    e.y_lo = 6;
    assert_int_equal(level(0, -5, 5, 0.1f, &e), HN_Q8_BOUNDED);
    e.y_lo = 8;
    assert_int_equal(level(0, -5, 5, 0.1f, &e), HN_Q8_BOUNDED);
    e = (hn_q8_out){.kind = HN_Q8_RESIDUAL, .t_scale = 0.5f, .r_scale = -0x1p19f};
    assert_int_equal(level(0, -5, 5, 0.1f, &e), HN_Q8_BOUNDED);
    e.r_scale = -0x1p20f;
    assert_int_equal(level(0, -5, 5, 0.1f, &e), 0);
    e = (hn_q8_out){.kind = HN_Q8_F32};
    assert_int_equal(level(0, -5, 5, 0.1f, &e), HN_Q8_BOUNDED);
}

static void test_settled(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < 100000; i++) {
        hn_q8_out e = {.kind = HN_Q8_BYTE, .y_zp = (int32_t)hn_rng_below(&rng, 2048) - 1024};
        e.y_lo = (uint8_t)hn_rng_below(&rng, 256);
        e.y_hi = (uint8_t)(e.y_lo + hn_rng_below(&rng, 256u - e.y_lo));
        e.t_hi = (float)(e.y_hi - e.y_zp);
        int64_t sum = (int64_t)hn_rng_below(&rng, UINT64_C(1) << (1 + hn_rng_below(&rng, 31))) - (1 << 20);
        float scale = (float)(hn_rng_unit(&rng) * (i % 2 ? 600 : 1e30)) / (float)(1 + (sum < 0 ? -sum : sum));
        if (i % 5 == 0) scale = -scale;
        if (i % 7 == 0) scale = ((float)hn_rng_below(&rng, 300) + 0.5f), sum = 1;
        const uint8_t before = hn_q8_finish((int32_t)sum, scale, 0, &e);
        hn_q8_settle(&sum, &scale);
        assert_true(scale == 1 && sum >= -(1 << 20) && sum <= 1 << 20);
        assert_int_equal(hn_q8_finish((int32_t)sum, scale, 0, &e), before);
    }
}

/* Two columns, one without weights, in the common form; the other has none above zero. */
static void test_packed(void **state)
{
    (void)state;
    enum { K = 4 };
    static const uint8_t w[2 * K] = {128, 128, 128, 128, 126, 127, 128, 128};
    static const int32_t bias[] = {1 << 30, 50};
    static const float scale[] = {0x1p-23f, 0.01f};
    _Alignas(64) uint8_t blob[16 * K + 128] = {0};
    hn_q8_weights of = {.n = 2, .k = K, .taps = 1, .groups = 1, .w = w, .w_zp = 128, .bias = bias, .scale = scale};
    hn_q8_mat mat = {.n = 2, .k = K, .taps = 1, .groups = 1, .panels = 1, .wide = 1, .strips = 1, .columns = 16};
    of.nscale = 2;
    mat.bias = (uint64_t)16 * K, mat.scale = mat.bias + 64;
    int32_t sum;
    float s;
    for (int residual = 0; residual < 2; residual++) {
        hn_q8_out e = relu;
        if (residual) e.kind = HN_Q8_RESIDUAL;
        hn_q8_mat_pack(&of, &mat, &e, blob);
        memcpy(&sum, blob + mat.bias, 4);
        memcpy(&s, blob + mat.scale, 4);
        assert_int_equal(sum, residual ? 1 << 30 : 128);
        assert_true(s == (residual ? 0x1p-23f : 1));
        memcpy(&sum, blob + mat.bias + 4, 4);
        assert_int_equal(sum, 50);
        assert_int_equal(mat.out.bounded, residual ? HN_Q8_BOUNDED : HN_Q8_RAISED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_outputs),
                                       cmocka_unit_test(test_settled), cmocka_unit_test(test_packed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
