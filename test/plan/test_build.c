/* build: plans of small graphs compute what the reference run computes; views share bytes, in-place steps reuse them,
 * constants are copied once, and the checker notices a plan that was tampered with. labels: torture */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/planrun.h"
#include "support/refrun.h"
#include "support/rig.h"

static hn_env env;
static hn_arena arena;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    return 0;
}

static void check_graph(const char *text, bool compile)
{
    planrun r, source;
    planrun_must(&env, text, compile, &r);
    planrun_must(&env, text, false, &source);
    planrun_ok(&env, hn_plan_check(&env, r.plan));
    assert_true(r.plan->arena_bytes >= r.plan->arena_lower_bound_bytes);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        const hn_tensor **in = planrun_inputs(&env, &arena, r.plan, seed), *want[8];
        planrun_ok(&env, hn_refrun(&env, &arena, source.graph, in, want));
        hn_tensor *got = planrun_once(&env, &arena, r.plan, in);
        for (size_t i = 0; i < r.plan->nout; i++) {
            double d = hn_refrun_distance(&got[i], want[i], env.strict ? 1e-5 : 5e-5);
            if (!(d <= 1)) fail_msg("%s: output %zu is %g tolerances away", source.graph->name, i, d);
        }
    }
    planrun_close(&r);
    planrun_close(&source);
}

static void test_graphs_compute(void **state)
{
    (void)state;
    for (size_t i = 0; i < planrun_graph_count; i++) {
        if (strcmp(planrun_graphs[i].name, "scan") == 0) continue; /* the reference run has no axes */
        check_graph(planrun_graphs[i].text, false);
        check_graph(planrun_graphs[i].text, true);
        env.strict = true;
        check_graph(planrun_graphs[i].text, true);
        env.strict = false;
    }
}

static uint32_t value_named(const hn_plan *p, const char *name)
{
    for (uint32_t i = 0; i < p->nvalues; i++)
        if (p->values[i].name && strcmp(p->values[i].name, name) == 0) return i;
    fail_msg("no value %s", name);
    return 0;
}

static void test_views_share(void **state)
{
    (void)state;
    planrun r;
    planrun_must(&env, planrun_text("views"), false, &r);
    const hn_plan *p = r.plan;
    const hn_plan_value *x = &p->values[value_named(p, "x")], *two = &p->values[value_named(p, "two")];
    const hn_plan_value *three = &p->values[value_named(p, "three")], *four = &p->values[value_named(p, "four")];
    const hn_plan_value *c = &p->values[value_named(p, "c")], *eight = &p->values[value_named(p, "eight")];
    assert_int_equal(x->place.space, HN_SPACE_INPUT);
    assert_int_equal(two->place.space, HN_SPACE_INPUT);
    assert_int_equal(two->storage, value_named(p, "x"));
    assert_int_equal(three->place.space, HN_SPACE_ARENA);
    assert_int_equal(four->place.offset, three->place.offset);
    assert_int_equal(four->storage, value_named(p, "three"));
    assert_int_equal(c->place.space, HN_SPACE_CONST);
    assert_int_equal(eight->place.space, HN_SPACE_CONST);
    assert_int_equal(eight->place.offset, c->place.offset);
    assert_int_equal(p->nsteps, 3); /* Add, Neg, Add */
    /* Only the shapes that views took are left out of the constants. */
    assert_int_equal(p->values[value_named(p, "a")].place.space, HN_SPACE_NONE);
    assert_int_equal(p->constants_bytes, 64);
    planrun_close(&r);
}

static const char *const overwrite = "graph \"overwrite\" opset 21 {\n"
                                     "  input %x : f32[32]\n"
                                     "  %one = Exp(%x)\n"
                                     "  %two = Neg(%one)\n"
                                     "  %three = Abs(%two)\n"
                                     "  %y = Add(%three, %one)\n"
                                     "  %z = Neg(%y)\n"
                                     "  output %z\n"
                                     "}\n";

/* 1 lives across, so 2 cannot take its bytes; 3 takes those of 2, and everything fits into two blocks. */
/* Convolutions and slices that one Concat reads write into its result; what others read too is copied. */
static void test_parts_are_joined(void **state)
{
    (void)state;
    planrun r;
    planrun_must(&env, planrun_text("joined"), true, &r);
    size_t joined = 0, copied = 0;
    for (size_t i = 0; i < r.plan->nsteps; i++) {
        const hn_step *s = &r.plan->steps[i];
        if (strcmp(s->op, "Concat") != 0) continue;
        for (size_t k = 2; k < s->noperands; k++) *(s->operands[k] == HN_ABSENT ? &joined : &copied) += 1;
    }
    assert_int_equal(joined, 3);
    assert_int_equal(copied, 4);
    planrun_close(&r);
}

/* Parts lie in what they are cut from: no step, and no result takes over a part that begins elsewhere. Those of an
 * input, and those that are not one run of memory, are copied. */
static void test_parts_are_views(void **state)
{
    static const char text[] = "graph \"parts\" opset 21 {\n"
                               "  input %x : f32[1,48]\n"
                               "  const %s : i64[3] = [8, 24, 16]\n"
                               "  const %half : i64[2] = [1, 15]\n"
                               "  %z = Exp(%x)\n"
                               "  %a, %b, %c = Split(%z, %s) {axis = 1}\n"
                               "  %d = Neg(%a)\n"
                               "  %e = Neg(%c)\n"
                               "  %f, %g = Split(%e, %half) {axis = -1}\n"
                               "  %i = Add(%d, %f)\n"
                               "  %h = Abs(%g)\n"
                               "  %k, %l, %m = Split(%x, %s) {axis = 1}\n"
                               "  output %h\n"
                               "  output %i\n"
                               "  output %b\n"
                               "  output %m\n"
                               "}\n";
    (void)state;
    planrun r;
    planrun_must(&env, text, false, &r);
    const hn_plan *p = r.plan;
    const hn_plan_value *z = &p->values[value_named(p, "z")], *b = &p->values[value_named(p, "b")];
    const hn_plan_value *e = &p->values[value_named(p, "e")], *g = &p->values[value_named(p, "g")];
    assert_int_equal(b->storage, value_named(p, "z"));
    assert_int_equal(b->place.offset, z->place.offset + 8 * sizeof(float));
    assert_int_equal(g->place.offset, e->place.offset + sizeof(float));
    size_t cuts = 0;
    for (size_t i = 0; i < p->nsteps; i++) cuts += strcmp(p->steps[i].op, "Split") == 0;
    assert_int_equal(cuts, 1);
    planrun_close(&r);
    check_graph(text, false);
    check_graph(text, true);
}

/* Convolutions whose packed weights are the same bytes share them. */
static void test_equal_weights_are_there_once(void **state)
{
    (void)state;
    static const char *const format = "graph \"g\" opset 21 { input %%x : f32[1,8,9,9] input %%z : f32[1,8,12,9]\n"
                                      "const %%w : f32[24,8,1,1] = random 1 const %%v : f32[24,8,1,1] = random %d\n"
                                      "%%a = Conv(%%x, %%w) %%b = Conv(%%z, %%v) output %%a output %%b }";
    size_t blobs[2];
    for (int seed = 1; seed <= 2; seed++) {
        char text[512];
        planrun r;
        snprintf(text, sizeof text, format, seed);
        check_graph(text, true);
        planrun_must(&env, text, true, &r);
        blobs[seed - 1] = r.plan->nblobs;
        planrun_close(&r);
    }
    assert_true(blobs[0] > 0 && blobs[0] < blobs[1]);
}

static void test_in_place(void **state)
{
    (void)state;
    planrun r;
    planrun_must(&env, overwrite, false, &r);
    const hn_plan *p = r.plan;
    assert_int_equal(p->steps[0].kind, HN_STEP_DRIVER);
    assert_int_not_equal(p->values[value_named(p, "one")].place.offset, p->values[value_named(p, "two")].place.offset);
    assert_int_equal(p->values[value_named(p, "two")].place.offset, p->values[value_named(p, "three")].place.offset);
    assert_int_equal(p->arena_bytes, 2 * 128);
    assert_int_equal(p->arena_lower_bound_bytes, 2 * 128);
    check_graph(overwrite, false);
    planrun_close(&r);
}

static void test_bound_shapes_only(void **state)
{
    (void)state;
    planrun r;
    const char *text = "graph \"free\" opset 21 {\n  input %x : f32[N,3]\n  %y = Neg(%x)\n  output %y\n}\n";
    assert_int_equal(planrun_open(&env, text, false, &r), HN_INPUT);
    assert_string_equal(env.error.text, "cannot plan: input \"x\" has the shape f32[N,3]");
    assert_string_equal(env.error.hint, "bind every free dimension to a number first");
}

typedef void spoil_fn(hn_plan *p);
static void spoil_shared_place(hn_plan *p)
{
    p->values[value_named(p, "two")].place = p->values[value_named(p, "one")].place;
}
static void spoil_partial(hn_plan *p)
{
    p->values[value_named(p, "y")].place.offset += 64;
}
static void spoil_end(hn_plan *p)
{
    p->arena_bytes -= 64;
}
static void spoil_order(hn_plan *p)
{
    hn_step s = p->steps[1];
    p->steps[1] = p->steps[2];
    p->steps[2] = s;
}
static void spoil_missing(hn_plan *p)
{
    p->steps[0].written = 0;
}

static void expect_bug(spoil_fn *spoil, const char *words)
{
    planrun r;
    planrun_must(&env, overwrite, false, &r);
    assert_int_equal(hn_plan_check(&env, r.plan), HN_OK);
    spoil(r.plan);
    assert_int_equal(hn_plan_check(&env, r.plan), HN_BUG);
    if (!strstr(env.error.text, words)) fail_msg("\"%s\" does not say \"%s\"", env.error.text, words);
    hn_error_clear(&env);
    planrun_close(&r);
}

static void test_check_notices(void **state)
{
    (void)state;
    expect_bug(spoil_shared_place, "(one), whose bytes are not there or were overwritten");
    expect_bug(spoil_partial, "overlap");
    expect_bug(spoil_end, "ends beyond the arena");
    expect_bug(spoil_order, "(two), whose bytes are not there");
    expect_bug(spoil_missing, "whose bytes are not there");
}

static hn_status build_only(hn_env *e, const char *text, bool compile)
{
    planrun r;
    HN_TRY(planrun_open(e, text, compile, &r));
    planrun_close(&r);
    return HN_OK;
}

static void test_torture_build(void **state)
{
    (void)state;
    for (size_t i = 0; i < planrun_graph_count; i++) {
        hn_rig rig;
        hn_env e;
        hn_rig_init(&rig, &e);
        bool done = false;
        HN_RIG_TORTURE(rig, e, done, 3000)
        {
            done = hn_rig_check(&rig, &e, build_only(&e, planrun_graphs[i].text, i % 2 == 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_graphs_compute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_views_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_are_views, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_are_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_weights_are_there_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound_shapes_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check_notices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torture_build, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
