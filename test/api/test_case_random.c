/* case_random: which outputs hang on random numbers, and their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/case_random.h"
#include "ops/ops.h"

static const char text[] = "graph \"g\" opset 21 {\n"
                           "  input %x : f32[2,3]\n"
                           "  const %half : f32[] = [0.5]\n"
                           "  const %on : bool[] = [1]\n"
                           "  const %off : bool[] = [0]\n"
                           "  %u = RandomUniformLike(%x) {low = -2.0, high = 3.0}\n"
                           "  %sum = Add(%u, %x)\n"
                           "  %plain = Neg(%x)\n"
                           "  %seeded = Dropout(%x, %half, %on) {seed = 1}\n"
                           "  %unseeded = Dropout(%x, %half, %on)\n"
                           "  %shut = Dropout(%x, %half, %off)\n"
                           "  %class = Multinomial(%x) {sample_size = 2}\n"
                           "  output %u\n"
                           "  output %sum\n"
                           "  output %plain\n"
                           "  output %seeded\n"
                           "  output %unseeded\n"
                           "  output %shut\n"
                           "  output %class\n"
                           "}\n";

static void test_outputs(void **state)
{
    static const struct {
        bool random, bounded;
        double low, high;
    } want[] = {{true, true, -2, 3}, {true, false, 0, 0},  {false, false, 0, 0}, {false, false, 0, 0},
                {true, false, 0, 0}, {false, false, 0, 0}, {true, true, 0, 2}};
    hn_env env;
    hn_arena arena = {0};
    (void)state;
    hn_env_init(&env);
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (g == NULL || hn_graph_infer(g) != HN_OK) fail_msg("%s", env.error.text);
    assert_int_equal(g->nout, 7);
    for (size_t i = 0; i < g->nout; i++) {
        hn_case_random r;
        assert_int_equal(hn_case_random_of(&env, g, i, &r), HN_OK);
        assert_int_equal(r.random, want[i].random);
        assert_int_equal(r.bounded, want[i].bounded);
        if (!r.bounded) continue;
        assert_float_equal(r.low, want[i].low, 0);
        assert_float_equal(r.high, want[i].high, 0);
    }
    hn_arena_fini(&env, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_outputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
