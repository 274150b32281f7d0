/* recipes: every key is read and printed back, every mistake is named with its place and the nearest word, the
 * reference page fits the key table. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "optimize/recipe.h"
#include "support/data.h"
#include "support/rig.h"

static hn_env env;
static hn_arena arena;
static hn_recipe r;

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

static hn_status parse(const char *text)
{
    hn_error_clear(&env);
    return hn_recipe_parse(&env, &arena, text, strlen(text), &r);
}

static const char *const full =
    "schema: 1\n"
    "model: m.onnx\n"
    "model_sha256: abc\n"
    "data: \"d \\\"x\\\"\"\n"
    "preprocess: resize=256,crop=224\n"
    "label_offset: -1\n"
    "label_column: y\n"
    "limit: 500\n"
    "eval: e\n"
    "eval_limit: 60\n"
    "seed: 9007199254740991\n"
    "budget: {max_drop: 0.3, time: 90}\n"
    "target:\n  goal: size\n  isa: avx2\n  threads: 2\n"
    "passes:\n"
    "- quantize: {bits: 7, weights: per_tensor, calibration: mse, samples: 64, keep_all: true}\n"
    "- compile: {}\n";

static void check_full(void)
{
    assert_string_equal(r.model, "m.onnx");
    assert_string_equal(r.model_sha256, "abc");
    assert_string_equal(r.data, "d \"x\"");
    assert_string_equal(r.preprocess, "resize=256,crop=224");
    assert_string_equal(r.label_column, "y");
    assert_string_equal(r.eval, "e");
    assert_int_equal(r.label_offset, -1);
    assert_int_equal(r.limit, 500);
    assert_int_equal(r.eval_limit, 60);
    assert_true(r.seed == INT64_C(9007199254740991));
    assert_true(r.max_drop == 0.3 && r.time_s == 90);
    assert_string_equal(r.goal, "size");
    assert_string_equal(r.isa, "avx2");
    assert_int_equal(r.threads, 2);
    assert_string_equal(r.weights, "per_tensor");
    assert_string_equal(r.calibration, "mse");
    assert_int_equal(r.samples, 64);
    assert_true(r.keep_all && r.quantize && r.compile);
    assert_string_equal(r.bits, "7");
}

static void test_every_key(void **state)
{
    (void)state;
    assert_int_equal(parse(full), HN_OK);
    check_full();
    assert_true(hn_recipe_has(&r, "budget", "max_drop") && hn_recipe_has(&r, "quantize", "samples"));
    hn_buf b = {0};
    hn_recipe_print(&env, &r, &b);
    assert_int_equal(parse(hn_buf_str(&env, &b)), HN_OK);
    check_full();
    hn_buf_fini(&env, &b);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("schema: 1\n"), HN_OK);
    assert_null(r.model);
    assert_true(r.max_drop == 1 && !r.keep_all && r.quantize && r.compile && r.threads == 0);
    assert_string_equal(r.goal, "latency");
    assert_string_equal(r.bits, "auto");
    assert_false(hn_recipe_has(&r, "target", "goal"));
    assert_int_equal(parse("schema: 1\nbudget:\ntarget: {}\npasses: [{quantize: }, {compile: {}}]\n"), HN_OK);
}

static const struct {
    const char *text, *message;
    hn_status status;
} wrong[] = {
    {"", "line 1, column 1: the recipe is empty", HN_INPUT},
    {"- a\n", "line 1, column 1: a recipe is a mapping that starts with \"schema: 1\"", HN_INPUT},
    {"model: m\n", "line 2, column 1: the key \"schema\" is missing; write \"schema: 1\" first", HN_INPUT},
    {"schema: 2\n", "line 1, column 9: schema is \"2\"; it must be an integer from 1 to 1", HN_INPUT},
    {"schema: 1\nmodle: m\n", "line 2, column 1: there is no key \"modle\"; the nearest is \"model\"", HN_INPUT},
    {"schema: 1\nbugdet: {}\n", "line 2, column 1: there is no key \"bugdet\"; the nearest is \"budget\"", HN_INPUT},
    {"schema: 1\nbudget:\n  maxdrop: 1\n",
     "line 3, column 3: there is no key \"maxdrop\" in budget; the nearest is \"max_drop\"", HN_INPUT},
    {"schema: 1\npasses:\n- quantise: {}\n",
     "line 3, column 3: there is no pass \"quantise\"; the nearest is \"quantize\"", HN_INPUT},
    {"schema: 1\npasses:\n- prune: {}\n", "line 3, column 3: pass \"prune\" is not in this build", HN_UNSUPPORTED},
    {"schema: 1\npasses:\n- exits: {}\n", "line 3, column 3: pass \"exits\" is not in this build", HN_UNSUPPORTED},
    {"schema: 1\npasses:\n- compile: {}\n- quantize: {}\n",
     "line 4, column 3: compile is the last pass; nothing may follow it", HN_INPUT},
    {"schema: 1\npasses:\n- quantize: {}\n- quantize: {}\n", "line 4, column 3: quantize is listed twice", HN_INPUT},
    {"schema: 1\npasses: [compile: {}]\n", NULL, HN_INPUT},
    {"schema: 1\npasses:\n- compile: {level: 3}\n", "line 3, column 13: compile has no options", HN_INPUT},
    {"schema: 1\npasses: quantize\n", "line 2, column 9: passes must be a list", HN_INPUT},
    {"schema: 1\npasses:\n- quantize\n", "line 3, column 3: a pass is written as \"- NAME: {options}\"", HN_INPUT},
    {"schema: 1\nmodel: a\nmodel: b\n", "line 3, column 1: model is given twice", HN_INPUT},
    {"schema: 1\nmodel:\n", "line 2, column 7: model needs a value", HN_INPUT},
    {"schema: 1\nmodel: [a]\n", "line 2, column 8: model must be a single value", HN_INPUT},
    {"schema: 1\nmodel: &a x\ndata: *a\n", "line 3, column 7: aliases are not allowed in a recipe", HN_INPUT},
    {"schema: 1\nseed: 1.5\n", "line 2, column 7: seed is \"1.5\"; it must be an integer from 0 to 9007199254740992",
     HN_INPUT},
    {"schema: 1\nbudget: {max_drop: .nan}\n",
     "line 2, column 20: max_drop is \".nan\"; it must be a number from 0 to 100", HN_INPUT},
    {"schema: 1\nbudget: {max_drop: -1}\n", "line 2, column 20: max_drop is \"-1\"; it must be a number from 0 to 100",
     HN_INPUT},
    {"schema: 1\ntarget: {goal: speed}\n",
     "line 2, column 16: goal is \"speed\"; it must be one of latency|size|throughput", HN_INPUT},
    {"schema: 1\ntarget: {goal: latency|size}\n", NULL, HN_INPUT},
    {"schema: 1\npasses:\n- quantize: {keep_all: yes}\n",
     "line 3, column 24: keep_all is \"yes\"; it must be true or false", HN_INPUT},
    {"schema: 1\npasses:\n- quantize: {bits: 4}\n", "line 3, column 20: bits is \"4\"; it must be one of auto|7|8",
     HN_INPUT},
    {"schema: 1\npasses:\n- quantize: {bits: 7.0}\n", "line 3, column 20: bits is \"7.0\"; it must be one of auto|7|8",
     HN_INPUT},
    {"schema: 1\nmodel: \"a\\0b\"\n", "line 2, column 8: model is too long or holds a zero byte", HN_INPUT},
    {"schema: 1\n---\nschema: 1\n", "line 2, column 1: a recipe is one document", HN_INPUT},
    {"schema: [1\n", NULL, HN_INPUT},
    {"schema: 1\nmodel: \"open\n", NULL, HN_INPUT},
};

static void test_messages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        hn_status st = parse(wrong[i].text);
        if (st != wrong[i].status) fail_msg("\"%s\": %s, %s", wrong[i].text, hn_status_name(st), env.error.text);
        assert_true(strncmp(env.error.text, "line ", 5) == 0);
        if (wrong[i].message && strncmp(env.error.text, wrong[i].message, strlen(wrong[i].message)) != 0)
            fail_msg("\"%s\":\n%s\nwanted\n%s", wrong[i].text, env.error.text, wrong[i].message);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    size_t n = HN_RECIPE_MAX_BYTES + 1;
    char *text = hn_arena_alloc(&env, &arena, n + 1);
    memset(text, '#', n);
    assert_int_equal(hn_recipe_parse(&env, &arena, text, n, &r), HN_LIMIT);
    hn_error_clear(&env);
    memset(text, '[', 20000); /* deep nesting */
    assert_int_not_equal(hn_recipe_parse(&env, &arena, text, 20000, &r), HN_OK);
    hn_error_clear(&env);
    memset(text, 'x', n);
    memcpy(text, "schema: 1\nmodel: ", 17);
    assert_int_equal(hn_recipe_parse(&env, &arena, text, 17 + HN_RECIPE_MAX_TEXT + 1, &r), HN_INPUT);
    hn_error_clear(&env);
    assert_int_equal(hn_recipe_parse(&env, &arena, text, 17 + HN_RECIPE_MAX_TEXT, &r), HN_OK);
}

static void test_page(void **state)
{
    (void)state;
    char path[600];
    hn_buf b = {0};
    hn_map m;
    hn_recipe_doc(&env, &b);
    assert_int_equal(hn_buf_status(&b), HN_OK);
    (void)snprintf(path, sizeof path, "%s/docs/recipe.md", hn_test_source());
    const char *how = getenv("HONE_GOLDEN");
    if (how && strcmp(how, "write") == 0) assert_int_equal(hn_file_write(&env, path, b.data, b.size), HN_OK);
    assert_int_equal(hn_map_open(&env, path, &m), HN_OK);
    if (m.size != b.size || memcmp(m.data, b.data, b.size) != 0)
        fail_msg("docs/recipe.md does not fit the key table: make docs");
    hn_map_close(&m);
    hn_buf_fini(&env, &b);
}

static hn_status parse_and_print(hn_env *e)
{
    hn_arena a = {0};
    hn_recipe q;
    hn_buf b = {0};
    hn_status st = hn_recipe_parse(e, &a, full, strlen(full), &q);
    if (st == HN_OK) hn_recipe_print(e, &q, &b);
    if (st == HN_OK) st = hn_buf_status(&b);
    hn_buf_fini(e, &b);
    hn_arena_fini(e, &a);
    return st;
}

static void test_torture(void **state)
{
    (void)state;
    hn_rig rig;
    hn_env e;
    hn_rig_init(&rig, &e);
    bool done = false;
    HN_RIG_TORTURE(rig, e, done, 200)
    {
        done = hn_rig_check(&rig, &e, parse_and_print(&e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torture, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
