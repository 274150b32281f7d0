/* real models: the same bytes for 1, 2 and 3 threads, and for INT8 models on every instruction set of this machine.
 * labels: threads */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/size.h"
#include "optimize/session.h"
#include "support/data.h"
#include "support/planrun.h"
#include "support/refrun.h"

typedef struct answers {
    hn_env env;
    hn_arena arena;
    hn_tensor out[8];
    size_t n;
} answers;

static void run(const char *file, size_t threads, uint64_t isa, answers *a)
{
    hn_session *s;
    hn_type types[4];
    const hn_tensor *in[4];
    hn_tensor view[8];
    const char *which;
    *a = (answers){0};
    hn_env_init(&a->env);
    a->env.isa = isa;
    planrun_ok(&a->env, hn_pool_new(&a->env, threads, &a->env.pool));
    planrun_ok(&a->env, hn_session_open(&a->env, file, NULL, &s));
    assert_true(hn_session_inputs(s) <= 4 && hn_session_outputs(s) <= 8);
    for (size_t i = 0; i < hn_session_inputs(s); i++) {
        assert_true(hn_session_default_dims(s, i, 2, &types[i], &which));
        in[i] = hn_refrun_random(&a->env, &a->arena, &types[i], 1, 7 + i);
    }
    planrun_ok(&a->env, hn_session_run(&a->env, s, in, view));
    a->n = hn_session_outputs(s);
    for (size_t i = 0; i < a->n; i++) {
        hn_tensor *copy;
        planrun_ok(&a->env, hn_tensor_copy(&a->env, &a->arena, &view[i], &copy));
        a->out[i] = *copy;
    }
    hn_session_close(&a->env, s);
}

static void done(answers *a)
{
    hn_arena_fini(&a->env, &a->arena);
    hn_pool_free(&a->env, a->env.pool);
}

static void same(const char *name, const char *what, const answers *a, const answers *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        if (!hn_tensor_equal(&a->out[i], &b->out[i])) fail_msg("%s: output %zu is not the same for %s", name, i, what);
}

static void test_threads(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10_resnet20", "mlperf_tiny_ic_int8_qdq", "dtln_1", "squeezenet1.1"};
    char root[512], file[1024];
    hn_test_need_data("models", root, sizeof root);
    for (size_t i = 0; i < HN_COUNT(names); i++) {
        answers one, more;
        char name[128];
        (void)snprintf(name, sizeof name, "models/%s/model.onnx", names[i]);
        if (!hn_test_data(name, file, sizeof file)) continue;
        run(file, 1, 0, &one);
        for (size_t t = 2; t <= 3; t++) {
            run(file, t, 0, &more);
            same(names[i], t == 2 ? "2 threads" : "3 threads", &one, &more);
            done(&more);
        }
        done(&one);
    }
}

/* Integer kernels are exact, and the few float steps around them (a softmax at the end) give the same bytes too. */
static void test_isa(void **state)
{
    (void)state;
    static const char *const names[] = {"mlperf_tiny_ad_int8_qdq", "mlperf_tiny_ic_int8_qdq",
                                        "mlperf_tiny_kws_int8_qdq", "mlperf_tiny_vww_int8_qdq",
                                        "mobilenet_v2_1.0_224_int8_qdq"};
    static const char *const levels[] = {"avx2", "avx512", "vnni"};
    char root[512], file[1024];
    hn_machine m;
    hn_test_need_data("models", root, sizeof root);
    hn_machine_read(&m);
    for (size_t i = 0; i < HN_COUNT(names); i++) {
        answers plain, other;
        char name[128];
        (void)snprintf(name, sizeof name, "models/%s/model.onnx", names[i]);
        if (!hn_test_data(name, file, sizeof file)) continue;
        run(file, 1, HN_ISA_CHOSEN, &plain);
        for (size_t k = 0; k < HN_COUNT(levels); k++) {
            uint64_t bits;
            planrun_ok(&plain.env, hn_isa_parse(&plain.env, levels[k], &bits));
            bits &= m.isa;
            if (strcmp(hn_isa_name(bits), levels[k]) != 0) {
                print_message("SKIP %s is not on this machine\n", levels[k]);
                continue;
            }
            run(file, 1, bits | HN_ISA_CHOSEN, &other);
            same(names[i], levels[k], &plain, &other);
            done(&other);
        }
        done(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_isa)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
