/* models: real models give the same answers before and after the pipelines, with the reference kernels on their own
 * test data. HONE_MODELS=all takes the large ones in, HONE_MODELS=NAME one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/model.h"
#include "passes/pass.h"
#include "support/data.h"
#include "support/refrun.h"

enum { MOST = 16 };

static const struct {
    const char *name;
    double tolerance;
    bool large;
} models[] = {
    {"char_rnn_shakespeare", 1e-4, true},
    {"cifar10_resnet20", 1e-4, true},
    {"cifar10_resnet56", 1e-4, true},
    {"dnsmos_sig_bak_ovr", 1e-3, true},
    {"dtln_1", 1e-4, false},
    {"dtln_2", 1e-4, false},
    {"fastestdet", 1e-3, true},
    {"g2p_gru", 1e-4, false},
    {"gpt_nano_sort", 1e-4, false},
    {"magika_v3_3", 1e-4, true},
    {"mlperf_tiny_ad", 1e-3, false},
    {"mlperf_tiny_ad_int8_qdq", 0.7, false},
    {"mlperf_tiny_ic", 1e-4, true},
    {"mlperf_tiny_ic_int8_qdq", 0.02, true},
    {"mlperf_tiny_kws", 1e-4, false},
    {"mlperf_tiny_kws_int8_qdq", 0.02, false},
    {"mlperf_tiny_vww", 1e-4, true},
    {"mlperf_tiny_vww_int8_qdq", 0.02, true},
    {"mnist_8", 1e-3, false},
    {"mobilenet_v1_0.25_224", 1e-4, true},
    {"mobilenet_v2_1.0_224", 1e-4, true},
    {"mobilenet_v2_1.0_224_int8_qdq", 0.05, true},
    {"nsnet2", 1e-4, true},
    {"ppocr_cls", 1e-4, true},
    {"ppocr_det_v3", 1e-3, true},
    {"silero_vad", 1e-4, false},
    {"silero_vad_16k", 1e-4, false},
    {"squeezenet1.1", 1e-3, true},
    {"stories260k", 1e-4, false},
    {"super_resolution_10", 1e-3, true},
    {"ultraface_rfb_320", 1e-4, true},
    {"yunet_n_320", 1e-3, true},
};

typedef struct job {
    hn_env env;
    hn_arena arena;
    const char *name;
    double tolerance;
    hn_tensor in_data[MOST];
    const hn_tensor *in[MOST], *want[MOST];
} job;

static void must(job *j, hn_status st, const char *what)
{
    char text[2048];
    if (st == HN_OK) return;
    hn_error_format(&j->env.error, text, sizeof(text));
    fail_msg("%s, %s: %s", j->name, what, text);
}

/* Reads the inputs of data set 0, cut to one sample where there are several, and binds their dims. */
static void bind(job *j, hn_graph *g, const char *dir)
{
    for (size_t i = 0; i < g->nin; ++i) {
        char path[4096];
        const char *unused;
        hn_tensor *t = &j->in_data[i];
        (void)snprintf(path, sizeof(path), "%s/test_data_set_0/input_%zu.pb", dir, i);
        if (j->in[i] == NULL) {
            must(j, hn_onnx_tensor_load(&j->env, &j->arena, path, t, &unused), "load");
            if (g->nin == 1 && t->rank > 1 && t->dims[0] > 1 && g->in[i]->type.dims[0] < 0) {
                t->bytes /= (size_t)t->dims[0];
                t->dims[0] = 1;
            }
            j->in[i] = t;
        }
        must(j, hn_graph_bind(g, i, t->rank, t->dims), "bind");
    }
    must(j, hn_graph_infer(g), "infer");
}

static void compare(job *j, const hn_graph *model, const char *dir, const char *what, const char *const *pipeline)
{
    const hn_tensor *got[MOST];
    hn_graph *g = hn_graph_clone(&j->env, &j->arena, model);
    if (g == NULL) must(j, j->env.error.status, "clone");
    bind(j, g, dir);
    size_t before = g->nnodes;
    must(j, hn_pipeline_run(&j->env, g, pipeline), what);
    if (getenv("HONE_DUMP") != NULL) {
        hn_buf b = {0};
        must(j, hn_graph_print(&j->env, g, HN_TEXT_HASH, &b), "print");
        print_message("%s\n", b.data);
        hn_buf_fini(&j->env, &b);
    }
    /* Its last If is decided by shapes that the other Ifs hide until they are gone. */
    bool decided = strcmp(j->name, "silero_vad_16k") == 0;
    for (const hn_node *n = g->first; n != NULL && decided; n = n->next) assert_string_not_equal(n->op->name, "If");
    must(j, hn_refrun(&j->env, &j->arena, g, j->in, got), what);
    for (size_t i = 0; i < g->nout; ++i) {
        double d = hn_refrun_distance(got[i], j->want[i], j->tolerance);
        assert_string_equal(g->out[i]->name, model->out[i]->name);
        if (!(d <= 1)) fail_msg("%s, %s: output %zu is %g tolerances away", j->name, what, i, d);
    }
    print_message("%s, %s: %zu nodes, were %zu\n", j->name, what, g->nnodes, before);
}

static void run_model(const char *name, double tolerance)
{
    char dir[2048], path[4096], sub[256];
    job j = {.name = name, .tolerance = tolerance};
    hn_model *model = NULL;
    (void)snprintf(sub, sizeof(sub), "models/%s", name);
    hn_test_need_data(sub, dir, sizeof(dir));
    (void)snprintf(path, sizeof(path), "%s/model.onnx", dir);
    hn_env_init(&j.env);
    must(&j, hn_model_open(&j.env, path, NULL, &model), "open");
    assert_true(model->graph->nin <= MOST && model->graph->nout <= MOST);
    hn_graph *plain = hn_graph_clone(&j.env, &j.arena, model->graph);
    if (plain == NULL) must(&j, j.env.error.status, "clone");
    bind(&j, plain, dir);
    must(&j, hn_refrun(&j.env, &j.arena, plain, j.in, j.want), "run");
    compare(&j, model->graph, dir, "clean", hn_pipeline_clean);
    compare(&j, model->graph, dir, "compile", hn_pipeline_compile);
    hn_model_close(&j.env, model);
    hn_arena_fini(&j.env, &j.arena);
}

static void test_models(void **state)
{
    const char *which = getenv("HONE_MODELS");
    (void)state;
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); ++i) {
        bool named = which != NULL && strcmp(which, models[i].name) == 0;
        bool all = which != NULL && strcmp(which, "all") == 0;
        if (named || all || (which == NULL && !models[i].large)) run_model(models[i].name, models[i].tolerance);
    }
}

static size_t weights_in(const hn_graph *g)
{
    size_t sum = 0;
    for (const hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nin; ++i)
            if (hn_node_const(n, i) != NULL && n->in[i]->data->dtype != HN_I64) sum += hn_tensor_elems(n->in[i]->data);
    return sum;
}

/* Trained models that have dead channels, with their batch still free, as hone optimize sees them. */
static void test_dead_channels(void **state)
{
    static const struct {
        const char *name;
        size_t channels, weights;
    } known[] = {{"mlperf_tiny_vww", 928, 176032},
                 {"mlperf_tiny_vww_int8_qdq", 944, 182072},
                 {"mobilenet_v2_1.0_224", 8, 432},
                 {"ppocr_det_v3", 64, 11968},
                 {"squeezenet1.1", 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        char dir[2048], path[4096], sub[256];
        job j = {.name = known[i].name};
        hn_model *model = NULL;
        size_t channels;
        (void)snprintf(sub, sizeof(sub), "models/%s", j.name);
        hn_test_need_data(sub, dir, sizeof(dir));
        (void)snprintf(path, sizeof(path), "%s/model.onnx", dir);
        hn_env_init(&j.env);
        must(&j, hn_model_open(&j.env, path, NULL, &model), "open");
        must(&j, hn_pipeline_run(&j.env, model->graph, hn_pipeline_clean), "clean");
        size_t before = weights_in(model->graph);
        must(&j, hn_pass_run(&j.env, model->graph, "dead_channels", &channels), "dead_channels");
        size_t gone = before - weights_in(model->graph);
        print_message("%s: %zu channels and %zu of %zu weights are dead\n", j.name, channels, gone, before);
        assert_int_equal(channels, known[i].channels);
        assert_int_equal(gone, known[i].weights);
        hn_model_close(&j.env, model);
        hn_arena_fini(&j.env, &j.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models), cmocka_unit_test(test_dead_channels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
