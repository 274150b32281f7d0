/* pb: folders of TensorProto files in the layout of the ONNX backend tests, and loose .pb files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "data/data.h"
#include "support/data.h"

static char dir[4096];

/* dims [1 or 2, 2], FLOAT, raw data of consecutive numbers. */
static void put(hn_env *env, const char *name, uint8_t rows, uint8_t first, bool named)
{
    char path[8192];
    hn_arena a = {0};
    uint8_t b[64] = {0x08, rows, 0x08, 2, 0x10, 1}, at = 6;
    if (named) {
        memcpy(b + at, "\x42\x01x", 3);
        at += 3;
    }
    b[at++] = 0x4a;
    b[at++] = (uint8_t)(rows * 8);
    for (uint8_t i = 0; i < rows * 2; i++, at += 4) {
        float v = (float)(first + i);
        memcpy(b + at, &v, 4);
    }
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(hn_dir_make(env, hn_path_dir(env, &a, path)), HN_OK);
    assert_int_equal(hn_file_write(env, path, b, at), HN_OK);
    hn_arena_fini(env, &a);
}

static void cases(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_dataset *ds = NULL;
    hn_sample s;
    hn_batch b;
    char path[8192];
    static const size_t index[2] = {0, 1};
    hn_env_init(&env);
    put(&env, "c/test_data_set_2/input_0.pb", 1, 10, true);
    put(&env, "c/test_data_set_2/input_1.pb", 2, 20, false);
    put(&env, "c/test_data_set_10/input_0.pb", 2, 30, true);
    put(&env, "c/test_data_set_10/input_1.pb", 1, 40, false);
    put(&env, "c/test_data_set_10/output_0.pb", 1, 99, false);
    (void)snprintf(path, sizeof path, "%s/c", dir);
    if (hn_dataset_open(&env, path, NULL, &ds) != HN_OK) fail_msg("%s", env.error.text);
    assert_string_equal(ds->reader->name, "pb");
    assert_true(ds->whole);
    assert_int_equal(ds->count, 2);
    assert_string_equal(ds->name[1], "test_data_set_10");
    assert_int_equal(hn_dataset_read(&env, ds, 0, &a, &s), HN_OK);
    assert_int_equal(s.inputs, 2);
    assert_string_equal(s.input_name[0], "x");
    assert_null(s.input_name[1]);
    assert_int_equal(s.input[1].dims[0], 2);
    assert_int_equal(hn_dataset_batch(&env, ds, index, 2, &a, &b), HN_OK);
    assert_int_equal(b.input[0].dims[0], 3);
    assert_true(((const float *)b.input[0].data)[0] == 10.0f && ((const float *)b.input[0].data)[5] == 33.0f);
    hn_dataset_close(&env, ds);

    (void)snprintf(path, sizeof path, "%s/c/test_data_set_10", dir);
    assert_int_equal(hn_dataset_open(&env, path, NULL, &ds), HN_OK);
    assert_int_equal(ds->count, 1);
    assert_int_equal(hn_dataset_batch(&env, ds, index, 1, &a, &b), HN_OK);
    assert_int_equal(b.inputs, 2);
    assert_int_equal(b.input[0].dims[0], 2);
    hn_dataset_close(&env, ds);

    put(&env, "loose/b.pb", 1, 1, false);
    put(&env, "loose/a.pb", 1, 3, false);
    (void)snprintf(path, sizeof path, "%s/loose", dir);
    assert_int_equal(hn_dataset_open(&env, path, NULL, &ds), HN_OK);
    assert_int_equal(ds->count, 2);
    assert_int_equal(hn_dataset_read(&env, ds, 0, &a, &s), HN_OK);
    assert_true(((const float *)s.input[0].data)[0] == 3.0f);
    hn_dataset_close(&env, ds);
    (void)snprintf(path, sizeof path, "%s/loose/a.pb", dir);
    assert_int_equal(hn_file_write(&env, path, "\x08\xff", 2), HN_OK);
    (void)snprintf(path, sizeof path, "%s/loose", dir);
    assert_int_equal(hn_dataset_open(&env, path, NULL, &ds), HN_OK);
    assert_int_equal(hn_dataset_read(&env, ds, 0, &a, &s), HN_INPUT);
    hn_error_clear(&env);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
}

static int set_up(void **state)
{
    (void)state;
    hn_test_tmpdir(dir, sizeof dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hn_test_rmdir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
