/* conv_chain_f32 over shapes that cut bands, strips and windows everywhere, against the reference; and the same bytes
 * as its convolutions one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "passes/pass.h"
#include "support/drive.h"
#include "support/planrun.h"

enum { STAGES = 3 };

typedef struct stage {
    int64_t m, k, s, pad[4]; /* m 0: depthwise */
    const char *act;
} stage;

typedef struct chain {
    int64_t n, h, w, c;
    stage stage[STAGES];
    int residual, act_first;
    int64_t pool[2]; /* 0: none */
} chain;

static const chain CHAINS[] = {
    {1, 56, 40, 16, {{40, 1, 1, {0}, "Clip"}, {0, 3, 1, {1, 1, 1, 1}, "Relu"}, {16, 1, 1, {0}, ""}}, 1, 0, {0}},
    {2,
     57,
     33,
     24,
     {{65, 1, 1, {0}, "Relu"}, {0, 3, 2, {0, 0, 1, 1}, "Clip"}, {10, 1, 1, {0}, "HardSwish"}},
     1,
     1,
     {0}},
    {1, 90, 70, 17, {{0, 3, 1, {1, 1, 1, 1}, "Relu"}, {33, 1, 1, {0}, "Silu"}}, 0, 0, {0}},
    {3, 41, 77, 9, {{33, 1, 1, {0}, ""}, {0, 5, 1, {2, 2, 2, 2}, "Tanh"}}, 0, 0, {0}},
    {1, 120, 64, 8, {{0, 3, 1, {1, 1, 1, 1}, ""}, {24, 1, 1, {0}, "Clip"}, {0, 5, 2, {2, 2, 2, 2}, "Relu"}}, 1, 0, {0}},
    {1, 200, 30, 8, {{0, 3, 2, {0, 1, 0, 1}, "Relu"}, {0, 7, 3, {3, 3, 3, 3}, "Elu"}}, 0, 0, {0}},
    {1, 4, 4, 3, {{0, 3, 1, {3, 3, 3, 3}, "Relu"}, {0, 5, 4, {4, 4, 4, 4}, ""}, {2, 1, 1, {0}, ""}}, 0, 0, {0}},
    {2, 1, 1, 5, {{7, 1, 1, {0}, ""}, {3, 1, 1, {0}, "Sigmoid"}}, 1, 1, {0}},
    {1, 90, 67, 17, {{0, 3, 1, {1, 1, 1, 1}, "Relu"}, {33, 1, 1, {0}, "Clip"}}, 1, 0, {2, 2}},
    {2, 61, 50, 9, {{20, 1, 1, {0}, "Relu"}, {0, 3, 1, {1, 1, 1, 1}, "Relu"}, {12, 1, 1, {0}, ""}}, 1, 1, {3, 5}},
    {3, 50, 40, 8, {{24, 1, 1, {0}, ""}, {0, 5, 2, {2, 2, 2, 2}, "Relu"}}, 0, 0, {1, 20}},
    {0, 5, 5, 4, {{8, 1, 1, {0}, ""}, {0, 3, 1, {1, 1, 1, 1}, ""}}, 0, 0, {0}},
};

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void drive_chain(const chain *t, uint64_t seed)
{
    drive d;
    int64_t h = t->h, w = t->w, c = t->c, strides[2 * STAGES], pads[4 * STAGES];
    double alpha[STAGES], beta[STAGES];
    hn_str act[STAGES];
    size_t count = 0;
    for (; count < STAGES && t->stage[count].k > 0; count++) {
        const stage *s = &t->stage[count];
        h = (h + s->pad[0] + s->pad[2] - s->k) / s->s + 1;
        w = (w + s->pad[1] + s->pad[3] - s->k) / s->s + 1;
        if (s->m > 0) c = s->m;
    }
    drive_begin(&d, seed);
    drive_rand(&d, false, DRIVE_DIMS(t->n, t->h, t->w, t->c), -1, 1);
    if (t->residual)
        drive_rand(&d, false, DRIVE_DIMS(t->n, h, w, c), -1, 1);
    else
        drive_absent(&d);
    c = t->c;
    for (size_t i = 0; i < count; i++) {
        const stage *s = &t->stage[i];
        drive_rand(&d, true, DRIVE_DIMS(s->m > 0 ? s->m : c, s->m > 0 ? c : 1, s->k, s->k), -0.5, 0.5);
        if (s->m > 0) c = s->m;
        if (i % 2 == 0)
            drive_rand(&d, true, DRIVE_DIMS(c), -1, 1);
        else
            drive_absent(&d);
        strides[2 * i] = strides[2 * i + 1] = s->s;
        memcpy(pads + 4 * i, s->pad, sizeof s->pad);
        act[i] = (hn_str){s->act, strlen(s->act)};
        alpha[i] = -0.3;
        beta[i] = 0.6;
    }
    hn_node *n = drive_node(&d, "hone.ConvChain", 1);
    ok(hn_node_set_ints(n, "strides", strides, 2 * count));
    ok(hn_node_set_ints(n, "pads", pads, 4 * count));
    ok(hn_node_set_strings(n, "act", act, count));
    ok(hn_node_set_floats(n, "act_alpha", alpha, count));
    ok(hn_node_set_floats(n, "act_beta", beta, count));
    ok(hn_node_set_int(n, "act_first", t->act_first));
    if (t->pool[0] > 0) ok(hn_node_set_ints(n, "pool", t->pool, 2));
    drive_check(&d, "conv_chain_f32", 1e-4, 1e-4);
    assert_false(d.unsuitable);
    assert_true(d.taken > 0);
    drive_end(&d);
}

static void chains_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CHAINS / sizeof *CHAINS; i++) drive_chain(&CHAINS[i], 100 + i);
}

static const char GRAPH[] =
    "graph \"block\" opset 21 {\n"
    "  input %x : f32[2,97,60,16]\n"
    "  const %we : f32[48,16,1,1] = random 1\n"
    "  const %be : f32[48] = random 2\n"
    "  const %wd : f32[48,1,3,3] = random 3\n"
    "  const %wp : f32[16,48,1,1] = random 4\n"
    "  %1 = hone.Conv(%x, %we, %be) {layout = 1, act = \"Clip\", act_beta = 6.0}\n"
    "  %2 = hone.Conv(%1, %wd) {group = 48, pads = [1, 1, 1, 1], layout = 1, act = \"Relu\"}\n"
    "  %3 = hone.Conv(%2, %wp, _, %x) {layout = 1}\n"
    "  %4 = hone.Pool(%3) {mode = \"max\", kernel_shape = [2, 3], strides = [2, 3], layout = 1}\n"
    "  output %4\n"
    "}\n";

/* Rows are computed by the same kernels in the same order, whatever the band and the strip they fall into. */
static void bytes_are_those_of_single_convolutions(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        hn_env env;
        hn_arena arena = {0};
        planrun apart;
        hn_plan *joined;
        hn_env_init(&env);
        ok(hn_pool_new(&env, threads, &env.pool));
        planrun_must(&env, GRAPH, false, &apart);
        const hn_tensor **in = planrun_inputs(&env, &arena, apart.plan, 5);
        const hn_tensor *want = planrun_once(&env, &arena, apart.plan, in);
        hn_graph *g = hn_graph_clone(&env, &arena, apart.graph);
        assert_non_null(g);
        size_t changes = 0;
        planrun_ok(&env, hn_pass_run(&env, g, "chain", &changes));
        assert_true(changes > 0);
        planrun_ok(&env, hn_plan_build(&env, g, &(hn_plan_options){.isa = env.isa}, &joined));
        assert_int_equal(joined->nsteps, 1);
        assert_string_equal(joined->steps[0].driver->name, "conv_chain_f32");
        assert_true(joined->arena_bytes < apart.plan->arena_bytes);
        const hn_tensor *got = planrun_once(&env, &arena, joined, in);
        assert_memory_equal(got->data, want->data, hn_tensor_elems(want) * sizeof(float));
        hn_plan_free(&env, joined);
        planrun_close(&apart);
        hn_arena_fini(&env, &arena);
        hn_pool_free(&env, env.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_match),
        cmocka_unit_test(bytes_are_those_of_single_convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
