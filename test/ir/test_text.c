/* text form: print -> parse -> print is identical, refusals name their line, torture.
 * labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/rig.h"
#include "support/tinyops.h"

static const char *const everything =
    "graph \"all of it\" opset 21 {\n"
    "  input %x : f32[N,3,\"odd name\",?]\n"
    "  input %\"12\" : ?[*]\n"
    "  input %s : seq(f32[*])\n"
    "  input %m : map(string,f32[])\n"
    "  input %sm : seqmap(i64,f32[N])\n"
    "  input %c : bool[]\n"
    "  %a : f32[N,3,\"odd name\",?], _, %\"b\\\"\\\\\\x0a\" = Split(%x) {perm = [0, 1, -2], t = tensor u64[1] = "
    "[18446744073709551615]} @ \"node/1\"\n"
    "  const %w : f32[2,2] = [1.0, -0.0, inf, 0.1]\n"
    "  %0 = Fma(%w, %w, _) {e = ints [], f = 0.5, g = floats [], h = strings [], k = [0.5, 1e-30, nan], l = [\"p\", "
    "\"\"], "
    "m = -3, n = \"q\\x00r\", ty = type opt(i8[M])}\n"
    "  const %1 : f64[20] = splat 2.5\n"
    "  const %2 : u8[0,4] = []\n"
    "  const %3 : string[2] = [\"one\", \"\\x01two\"]\n"
    "  const %4 : f32[1] = hex 0000c07f\n"
    "  const %5 : i4[3] = hex 2103\n"
    "  const %6 : bool[2] = [0, 1]\n"
    "  const %7 : c64[1] = hex 0000000000000000\n"
    "  %8 = Concat(%1, %2, %3, %4, %5, %6, %7)\n"
    "  %9 : f32[2] = If(%c, %w) captures 1 region \"then\" {\n"
    "    input %i : f32[2,2]\n"
    "    %10 = Relu(%i)\n"
    "    output %10\n"
    "  } region \"else\" {\n"
    "    input %w : f32[2,2]\n"
    "    output %w\n"
    "  }\n"
    "  const %11 : i64[3] = [-9223372036854775808, 0, 9223372036854775807]\n"
    "  %12 = hone.Thing(%11) {axis = 1}\n"
    "  output %9\n"
    "  output %x\n"
    "  output %w\n"
    "}\n";

static char *print(hn_env *env, const hn_graph *g, hn_text_mode mode, hn_buf *b)
{
    assert_int_equal(hn_graph_print(env, g, mode, b), HN_OK);
    return (char *)(uintptr_t)hn_buf_str(env, b);
}

/* Concat's ports share a dtype, which the mixture above would break. */
static hn_op loose_concat;
static const hn_op *loose_rows[HN_COUNT(tiny_rows)];
static hn_op_table loose;

static int setup(void **state)
{
    static const hn_port any[] = {{"X", HN_T_ALL, 0, false}};
    (void)state;
    loose_concat = tiny_Concat;
    loose_concat.in = any;
    for (size_t i = 0; i < HN_COUNT(tiny_rows); ++i)
        loose_rows[i] = tiny_rows[i] == &tiny_Concat ? &loose_concat : tiny_rows[i];
    loose = (hn_op_table){loose_rows, HN_COUNT(tiny_rows)};
    return 0;
}

static void test_round_trip(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_buf first = {0}, second = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &loose, everything, strlen(everything));
    if (g == NULL) fail_msg("%s", env.error.text);
    assert_int_equal(hn_graph_verify(&env, g), HN_OK);
    assert_string_equal(print(&env, g, HN_TEXT_FULL, &first), everything);
    hn_graph *again = hn_graph_parse(&env, &arena, &loose, first.data, first.size);
    assert_non_null(again);
    assert_string_equal(print(&env, again, HN_TEXT_FULL, &second), everything);
    hn_buf_fini(&env, &first);
    hn_buf_fini(&env, &second);
    hn_arena_fini(&env, &arena);
}

static void test_random_prints_as_data(void **state)
{
    (void)state;
    static const char text[] = "graph \"\" opset 1 { const %w : f32[40] = random 7 %y = Relu(%w) output %y }";
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_buf full = {0}, hash = {0}, again = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &tiny_ops, text, sizeof(text) - 1);
    assert_non_null(g);
    assert_non_null(strstr(print(&env, g, HN_TEXT_FULL, &full), "= hex "));
    assert_non_null(strstr(print(&env, g, HN_TEXT_HASH, &hash), "= hash "));
    assert_null(hn_graph_parse(&env, &arena, &tiny_ops, hash.data, hash.size));
    hn_error_clear(&env);
    g = hn_graph_parse(&env, &arena, &tiny_ops, full.data, full.size);
    assert_string_equal(print(&env, g, HN_TEXT_FULL, &again), full.data);
    hn_buf_fini(&env, &full);
    hn_buf_fini(&env, &hash);
    hn_buf_fini(&env, &again);
    hn_arena_fini(&env, &arena);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *body, *why;
    } cases[] = {
        {"", "a body has no end"},
        {"output %x }", "line 1: a value is used before it is defined"},
        {"\n\n%y = Nope(%x) }", "line 3: there is no op Nope"},
        {"input %x : f32[1] input %x : f32[1] }", "a value is defined twice"},
        {"input %x : f33[1] }", "a type is needed here"},
        {"input %x : f32[1,1,1,1,1,1,1,1,1] }", "a rank is above 8"},
        {"input %x : f32[99999999999999999999] }", "does not fit 64 bits"},
        {"const %x : f32[3] = [1.0, 2.0] }", "','"},
        {"const %x : f32[3000000] = [1.0] }", "fewer data than the type needs"},
        {"const %x : f32[300000000000] = splat 1.0 }", "more than 67108864 bytes"},
        {"const %x : f32[9000000000,9000000000,9000000000] = splat 1.0 }", "too large"},
        {"const %x : i32[1] = [1.5] }", "an integer is needed"},
        {"const %x : f32[1] = hex 00 }", "hex data and type differ"},
        {"const %x : f32[1] = hex 0000zz00 }", "hex data hold another character"},
        {"const %x : f32[1] = hash 00 }", "a hash stands for data"},
        {"const %x : f32[N] = [1.0] }", "known dims"},
        {"input %x : f32[1] %y = Relu(%x, %x) }", "node y (Relu) has 2 inputs; it takes 1 to 1"},
        {"input %x : f32[1] %y = Add(%x, _) }", "input 1, B, is missing"},
        {"input %x : f32[1] input %z : i8[1] %y = Add(%x, %z) }", "input 1, B, is i8 where f32 is needed"},
        {"input %x : f32[1] %y = hone.Thing(%x) }", "attribute axis is required"},
        {"input %x : f32[1] %y = hone.Thing(%x) {axis = 1.0} }", "attribute axis is float where int is needed"},
        {"input %x : f32[1] %y = Relu(%x) {a = 1, a = 2} }", "given twice"},
        {"input %x : f32[1] %y = Relu(%x) {a = [1, \"s\"]} }", "mixes"},
        {"input %x : f32[1] %y = Relu(%x) {a = []} }", "an empty list needs its kind"},
        {"input %x : bool[] %y = If(%x) }", "has no region"},
        {"input %x : bool[] %y = If(%x) captures 2 region \"\" {} }", "more captures than inputs"},
        {"input %x : bool[] %y = If(%x) captures 1 region \"\" {} }", "has 0 inputs"},
        {"input %\"a\\x00b\" : bool[] }", "NUL"},
        {"input %\"a\\q\" : bool[] }", "backslash"},
        {"input %\"abc : bool[] }", "a string has no end"},
        {"} x", "text follows the graph"},
    };
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(cases); ++i) {
        char text[256];
        hn_arena arena = {0};
        int n = snprintf(text, sizeof(text), "graph \"g\" opset 1 {%s", cases[i].body);
        hn_error_clear(&env);
        hn_graph *g = hn_graph_parse(&env, &arena, &tiny_ops, text, (size_t)n);
        hn_arena_fini(&env, &arena);
        if (g != NULL) fail_msg("parsed: %s", text);
        if (strstr(env.error.text, cases[i].why) == NULL) fail_msg("%s: %s", text, env.error.text);
    }
}

static void test_nesting_is_limited(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_buf b = {0};
    hn_buf_puts(&env, &b, "graph \"\" opset 1 {");
    for (int i = 0; i < 100000; ++i) hn_buf_puts(&env, &b, "const %c : bool[] = [1] _ = If(%c) region \"\" {");
    assert_null(hn_graph_parse(&env, &arena, &tiny_ops, b.data, b.size));
    assert_non_null(strstr(env.error.text, "nested too deeply"));
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &arena);
}

static hn_status whole_way(hn_env *env)
{
    hn_arena arena = {0}, other = {0};
    hn_buf b = {0};
    hn_status st = HN_NOMEM;
    hn_graph *g = hn_graph_parse(env, &arena, &loose, everything, strlen(everything));
    hn_graph *c = g != NULL ? hn_graph_clone(env, &other, g) : NULL;
    if (c != NULL) st = hn_graph_verify(env, c);
    if (st == HN_OK) st = hn_graph_sort(c);
    if (st == HN_OK) st = hn_graph_print(env, c, HN_TEXT_FULL, &b);
    if (st == HN_OK) assert_string_equal(b.data, everything);
    hn_buf_fini(env, &b);
    hn_arena_fini(env, &arena);
    hn_arena_fini(env, &other);
    return st;
}

static void test_torture(void **state)
{
    (void)state;
    hn_rig rig;
    hn_env env;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 1000)
    {
        done = hn_rig_check(&rig, &env, whole_way(&env));
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_random_prints_as_data),
        cmocka_unit_test(test_refusals),   cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
