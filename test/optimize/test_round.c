/* Weights rounded together: the moments against their definition, and the laws of the codes: nearest for independent
 * inputs, never a larger error than nearest, one channel apart from the others, within the bits of the layer. */
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
#include "ops/ops.h"
#include "optimize/qdq.h"
#include "optimize/round.h"
#include "support/planrun.h"

static hn_env env;
static hn_arena arena;
static hn_rng rng;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    arena = (hn_arena){0};
    hn_rng_init(&rng, 11, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    return 0;
}

static hn_layers layers_of(const char *text)
{
    hn_layers l;
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!g) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(g));
    planrun_ok(&env, hn_layers_find(&env, g, &l));
    assert_int_equal(l.nlayers, 1);
    return l;
}

/* One layer that multiplies [N, k] with [k, n]. */
static hn_layers product(size_t k, size_t n, const char *seed)
{
    char text[400];
    snprintf(text, sizeof text,
             "graph \"p\" opset 21 {\n  input %%x : f32[N,%zu]\n  const %%w : f32[%zu,%zu] = random %s\n"
             "  %%y = MatMul(%%x, %%w) @ \"y\"\n  output %%y\n}\n",
             k, k, n, seed);
    return layers_of(text);
}

static hn_tensor *tensor(int rank, const int64_t *dims)
{
    hn_tensor *t = hn_arena_array(&env, &arena, 1, sizeof *t);
    assert_non_null(t);
    planrun_ok(&env, hn_tensor_init(&env, &arena, t, HN_F32, rank, dims));
    memset(t->data, 0, t->bytes);
    return t;
}

/* Rows whose neighbours depend on each other: a walk. */
static hn_tensor *walks(size_t rows, size_t k, double memory)
{
    hn_tensor *t = tensor(2, (int64_t[]){(int64_t)rows, (int64_t)k});
    float *x = t->data;
    for (size_t r = 0; r < rows; r++) {
        double v = 0;
        for (size_t i = 0; i < k; i++) x[r * k + i] = (float)(v = memory * v + hn_rng_normal(&rng));
    }
    return t;
}

static hn_moments moments_of(const hn_layer *y, const hn_tensor *x, size_t most)
{
    hn_moments m;
    assert_true(hn_moments_possible(y));
    planrun_ok(&env, hn_moments_open(&env, &arena, y, &m));
    planrun_ok(&env, hn_moments_add(&env, &m, x, most));
    return m;
}

static const int8_t *codes_of(const hn_moments *m)
{
    const int8_t *codes;
    planrun_ok(&env, hn_round_weights(&env, &arena, m, false, &codes));
    return codes;
}

/* Squared error of the outputs of all channels over the rows of x; codes NULL: the nearest. */
static double output_error(const hn_layer *y, const hn_tensor *x, const int8_t *codes)
{
    const hn_tensor *w = hn_node_const(y->node, 1);
    const size_t k = (size_t)w->dims[0], n = (size_t)w->dims[1], rows = (size_t)x->dims[0];
    const float *v = x->data, *b = w->data;
    float *scale = hn_arena_array(&env, &arena, n, sizeof *scale);
    double sum = 0;
    hn_layer_scales(y, w, false, scale);
    for (size_t o = 0; o < n; o++)
        for (size_t r = 0; r < rows; r++) {
            double error = 0;
            for (size_t i = 0; i < k; i++) {
                const size_t at = i * n + o;
                const int code = codes ? codes[at] : hn_weight_code(b[at], scale[o], hn_weight_most(y->bits));
                error += ((double)code * (double)scale[o] - (double)b[at]) * (double)v[r * k + i];
            }
            sum += error * error;
        }
    return sum;
}

/* Of a convolution with strides, dilations and uneven padding, against sums over the padded image. */
static void test_moments(void **state)
{
    (void)state;
    enum { C = 3, H = 7, W = 6, OUT = 4 * 3, TAPS = 6, K = C * TAPS };
    hn_layers l = layers_of("graph \"c\" opset 21 {\n  input %x : f32[N,3,7,6]\n  const %w : f32[5,3,2,3] = random 3\n"
                            "  %y = Conv(%x, %w) {strides = [2, 2], dilations = [2, 1], pads = [1, 1, 2, 0]} @ \"y\"\n"
                            "  output %y\n}\n");
    hn_tensor *x = tensor(4, (int64_t[]){2, C, H, W});
    float *v = x->data;
    for (size_t i = 0; i < 2 * C * H * W; i++) v[i] = (float)hn_rng_normal(&rng);
    hn_moments m = moments_of(&l.layer[0], x, 1000);
    assert_true(m.depth == K && m.view.in == C && m.view.taps == TAPS && m.block == K && m.rows == 2 * OUT);
    float rows[2 * OUT][K];
    for (int n = 0; n < 2; n++)
        for (int o = 0; o < OUT; o++)
            for (int t = 0; t < TAPS; t++)
                for (int c = 0; c < C; c++) {
                    const int row = o / 3 * 2 - 1 + t / 3 * 2, column = o % 3 * 2 - 1 + t % 3;
                    rows[n * OUT + o][t * C + c] =
                        row < 0 || row >= H || column < 0 || column >= W ? 0 : v[((n * C + c) * H + row) * W + column];
                }
    for (size_t i = 0; i < K; i++) {
        double sum = 0;
        for (size_t r = 0; r < 2 * OUT; r++) sum += (double)rows[r][i];
        assert_true(fabs(m.sum[i] - sum) < 1e-5);
        for (size_t j = i; j < K; j++) {
            double square = 0;
            for (size_t r = 0; r < 2 * OUT; r++) square += (double)rows[r][i] * (double)rows[r][j];
            assert_true(fabs((double)m.square[i * m.width + j] - square) < 1e-4);
        }
    }
    m = moments_of(&l.layer[0], x, 5); /* rows are spread over both images */
    double sum = 0;
    for (size_t r = 0; r < 5; r++) sum += (double)rows[r * 2 * OUT / 5][4];
    assert_true(m.rows == 5 && fabs(m.sum[4] - sum) < 1e-5);
}

static void test_independent_inputs_give_the_nearest(void **state)
{
    (void)state;
    hn_layers l = product(24, 9, "4");
    const hn_layer *y = &l.layer[0];
    hn_tensor *x = tensor(2, (int64_t[]){48, 24});
    for (size_t i = 0; i < 48; i++) ((float *)x->data)[i * 24 + i % 24] = i < 24 ? 1 : -1;
    const hn_moments m = moments_of(y, x, 100);
    const int8_t *codes = codes_of(&m);
    float scale[9];
    hn_layer_scales(y, hn_node_const(y->node, 1), false, scale);
    for (size_t i = 0; i < (size_t)24 * 9; i++)
        assert_int_equal(codes[i],
                         hn_weight_code(((const float *)hn_node_const(y->node, 1)->data)[i], scale[i % 9], 127));
}

/* Over the rows that the moments come from, with the little that is added to their diagonal. */
static void test_errors_make_up_for_each_other(void **state)
{
    (void)state;
    for (int bits = 7; bits <= 8; bits++)
        for (int k = 0; k < 12; k++) {
            char seed[8];
            snprintf(seed, sizeof seed, "%d", 20 + k);
            hn_layers l = product((size_t)(8 + 11 * k), 17, seed);
            hn_layer *y = &l.layer[0];
            y->bits = bits;
            hn_tensor *x = walks(400, (size_t)(8 + 11 * k), 0.9);
            hn_moments m = moments_of(y, x, 400);
            const int8_t *codes = codes_of(&m);
            assert_true(output_error(y, x, codes) < 0.5 * output_error(y, x, NULL));
            for (size_t i = 0; i < (size_t)(8 + 11 * k) * 17; i++) assert_true(abs(codes[i]) <= hn_weight_most(bits));
        }
}

/* Errors stay within a block: more weights than one block takes. */
static void test_blocks(void **state)
{
    (void)state;
    hn_layers l = product(1500, 3, "5");
    hn_tensor *x = walks(300, 1500, 0.95);
    hn_moments m = moments_of(&l.layer[0], x, 300);
    assert_true(m.block == 750);
    assert_true(output_error(&l.layer[0], x, codes_of(&m)) < 0.9 * output_error(&l.layer[0], x, NULL));
}

/* A channel's codes do not depend on where it stands. */
static void test_channels_are_apart(void **state)
{
    (void)state;
    hn_layers l = product(40, 19, "6");
    hn_layer *y = &l.layer[0];
    hn_tensor *x = walks(200, 40, 0.8);
    hn_moments m = moments_of(y, x, 200);
    const int8_t *codes = codes_of(&m);
    float *w = (float *)(uintptr_t)hn_node_const(y->node, 1)->data;
    for (size_t i = 0; i < 40; i++) { /* channels 2 and 18 change places */
        const float v = w[i * 19 + 2];
        w[i * 19 + 2] = w[i * 19 + 18];
        w[i * 19 + 18] = v;
    }
    const int8_t *other = codes_of(&m);
    for (size_t i = 0; i < 40; i++) {
        assert_true(other[i * 19 + 2] == codes[i * 19 + 18] && other[i * 19 + 18] == codes[i * 19 + 2]);
        assert_int_equal(other[i * 19 + 7], codes[i * 19 + 7]);
    }
}

/* Weights whose pairs are all at the limit, so that what is owed would take some beyond it. */
static void test_pairs_fit(void **state)
{
    (void)state;
    hn_layers l = product(64, 33, "7");
    hn_layer *y = &l.layer[0];
    float *w = (float *)(uintptr_t)hn_node_const(y->node, 1)->data;
    for (size_t i = 0; i < (size_t)64 * 33; i++)
        w[i] = i / 33 % 2 ? 1 - w[i - 33] : (float)(0.2 + 0.6 * hn_rng_unit(&rng));
    y->pairs = true;
    hn_tensor *x = walks(2000, 64, 0); /* the first of a pair weighs ten times as much as the second, and tells it */
    for (size_t i = 0; i < (size_t)2000 * 64; i += 2) ((float *)x->data)[i] = 10 * ((float *)x->data)[i + 1];
    hn_moments m = moments_of(y, x, 2000);
    const int8_t *codes = codes_of(&m);
    int most = 0;
    for (size_t o = 0; o < 33; o++)
        for (size_t i = 0; i < 64; i += 2) {
            const int a = codes[i * 33 + o], b = codes[(i + 1) * 33 + o];
            assert_true((a > 0) != (b > 0) || abs(a + b) <= 128);
            most = abs(a + b) > most ? abs(a + b) : most;
        }
    assert_int_equal(most, 128);
}

/* Nothing to go by: no rows, and inputs that never move. */
static void test_nothing_known(void **state)
{
    (void)state;
    hn_layers l = product(16, 4, "8");
    hn_tensor *x = tensor(2, (int64_t[]){32, 16});
    hn_moments m = moments_of(&l.layer[0], x, 32);
    assert_null(codes_of(&m));
    m = moments_of(&l.layer[0], x, 0);
    assert_null(codes_of(&m));
}

/* The written graph has the codes, but for channels whose scale gives way to their bias. */
static void test_codes_are_written(void **state)
{
    (void)state;
    static const char *const text = "graph \"g\" opset 21 {\n  input %x : f32[N,6]\n  const %w : f32[6,4] = random 9\n"
                                    "  const %b : f32[4] = [0, 1e12, 0, 0]\n"
                                    "  %y = Gemm(%x, %w, %b) @ \"y\"\n  output %y\n}\n";
    hn_layers l = layers_of(text);
    hn_layer *y = &l.layer[0];
    int8_t codes[24];
    for (int i = 0; i < 24; i++) codes[i] = (int8_t)(i - 12);
    y->code = codes;
    for (size_t i = 0; i < l.nacts; i++) l.act[i].scale = 0.1f;
    hn_qdq_options q = {0};
    hn_graph *g;
    planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, &q, &g));
    const int8_t *written = hn_graph_find(g, "y_weight_quantized")->data->data;
    for (int i = 0; i < 24; i++)
        if (i % 4 != 1)
            assert_int_equal(written[i], codes[i]);
        else
            assert_int_equal(written[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_moments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_independent_inputs_give_the_nearest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_make_up_for_each_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_channels_are_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pairs_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_codes_are_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
