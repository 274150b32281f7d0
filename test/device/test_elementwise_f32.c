/* elementwise_f32: the bytes are those of the operators one by one, for operands that are dense, one number, rows,
 * columns and short rows written out, conditions, several results, and results that take over an input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "passes/pass.h"
#include "support/planrun.h"

static const char *const GRAPHS[] = {
    /* more than one task, two results, an input that dies and one that is read to the end */
    "graph \"dense\" opset 21 {\n"
    "  input %x : f32[3,7001]\n"
    "  input %y : f32[3,7001]\n"
    "  input %one : f32[1,1]\n"
    "  %0 = Floor(%x)\n"
    "  %f = Flatten(%0) {axis = 0}\n"
    "  %1 = Sigmoid(%f)\n"
    "  %2 = Mul(%1, %f)\n"
    "  %3 = Max(%2, %one)\n"
    "  %4 = Sub(%one, %3)\n"
    "  %5 = Sum(%4, %f)\n"
    "  output %2\n"
    "  output %5\n"
    "  output %y\n"
    "}\n",
    /* long rows; a number that stands for all in the first step */
    "graph \"rows and columns\" opset 21 {\n"
    "  input %x : f32[5,3,1,900]\n"
    "  input %row : f32[900]\n"
    "  input %column : f32[3,1,1]\n"
    "  input %one : f32[]\n"
    "  input %which : bool[5,1,1,1]\n"
    "  %0 = Greater(%x, %column)\n"
    "  %w = Where(%0, %x, %one)\n"
    "  %1 = Add(%w, %row)\n"
    "  %2 = PRelu(%1, %column)\n"
    "  %3 = Less(%2, %one)\n"
    "  %4 = Where(%3, %2, %row)\n"
    "  %5 = Where(%which, %4, %column)\n"
    "  %6 = HardSigmoid(%5) {alpha = 0.3, beta = 0.4}\n"
    "  output %6\n"
    "}\n",
    /* short rows of several kinds, written out piece by piece from the middle of one */
    "graph \"rows and planes\" opset 21 {\n"
    "  input %x : f32[4,301,33]\n"
    "  input %row : f32[33]\n"
    "  input %plane : f32[301,33]\n"
    "  input %which : bool[4,1,1]\n"
    "  const %c : f32[33] = random 1\n"
    "  %1 = Mul(%x, %row)\n"
    "  %2 = Add(%1, %plane)\n"
    "  %3 = Sub(%2, %c)\n"
    "  %4 = Where(%which, %3, %1)\n"
    "  %5 = Abs(%4)\n"
    "  %6 = Min(%5, %plane)\n"
    "  output %3\n"
    "  output %6\n"
    "}\n",
    /* one row again and again, written out once a task */
    "graph \"one row\" opset 21 {\n"
    "  input %x : f32[700,19]\n"
    "  input %row : f32[19]\n"
    "  input %other : bool[1,19]\n"
    "  input %one : f32[1]\n"
    "  %1 = Mul(%x, %row)\n"
    "  %2 = Add(%1, %one)\n"
    "  %3 = Where(%other, %2, %row)\n"
    "  output %3\n"
    "}\n",
    "graph \"written out\" opset 21 {\n"
    "  input %x : f32[50,8,4]\n"
    "  input %y : f32[50,8,4]\n"
    "  const %cos : f32[50,1,4] = random 1\n"
    "  const %sin : f32[50,1,4] = random 2\n"
    "  %1 = Mul(%x, %cos)\n"
    "  %2 = Mul(%y, %sin)\n"
    "  %3 = Sub(%1, %2)\n"
    "  %4 = Mul(%x, %sin)\n"
    "  %5 = Mul(%y, %cos)\n"
    "  %6 = Add(%4, %5)\n"
    "  output %3\n"
    "  output %6\n"
    "}\n",
    "graph \"one element\" opset 21 {\n"
    "  input %x : f32[1,1]\n"
    "  input %y : f32[1]\n"
    "  %1 = Exp(%x)\n"
    "  %2 = Div(%y, %1)\n"
    "  output %2\n"
    "}\n",
};

static void same_bytes(const char *text, size_t threads)
{
    hn_env env;
    hn_arena arena = {0};
    planrun apart;
    hn_plan *joined;
    hn_env_init(&env);
    planrun_ok(&env, hn_pool_new(&env, threads, &env.pool));
    planrun_must(&env, text, false, &apart);
    const hn_tensor **in = planrun_inputs(&env, &arena, apart.plan, 5);
    const hn_tensor *want = planrun_once(&env, &arena, apart.plan, in);
    hn_graph *g = hn_graph_clone(&env, &arena, apart.graph);
    assert_non_null(g);
    size_t changes = 0;
    planrun_ok(&env, hn_pass_run(&env, g, "elementwise", &changes));
    assert_int_equal(changes, 1);
    planrun_ok(&env, hn_plan_build(&env, g, &(hn_plan_options){.isa = env.isa}, &joined));
    assert_true(joined->nsteps < apart.plan->nsteps);
    assert_string_equal(joined->steps[joined->nsteps - 1].driver->name, "elementwise_f32");
    const hn_tensor *got = planrun_once(&env, &arena, joined, in);
    for (size_t i = 0; i < g->nout; i++)
        assert_memory_equal(got[i].data, want[i].data, hn_tensor_elems(&want[i]) * sizeof(float));
    hn_plan_free(&env, joined);
    planrun_close(&apart);
    hn_arena_fini(&env, &arena);
    hn_pool_free(&env, env.pool);
}

static void bytes_are_those_of_single_operators(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++)
        for (size_t i = 0; i < sizeof GRAPHS / sizeof *GRAPHS; i++) same_bytes(GRAPHS[i], threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_are_those_of_single_operators)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
