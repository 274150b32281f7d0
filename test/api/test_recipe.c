/* recipes under options: what the recipe says is used, what the caller says wins, another model is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "hone/hone.h"
#include "support/data.h"

static char dir[256], path[300], model[600];

static int setup(void **state)
{
    (void)state;
    hn_test_tmpdir(dir, sizeof dir);
    (void)snprintf(path, sizeof path, "%s/r.yaml", dir);
    (void)snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_test_rmdir(dir);
    return 0;
}

static void put(const char *rest)
{
    hn_env env;
    char text[2048];
    hn_env_init(&env);
    (void)snprintf(text, sizeof text, "schema: 1\nmodel: %s\ndata: \"glyph:200\"\n%s", model, rest);
    assert_int_equal(hn_file_write(&env, path, text, strlen(text)), HN_OK);
}

static hone_status dry(hone_env *env, hone_optimize_options o, const char *named, hone_record **record)
{
    o.recipe = path;
    o.out = dir;
    o.dry_run = true;
    return hone_optimize(env, named, &o, record);
}

static void test_merge(void **state)
{
    (void)state;
    hone_env *env;
    hone_record *record;
    hone_env_options eo = {.isa = "auto", .threads = 0};
    assert_int_equal(hone_env_new(&eo, &env), 0);
    put("seed: 7\nbudget: {max_drop: 0.25}\ntarget: {goal: size, isa: generic, threads: 3}\npasses: [{quantize: "
        "{samples: 60}}]\n");
    assert_int_equal(dry(env, (hone_optimize_options){0}, NULL, &record), 0);
    assert_true(fabs(hone_record_number(record, "max_drop", 0) - 0.25) < 1e-12);
    assert_string_equal(hone_record_string(record, "goal", ""), "size");
    assert_string_equal(hone_record_string(record, "isa", ""), "generic");
    assert_string_equal(hone_record_string(record, "data.path", ""), "glyph:200");
    assert_int_equal(hone_record_int(record, "threads", 0), 3);
    assert_int_equal(hone_record_int(record, "seed", 0), 7);
    assert_int_equal(hone_record_int(record, "data.calib_n", 0), 60);
    hone_record_free(record);
    /* What the caller says wins, and the environment is as it was. */
    hone_optimize_options o = {.max_drop = 2, .goal = "latency", .calib = 50, .data = {.data = "glyph:300"}};
    assert_int_equal(dry(env, o, model, &record), 0);
    assert_true(hone_record_number(record, "max_drop", 0) == 2);
    assert_string_equal(hone_record_string(record, "goal", ""), "latency");
    assert_string_equal(hone_record_string(record, "data.path", ""), "glyph:300");
    assert_int_equal(hone_record_int(record, "data.calib_n", 0), 50);
    hone_record_free(record);
    hone_env_free(env);
    eo = (hone_env_options){.isa = "avx2", .threads = 2, .seed = 9};
    assert_int_equal(hone_env_new(&eo, &env), 0);
    assert_int_equal(dry(env, (hone_optimize_options){0}, NULL, &record), 0);
    assert_int_equal(hone_record_int(record, "threads", 0), 2);
    assert_int_equal(hone_record_int(record, "seed", 0), 9);
    assert_string_not_equal(hone_record_string(record, "isa", ""), "bf16");
    hone_record_free(record);
    hone_env_free(env);
}

/* Optimises with the recipe `rest` into a folder of its own; what the record says of weights, and how many layers have
 * 7-bit ones. */
static size_t optimize(const char *isa, const char *rest, const char *folder, char *weights, size_t bytes)
{
    hone_env *env;
    hone_record *record;
    char out[300];
    hone_env_options eo = {.isa = isa, .threads = 1};
    (void)snprintf(out, sizeof out, "%s/%s", dir, folder);
    assert_int_equal(hone_env_new(&eo, &env), 0);
    if (rest) put(rest);
    hone_optimize_options o = {.recipe = path, .out = out};
    if (hone_optimize(env, NULL, &o, &record) != 0) fail_msg("%s", hone_env_message(env));
    (void)snprintf(weights, bytes, "%s", hone_record_string(record, "weights", ""));
    /* Nothing is dead in this model, and both count what is in the file. */
    assert_true(hone_record_number(record, "before.macs", 0) == 2738432);
    assert_true(hone_record_number(record, "after.macs", 0) == 2738432);
    size_t narrow = 0;
    for (size_t i = 0; i < hone_record_count(record, "layers"); i++) {
        char key[64];
        (void)snprintf(key, sizeof key, "layers.%zu.bits_w", i);
        const int64_t bits = hone_record_int(record, key, 0);
        assert_true(bits == 7 || bits == 8);
        narrow += bits == 7;
    }
    hone_record_free(record);
    hone_env_free(env);
    return narrow;
}

static void load(const char *folder, const char *name, hn_map *m)
{
    hn_env env;
    char file[600];
    hn_env_init(&env);
    (void)snprintf(file, sizeof file, "%s/%s/%s", dir, folder, name);
    assert_int_equal(hn_map_open(&env, file, m), HN_OK);
}

static void check_lock(const char *folder, const char *words)
{
    hn_map m;
    char text[4096];
    load(folder, "recipe.lock.yaml", &m);
    (void)snprintf(text, sizeof text, "%.*s", (int)m.size, (const char *)m.data);
    if (!strstr(text, words)) fail_msg("%s\nlacks \"%s\"", text, words);
    hn_map_close(&m);
}

/* The lock file says which width of weights was taken, and gives the same model again. */
static void test_bits(void **state)
{
    (void)state;
    char weights[200];
    hn_map first, again;
    assert_int_equal(optimize("generic", "target: {goal: size}\n", "auto", weights, sizeof weights), 0);
    assert_ptr_equal(strstr(weights, "8 bits: with generic products of bytes are added in 32 bits"), weights);
    check_lock("auto", "      bits: auto\n");
    static const char *const seven = "target: {goal: size}\npasses: [{quantize: {bits: 7}}]\n";
    const size_t narrow = optimize("auto", seven, "seven", weights, sizeof weights);
    assert_true(narrow > 0);
    assert_non_null(strstr(weights, "7 bits in "));
    assert_non_null(strstr(weights, ", as the recipe says"));
    check_lock("seven", "      bits: 7\n");
    (void)snprintf(path, sizeof path, "%s/seven/recipe.lock.yaml", dir);
    assert_int_equal(optimize("auto", NULL, "again", weights, sizeof weights), narrow);
    load("seven", "model.onnx", &first);
    load("again", "model.onnx", &again);
    assert_int_equal(first.size, again.size);
    assert_memory_equal(first.data, again.data, first.size);
    hn_map_close(&first);
    hn_map_close(&again);
}

static void refuse(const char *rest, int status, const char *words)
{
    hone_env *env;
    hone_record *record;
    hone_env_options eo = {.threads = 1};
    assert_int_equal(hone_env_new(&eo, &env), 0);
    put(rest);
    assert_int_equal(dry(env, (hone_optimize_options){0}, NULL, &record), status);
    assert_null(record);
    if (!strstr(hone_env_message(env), words)) fail_msg("\"%s\" does not say \"%s\"", hone_env_message(env), words);
    hone_env_free(env);
}

static void test_refusals(void **state)
{
    (void)state;
    refuse("model_sha256: 00ff\n", HONE_INPUT, "is not the model of the recipe");
    refuse("passes: [{quantize: {bits: 6}}]\n", HONE_INPUT, "bits is \"6\"; it must be one of auto|7|8");
    refuse("bugdet: {}\n", HONE_INPUT, "the nearest is \"budget\"");
    refuse("passes: [{distill: {}}]\n", HONE_UNSUPPORTED, "pass \"distill\" is not in this build");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_merge, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_bits, setup, teardown),
                                       cmocka_unit_test_setup_teardown(test_refusals, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
