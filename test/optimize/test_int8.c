/* the INT8 form of a small random network on procedural images: close to float, the same for 1, 2 and 3 threads;
 * the three parts of the data never meet. labels: threads */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "ops/ops.h"
#include "optimize/correct.h"
#include "optimize/qdq.h"
#include "optimize/score.h"
#include "optimize/search_priv.h"
#include "support/planrun.h"
#include "support/refrun.h"

static const char *const net = "graph \"net\" opset 21 {\n"
                               "  input %x : f32[N,1,24,24]\n"
                               "  const %w1 : f32[8,1,3,3] = random 1\n"
                               "  const %b1 : f32[8] = random 2\n"
                               "  const %w2 : f32[8,1,3,3] = random 3\n"
                               "  const %b2 : f32[8] = random 4\n"
                               "  const %w3 : f32[16,8,1,1] = random 5\n"
                               "  const %w4 : f32[20,16] = random 6\n"
                               "  const %b4 : f32[20] = random 7\n"
                               "  const %k : f32[1] = [0.25]\n"
                               "  %1 = Conv(%x, %w1, %b1) {pads = [1, 1, 1, 1], strides = [2, 2]} @ \"conv1\"\n"
                               "  %2 = Relu(%1)\n"
                               "  %3 = Conv(%2, %w2, %b2) {pads = [1, 1, 1, 1], group = 8} @ \"dw\"\n"
                               "  %4 = Relu(%3)\n"
                               "  %5 = Add(%4, %2)\n"
                               "  %6 = Conv(%5, %w3) @ \"conv3\"\n"
                               "  %7 = Relu(%6)\n"
                               "  %8 = GlobalAveragePool(%7)\n"
                               "  %9 = Flatten(%8)\n"
                               "  %y = Gemm(%9, %w4, %b4) {transB = 1} @ \"head\"\n"
                               "  output %y\n"
                               "}\n";

enum { SAMPLES = 240, CLASSES = 20, BATCH = 8 };

static hn_env env;
static hn_arena arena;
static hn_graph *graph;
static hn_dataset *ds;
static hn_split split;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    env.seed = 1;
    graph = hn_graph_parse(&env, &arena, &hn_ops, net, strlen(net));
    if (!graph) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(graph));
    planrun_ok(&env, hn_dataset_open(&env, "glyph:240", NULL, &ds));
    assert_int_equal(ds->count, SAMPLES);
    size_t counts[HN_PARTS] = {64, 80, SIZE_MAX};
    planrun_ok(&env, hn_dataset_split(&env, ds, counts, 1, &arena, &split));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &arena);
    return 0;
}

static void answers(const hn_graph *g, float *out)
{
    hn_session *s;
    hn_batch batch;
    const hn_tensor **in;
    hn_tensor y[2];
    planrun_ok(&env, hn_session_new(&env, g, NULL, NULL, &s));
    planrun_ok(&env, hn_dataset_batch(&env, ds, split.index[HN_PART_TEST], BATCH, &arena, &batch));
    planrun_ok(&env, hn_score_feed(&env, &arena, s, &batch, &in));
    planrun_ok(&env, hn_session_run(&env, s, in, y));
    assert_int_equal(hn_tensor_elems(&y[0]), BATCH * CLASSES);
    memcpy(out, y[0].data, BATCH * CLASSES * sizeof *out);
    hn_session_close(&env, s);
}

static double sqnr(const float *a, const float *b)
{
    double s = 0, d = 0;
    for (size_t i = 0; i < BATCH * CLASSES; i++) {
        s += (double)a[i] * (double)a[i];
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    }
    return 10 * log10(s / (d > 0 ? d : 1e-300));
}

static void calibrate(hn_layers *l, hn_hist **hist)
{
    planrun_ok(&env, hn_layers_find(&env, graph, l));
    *hist = hn_arena_array(&env, &arena, l->nacts + 1, sizeof **hist);
    assert_non_null(*hist);
    planrun_ok(&env, hn_observe(&env, l, ds, split.index[HN_PART_CALIB], 64, &arena, *hist, NULL, NULL));
    for (size_t i = 0; i < l->nacts; i++) {
        uint32_t g = (uint32_t)i;
        while (l->act[g].group != g) g = l->act[g].group;
        float lo, hi;
        hn_hist_range(&(*hist)[g], HN_METHOD_MINMAX, &lo, &hi);
        for (size_t k = 0; k < l->nacts; k++) { /* ties: the union */
            uint32_t other = (uint32_t)k;
            while (l->act[other].group != other) other = l->act[other].group;
            if (other != g) continue;
            lo = fminf(lo, (*hist)[k].lo);
            hi = fmaxf(hi, (*hist)[k].hi);
        }
        hn_range_to_u8(lo, hi, &l->act[i].scale, &l->act[i].zero);
    }
}

static void test_close_to_float(void **state)
{
    (void)state;
    hn_layers l;
    hn_hist *hist;
    hn_graph *g;
    float want[BATCH * CLASSES], got[BATCH * CLASSES];
    calibrate(&l, &hist);
    assert_int_equal(l.nlayers, 4);
    for (int per_tensor = 0; per_tensor < 2; per_tensor++) {
        hn_qdq_options q = {.per_tensor = per_tensor == 1};
        planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, &q, &g));
        answers(graph, want);
        answers(g, got);
        double db = sqnr(want, got);
        print_message("SQNR %.1f dB%s\n", db, per_tensor ? ", weights per tensor" : "");
        if (!(db > 25)) fail_msg("SQNR %.2f dB", db);
        assert_true(db < 90); /* something was quantised */
    }
}

static void test_histograms(void **state)
{
    (void)state;
    hn_layers l;
    hn_hist *hist;
    calibrate(&l, &hist);
    for (size_t i = 0; i < l.nacts; i++) {
        double n = 0;
        for (int b = 0; b < HN_HIST_BINS; b++) n += hist[i].bins[b];
        assert_true(n == hist[i].count && n > 0 && hist[i].strange == 0 && hist[i].lo <= hist[i].hi);
        if (!hist[i].mean) continue;
        double mean = 0;
        for (size_t c = 0; c < hist[i].channels; c++) mean += hist[i].mean[c];
        mean /= (double)hist[i].channels;
        assert_true(fabs(mean - hist[i].sum / hist[i].count) < 1e-6 * (1 + fabs(mean)));
    }
}

/* The shift is what the rounding of the weights adds on average: checked against its definition. */
static void check_shift(int bits)
{
    hn_layers l;
    hn_hist *hist;
    const float **shift;
    calibrate(&l, &hist);
    l.layer[2].bits = bits;
    planrun_ok(&env, hn_bias_shift(&env, &arena, &l, hist, false, &shift));
    const hn_layer *y = &l.layer[2];
    assert_string_equal(y->name, "conv3");
    const hn_tensor *w = hn_node_const(y->node, 1);
    const hn_hist *x = &hist[hn_layers_act(&l, y->x) - l.act];
    float scale[16];
    assert_non_null(shift[2]);
    hn_weight_scales(w, 0, false, hn_weight_most(bits), scale);
    for (size_t o = 0; o < 16; o++) {
        double sum = 0;
        for (size_t c = 0; c < 8; c++) {
            double v = hn_get_f64(w, o * 8 + c);
            sum +=
                ((double)hn_weight_code((float)v, scale[o], hn_weight_most(bits)) * (double)scale[o] - v) * x->mean[c];
        }
        assert_true(fabs((double)shift[2][o] + sum) < 1e-5);
    }
    assert_non_null(shift[1]); /* the depthwise layer too */
}

static void test_bias_shift(void **state)
{
    (void)state;
    check_shift(8);
    check_shift(7);
}

static void test_threads(void **state)
{
    (void)state;
    hn_layers l;
    hn_hist *hist;
    hn_graph *g;
    float first[2][BATCH * CLASSES], other[2][BATCH * CLASSES];
    float lo[64] = {0}, hi[64] = {0};
    for (size_t threads = 1; threads <= 3; threads++) {
        hn_pool *pool;
        planrun_ok(&env, hn_pool_new(&env, threads, &pool));
        env.pool = pool;
        calibrate(&l, &hist);
        hn_qdq_options q = {0};
        planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, &q, &g));
        answers(graph, threads == 1 ? first[0] : other[0]);
        answers(g, threads == 1 ? first[1] : other[1]);
        for (size_t i = 0; i < l.nacts && i < 64; i++) {
            if (threads == 1) {
                lo[i] = hist[i].lo;
                hi[i] = hist[i].hi;
            }
            assert_true(lo[i] == hist[i].lo && hi[i] == hist[i].hi);
        }
        if (threads > 1) assert_memory_equal(first, other, sizeof first);
        env.pool = NULL;
        hn_pool_free(&env, pool);
    }
}

static void test_parts_never_meet(void **state)
{
    (void)state;
    size_t seen[SAMPLES] = {0}, classes[HN_PARTS][CLASSES] = {{0}};
    for (int p = 0; p < HN_PARTS; p++)
        for (size_t i = 0; i < split.count[p]; i++) {
            assert_true(split.index[p][i] < SAMPLES);
            seen[split.index[p][i]]++;
            classes[p][hn_dataset_label(ds, split.index[p][i])]++;
        }
    for (size_t i = 0; i < SAMPLES; i++) assert_int_equal(seen[i], 1);
    for (int c = 0; c < CLASSES; c++) assert_true(classes[HN_PART_SELECT][c] >= 3 && classes[HN_PART_SELECT][c] <= 5);
}

/* The whole route: every step leaves a trial, the choice is made, and what it keeps is a plain ONNX graph. */
static void test_search(void **state)
{
    (void)state;
    hn_search s = {0};
    hn_search_options o = {.max_drop = 100, .method = -1, .size = true};
    planrun_ok(&env, hn_search_run(&env, &arena, graph, ds, &split, &o, &s));
    assert_true(s.budget_met && s.ntrials >= 2);
    assert_non_null(s.session);
    size_t chosen = 0, q = 0;
    for (size_t i = 0; i < s.ntrials; i++) chosen += s.trials[i].chosen;
    assert_int_equal(chosen, 1);
    for (const hn_node *n = s.quantized->first; n; n = n->next) {
        q += hn_node_is(n, "QuantizeLinear");
        assert_string_equal(n->op->domain, "");
    }
    assert_true(q >= 4);
    assert_non_null(s.scale);
    assert_int_equal((int)s.power, 64); /* a loss of 1 is as wrong as the mean over these samples */
    for (size_t i = 0; i < s.layers.nlayers; i++) assert_true(s.layers.layer[i].on && s.report[i].sqnr_db > 15);
    hn_search_fini(&s);
}

/* Outputs count alike: one that is a thousand times as large is measured by a scale that is a thousandth, and the
 * losses are the same. */
static void test_scales_of_outputs(void **state)
{
    (void)state;
    static const char *const times[2] = {"1", "1000"};
    double loss[2], scale[2];
    for (size_t k = 0; k < 2; k++) {
        char text[2048];
        hn_search s = {0};
        hn_search_options o = {.judge = HN_JUDGE_FIDELITY, .max_drop = 100, .method = 0, .all = true, .size = true};
        (void)snprintf(text, sizeof text, "%.*s  const %%t : f32[1] = [%s]\n  %%z = Mul(%%9, %%t)\n  output %%z\n}\n",
                       (int)(strlen(net) - 2), net, times[k]);
        hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
        if (!g) planrun_ok(&env, env.error.status);
        planrun_ok(&env, hn_graph_infer(g));
        planrun_ok(&env, hn_search_run(&env, &arena, g, ds, &split, &o, &s));
        assert_non_null(s.scale);
        loss[k] = s.trials[0].loss;
        scale[k] = s.scale[1];
        hn_search_fini(&s);
    }
    assert_true(fabs(scale[0] / scale[1] - 1000) < 0.01);
    assert_true(loss[0] > 0 && fabs(loss[0] - loss[1]) < 1e-4 * loss[0]);
}

/* Largest code of a layer's weights. */
static int furthest(const hn_graph *g, const char *layer)
{
    char name[64];
    int most = 0;
    (void)snprintf(name, sizeof name, "%s_weight_quantized", layer);
    const hn_value *v = hn_graph_find(g, name);
    assert_non_null(v);
    for (size_t i = 0; i < hn_tensor_elems(v->data); i++) {
        int code = abs((int)hn_get_i64(v->data, i));
        most = code > most ? code : most;
    }
    return most;
}

/* Largest sum of neighbouring codes of one sign, where input channels are the last axis but for one of 1. */
static int largest_pair(const hn_graph *g, const char *layer)
{
    char name[64];
    int most = 0;
    (void)snprintf(name, sizeof name, "%s_weight_quantized", layer);
    const hn_value *v = hn_graph_find(g, name);
    assert_non_null(v);
    for (size_t i = 0; i + 1 < hn_tensor_elems(v->data); i += 2) {
        int a = (int)hn_get_i64(v->data, i), b = (int)hn_get_i64(v->data, i + 1);
        int sum = a * b > 0 ? abs(a + b) : abs(a) > abs(b) ? abs(a) : abs(b);
        most = sum > most ? sum : most;
    }
    return most;
}

/* 7 bits are for layers that run as matrix products: not for the first one and the depthwise one. The same search gives
 * the same model. */
static void test_narrow(void **state)
{
    (void)state;
    static const char *const names[] = {"conv1", "dw", "conv3", "head"};
    hn_search s;
    hn_buf b[2] = {{0}, {0}};
    hn_search_options o = {.max_drop = 100, .method = -1, .size = true, .weight_bits = 7, .pairs = true};
    for (size_t k = 0; k < 2; k++) {
        planrun_ok(&env, hn_search_run(&env, &arena, graph, ds, &split, &o, &s));
        planrun_ok(&env, hn_graph_print(&env, s.quantized, HN_TEXT_HASH, &b[k]));
        assert_int_equal(hn_search_narrow(&s), 2);
        for (size_t i = 0; i < 4; i++) {
            assert_string_equal(s.layers.layer[i].name, names[i]);
            assert_int_equal(s.layers.layer[i].bits, i >= 2 ? 7 : 8);
            assert_int_equal(furthest(s.quantized, names[i]), i >= 2 ? 64 : 127);
        }
        bool tried = false;
        for (size_t i = 0; i < s.ntrials; i++) tried = tried || strcmp(s.trials[i].name, "7-bit weights") == 0;
        assert_true(tried && s.nstages >= 2);
        assert_string_equal(s.stages[1].name, "7-bit weights");
        hn_search_fini(&s);
    }
    assert_string_equal(hn_buf_str(&env, &b[0]), hn_buf_str(&env, &b[1]));
    hn_buf_fini(&env, &b[0]);
    hn_buf_fini(&env, &b[1]);
}

/* The same layers with 8 bits and pairs that fit; with 7 at most where that may be faster, which size does not ask. */
static void test_paired(void **state)
{
    (void)state;
    static const char *const names[] = {"conv1", "dw", "conv3", "head"};
    hn_search s;
    for (int size = 0; size < 2; size++) {
        hn_search_options o = {
            .max_drop = 100, .method = -1, .all = !size, .size = size, .weight_bits = 8, .pairs = true};
        planrun_ok(&env, hn_search_run(&env, &arena, graph, ds, &split, &o, &s));
        assert_int_equal(hn_search_paired(&s), 2);
        assert_true(hn_search_narrow(&s) == 0 || !size);
        for (size_t i = 0; i < 4; i++) {
            const hn_layer *y = &s.layers.layer[i];
            assert_int_equal(y->pairs, i >= 2);
            assert_true(y->bits == 7 ? i >= 2 && furthest(s.quantized, names[i]) <= 64
                                     : furthest(s.quantized, names[i]) > 64);
            if (i >= 2) assert_true(largest_pair(s.quantized, names[i]) <= 128);
        }
        assert_string_equal(s.stages[1].name, "weights in pairs");
        hn_search_fini(&s);
    }
}

/* Weights are rounded together when the outputs come closer so, and the written ones are those. */
static void test_rounded_together(void **state)
{
    (void)state;
    static const char *const names[] = {"conv1", "dw", "conv3", "head"};
    hn_search s;
    hn_search_options o = {.max_drop = 100, .method = -1, .size = true, .weight_bits = 7, .pairs = true};
    planrun_ok(&env, hn_search_run(&env, &arena, graph, ds, &split, &o, &s));
    const hn_trial *t = s.trials;
    while (strcmp(t->name, "weights rounded together") != 0) t++;
    assert_true(t < s.trials + s.ntrials && s.rounded == (strstr(t->note, "not kept") == NULL));
    assert_true(s.rounded);
    assert_string_equal(s.stages[s.nstages - 1].name, "weights rounded together");
    for (size_t i = 0; i < 4; i++) {
        const hn_layer *y = &s.layers.layer[i];
        char name[64];
        snprintf(name, sizeof name, "%s_weight_quantized", names[i]);
        const hn_tensor *codes = hn_graph_find(s.quantized, name)->data;
        assert_int_equal(y->code != NULL, i != 1); /* not in groups */
        assert_int_equal(y->other_code != NULL, i >= 2);
        if (y->code) assert_memory_equal(codes->data, y->code, codes->bytes);
        if (y->other_code) assert_true(memcmp(codes->data, y->other_code, codes->bytes) != 0);
    }
    hn_search_fini(&s);
}

/* Where no choice holds the budget, one is kept whose drop is clearly less, and what was tried beyond it is undone. */
static void test_no_choice_holds(void **state)
{
    (void)state;
    hn_search s;
    for (int all = 0; all < 2; all++) {
        hn_search_options o = {
            .max_drop = -1000, .method = -1, .all = all, .size = true, .weight_bits = 7, .pairs = true};
        planrun_ok(&env, hn_search_run(&env, &arena, graph, ds, &split, &o, &s));
        assert_false(s.budget_met);
        size_t first = 0, given = 0;
        while (strcmp(s.trials[first].name, "accuracy on the selection part") != 0) first++;
        hn_drop best = s.trials[first].drop;
        for (size_t i = first; i < s.ntrials; i++)
            if (best.value - s.trials[i].drop.value > best.se) best = s.trials[i].drop;
        assert_true(s.trials[s.ntrials - 1].chosen && s.trials[s.ntrials - 1].drop.value == best.value);
        for (size_t i = 0; i < s.layers.nlayers; i++)
            given += !s.layers.layer[i].on + (s.layers.layer[i].pairs && s.layers.layer[i].bits == 8);
        assert_int_equal(s.nrefusals, given);
        for (size_t i = 0; i < s.layers.nlayers; i++) assert_true(s.layers.layer[i].on || !all);
        hn_search_fini(&s);
    }
}

/* A model that is slower in INT8 as a whole goes back to float, every layer with the reason. */
static void test_slow_as_a_whole(void **state)
{
    (void)state;
    const hn_search_options o = {.weight_bits = 8};
    hn_search s = {.env = &env, .arena = &arena, .o = &o};
    calibrate(&s.layers, &s.hist);
    hn_search_turn(&s, 1, false);
    planrun_ok(&env, hn_search_drop_slow(&s, 1.03));
    assert_true(hn_search_on(&s) == 0 && s.ntrials == 1 && s.nrefusals == 3);
    assert_string_equal(s.refusals[1].layer, "conv3");
    assert_non_null(strstr(s.layers.layer[3].reason, "1.030 of its time"));
    assert_true(s.layers.layer[1].reason[0] == 0);
}

/* What explains most for its time goes first; what explains little stays; steps are undone from the last on. */
static void test_layers_give_way(void **state)
{
    (void)state;
    const hn_search_options o = {.weight_bits = 7};
    hn_search s = {.env = &env, .arena = &arena, .o = &o};
    hn_given given[3];
    calibrate(&s.layers, &s.hist);
    assert_int_equal(s.layers.nlayers, 4);
    s.report = hn_arena_array(&env, &arena, 4, sizeof *s.report);
    s.layers.layer[2].bits = 7;
    s.report[0].gain = 0.12; /* half of an even share is 0.125 */
    s.report[1].gain = 0.2;
    s.report[2].gain = 0.7;
    s.report[2].wide_gain = 0.4;
    s.report[3].gain = NAN;
    for (size_t i = 0; i < 4; i++) {
        s.report[i].us_int8 = i == 2 ? 10 : 1;
        s.report[i].us_float = i == 2 ? 20 : 2;
    }
    static const size_t order[3] = {2, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        assert_true(hn_search_next_step(&s, &given[i]));
        assert_int_equal(given[i].layer, order[i]);
        assert_int_equal(given[i].widened, i == 0);
        planrun_ok(&env, hn_search_give_way(&s, &given[i]));
        assert_int_equal(s.layers.layer[2].bits, 8);
        assert_int_equal(s.layers.layer[2].on, i < 2);
    }
    assert_false(hn_search_next_step(&s, &given[0]));
    assert_true(s.nrefusals == 3 && strcmp(s.refusals[0].what, "7-bit weights") == 0);
    assert_string_equal(s.refusals[1].what, "int8");
    assert_non_null(strstr(s.layers.layer[2].reason, "in float it takes away up to 70 %"));
    given[0] = (hn_given){2, true};
    hn_search_take_back(&s, given, 3);
    hn_search_take_back(&s, given, 2);
    assert_true(s.layers.layer[1].on && s.layers.layer[2].on && s.layers.layer[2].bits == 8 && s.nrefusals == 1);
    assert_non_null(strstr(s.layers.layer[2].reason, "with 8-bit weights it takes away 40 %"));
    hn_search_take_back(&s, given, 1);
    assert_true(s.layers.layer[2].bits == 7 && s.layers.layer[2].reason[0] == 0 && s.nrefusals == 0);
}

/* A layer that changes its width takes the bias that fits its weights with it, and back. */
static void test_bias_of_other_bits(void **state)
{
    (void)state;
    const hn_search_options o = {.weight_bits = 7};
    hn_search s = {.env = &env, .arena = &arena, .o = &o};
    const float **narrow, **wide;
    calibrate(&s.layers, &s.hist);
    hn_layer *y = &s.layers.layer[2];
    planrun_ok(&env, hn_bias_shift(&env, &arena, &s.layers, s.hist, false, &wide));
    y->bits = 7;
    planrun_ok(&env, hn_bias_shift(&env, &arena, &s.layers, s.hist, false, &narrow));
    s.bias_shift = narrow;
    const float *first = narrow[2], *other = narrow[1];
    planrun_ok(&env, hn_search_other_bits(&s));
    assert_true(y->bits == 7 && s.layers.layer[1].bits == 8);
    hn_search_swap_bits(&s, 2);
    assert_int_equal(y->bits, 8);
    float moved = 0;
    for (size_t c = 0; c < y->channels; c++) {
        assert_true(fabsf(s.bias_shift[2][c] - wide[2][c]) < 1e-6f);
        moved = fmaxf(moved, fabsf(first[c] - wide[2][c]));
    }
    assert_true(moved > 1e-5f);
    assert_ptr_equal(s.bias_shift[1], other);
    hn_search_swap_bits(&s, 2);
    assert_true(y->bits == 7 && s.bias_shift[2] == first);
}

static void test_pairs_pay(void **state)
{
    (void)state;
    assert_false(hn_search_pairs_pay(HN_ISA_CHOSEN));
    assert_true(hn_search_pairs_pay(HN_ISA_AVX2));
    assert_true(hn_search_pairs_pay(HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_CHOSEN));
    assert_false(hn_search_pairs_pay(HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_close_to_float, setup, teardown),
        cmocka_unit_test_setup_teardown(test_histograms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bias_shift, setup, teardown),
        cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_never_meet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scales_of_outputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_narrow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_as_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rounded_together, setup, teardown),
        cmocka_unit_test_setup_teardown(test_paired, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_choice_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layers_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bias_of_other_bits, setup, teardown),
        cmocka_unit_test(test_pairs_pay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
