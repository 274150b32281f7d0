/* broken_models: real models cut and damaged in seeded ways are opened, compiled and run on real inputs. Each gives a
 * clear error or a run: no crash, no message about a broken invariant, memory within a limit, work within a limit.
 * labels: broken
 * HONE_BROKEN=all: more models, and 200 cuts and 2000 mutants of each. HONE_BROKEN_ONLY=MODEL[:ROUND]: that model, or
 * that one case. HONE_BROKEN_SEED=N: other mutants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/ops.h"
#include "optimize/session.h"
#include "support/damage.h"
#include "support/data.h"
#include "support/rig.h"

enum { MAX_INPUTS = 16 };

typedef struct subject {
    const char *name;
    uint8_t *data;
    size_t size;
    hn_env env; /* holds the inputs */
    hn_arena arena;
    hn_tensor in[MAX_INPUTS];
    size_t nin;
    size_t opened, compiled, ran;
    size_t round; /* of the running case: cuts first, then mutants */
    double slowest;
    size_t slowest_round;
    uint8_t sum;
    double work; /* of the whole model's run */
} subject;

static bool wants_all(void)
{
    const char *s = getenv("HONE_BROKEN");
    return s && strcmp(s, "all") == 0;
}

static void load(subject *s, const char *name)
{
    char path[512], file[128];
    hn_map map;
    *s = (subject){.name = name};
    hn_env_init(&s->env);
    snprintf(file, sizeof file, "models/%s/model.onnx", name);
    hn_test_need_data(file, path, sizeof path);
    assert_int_equal(hn_map_open(&s->env, path, &map), HN_OK);
    s->size = map.size;
    s->data = malloc(map.size);
    assert_non_null(s->data);
    memcpy(s->data, map.data, map.size);
    hn_map_close(&map);
    for (; s->nin < MAX_INPUTS; s->nin++) {
        const char *ignored;
        snprintf(file, sizeof file, "models/%s/test_data_set_0/input_%zu.pb", name, s->nin);
        if (!hn_test_data(file, path, sizeof path)) break;
        assert_int_equal(hn_onnx_tensor_load(&s->env, &s->arena, path, &s->in[s->nin], &ignored), HN_OK);
    }
    assert_true(s->nin > 0);
}

static void check_status(const subject *s, const char *stage, hn_status st, const hn_env *env)
{
    char text[2048];
    bool allowed = st == HN_OK || st == HN_INPUT || st == HN_UNSUPPORTED || st == HN_LIMIT || st == HN_NOMEM;
    if (allowed && (st == HN_OK || env->error.text[0])) return;
    hn_error_format(&env->error, text, sizeof text);
    fail_msg("%s, round %zu, %s: status %s: %s", s->name, s->round, stage, hn_status_name(st), text);
}

/* The real input where it fits, else zeros of the declared shape; NULL when that is unknown or large. */
static const hn_tensor *input_for(const subject *s, hn_env *env, hn_arena *tmp, const hn_session *session, size_t i)
{
    hn_type t, declared = *hn_session_input_type(session, i);
    const char *which;
    size_t elems, bytes;
    bool fits = i < s->nin && s->in[i].rank == declared.rank && s->in[i].dtype == declared.dtype;
    for (int d = 0; fits && d < declared.rank; d++) fits = declared.dims[d] < 0 || declared.dims[d] == s->in[i].dims[d];
    if (fits) return &s->in[i];
    if (!hn_session_default_dims(session, i, 1, &t, &which) || t.dtype == HN_STRING) return NULL;
    if (!hn_dims_count(t.rank, t.dims, &elems) || !hn_dtype_bytes(t.dtype, elems, &bytes) || bytes > (1 << 24))
        return NULL;
    hn_tensor *zeros = hn_arena_array(env, tmp, 1, sizeof *zeros);
    return zeros && hn_tensor_init(env, tmp, zeros, t.dtype, t.rank, t.dims) == HN_OK ? zeros : NULL;
}

static hn_status run(subject *s, hn_env *env, hn_session *session)
{
    const hn_tensor *refs[MAX_INPUTS];
    hn_tensor *out = NULL;
    hn_arena tmp = {0};
    size_t nout = hn_session_outputs(session), nin = hn_session_inputs(session);
    hn_status st = nin <= MAX_INPUTS ? HN_OK : HN_LIMIT;
    for (size_t i = 0; i < nin && st == HN_OK; i++) {
        refs[i] = input_for(s, env, &tmp, session, i);
        if (!refs[i]) st = HN_LIMIT;
    }
    if (st != HN_OK) {
        hn_arena_fini(env, &tmp);
        return st;
    }
    out = calloc(nout + 1, sizeof *out);
    assert_non_null(out);
    st = hn_session_run(env, session, refs, out);
    check_status(s, "run", st, env);
    /* Every byte of the outputs can be read. */
    uint8_t sum = 0;
    for (size_t i = 0; i < nout && st == HN_OK; i++)
        for (size_t k = 0; k < out[i].bytes; k++) sum ^= ((const uint8_t *)out[i].data)[k];
    s->sum ^= sum;
    s->ran += st == HN_OK;
    free(out);
    hn_arena_fini(env, &tmp);
    return st;
}

/* Open, compile, run; everything given back. */
static void survives(subject *s, const void *data, size_t size)
{
    hn_env env;
    hn_rig rig;
    hn_model *m = NULL;
    hn_session *session = NULL;
    hn_rig_init(&rig, &env);
    env.work_limit = s->work > 0 ? 20 * s->work + 1e7 : 0;
    rig.limit_bytes = 64 * s->size + ((size_t)256 << 20);
    clock_t start = clock();
    hn_status st = hn_model_open_bytes(&env, "damaged.onnx", data, size, NULL, &m);
    check_status(s, "open", st, &env);
    if (st == HN_OK) {
        s->opened++;
        st = hn_session_new(&env, m->graph, NULL, NULL, &session);
        check_status(s, "compile", st, &env);
    }
    if (st == HN_OK) {
        s->compiled++;
        st = run(s, &env, session);
        if (s->work <= 0) s->work = env.work;
    }
    hn_session_close(&env, session);
    hn_model_close(&env, m);
    if (rig.live || rig.damaged)
        fail_msg("%s, round %zu: %zu blocks left, %zu damaged", s->name, s->round, rig.live, rig.damaged);
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (took > s->slowest) {
        s->slowest = took;
        s->slowest_round = s->round;
    }
    if (took > 2) {
        char text[2048];
        hn_error_format(&env.error, text, sizeof text);
        printf("%s, round %zu: %.1f s: %s %s\n", s->name, s->round, took, hn_status_name(st), text);
        fflush(stdout);
    }
}

/* `size` bytes of their own, so that a read past the end is seen. */
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = aligned_alloc(64, (size / 64 + 1) * 64);
    assert_non_null(copy);
    memcpy(copy, data, size);
    return copy;
}

/* one: SIZE_MAX for every round, else its number. */
static void damage_model(const char *name, size_t one, size_t cuts, size_t mutants)
{
    subject s;
    damage_map map;
    const char *seed = getenv("HONE_BROKEN_SEED");
    uint64_t base = seed ? strtoull(seed, NULL, 10) * 1000003 : 17;
    load(&s, name);
    survives(&s, s.data, s.size);
    assert_int_equal(s.ran, 1);
    damage_map_onnx(&map, s.data, s.size);
    assert_true(map.spots > 100 && map.varint.count > 10 && map.wire.count > 10);
    for (size_t i = 0; i < cuts; i++, s.round++) {
        if (one != SIZE_MAX && one != s.round) continue;
        /* Half of the places anywhere, half at the edges of fields. */
        size_t at = i % 2 ? s.size / cuts * i : map.spot[map.spots / cuts * i];
        uint8_t *cut = malloc(at ? at : 1);
        assert_non_null(cut);
        memcpy(cut, s.data, at);
        survives(&s, cut, at);
        free(cut);
    }
    for (size_t i = 0; i < mutants; i++, s.round++) {
        if (one != SIZE_MAX && one != s.round) continue;
        hn_rng r;
        hn_rng_init(&r, base + i, s.size);
        uint8_t *copy = copy_of(s.data, s.size);
        for (uint64_t k = 1 + hn_rng_below(&r, 2); k > 0; k--) damage_onnx(&r, &map, copy, s.size);
        survives(&s, copy, s.size);
        free(copy);
    }
    printf("%s: %zu cases, %zu opened, %zu compiled, %zu ran, slowest %.2f s in round %zu\n", name, s.round, s.opened,
           s.compiled, s.ran, s.slowest, s.slowest_round);
    fflush(stdout);
    if (one == SIZE_MAX) assert_true(s.ran > mutants / 20 && s.opened < s.round);
    damage_map_free(&map);
    hn_arena_fini(&s.env, &s.arena);
    free(s.data);
}

static void small_models(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t mutants;
    } models[] = {{"mnist_8", 300},
                  {"mlperf_tiny_kws", 150},
                  {"mlperf_tiny_kws_int8_qdq", 150},
                  {"silero_vad_16k", 60},
                  {"gpt_nano_sort", 60}};
    if (getenv("HONE_BROKEN_ONLY")) skip();
    for (size_t k = 0; k < sizeof models / sizeof *models; k++)
        damage_model(models[k].name, SIZE_MAX, wants_all() ? 200 : 40, wants_all() ? 2000 : models[k].mutants);
}

static void chosen_model(void **state)
{
    (void)state;
    const char *only = getenv("HONE_BROKEN_ONLY");
    char name[128];
    if (!only) return;
    size_t n = strcspn(only, ":");
    snprintf(name, sizeof name, "%.*s", (int)n, only);
    damage_model(name, only[n] ? strtoul(only + n + 1, NULL, 10) : SIZE_MAX, 200, 2000);
}

static void more_models(void **state)
{
    (void)state;
    static const char *const names[] = {"squeezenet1.1", "mobilenet_v1_0.25_224", "mobilenet_v2_1.0_224_int8_qdq"};
    if (!wants_all() || getenv("HONE_BROKEN_ONLY")) {
        printf("SKIP more models: HONE_BROKEN is not all\n");
        skip();
    }
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) damage_model(names[k], SIZE_MAX, 20, 200);
}

/* A loop that never ends by itself ends at the limit of work; so does one operation that asks for too much. */
static void work_is_limited(void **state)
{
    (void)state;
    static const char *const text[] = {"graph \"loop\" opset 21 {\n"
                                       "  input %x : f32[4]\n"
                                       "  const %n : i64[] = [9223372036854775807]\n"
                                       "  const %on : bool[] = [1]\n"
                                       "  %a : f32[4] = Loop(%n, %on, %x) region \"body\" {\n"
                                       "    input %i : i64[]\n"
                                       "    input %c : bool[]\n"
                                       "    input %p : f32[4]\n"
                                       "    %1 = Neg(%p)\n"
                                       "    %2 = Identity(%c)\n"
                                       "    output %2\n"
                                       "    output %1\n"
                                       "  }\n"
                                       "  output %a\n"
                                       "}\n",
                                       "graph \"product\" opset 21 {\n"
                                       "  input %x : f32[4096,4096]\n"
                                       "  %1 = MatMul(%x, %x)\n"
                                       "  output %1\n"
                                       "}\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        hn_env env;
        hn_rig rig;
        hn_arena arena = {0};
        hn_tensor in, out;
        hn_session *session = NULL;
        hn_rig_init(&rig, &env);
        env.work_limit = 1e8;
        hn_graph *graph = hn_graph_parse(&env, &arena, &hn_ops, text[i], strlen(text[i]));
        assert_non_null(graph);
        const hn_type *t = &graph->in[0]->type;
        assert_int_equal(hn_tensor_init(&env, &arena, &in, t->dtype, t->rank, t->dims), HN_OK);
        assert_int_equal(hn_session_new(&env, graph, NULL, NULL, &session), HN_OK);
        const hn_tensor *refs[] = {&in};
        assert_int_equal(hn_session_run(&env, session, refs, &out), HN_LIMIT);
        assert_non_null(strstr(env.error.text, "the limit is 1e+08"));
        hn_session_close(&env, session);
        hn_arena_fini(&env, &arena);
        assert_int_equal(rig.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_limited),
        cmocka_unit_test(small_models),
        cmocka_unit_test(more_models),
        cmocka_unit_test(chosen_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
