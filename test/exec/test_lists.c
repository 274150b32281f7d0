/* lists: sequences that grow in a Loop. What is copied is read off env.work, which counts the bytes that lists take,
 * and allocations off the rig. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/planrun.h"
#include "support/rig.h"

static hn_rig rig;
static hn_env env;
static planrun r;
static hn_tensor out[2];

static int setup(void **state)
{
    (void)state;
    hn_rig_init(&rig, &env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    planrun_close(&r);
    return rig.live != 0 || rig.damaged != 0;
}

/* n iterations; returns the work of the run less `fixed` for each iteration. */
static double run(int64_t n)
{
    static float x[64];
    for (int i = 0; i < 64; i++) x[i] = (float)i;
    hn_tensor trips = {.dtype = HN_I64, .data = &n, .bytes = 8};
    hn_tensor data = {.dtype = HN_F32, .rank = 1, .dims = {64}, .data = x, .bytes = sizeof x};
    planrun_ok(&env, hn_instance_run(&env, r.inst, (const hn_tensor *[]){&trips, &data}, out));
    return env.work;
}

/* Entry i of the sequence is x + want. */
static void entry(const hn_tensor *t, size_t i, float want)
{
    const hn_tensor *e = hn_tensor_item(t, i);
    assert_int_equal(e->dtype, HN_F32);
    assert_int_equal(e->dims[0], 64);
    for (int k = 0; k < 64; k++)
        if (((float *)e->data)[k] != (float)k + want)
            fail_msg("entry %zu, element %d: %g, not %g", i, k, (double)((float *)e->data)[k],
                     (double)k + (double)want);
}

#define HEAD                                                                                             \
    "graph \"lists\" opset 21 {\n"                                                                       \
    "  input %n : i64[]\n"                                                                               \
    "  input %x : f32[64]\n"                                                                             \
    "  const %on : bool[] = [1]\n"                                                                       \
    "  const %one : f32[] = [1]\n"                                                                       \
    "  %xs = SequenceConstruct(%x)\n"                                                                    \
    "  %s = Loop(%n, %on, %xs, %x) captures 1 region \"body\" {\n"                                       \
    "    input %i : i64[]\n    input %u : bool[]\n    input %l : seq(f32[64])\n    input %y : f32[64]\n" \
    "    %d = Cast(%i) {to = 1}\n"                                                                       \
    "    %e = Add(%y, %d)\n"
#define TAIL "    output %u\n    output %m\n  }\n  output %s\n}\n"

static void linear(const char *text)
{
    planrun_must(&env, text, false, &r);
    double few = run(1000) - run(500), many = run(2000) - run(1000);
    size_t before = rig.requests;
    assert_true(run(2000) > 2000 * 256.0); /* each entry is copied */
    assert_int_equal(rig.requests, before);
    /* Twice the entries, twice the bytes; records double now and then. */
    if (many > 2.6 * few) fail_msg("500 more entries take %g, 1000 more %g", few, many);
    assert_true(few < 500 * 6000.0);
}

static void test_append(void **state)
{
    (void)state;
    linear(HEAD "    %m = SequenceInsert(%l, %e)\n" TAIL);
    assert_int_equal(out[0].dims[0], 2001);
    entry(&out[0], 0, 0);
    for (size_t i = 0; i < 2000; i++) entry(&out[0], i + 1, (float)i);
}

static void test_append_by_condition(void **state)
{
    (void)state;
    linear(HEAD "    const %two : i64[] = [2]\n    %odd = Mod(%i, %two)\n    %c = Cast(%odd) {to = 9}\n"
                "    %k = SequenceLength(%l)\n"
                "    %m = If(%c, %l, %e, %k) captures 3 region \"then\" {\n"
                "      input %a : seq(f32[64])\n      input %b : f32[64]\n      input %p : i64[]\n"
                "      %q = SequenceInsert(%a, %b, %p)\n      output %q\n"
                "    } region \"else\" {\n"
                "      input %a : seq(f32[64])\n      input %b : f32[64]\n      input %p : i64[]\n      output %a\n"
                "    }\n" TAIL);
    assert_int_equal(out[0].dims[0], 1001);
    for (size_t i = 0; i < 1000; i++) entry(&out[0], i + 1, (float)(2 * i + 1));
}

static void test_append_twice(void **state)
{
    (void)state;
    linear(HEAD "    %m1 = SequenceInsert(%l, %y)\n    %m = SequenceInsert(%m1, %e)\n" TAIL);
    assert_int_equal(out[0].dims[0], 4001);
    for (size_t i = 0; i < 2000; i++) {
        entry(&out[0], 2 * i + 1, 0);
        entry(&out[0], 2 * i + 2, (float)i);
    }
}

/* The list is read again after it was appended to: both views hold what they should. */
static void test_still_in_use(void **state)
{
    (void)state;
    planrun_must(&env,
                 HEAD "    const %last : i64[] = [-1]\n    %m1 = SequenceInsert(%l, %e)\n"
                      "    %m2 = SequenceInsert(%l, %y)\n    %b = SequenceAt(%m2, %last)\n"
                      "    %a = SequenceAt(%m1, %last)\n    %z = Sub(%a, %b)\n    %w = Add(%z, %y)\n"
                      "    %m = SequenceInsert(%m2, %w)\n" TAIL,
                 false, &r);
    run(100);
    assert_int_equal(out[0].dims[0], 201);
    for (size_t i = 0; i < 100; i++) {
        entry(&out[0], 2 * i + 1, 0);
        entry(&out[0], 2 * i + 2, (float)i);
    }
}

static void test_front_and_erase(void **state)
{
    (void)state;
    planrun_must(&env,
                 HEAD "    const %zero : i64[] = [0]\n    %m1 = SequenceInsert(%l, %e, %zero)\n"
                      "    %k = SequenceLength(%m1)\n    const %three : i64[] = [3]\n    %c = Greater(%k, %three)\n"
                      "    %m = If(%c, %m1) captures 1 region \"then\" {\n      input %a : seq(f32[64])\n"
                      "      %q = SequenceErase(%a)\n      output %q\n    } region \"else\" {\n"
                      "      input %a : seq(f32[64])\n      output %a\n    }\n" TAIL,
                 false, &r);
    for (int again = 0; again < 2; again++) {
        run(50);
        assert_int_equal(out[0].dims[0], 3);
        for (size_t i = 0; i < 3; i++) entry(&out[0], i, (float)(49 - i));
    }
}

/* Two lists change places each time, and one grows. */
static void test_swap(void **state)
{
    (void)state;
    planrun_must(&env,
                 "graph \"lists\" opset 21 {\n"
                 "  input %n : i64[]\n  input %x : f32[64]\n  const %on : bool[] = [1]\n"
                 "  %xs = SequenceConstruct(%x)\n"
                 "  %s, %t = Loop(%n, %on, %xs, %xs, %x) captures 1 region \"body\" {\n"
                 "    input %i : i64[]\n    input %u : bool[]\n    input %a : seq(f32[64])\n"
                 "    input %b : seq(f32[64])\n    input %y : f32[64]\n"
                 "    %d = Cast(%i) {to = 1}\n    %e = Add(%y, %d)\n    %m = SequenceInsert(%a, %e)\n"
                 "    output %u\n    output %b\n    output %m\n  }\n"
                 "  output %s\n  output %t\n}\n",
                 false, &r);
    run(7);
    assert_int_equal(out[0].dims[0], 4);
    assert_int_equal(out[1].dims[0], 5);
    for (size_t i = 0; i < 3; i++) entry(&out[0], i + 1, (float)(2 * i + 1));
    for (size_t i = 0; i < 4; i++) entry(&out[1], i + 1, (float)(2 * i));
}

/* Every allocation refused in turn. */
static void test_refused(void **state)
{
    bool done = false;
    (void)state;
    HN_RIG_TORTURE(rig, env, done, 2000)
    {
        hn_status st = planrun_open(&env, HEAD "    %m = SequenceInsert(%l, %e)\n" TAIL, false, &r);
        int64_t n = 100;
        float x[64] = {0};
        hn_tensor trips = {.dtype = HN_I64, .data = &n, .bytes = 8};
        hn_tensor data = {.dtype = HN_F32, .rank = 1, .dims = {64}, .data = x, .bytes = sizeof x};
        if (st == HN_OK) {
            st = hn_instance_run(&env, r.inst, (const hn_tensor *[]){&trips, &data}, out);
            planrun_close(&r);
        }
        done = hn_rig_check(&rig, &env, st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_append, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_by_condition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_still_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_front_and_erase, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
