/* equalize: what follows a channel and what ends it; the function stays, the noise of codes falls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "optimize/equalize.h"
#include "optimize/qdq.h"
#include "optimize/score.h"
#include "support/planrun.h"

enum { SAMPLES = 64, MOST = 64 * 4096 };

static hn_env env;
static hn_arena arena;
static hn_graph *graph;
static hn_layers l;
static hn_hist *hist;
static hn_dataset *ds;
static size_t order[SAMPLES];
static size_t channels;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    planrun_ok(&env, hn_dataset_open(&env, "glyph:64", NULL, &ds));
    for (size_t i = 0; i < SAMPLES; i++) order[i] = i;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &arena);
    return 0;
}

static void observe(void)
{
    planrun_ok(&env, hn_layers_find(&env, graph, &l));
    hist = hn_arena_array(&env, &arena, l.nacts + 1, sizeof *hist);
    assert_non_null(hist);
    planrun_ok(&env, hn_observe(&env, &l, ds, order, SAMPLES, &arena, hist, NULL, NULL));
}

static void parse(const char *text)
{
    graph = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!graph) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(graph));
}

/* The first output for every sample. */
static size_t answers(const hn_graph *g, float *out)
{
    hn_session *s;
    hn_batch batch;
    const hn_tensor **in;
    hn_tensor y[4];
    planrun_ok(&env, hn_session_new(&env, g, NULL, NULL, &s));
    planrun_ok(&env, hn_dataset_batch(&env, ds, order, SAMPLES, &arena, &batch));
    planrun_ok(&env, hn_score_feed(&env, &arena, s, &batch, &in));
    planrun_ok(&env, hn_session_run(&env, s, in, y));
    size_t n = hn_tensor_elems(&y[0]);
    assert_true(n <= MOST);
    memcpy(out, y[0].data, n * sizeof *out);
    hn_session_close(&env, s);
    return n;
}

/* Squared distance over squared size. */
static double apart(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)a[i] * (double)a[i];
    }
    assert_true(s > 0);
    return d / s;
}

static float want[MOST], got[MOST];

static double noise(void)
{
    hn_graph *g;
    const hn_qdq_options q = {0};
    observe();
    for (size_t i = 0; i < l.nacts; i++) {
        float lo, hi;
        hn_hist_range(&hist[i], HN_METHOD_MINMAX, &lo, &hi);
        hn_range_to_u8(lo, hi, &l.act[i].scale, &l.act[i].zero);
    }
    planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, &q, &g));
    const size_t n = answers(graph, want);
    assert_int_equal(answers(g, got), n);
    return apart(want, got, n);
}

static void equalize(bool weights)
{
    observe();
    planrun_ok(&env, hn_equalize(&env, &l, weights ? NULL : hist, &channels));
}

static void keeps_function(const char *text, bool weights, size_t count)
{
    parse(text);
    const size_t n = answers(graph, want);
    equalize(weights);
    assert_int_equal(channels, count);
    assert_int_equal(answers(graph, got), n);
    assert_true(apart(want, got, n) < 1e-9);
}

/* Pointwise, depthwise, grouped, and a matrix behind a pool. */
static const char *const chain = "graph \"chain\" opset 21 {\n"
                                 "  input %x : f32[N,1,24,24]\n"
                                 "  const %w1 : f32[8,1,3,3] = random 1\n"
                                 "  const %b1 : f32[8] = random 2\n"
                                 "  const %w2 : f32[8,1,3,3] = random 3\n"
                                 "  const %w3 : f32[16,4,1,1] = random 5\n"
                                 "  const %w4 : f32[16,20] = random 6\n"
                                 "  %1 = Conv(%x, %w1, %b1) {strides = [2, 2]} @ \"a\"\n"
                                 "  %2 = Relu(%1)\n"
                                 "  %3 = Conv(%2, %w2) {group = 8} @ \"b\"\n"
                                 "  %4 = Conv(%3, %w3) {group = 2} @ \"c\"\n"
                                 "  %7 = Relu(%4)\n"
                                 "  %8 = GlobalAveragePool(%7)\n"
                                 "  %9 = Flatten(%8)\n"
                                 "  %y = MatMul(%9, %w4) @ \"d\"\n"
                                 "  output %y\n"
                                 "}\n";

static void test_chain(void **state)
{
    (void)state;
    keeps_function(chain, false, 8 + 8 + 16);
    keeps_function(chain, true, 8 + 8 + 16);
}

/* With one scale a weight, what makes a channel and what reads it reach equally far. */
static void test_weights_meet(void **state)
{
    (void)state;
    parse(chain);
    float *w = hn_graph_find(graph, "w1")->data->data;
    for (size_t i = 0; i < 9; i++) w[i] *= 50; /* one channel far wider than the others */
    equalize(true);
    const float *a = hn_node_const(l.layer[0].node, 1)->data, *b = hn_node_const(l.layer[1].node, 1)->data;
    for (size_t c = 0; c < 8; c++) {
        double ra = 0, rb = 0;
        for (size_t i = 0; i < 9; i++) {
            ra = fmax(ra, fabs((double)a[c * 9 + i]));
            rb = fmax(rb, fabs((double)b[c * 9 + i]));
        }
        assert_true(fabs(ra / rb - 1) < 0.01);
    }
}

/* Sums tie channels, Concat and Split move them, a gate and a gain multiply them; the gate itself is not followed. */
static void test_what_hands_on(void **state)
{
    (void)state;
    static const char *const text = "graph \"on\" opset 21 {\n"
                                    "  input %x : f32[N,1,24,24]\n"
                                    "  const %w1 : f32[8,1,3,3] = random 1\n"
                                    "  const %w2 : f32[8,8,1,1] = random 2\n"
                                    "  const %w3 : f32[8,8,1,1] = random 3\n"
                                    "  const %w4 : f32[4,12,1,1] = random 4\n"
                                    "  const %gain : f32[8,1,1] = random 5\n"
                                    "  const %slope : f32[8,1,1] = [0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.1, 0.2]\n"
                                    "  const %sizes : i64[2] = [3, 5]\n"
                                    "  const %one : i64[2] = [1, 2]\n"
                                    "  const %none : f32[0] = []\n"
                                    "  const %twice : f32[4] = [1, 1, 2, 2]\n"
                                    "  %1 = Conv(%x, %w1) {strides = [2, 2]} @ \"a\"\n"
                                    "  %2 = PRelu(%1, %slope)\n"
                                    "  %3 = Conv(%2, %w2) @ \"b\"\n"
                                    "  %4 = Add(%3, %2)\n"
                                    "  %5 = Mul(%gain, %4)\n"
                                    "  %6 = GlobalAveragePool(%5)\n"
                                    "  %7 = Conv(%6, %w3) @ \"gate\"\n"
                                    "  %8 = Relu(%7)\n"
                                    "  %9 = Mul(%5, %8)\n"
                                    "  %10, %11 = Split(%9, %sizes) {axis = 1}\n"
                                    "  %12, %14 = Split(%10, %one) {axis = 1}\n"
                                    "  %17 = LeakyRelu(%10)\n"
                                    "  %13 = Concat(%17, %11, %17, %12) {axis = 1}\n"
                                    "  %15 = Resize(%13, %none, %twice) {mode = \"linear\"}\n"
                                    "  %16 = MaxPool(%15) {kernel_shape = [2, 2]}\n"
                                    "  %y = Conv(%16, %w4) @ \"last\"\n"
                                    "  output %y\n"
                                    "}\n";
    /* 8 channels in all are free, some of which come several times; the gate's 8 are not. */
    keeps_function(text, false, 8);
}

/* A channel axis that only happens to have the right size, a clip that is none of an upper bound, a bias that is added,
 * an output: nothing changes. */
static void test_what_ends(void **state)
{
    (void)state;
    static const char *const odd = "graph \"odd\" opset 21 {\n"
                                   "  input %x : f32[N,1,24,24]\n"
                                   "  const %w1 : f32[24,1,1,1] = random 1\n"
                                   "  const %w2 : f32[24,20] = random 2\n"
                                   "  %1 = Conv(%x, %w1) @ \"a\"\n"
                                   "  %2 = Relu(%1)\n"
                                   "  %3 = MatMul(%2, %w2) @ \"b\"\n"
                                   "  %y = ReduceMean(%3) {keepdims = 0}\n"
                                   "  output %y\n"
                                   "}\n";
    static const char *const between[] = {"%2 = Clip(%1, %low, %high)", "%2 = Add(%1, %bias)", "%2 = Sigmoid(%1)",
                                          "%2 = Relu(%1)\n  output %1"};
    keeps_function(odd, false, 0);
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        char text[1024], *out;
        snprintf(text, sizeof text,
                 "graph \"g\" opset 21 {\n"
                 "  input %%x : f32[N,1,24,24]\n"
                 "  const %%w1 : f32[4,1,3,3] = random 1\n"
                 "  const %%w2 : f32[4,4,1,1] = random 2\n"
                 "  const %%bias : f32[4,1,1] = random 3\n"
                 "  const %%low : f32[] = [-1]\n"
                 "  const %%high : f32[] = [1]\n"
                 "  %%1 = Conv(%%x, %%w1) @ \"a\"\n"
                 "  %s\n"
                 "  %%y = Conv(%%2, %%w2) @ \"b\"\n"
                 "  output %%y\n"
                 "}\n",
                 between[i]);
        out = strstr(text, "\n  output %1");
        if (out) { /* outputs come last */
            memmove(out, out + strlen("\n  output %1"), strlen(out + strlen("\n  output %1")) + 1);
            out = strstr(text, "}\n");
            snprintf(out, 32, "  output %%1\n}\n");
        }
        keeps_function(text, false, 0);
    }
}

static const char *const wide = "graph \"wide\" opset 21 {\n"
                                "  input %%x : f32[N,1,24,24]\n"
                                "  const %%w1 : f32[8,1,3,3] = random 1\n"
                                "  const %%w2 : f32[8,1,3,3] = random 2\n"
                                "  const %%w3 : f32[8,8,1,1] = random 3\n"
                                "  const %%zero : f32[] = [0]\n"
                                "  const %%bound : f32[] = [6]\n"
                                "  %%1 = Conv(%%x, %%w1) @ \"a\"\n"
                                "  %%2 = %s\n"
                                "  %%3 = Conv(%%2, %%w2) {group = 8} @ \"b\"\n"
                                "  %%4 = %s\n"
                                "  %%y = Conv(%%4, %%w3) @ \"c\"\n"
                                "  output %%y\n"
                                "}\n";

/* Channels behind a Clip that were seen within a fifth of its bound of 6. */
static size_t near_bound(void)
{
    size_t n = 0;
    observe();
    for (size_t i = 0; i < l.nacts; i++) {
        const hn_node *p = l.act[i].value->producer;
        for (size_t c = 0; p && hn_node_is(p, "Clip") && c < hist[i].channels; c++) n += hist[i].most[c] > 5.001f;
    }
    return n;
}

/* One channel, which next to nothing reads, takes the codes from the others: afterwards the noise is far less. */
static void falls(const char *first, const char *second, double to)
{
    char text[2048];
    snprintf(text, sizeof text, wide, first, second);
    parse(text);
    float *w1 = hn_graph_find(graph, "w1")->data->data, *w2 = hn_graph_find(graph, "w2")->data->data;
    for (size_t i = 0; i < 72; i++) w1[i] = 0.1f * (i < 9 ? 40 * fabsf(w1[i]) : w1[i]);
    for (size_t i = 0; i < 9; i++) w2[i] /= 40;
    const double before = noise();
    const size_t n = answers(graph, got), near = near_bound();
    equalize(false);
    assert_int_equal(channels, 16);
    answers(graph, want);
    assert_true(apart(got, want, n) < 1e-9);
    const double after = noise();
    assert_int_equal(near_bound(), near);
    print_message("%s: %.3g, then %.3g\n", first, before, after);
    assert_true(after < to * before);
}

static void test_noise_falls(void **state)
{
    (void)state;
    falls("Relu(%1)", "Relu(%3)", 0.2);
}

/* A bound stays where it is, so only channels that do not come near it are multiplied, by more than 1 alone. */
static void test_bound_is_kept(void **state)
{
    (void)state;
    falls("Clip(%1, %zero, %bound)", "Clip(%3, %zero, %bound)", 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weights_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_hands_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_noise_falls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_is_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
