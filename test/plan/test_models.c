/* plans of real models: the checker agrees, the arena is within 5 % of its lower bound, and a saved plan runs to the
 * same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "optimize/session.h"
#include "support/data.h"
#include "support/planrun.h"

static const char *const models[] = {"cifar10_resnet20",
                                     "dtln_1",
                                     "g2p_gru",
                                     "gpt_nano_sort",
                                     "mlperf_tiny_ic",
                                     "mlperf_tiny_ic_int8_qdq",
                                     "mlperf_tiny_kws",
                                     "mnist_8",
                                     "squeezenet1.1",
                                     "mobilenet_v1_0.25_224",
                                     "mobilenet_v2_1.0_224",
                                     "ultraface_rfb_320",
                                     "silero_vad_16k"};

static bool ready(hn_env *env, hn_arena *arena, hn_session *s, hn_ready *out)
{
    size_t n = hn_session_inputs(s);
    hn_type *types = hn_arena_array(env, arena, n + 1, sizeof *types);
    assert_non_null(types);
    for (size_t i = 0; i < n; i++) {
        const char *which;
        if (!hn_session_default_dims(s, i, 1, &types[i], &which)) return false;
    }
    planrun_ok(env, hn_session_ready(env, s, types, out));
    return true;
}

static void check_model(const char *name, const char *file, const char *dir)
{
    hn_env env;
    hn_arena arena = {0};
    hn_session *s;
    hn_ready r;
    char path[512];
    hn_env_init(&env);
    planrun_ok(&env, hn_session_open(&env, file, NULL, &s));
    if (ready(&env, &arena, s, &r)) {
        const hn_plan *p = r.plan;
        double ratio = p->arena_lower_bound_bytes ? (double)p->arena_bytes / (double)p->arena_lower_bound_bytes : 1;
        print_message("%s: %zu steps, arena %zu, %.4f of its bound\n", name, p->nsteps, p->arena_bytes, ratio);
        if (!(ratio <= 1.05)) fail_msg("%s: arena %zu, bound %zu", name, p->arena_bytes, p->arena_lower_bound_bytes);
        planrun_ok(&env, hn_plan_check(&env, p));
        (void)snprintf(path, sizeof path, "%s/m.hone", dir);
        hn_status st = hn_plan_save(&env, p, path);
        if (st == HN_UNSUPPORTED) { /* regions whose shapes come at run time */
            hn_error_clear(&env);
        } else {
            hn_plan *loaded;
            planrun_ok(&env, st);
            planrun_ok(&env, hn_plan_load(&env, path, &hn_ops, &loaded));
            const hn_tensor **in = planrun_inputs(&env, &arena, p, 1);
            hn_tensor *want = planrun_once(&env, &arena, p, in), *got = planrun_once(&env, &arena, loaded, in);
            for (size_t k = 0; k < p->nout; k++)
                if (!hn_tensor_equal(&got[k], &want[k])) fail_msg("%s: output %zu differs", name, k);
            hn_plan_free(&env, loaded);
        }
    }
    hn_session_close(&env, s);
    hn_arena_fini(&env, &arena);
}

static void test_models(void **state)
{
    (void)state;
    char root[512], dir[256], file[1024];
    hn_test_need_data("models", root, sizeof root);
    hn_test_tmpdir(dir, sizeof dir);
    size_t seen = 0;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "models/%s/model.onnx", models[i]);
        if (!hn_test_data(name, file, sizeof file)) continue;
        check_model(models[i], file, dir);
        seen++;
    }
    hn_test_rmdir(dir);
    assert_true(seen > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
