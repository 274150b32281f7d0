/* judge: fidelity against values worked out from the samples; the same whatever the batch; what has none is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "optimize/judge.h"
#include "support/planrun.h"

enum { N = 40 };

static hn_env env;
static hn_arena arena;
static hn_dataset *ds;
static size_t all[N];
static double mean[N], middle, spread; /* of each picture; of these; sum of squares around it */

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    planrun_ok(&env, hn_dataset_open(&env, "glyph:40", NULL, &ds));
    for (size_t i = 0; i < N; i++) {
        hn_sample s;
        all[i] = i;
        planrun_ok(&env, hn_dataset_read(&env, ds, i, &arena, &s));
        const size_t n = hn_tensor_elems(&s.input[0]);
        for (size_t k = 0; k < n; k++) mean[i] += hn_get_f64(&s.input[0], k) / (double)n;
        middle += mean[i] / N;
    }
    for (size_t i = 0; i < N; i++) spread += (mean[i] - middle) * (mean[i] - middle);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &arena);
    return 0;
}

static hn_session *open(const char *text)
{
    hn_session *s;
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!g) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(g));
    planrun_ok(&env, hn_session_new(&env, g, NULL, NULL, &s));
    return s;
}

/* One graph: the mean of a picture, then `rest`. */
static const char *net(char *text, size_t bytes, const char *rest)
{
    (void)snprintf(text, bytes,
                   "graph \"net\" opset 13 {\n  input %%x : f32[N,1,24,24]\n  const %%zero : f32[1] = [0]\n"
                   "  %%1 = GlobalAveragePool(%%x)\n  %%m = Flatten(%%1)\n%s}\n",
                   rest);
    return text;
}

static hn_status judge(const char *reference, const char *other, size_t batch, double *score)
{
    char text[1024];
    hn_score_options o = {.batch = batch};
    hn_session *a = open(net(text, sizeof text, reference)), *b = open(net(text, sizeof text, other));
    hn_error_clear(&env);
    hn_status st = hn_judge_score(&env, HN_JUDGE_FIDELITY, a, b, ds, all, N, &o, score);
    hn_session_close(&env, a);
    hn_session_close(&env, b);
    return st;
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 2e-5 * fmax(1, fabs(want)))) fail_msg("%.12g, not %.12g", got, want);
}

static const char *const plain = "  %y = Add(%m, %zero)\n  output %y\n";

static void test_values(void **state)
{
    (void)state;
    double score[N], again[N];
    char text[256];
    /* Half the mean: a sample's score is 1 less its squared error over what the squared error of the middle is on
     * average. */
    planrun_ok(&env, judge(plain, "  const %h : f32[1] = [0.5]\n  %y = Mul(%m, %h)\n  output %y\n", 7, score));
    for (size_t i = 0; i < N; i++) near(score[i], 1 - 0.25 * mean[i] * mean[i] * N / spread);
    /* The same twice as large, and with samples one by one. */
    planrun_ok(&env, judge("  const %t : f32[1] = [2]\n  %y = Mul(%m, %t)\n  output %y\n", plain, 1, again));
    for (size_t i = 0; i < N; i++) near(again[i], score[i]);
    /* Always the middle: no better than 0 on average. */
    (void)snprintf(text, sizeof text,
                   "  const %%c : f32[1] = [%.9g]\n  %%0 = Mul(%%m, %%zero)\n  %%y = Add(%%0, %%c)\n  output %%y\n",
                   middle);
    planrun_ok(&env, judge(plain, text, 8, score));
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += score[i] / N;
    near(sum, 0);
    planrun_ok(&env, judge(plain, plain, 8, score));
    for (size_t i = 0; i < N; i++) near(score[i], 1);
}

/* Float outputs count alike, whatever their size; what never changes, and what is no float, does not count. */
static void test_outputs(void **state)
{
    (void)state;
    double score[N];
    planrun_ok(
        &env,
        judge(
            "  const %big : f32[1] = [1000]\n  %0 = Mul(%m, %zero)\n  %k = Mul(%m, %big)\n  %z = Cast(%m) {to = 7}\n"
            "  output %m\n  output %k\n  output %0\n  output %z\n",
            "  const %big : f32[1] = [500]\n  const %one : f32[1] = [1]\n  %0 = Mul(%m, %zero)\n  %k = Mul(%m, %big)\n"
            "  %z = Cast(%0) {to = 7}\n  %j = Add(%0, %one)\n  output %m\n  output %k\n  output %j\n  output %z\n",
            7, score));
    for (size_t i = 0; i < N; i++) near(score[i], 1 - 0.25 * mean[i] * mean[i] * N / spread / 2);
}

static void test_refused(void **state)
{
    (void)state;
    double score[N];
    static const char *const never = "  %y = Mul(%m, %zero)\n  output %y\n";
    static const char *const whole = "  %y = Cast(%m) {to = 7}\n  output %y\n";
    static const char *const one = "  %y = ReduceMean(%m) {keepdims = 0}\n  output %y\n";
    static const char *const wrong = "  const %c : f32[1] = [-1]\n  %0 = Sub(%c, %m)\n  %y = Log(%0)\n  output %y\n";
    static const char *const other = "  %y = Concat(%m, %m) {axis = 1}\n  output %y\n";
    assert_int_equal(judge(never, never, 8, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "same outputs for all 40 samples"));
    assert_int_equal(judge(whole, whole, 8, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "no float output"));
    assert_int_equal(judge(one, one, 8, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "cannot be told apart"));
    assert_int_equal(judge(plain, wrong, 8, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "not finite"));
    assert_int_equal(judge(plain, other, 8, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "another size"));
}

/* Classes are one row a sample, with dims of 1 around it. */
static void test_classes(void **state)
{
    (void)state;
    double score[N], sum = 0;
    char text[1024];
    hn_session *s =
        open(net(text, sizeof text, "  const %w : f32[1,20,1,1] = random 1\n  %y = Mul(%1, %w)\n  output %y\n"));
    planrun_ok(&env, hn_judge_score(&env, HN_JUDGE_TOP1, s, s, ds, all, N, NULL, score));
    for (size_t i = 0; i < N; i++) sum += score[i];
    near(sum, 2); /* always the same class of 20, two samples each */
    hn_session_close(&env, s);
    s = open(net(text, sizeof text, "  const %w : f32[1,10,2,1] = random 1\n  %y = Mul(%1, %w)\n  output %y\n"));
    hn_error_clear(&env);
    assert_int_equal(hn_judge_score(&env, HN_JUDGE_TOP1, s, s, ds, all, N, NULL, score), HN_INPUT);
    assert_non_null(strstr(env.error.text, "not one row of class scores"));
    hn_session_close(&env, s);
}

/* A set that is cut short has only its first samples. */
static void test_first(void **state)
{
    (void)state;
    hn_dataset *few;
    planrun_ok(&env, hn_dataset_open(&env, "glyph:40", &(hn_data_options){.first = 12}, &few));
    assert_int_equal(few->count, 12);
    assert_int_equal(hn_dataset_labelled(few), 12);
    for (size_t i = 0; i < 12; i++) assert_int_equal(hn_dataset_label(few, i), hn_dataset_label(ds, i));
    hn_dataset_close(&env, few);
    planrun_ok(&env, hn_dataset_open(&env, "glyph:40", &(hn_data_options){.first = 41}, &few));
    assert_int_equal(few->count, 40);
    hn_dataset_close(&env, few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_outputs),
                                       cmocka_unit_test(test_refused), cmocka_unit_test(test_classes),
                                       cmocka_unit_test(test_first)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
