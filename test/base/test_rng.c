/* rng: published values of the generators, golden values of our seeding, ranges, uniformity of small ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"

static void published_values(void **state)
{
    (void)state;
    assert_true(hn_mix64(0) == UINT64_C(0xe220a8397b1dcdaf)); /* first output of splitmix64 from 0 */
    hn_rng r = {{1, 2, 3, 4}};
    static const uint64_t want[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240), UINT64_C(1216172134540287360)};
    for (int i = 0; i < 5; i++) assert_true(hn_rng_u64(&r) == want[i]);
}

static void golden_values(void **state)
{
    (void)state;
    static const uint64_t want[3][2] = {{UINT64_C(0x41e50a98149a9797), UINT64_C(0xf2c5b23d7da08e99)},
                                        {UINT64_C(0x36837396f6ab8efc), UINT64_C(0xead54789f7b12096)},
                                        {UINT64_C(0x7f4343c76d3fca08), UINT64_C(0x30c5de9ad55bec37)}};
    static const uint64_t seeds[3][2] = {{0, 0}, {1, 0}, {0, 1}};
    for (int i = 0; i < 3; i++) {
        hn_rng r;
        hn_rng_init(&r, seeds[i][0], seeds[i][1]);
        for (int k = 0; k < 2; k++) {
            uint64_t got = hn_rng_u64(&r);
            if (got != want[i][k]) fail_msg("seed %d value %d is %#llx", i, k, (unsigned long long)got);
        }
    }
}

static void ranges_and_moments(void **state)
{
    (void)state;
    hn_rng r;
    hn_rng_init(&r, 42, 7);
    enum { N = 200000 };
    double sum = 0, squares = 0, normal = 0, normal_squares = 0;
    int buckets[7] = {0};
    for (int i = 0; i < N; i++) {
        double u = hn_rng_unit(&r);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
        double z = hn_rng_normal(&r);
        normal += z;
        normal_squares += z * z;
        uint64_t b = hn_rng_below(&r, 7);
        assert_true(b < 7);
        buckets[b]++;
    }
    assert_true(fabs(sum / N - 0.5) < 0.005);
    assert_true(fabs(squares / N - 1.0 / 3) < 0.005);
    assert_true(fabs(normal / N) < 0.01);
    assert_true(fabs(normal_squares / N - 1) < 0.02);
    for (int i = 0; i < 7; i++) assert_true(fabs(buckets[i] / (double)N - 1.0 / 7) < 0.005);
    for (int i = 0; i < 100; i++) {
        assert_true(hn_rng_below(&r, 1) == 0);
        assert_true(hn_rng_below(&r, UINT64_MAX) < UINT64_MAX);
    }
}

/* Just over half the range: without rejection the lower values would come twice as often. */
static void below_is_unbiased(void **state)
{
    (void)state;
    hn_rng r;
    hn_rng_init(&r, 3, 0);
    uint64_t n = (UINT64_C(1) << 63) + (UINT64_C(1) << 62);
    int low = 0;
    for (int i = 0; i < 30000; i++) low += hn_rng_below(&r, n) < n / 3;
    assert_true(low > 9500 && low < 10500);
}

static void shuffle_is_a_permutation(void **state)
{
    (void)state;
    uint32_t index[257], again[257];
    for (uint32_t i = 0; i < 257; i++) index[i] = again[i] = i;
    hn_rng r, s;
    hn_rng_init(&r, 5, 1);
    hn_rng_init(&s, 5, 1);
    hn_rng_shuffle(&r, index, 257);
    hn_rng_shuffle(&s, again, 257);
    assert_memory_equal(index, again, sizeof index);
    int seen[257] = {0}, moved = 0;
    for (uint32_t i = 0; i < 257; i++) {
        seen[index[i]]++;
        moved += index[i] != i;
    }
    for (int i = 0; i < 257; i++) assert_int_equal(seen[i], 1);
    assert_true(moved > 240);
    hn_rng_shuffle(&r, index, 0);
    int first[3] = {0};
    for (int i = 0; i < 9000; i++) {
        uint32_t three[] = {0, 1, 2};
        hn_rng_shuffle(&r, three, 3);
        first[three[0]]++;
    }
    for (int i = 0; i < 3; i++) assert_true(first[i] > 2800 && first[i] < 3200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_values), cmocka_unit_test(golden_values),
                                       cmocka_unit_test(ranges_and_moments), cmocka_unit_test(below_is_unbiased),
                                       cmocka_unit_test(shuffle_is_a_permutation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
