/* stats: intervals against published values and against exact enumeration, quantiles on small lists. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "optimize/stats.h"

static void near(double got, double want, double tol)
{
    if (!(fabs(got - want) <= tol)) fail_msg("%.10g, wanted %.10g", got, want);
}

/* Wilson score intervals: 10 of 20 and 0 of 10 as in Newcombe (1998) and standard tables. */
static void test_proportion(void **state)
{
    (void)state;
    hn_interval i = hn_stat_proportion(81, 263);
    near(i.value, 0.30798, 1e-5);
    near(i.lo, 0.2553, 5e-5);
    near(i.hi, 0.3662, 5e-5);
    i = hn_stat_proportion(15, 148);
    near(i.lo, 0.0624, 5e-5);
    near(i.hi, 0.1605, 5e-5);
    i = hn_stat_proportion(0, 20);
    near(i.lo, 0, 0);
    near(i.hi, 0.1611, 5e-5);
    i = hn_stat_proportion(1, 29);
    near(i.lo, 0.0061, 5e-5);
    near(i.hi, 0.1718, 5e-5);
    i = hn_stat_proportion(29, 29);
    near(i.hi, 1, 0);
    assert_true(i.lo > 0.8 && i.lo < 1);
    i = hn_stat_proportion(0, 0);
    near(i.lo, 0, 0);
    near(i.hi, 1, 0);
}

static void test_drop(void **state)
{
    (void)state;
    /* The worked example of the house statistics: 10,000 samples, 300 discordant, s.e. 0.17 points. */
    hn_drop d = hn_stat_drop(10000, 175, 125);
    near(d.value, 0.5, 1e-12);
    near(d.se, 0.1731, 1e-3);
    near(d.upper, 0.5 + 1.6448536 * d.se, 1e-7);
    near(d.hi - d.lo, 2 * 1.9599640 * d.se, 1e-7);
    d = hn_stat_drop(100, 3, 8);
    near(d.value, -5, 1e-12); /* better than before is a negative drop */
    d = hn_stat_drop(50, 0, 0);
    near(d.value, 0, 0);
    near(d.upper, 0, 0);
    d = hn_stat_drop(10, 10, 0); /* all lost: no spread is left */
    near(d.value, 100, 1e-12);
    near(d.se, 0, 1e-9);
    /* Answers are scores of 0 and 1; and scores in between, worked out by hand. */
    const double base[] = {1, 1, 0, 1, 0}, other[] = {1, 0, 1, 0, 0}, half[] = {0.5, 0.5, 0, 1, 0.25};
    hn_drop s = hn_stat_drop_scores(base, other, 5), t = hn_stat_drop(5, 2, 1);
    assert_memory_equal(&s, &t, sizeof s);
    s = hn_stat_drop_scores(base, half, 5);
    assert_int_equal(s.b, 2);
    assert_int_equal(s.c, 1);
    near(s.value, 15, 1e-12);
    near(s.se, 20 * sqrt(0.5625 - 0.1125), 1e-12);
    d = hn_stat_drop(0, 0, 0);
    near(d.upper, 100, 0);
    near(d.lo, -100, 0);
}

/* The standard error against a bootstrap of the same pairs. */
static void test_drop_against_bootstrap(void **state)
{
    (void)state;
    enum { N = 400, B = 40, C = 25, ROUNDS = 4000 };
    hn_rng rng;
    hn_rng_init(&rng, 3, 0);
    double sum = 0, sum2 = 0;
    for (int r = 0; r < ROUNDS; r++) {
        int diff = 0;
        for (int i = 0; i < N; i++) {
            uint64_t k = hn_rng_below(&rng, N);
            diff += k < B ? 1 : k < B + C ? -1 : 0;
        }
        double v = 100.0 * diff / N;
        sum += v;
        sum2 += v * v;
    }
    double mean = sum / ROUNDS, se = sqrt(sum2 / ROUNDS - mean * mean);
    hn_drop d = hn_stat_drop(N, B, C);
    near(mean, d.value, 0.15);
    near(se, d.se, 0.1);
}

static void test_quantiles(void **state)
{
    (void)state;
    double v[] = {5, 1, 4, 2, 3};
    near(hn_stat_median(v, 5), 3, 0);
    near(v[0], 1, 0);
    near(v[4], 5, 0);
    near(hn_stat_quantile(v, 5, 0), 1, 0);
    near(hn_stat_quantile(v, 5, 1), 5, 0);
    near(hn_stat_quantile(v, 5, 0.9), 4.6, 1e-12);
    double w[] = {7, 3};
    near(hn_stat_median(w, 2), 5, 0);
    near(hn_stat_quantile(w, 1, 0.5), 3, 0);
    near(hn_stat_median(w, 0), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_proportion), cmocka_unit_test(test_drop),
                                       cmocka_unit_test(test_drop_against_bootstrap), cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
