/* unlabelled: a model is optimised on data without labels, judged by how close its outputs stay to those in float. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/data.h"
#include "data/npy.h"
#include "hone/hone.h"
#include "support/data.h"

enum { SAMPLES = 240 };

static char root[256], model[600], data[300];

static int setup(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    hn_dataset *ds;
    hn_batch batch;
    size_t index[SAMPLES];
    hn_test_tmpdir(root, sizeof root);
    (void)snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    (void)snprintf(data, sizeof data, "%s/pictures.npy", root);
    for (size_t i = 0; i < SAMPLES; i++) index[i] = i;
    hn_env_init(&env);
    assert_int_equal(hn_dataset_open(&env, "glyph:240", NULL, &ds), HN_OK);
    assert_int_equal(hn_dataset_batch(&env, ds, index, SAMPLES, &arena, &batch), HN_OK);
    assert_int_equal(hn_npy_save(&env, data, &batch.input[0]), HN_OK);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_test_rmdir(root);
    return 0;
}

static hone_status optimize(hone_env **env, hone_optimize_options o, hone_record **record)
{
    hone_env_options eo = {.threads = 1};
    assert_int_equal(hone_env_new(&eo, env), HONE_OK);
    return hone_optimize(*env, model, &o, record);
}

static void test_fidelity(void **state)
{
    (void)state;
    hone_env *env;
    hone_record *r;
    char out[300];
    (void)snprintf(out, sizeof out, "%s/out", root);
    hone_optimize_options o = {.out = out, .goal = "size", .data = {.data = data}};
    if (optimize(&env, o, &r) != HONE_OK) fail_msg("%s", hone_env_message(env));
    assert_string_equal(hone_record_string(r, "before.metric", ""), "fidelity");
    assert_true(hone_record_number(r, "before.value", 0) == 1);
    const double after = hone_record_number(r, "after.value", 0), drop = hone_record_number(r, "drop.value", 0);
    assert_true(after > 0.9 && after < 1); /* INT8 is close, and not the same */
    assert_true(drop > 100 * (1 - after) - 1e-9 && drop < 100 * (1 - after) + 1e-9);
    assert_true(hone_record_number(r, "drop.interval.0", 9) < drop && hone_record_number(r, "drop.upper", 0) > drop);
    /* Answers are not counted where nobody knows what is right. */
    assert_false(hone_record_has(r, "after.correct"));
    assert_false(hone_record_has(r, "drop.lost"));
    assert_false(hone_record_has(r, "export_check.same_top1"));
    assert_non_null(strstr(hone_record_string(r, "verdict", ""), "fidelity drop"));
    hone_record_free(r);
    /* What was measured is taken again from the state: nothing runs but the final figures. */
    char verdict[2][500];
    o.resume = true;
    for (int k = 0; k < 2; k++) {
        hone_env_free(env);
        if (optimize(&env, o, &r) != HONE_OK) fail_msg("%s", hone_env_message(env));
        const char *from = strstr(hone_record_string(r, "verdict", ""), "fidelity");
        assert_non_null(from);
        (void)snprintf(verdict[k], sizeof verdict[k], "%s", from);
        hone_record_free(r);
    }
    assert_string_equal(verdict[0], verdict[1]);
    hone_env_free(env);
}

static void test_choice(void **state)
{
    (void)state;
    hone_env *env;
    hone_record *r;
    hone_optimize_options o = {.out = root, .dry_run = true, .metric = "top1", .data = {.data = data}};
    assert_int_equal(optimize(&env, o, &r), HONE_INPUT);
    assert_non_null(strstr(hone_env_message(env), "240 of 240 samples"));
    assert_non_null(strstr(hone_env_message(env), "--metric fidelity"));
    hone_env_free(env);
    o.metric = "recall";
    assert_int_equal(optimize(&env, o, &r), HONE_INPUT);
    hone_env_free(env);
    /* Labels for a part only: nothing is chosen silently. */
    o = (hone_optimize_options){.out = root, .dry_run = true, .data = {.data = "glyph:240"}, .eval = {.data = data}};
    assert_int_equal(optimize(&env, o, &r), HONE_INPUT);
    assert_non_null(strstr(hone_env_message(env), "have no label"));
    hone_env_free(env);
    o.metric = "fidelity";
    assert_int_equal(optimize(&env, o, &r), HONE_OK);
    assert_int_equal(hone_record_int(r, "data.test_n", 0), SAMPLES);
    hone_record_free(r);
    hone_env_free(env);
    /* The limit holds before the parts are cut. */
    o = (hone_optimize_options){.out = root, .dry_run = true, .data = {.data = data, .limit = 100}};
    assert_int_equal(optimize(&env, o, &r), HONE_OK);
    assert_int_equal(hone_record_int(r, "data.calib_n", 0) + hone_record_int(r, "data.select_n", 0) +
                         hone_record_int(r, "data.test_n", 0),
                     100);
    hone_record_free(r);
    hone_env_free(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fidelity), cmocka_unit_test(test_choice)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
