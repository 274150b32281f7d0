/* ranges: every method on synthetic histograms with a known answer; 0 is always inside and always a code of its own;
 * weight scales and codes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "optimize/observe.h"
#include "optimize/qdq.h"

static double bins[HN_HIST_BINS];

static hn_hist hist(float lo, float hi)
{
    memset(bins, 0, sizeof bins);
    return (hn_hist){.lo = lo, .hi = hi, .bins = bins};
}

static void put(hn_hist *h, double x, double n)
{
    int b = (int)((x - (double)h->lo) / ((double)h->hi - (double)h->lo) * HN_HIST_BINS);
    bins[b < 0 ? 0 : b >= HN_HIST_BINS ? HN_HIST_BINS - 1 : b] += n;
    h->count += n;
}

static hn_hist uniform(float lo, float hi)
{
    hn_hist h = hist(lo, hi);
    for (int b = 0; b < HN_HIST_BINS; b++) bins[b] = 100;
    h.count = 100.0 * HN_HIST_BINS;
    return h;
}

/* A bulk in [lo, hi] and one value far away. */
static hn_hist outlier(float lo, float hi, float far, double weight)
{
    hn_hist h = hist(fminf(lo, far), fmaxf(hi, far));
    for (int i = 0; i < 100000; i++) put(&h, (double)lo + ((double)hi - (double)lo) * (i + 0.5) / 100000, weight);
    put(&h, (double)far, 1);
    return h;
}

static void near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("%.8g, wanted %.8g", got, want);
}

/* Mean |x - q(x)|^2.4 of a bulk and an outlier, computed from samples rather than bins. */
static double cost(float lo, float hi, float bulk, float far, double weight)
{
    float scale;
    int32_t zero;
    double sum = 0;
    hn_range_to_u8(lo, hi, &scale, &zero);
    for (int i = 0; i <= 100000; i++) {
        double x = i == 100000 ? (double)far : (double)bulk * (i + 0.5) / 100000;
        double q = fmin(fmax(rint(x / (double)scale) + zero, 0), 255);
        sum += (i == 100000 ? 1 : weight) * pow(fabs(x - (q - zero) * (double)scale), 2.4);
    }
    return sum;
}

static void test_minmax(void **state)
{
    (void)state;
    float lo, hi;
    hn_hist h = uniform(-2, 6);
    hn_hist_range(&h, HN_METHOD_MINMAX, &lo, &hi);
    assert_true(lo == -2 && hi == 6);
    h = uniform(1, 6);
    hn_hist_range(&h, HN_METHOD_MINMAX, &lo, &hi);
    assert_true(lo == 0 && hi == 6);
    h = uniform(-6, -1);
    hn_hist_range(&h, HN_METHOD_MINMAX, &lo, &hi);
    assert_true(lo == -6 && hi == 0);
}

static void test_percentile(void **state)
{
    (void)state;
    float lo, hi;
    hn_hist h = outlier(0, 1, 50, 1);
    hn_hist_range(&h, HN_METHOD_PERCENTILE, &lo, &hi);
    near((double)hi, 1, 0.06); /* one of 100,001 is beyond the last 5e-5 */
    assert_true(lo == 0);
    h = outlier(-1, 1, -50, 1);
    hn_hist_range(&h, HN_METHOD_PERCENTILE, &lo, &hi);
    near((double)lo, -1, 0.06);
    near((double)hi, 1, 0.06);
    h = uniform(-3, 3);
    hn_hist_range(&h, HN_METHOD_PERCENTILE, &lo, &hi);
    near((double)lo, -3, 0.01);
    near((double)hi, 3, 0.01);
}

static void test_mse(void **state)
{
    (void)state;
    float lo, hi;
    hn_hist h = uniform(0, 4);
    hn_hist_range(&h, HN_METHOD_MSE, &lo, &hi);
    near((double)hi, 4, 0.05); /* nothing to gain from clipping */
    h = outlier(0, 1, 10, 100);
    hn_hist_range(&h, HN_METHOD_MSE, &lo, &hi);
    near((double)hi, 6, 1);
    double chosen = cost(lo, hi, 1, 10, 100);
    assert_true(chosen < cost(0, 10, 1, 10, 100));
    for (double s = 0.2; s <= 1.0; s += 0.05) assert_true(chosen <= 1.1 * cost(0, (float)(10 * s), 1, 10, 100));
    h = outlier(-1, 1, -1.01f, 1);
    hn_hist_range(&h, HN_METHOD_MSE, &lo, &hi);
    near((double)lo, -1, 0.06);
    near((double)hi, 1, 0.03);
}

static void test_entropy(void **state)
{
    (void)state;
    float lo, hi;
    hn_hist h = uniform(0, 4);
    hn_hist_range(&h, HN_METHOD_ENTROPY, &lo, &hi);
    assert_true(lo == 0);
    near((double)hi, 4, 1e-6);
    /* A normal bulk whose far tail holds next to nothing is cut. */
    h = hist(-16, 16);
    for (int b = 0; b < HN_HIST_BINS; b++) {
        double x = -16 + 32 * (b + 0.5) / HN_HIST_BINS;
        double n = floor(1e6 * exp(-x * x / 2));
        bins[b] = n;
        h.count += n;
    }
    bins[0] = bins[HN_HIST_BINS - 1] = 1;
    hn_hist_range(&h, HN_METHOD_ENTROPY, &lo, &hi);
    assert_true(hi < 8 && hi > 2);
    near((double)lo, -(double)hi, 1e-6);
}

static void test_zero_is_inside(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 8, 0);
    for (int round = 0; round < 400; round++) {
        double a = 10 * hn_rng_normal(&rng), b = 10 * hn_rng_normal(&rng);
        hn_hist h = hist((float)fmin(a, b), (float)fmax(a, b));
        for (int i = 0; i < 50; i++) put(&h, (double)h.lo + hn_rng_unit(&rng) * ((double)h.hi - (double)h.lo), 1);
        for (int m = 0; m < HN_METHODS; m++) {
            float lo, hi, scale;
            int32_t zero;
            hn_hist_range(&h, (hn_method)m, &lo, &hi);
            assert_true(lo <= 0 && hi >= 0 && lo >= fminf(h.lo, 0) && hi <= fmaxf(h.hi, 0));
            hn_range_to_u8(lo, hi, &scale, &zero);
            assert_true(scale > 0 && zero >= 0 && zero <= 255);
            /* 0 has a code of its own, and codes come back to themselves. */
            for (int q = 0; q < 256; q++) {
                float x = scale * (float)(q - zero);
                int back = (int)fmin(fmax(rintf(x / scale) + (float)zero, 0), 255);
                assert_int_equal(back, q);
            }
        }
    }
}

static void test_u8_edges(void **state)
{
    (void)state;
    float scale;
    int32_t zero;
    hn_range_to_u8(-1, 1, &scale, &zero);
    near((double)scale, 2.0 / 255, 1e-9);
    assert_true(zero == 127 || zero == 128);
    hn_range_to_u8(0, 255, &scale, &zero);
    assert_true(scale == 1 && zero == 0);
    hn_range_to_u8(-255, 0, &scale, &zero);
    assert_true(scale == 1 && zero == 255);
    hn_range_to_u8(3, 5, &scale, &zero); /* widened to hold 0 */
    assert_true(fabs((double)scale - 5.0 / 255) < 1e-8 && zero == 0);
    hn_range_to_u8(0, 0, &scale, &zero);
    assert_true(scale == 1 && zero == 0);
    hn_range_to_u8(0, NAN, &scale, &zero);
    assert_true(scale == 1 && zero == 0);
    hn_range_to_u8(0, 1e-38f, &scale, &zero);
    assert_true(scale >= 1e-30f);
    hn_hist empty = hist(INFINITY, -INFINITY);
    float lo, hi;
    hn_hist_range(&empty, HN_METHOD_MSE, &lo, &hi);
    assert_true(lo == 0 && hi == 0);
}

static void test_merge(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    hn_env_init(&env);
    hn_hist a = uniform(-1, 1), out;
    double other[HN_HIST_BINS] = {0};
    other[HN_HIST_BINS - 1] = 7;
    hn_hist b = {.lo = 0, .hi = 3, .count = 7, .bins = other};
    const hn_hist *both[] = {&a, &b};
    assert_int_equal(hn_hist_merge(&env, &arena, both, 2, &out), HN_OK);
    assert_true(out.lo == -1 && out.hi == 3 && out.count == a.count + 7);
    double sum = 0, upper = 0;
    for (int i = 0; i < HN_HIST_BINS; i++) {
        sum += out.bins[i];
        if (i >= HN_HIST_BINS / 2) upper += out.bins[i];
    }
    assert_true(sum == out.count && upper == 7);
    hn_arena_fini(&env, &arena);
}

static void test_weights(void **state)
{
    (void)state;
    float w[2][3] = {{1, -2, 0.5f}, {0, 0, 0}}, scale[3];
    hn_tensor t = {.dtype = HN_F32, .rank = 2, .dims = {2, 3}, .data = w, .bytes = sizeof w};
    hn_weight_scales(&t, 0, false, 127, scale);
    assert_true(scale[0] == 2.0f / 127 && scale[1] == 1); /* a channel of zeros gets 1 */
    hn_weight_scales(&t, 0, true, 127, scale);
    assert_true(scale[0] == 2.0f / 127 && scale[1] == 2.0f / 127);
    hn_weight_scales(&t, 1, false, 127, scale);
    assert_true(scale[0] == 1.0f / 127 && scale[1] == 2.0f / 127 && scale[2] == 0.5f / 127);
    assert_int_equal(hn_weight_code(2, 2.0f / 127, 127), 127);
    assert_int_equal(hn_weight_code(-2, 2.0f / 127, 127), -127);
    assert_int_equal(hn_weight_code(-9, 2.0f / 127, 127), -127); /* never -128: codes are symmetric */
    assert_int_equal(hn_weight_code(0, 0.1f, 127), 0);
    assert_int_equal(hn_weight_code(0.5f, 1, 127), 0); /* half to even */
    assert_int_equal(hn_weight_code(1.5f, 1, 127), 2);
    assert_int_equal(hn_weight_code(-1.5f, 1, 127), -2);
    hn_rng rng;
    hn_rng_init(&rng, 4, 0);
    for (int i = 0; i < 1000; i++) {
        float x = (float)hn_rng_normal(&rng), s = 0.01f;
        assert_int_equal(hn_weight_code(-x, s, 127), -hn_weight_code(x, s, 127));
    }
}

/* 7 bits: the largest weight of a channel is 64 or -64, zero stays zero, and no weight is further than half a step. Two
 * of them times bytes fit 16 bits; one more would not. */
static void test_narrow_weights(void **state)
{
    (void)state;
    enum { CHANNELS = 6, IN = 200 };
    static float w[CHANNELS][IN];
    float scale[CHANNELS];
    hn_rng rng;
    const int most = hn_weight_most(7);
    assert_true(most == 64 && hn_weight_most(8) == 127);
    assert_true(255 * (most + most) <= INT16_MAX && 255 * (most + most + 1) > INT16_MAX);
    hn_rng_init(&rng, 5, 0);
    for (size_t c = 0; c < CHANNELS; c++)
        for (size_t i = 0; i < IN; i++) w[c][i] = i % 7 ? (float)hn_rng_normal(&rng) * (float)(c + 1) : 0;
    hn_tensor t = {.dtype = HN_F32, .rank = 2, .dims = {CHANNELS, IN}, .data = w, .bytes = sizeof w};
    hn_weight_scales(&t, 0, false, most, scale);
    for (size_t c = 0; c < CHANNELS; c++) {
        int furthest = 0;
        for (size_t i = 0; i < IN; i++) {
            const int code = hn_weight_code(w[c][i], scale[c], most);
            furthest = abs(code) > furthest ? abs(code) : furthest;
            assert_true(fabsf((float)code * scale[c] - w[c][i]) <= 0.5001f * scale[c]);
            if (w[c][i] == 0) assert_int_equal(code, 0);
            assert_int_equal(hn_weight_code(-w[c][i], scale[c], most), -code);
        }
        assert_int_equal(furthest, 64);
    }
    assert_int_equal(hn_weight_code(1e9f, 1, most), 64);
    assert_int_equal(hn_weight_code(-1e9f, 1, most), -64);
}

/* Codes of 8 bits whose neighbours fit: pairs in the order of a product, channels within a tap, come to 128 at most and
 * nearly so in every channel; codes may be larger than with 7 bits. An odd number of weights has a last one alone. */
static void check_pairs(int axis, bool per_tensor, hn_tensor *t, size_t in, size_t taps)
{
    float scale[8];
    const float *x = t->data;
    size_t channels = (size_t)t->dims[axis], depth = in * taps;
    const hn_layer y = {.out_axis = axis, .channels = channels, .bits = 8, .pairs = true};
    int furthest = 0, largest = 0;
    hn_layer_scales(&y, t, per_tensor, scale);
    for (size_t o = 0; o < channels; o++) {
        int most = 0;
        for (size_t i = 0; i < depth; i += 2) {
            int code[2] = {0, 0};
            for (size_t k = 0; k < 2 && i + k < depth; k++) {
                size_t at = axis == 0 ? o * depth + (i + k) % in * taps + (i + k) / in : (i + k) * channels + o;
                code[k] = hn_weight_code(x[at], scale[o], 127);
                furthest = abs(code[k]) > furthest ? abs(code[k]) : furthest;
            }
            for (int sign = -1; sign <= 1; sign += 2) {
                int sum = (sign * code[0] > 0 ? abs(code[0]) : 0) + (sign * code[1] > 0 ? abs(code[1]) : 0);
                most = sum > most ? sum : most;
            }
        }
        assert_true(most <= 128);
        if (!per_tensor) assert_true(most >= 126);
        largest = most > largest ? most : largest;
        if (per_tensor) assert_true(scale[o] == scale[0]);
    }
    assert_true(largest >= 126 && furthest > 64 && furthest <= 127);
}

static void test_pairs(void **state)
{
    (void)state;
    static float w[8 * 5 * 9];
    hn_rng rng;
    hn_rng_init(&rng, 6, 0);
    for (size_t i = 0; i < sizeof w / sizeof *w; i++) w[i] = (float)hn_rng_normal(&rng);
    hn_tensor conv = {.dtype = HN_F32, .rank = 4, .dims = {8, 5, 3, 3}, .data = w, .bytes = sizeof w};
    check_pairs(0, false, &conv, 5, 9);
    check_pairs(0, true, &conv, 5, 9);
    hn_tensor rows = {.dtype = HN_F32, .rank = 2, .dims = {8, 45}, .data = w, .bytes = sizeof w};
    check_pairs(0, false, &rows, 45, 1);
    hn_tensor columns = {.dtype = HN_F32, .rank = 2, .dims = {45, 8}, .data = w, .bytes = sizeof w};
    check_pairs(1, false, &columns, 45, 1);
    /* Without neighbours in the way the scale is that of 8 bits. */
    float one[2] = {3, -3}, scale[1];
    hn_tensor t = {.dtype = HN_F32, .rank = 2, .dims = {1, 2}, .data = one, .bytes = sizeof one};
    const hn_layer y = {.channels = 1, .bits = 8, .pairs = true};
    hn_layer_scales(&y, &t, false, scale);
    assert_true(scale[0] == 3.0f / 127);
    one[1] = 3;
    hn_layer_scales(&y, &t, false, scale);
    assert_true(scale[0] == 6.0f / 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minmax),  cmocka_unit_test(test_percentile),     cmocka_unit_test(test_mse),
        cmocka_unit_test(test_entropy), cmocka_unit_test(test_zero_is_inside), cmocka_unit_test(test_u8_edges),
        cmocka_unit_test(test_merge),   cmocka_unit_test(test_weights),        cmocka_unit_test(test_narrow_weights),
        cmocka_unit_test(test_pairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
