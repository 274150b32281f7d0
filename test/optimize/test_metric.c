/* metric: the statistics against values worked out by hand; what does not fit is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "optimize/metric.h"
#include "support/planrun.h"

static hn_env env;
static hn_arena arena;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    env.seed = 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    return 0;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9)) fail_msg("%.12g, not %.12g", got, want);
}

static void test_auc(void **state)
{
    (void)state;
    hn_interval a;
    const double score[] = {0.1, 0.4, 0.35, 0.8};
    const int64_t label[] = {0, 0, 1, 1};
    planrun_ok(&env, hn_metric_auc(&env, score, label, 4, &a));
    near(a.value, 0.75); /* 3 of 4 pairs in order */
    assert_true(a.lo >= 0 && a.lo < a.value && a.hi > a.value && a.hi <= 1);
    const double tied[] = {1, 1, 1, 1};
    planrun_ok(&env, hn_metric_auc(&env, tied, label, 4, &a));
    near(a.value, 0.5);
    const double perfect[] = {-INFINITY, -1, 1, INFINITY};
    planrun_ok(&env, hn_metric_auc(&env, perfect, label, 4, &a));
    near(a.value, 1);
    near(a.lo, 1);
    /* Hanley and McNeil by hand: A 0.75, n 2 and 2, Q1 0.6, Q2 9/14. */
    planrun_ok(&env, hn_metric_auc(&env, score, label, 4, &a));
    double se = sqrt((0.75 * 0.25 + (0.6 - 0.5625) + (9.0 / 14 - 0.5625)) / 4);
    near(a.lo, fmax(0, 0.75 - 1.959963984540054 * se));
    const int64_t one[] = {1, 1, 1, 1}, strange[] = {0, 1, 2, 1};
    const double nan[] = {0, NAN, 1, 2};
    assert_int_equal(hn_metric_auc(&env, score, one, 4, &a), HN_INPUT);
    assert_int_equal(hn_metric_auc(&env, score, strange, 4, &a), HN_INPUT);
    assert_int_equal(hn_metric_auc(&env, nan, label, 4, &a), HN_INPUT);
}

static void test_f1(void **state)
{
    (void)state;
    hn_interval a, b;
    const int64_t label[] = {0, 0, 1, 1, 2, 2}, answer[] = {0, 1, 1, 1, 2, 0};
    planrun_ok(&env, hn_metric_f1(&env, label, answer, 6, &a));
    near(a.value, (0.5 + 0.8 + 2.0 / 3) / 3);
    assert_true(a.lo <= a.value && a.value <= a.hi && a.lo < a.hi);
    planrun_ok(&env, hn_metric_f1(&env, label, answer, 6, &b));
    near(b.lo, a.lo); /* the seed decides */
    planrun_ok(&env, hn_metric_f1(&env, label, label, 6, &a));
    near(a.lo, 1);
    const int64_t none[] = {-1};
    assert_int_equal(hn_metric_f1(&env, none, label, 1, &a), HN_INPUT);
}

static void test_mean(void **state)
{
    (void)state;
    const double v[] = {1, 2, 3, 6};
    hn_interval a = hn_stat_mean(v, 4);
    near(a.value, 3);
    near(a.hi - a.value, 1.959963984540054 * sqrt(14.0 / 3 / 4));
    assert_true(isinf(hn_stat_mean(v, 1).hi));
}

/* 20 equal logits whatever the image; and the image and a half. */
static const char *const classes =
    "graph \"net\" opset 13 {\n"
    "  input %x : f32[N,1,24,24]\n"
    "  const %w : f32[20] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]\n"
    "  %1 = GlobalAveragePool(%x)\n"
    "  %2 = Flatten(%1)\n"
    "  %y = Mul(%2, %w)\n"
    "  output %y\n"
    "}\n";
static const char *const copy = "graph \"net\" opset 13 {\n"
                                "  input %x : f32[N,1,24,24]\n"
                                "  const %w : f32[1] = [0.5]\n"
                                "  %y = Add(%x, %w)\n"
                                "  output %y\n"
                                "}\n";

static hn_status measure(const char *text, const char *metric, size_t n, hn_interval *out)
{
    hn_dataset *ds;
    hn_session *s;
    size_t index[40];
    assert_true(n <= 40);
    for (size_t i = 0; i < n; i++) index[i] = i;
    hn_error_clear(&env);
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!g) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(g));
    planrun_ok(&env, hn_dataset_open(&env, "glyph:40", NULL, &ds));
    planrun_ok(&env, hn_session_new(&env, g, NULL, NULL, &s));
    hn_score_options o = {.batch = 7}; /* the last batch is short */
    hn_status st = hn_metric_measure(&env, s, ds, index, n, metric, &o, out);
    hn_session_close(&env, s);
    hn_dataset_close(&env, ds);
    return st;
}

static void test_models(void **state)
{
    (void)state;
    hn_interval a;
    planrun_ok(&env, measure(classes, "xent", 40, &a));
    near(a.value, log(20)); /* equal logits */
    planrun_ok(&env, measure(classes, "ppl", 40, &a));
    near(a.value, 20);
    planrun_ok(&env, measure(classes, "f1", 40, &a));
    assert_true(a.value > 0 && a.value < 0.2); /* always class 0 */
    planrun_ok(&env, measure(copy, "mse", 40, &a));
    if (!(fabs(a.value - 0.25) < 1e-6)) fail_msg("%.12g", a.value);
    planrun_ok(&env, measure(copy, "rmse", 40, &a));
    if (!(fabs(a.value - 0.5) < 1e-6)) fail_msg("%.12g", a.value);
    planrun_ok(&env, measure(copy, "mae", 40, &a));
    if (!(fabs(a.value - 0.5) < 1e-6)) fail_msg("%.12g", a.value);
    assert_int_equal(measure(classes, "mse", 40, &a), HN_INPUT);
    assert_int_equal(measure(classes, "auc", 40, &a), HN_INPUT);
    assert_int_equal(measure(classes, "wer", 40, &a), HN_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_auc), cmocka_unit_test(test_f1),
                                       cmocka_unit_test(test_mean), cmocka_unit_test(test_models)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
