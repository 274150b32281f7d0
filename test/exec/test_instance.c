/* instance: a warm run asks for no memory, two instances of one plan do not disturb each other, inputs of the wrong
 * shape are named, profiles add up, refused allocations leave nothing behind. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/planrun.h"
#include "support/rig.h"

/* Small enough that If takes both branches, NonZero finds other counts and Range ends elsewhere. */
enum { VARIANTS = 3 };

static void test_warm_runs_allocate_nothing(void **state)
{
    (void)state;
    hn_env plain;
    hn_arena arena = {0};
    hn_env_init(&plain);
    for (size_t g = 0; g < planrun_graph_count; g++) {
        hn_rig rig;
        hn_env env;
        planrun r;
        hn_tensor out[8];
        const hn_tensor **in[VARIANTS];
        hn_rig_init(&rig, &env);
        planrun_must(&env, planrun_graphs[g].text, true, &r);
        for (int v = 0; v < VARIANTS; v++) in[v] = planrun_inputs(&plain, &arena, r.plan, 1 + (uint64_t)v);
        for (int i = 0; i < 2 * VARIANTS; i++) planrun_ok(&env, hn_instance_run(&env, r.inst, in[i % VARIANTS], out));
        size_t before = rig.requests;
        for (int i = 0; i < 10 * VARIANTS; i++) planrun_ok(&env, hn_instance_run(&env, r.inst, in[i % VARIANTS], out));
        if (rig.requests != before)
            fail_msg("%s: %zu requests in warm runs", planrun_graphs[g].name, rig.requests - before);
        planrun_close(&r);
        assert_int_equal(rig.live, 0);
        assert_int_equal(rig.damaged, 0);
    }
    hn_arena_fini(&plain, &arena);
}

static void test_two_instances(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    planrun r;
    hn_instance *other;
    hn_tensor a[8], b[8];
    hn_env_init(&env);
    planrun_must(&env, planrun_text("cnn"), true, &r);
    planrun_ok(&env, hn_instance_new(&env, r.plan, &other));
    const hn_tensor **x = planrun_inputs(&env, &arena, r.plan, 1), **y = planrun_inputs(&env, &arena, r.plan, 2);
    hn_tensor *wx = planrun_once(&env, &arena, r.plan, x), *wy = planrun_once(&env, &arena, r.plan, y);
    planrun_ok(&env, hn_instance_run(&env, r.inst, x, a));
    planrun_ok(&env, hn_instance_run(&env, other, y, b));
    for (size_t k = 0; k < r.plan->nout; k++) {
        assert_true(hn_tensor_equal(&a[k], &wx[k]));
        assert_true(hn_tensor_equal(&b[k], &wy[k]));
        assert_false(hn_tensor_equal(&a[k], &b[k]));
    }
    assert_true(hn_instance_bytes(other) >= r.plan->arena_bytes);
    hn_instance_free(&env, other);
    planrun_close(&r);
    hn_arena_fini(&env, &arena);
}

static void refuse(planrun *r, const hn_tensor *in, const char *text)
{
    hn_tensor out[8];
    assert_int_equal(hn_instance_run(r->env, r->inst, &in, out), HN_INPUT);
    assert_string_equal(r->env->error.text, text);
    hn_error_clear(r->env);
}

static void test_wrong_inputs(void **state)
{
    (void)state;
    hn_env env;
    planrun r;
    float data[1024] = {0};
    hn_env_init(&env);
    planrun_must(&env, planrun_text("cnn"), true, &r);
    hn_tensor t = {.dtype = HN_F32, .rank = 4, .dims = {1, 3, 12, 11}, .data = data, .bytes = 1584};
    refuse(&r, &t, "input \"x\": the plan is for f32[1,3,12,12], but f32[1,3,12,11] was given");
    t.dims[3] = 12;
    t.dtype = HN_I32;
    refuse(&r, &t, "input \"x\": the plan is for f32[1,3,12,12], but i32[1,3,12,12] was given");
    t.dtype = HN_F32;
    t.rank = 3;
    refuse(&r, &t, "input \"x\": the plan is for f32[1,3,12,12], but f32[1,3,12] was given");
    refuse(&r, NULL, "input \"x\": the plan is for f32[1,3,12,12], but nothing was given");
    planrun_close(&r);
}

static void test_profile(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    planrun r;
    hn_tensor out[8];
    uint64_t runs, sum = 0;
    hn_env_init(&env);
    planrun_must(&env, planrun_text("cnn"), true, &r);
    const hn_tensor **in = planrun_inputs(&env, &arena, r.plan, 1);
    hn_instance_profile(r.inst, true);
    for (int i = 0; i < 5; i++) planrun_ok(&env, hn_instance_run(&env, r.inst, in, out));
    const uint64_t *ns = hn_instance_step_ns(r.inst, &runs);
    for (size_t s = 0; s < r.plan->nsteps; s++) sum += ns[s];
    assert_int_equal(runs, 5);
    assert_true(sum > 0);
    hn_instance_profile(r.inst, false);
    planrun_ok(&env, hn_instance_run(&env, r.inst, in, out));
    ns = hn_instance_step_ns(r.inst, &runs);
    for (size_t s = 0; s < r.plan->nsteps; s++) assert_int_equal(ns[s], 0);
    planrun_close(&r);
    hn_arena_fini(&env, &arena);
}

/* A failing step is named, and the instance runs again after it. */
static void test_failing_step(void **state)
{
    (void)state;
    const char *text = "graph \"g\" opset 21 {\n"
                       "  input %x : f32[4]\n"
                       "  input %i : i64[1]\n"
                       "  %y = Gather(%x, %i) @ \"pick\"\n"
                       "  output %y\n"
                       "}\n";
    hn_env env;
    planrun r;
    hn_env_init(&env);
    planrun_must(&env, text, true, &r);
    float x[4] = {1, 2, 3, 4};
    int64_t i = 9;
    hn_tensor a = {.dtype = HN_F32, .rank = 1, .dims = {4}, .data = x, .bytes = 16};
    hn_tensor b = {.dtype = HN_I64, .rank = 1, .dims = {1}, .data = &i, .bytes = 8}, out[1];
    const hn_tensor *in[2] = {&a, &b};
    assert_int_equal(hn_instance_run(&env, r.inst, in, out), HN_INPUT);
    assert_true(env.error.frames > 0);
    assert_string_equal(env.error.frame[env.error.frames - 1], "node \"pick\" (Gather)");
    hn_error_clear(&env);
    i = 2;
    planrun_ok(&env, hn_instance_run(&env, r.inst, in, out));
    assert_true(((float *)out[0].data)[0] == 3);
    planrun_close(&r);
}

static hn_status new_and_run(hn_env *env, const hn_plan *plan, const hn_tensor *const *in)
{
    hn_instance *inst;
    hn_tensor out[8];
    HN_TRY(hn_instance_new(env, plan, &inst));
    hn_status st = hn_instance_run(env, inst, in, out);
    if (st == HN_OK) st = hn_instance_run(env, inst, in, out);
    hn_instance_free(env, inst);
    return st;
}

static void test_torture(void **state)
{
    (void)state;
    hn_env plain;
    hn_arena arena = {0};
    hn_env_init(&plain);
    for (size_t g = 0; g < planrun_graph_count; g++) {
        planrun r;
        hn_rig rig;
        hn_env env;
        planrun_must(&plain, planrun_graphs[g].text, g % 2 == 0, &r);
        const hn_tensor **in = planrun_inputs(&plain, &arena, r.plan, 1);
        hn_rig_init(&rig, &env);
        env.isa = plain.isa;
        bool done = false;
        HN_RIG_TORTURE(rig, env, done, 2000)
        {
            done = hn_rig_check(&rig, &env, new_and_run(&env, r.plan, in));
        }
        planrun_close(&r);
    }
    hn_arena_fini(&plain, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_warm_runs_allocate_nothing),
                                       cmocka_unit_test(test_two_instances),
                                       cmocka_unit_test(test_wrong_inputs),
                                       cmocka_unit_test(test_profile),
                                       cmocka_unit_test(test_failing_step),
                                       cmocka_unit_test(test_torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
