/* real: the readers on the shared data sets, and sounds. Counts, labels and a few values that were taken from the files
 * with other tools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/size.h"
#include "data/data.h"
#include "support/data.h"

static void labels_of_each_set(void **state)
{
    (void)state;
    static const struct {
        const char *path, *reader;
        size_t count, of_class_0;
        int64_t classes;
        int rank;
        int64_t dim0;
    } row[] = {
        {"imagenet500", "folder", 500, 0, 1000, 3, 3},
        {"cifar10/test_a.bin.gz", "cifar", 5000, 511, 10, 3, 3},
        {"cifar10/train_lossless_2k.bin.gz", "cifar", 2000, 202, 10, 3, 3},
        {"cifar10/train_jpeg_25k.tar.gz", "tar", 25000, 2456, 10, 3, 3},
        {"mnist/test_a-images-idx3-ubyte.gz", "idx", 5000, 460, 10, 3, 1},
        {"mnist/train-images-idx3-ubyte.gz", "idx", 60000, 5923, 10, 3, 1},
        {"fsdd/recordings.tar.zst", "tar", 2000, 200, 10, 1, 0},
        {"audio/jfk.wav", "file", 1, 0, 0, 1, 176000},
        {"images", "folder", 6, 0, 0, 3, 3},
    };
    char path[4096];
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_test_need_data(row[i].path, path, sizeof path);
        hn_env env;
        hn_arena a = {0};
        hn_env_init(&env);
        hn_dataset *ds = NULL;
        hn_sample s;
        if (hn_dataset_open(&env, path, NULL, &ds) != HN_OK) fail_msg("%s: %s", path, env.error.text);
        size_t zeros = 0;
        for (size_t k = 0; k < ds->count; k++) zeros += hn_dataset_label(ds, k) == 0;
        print_message("%s: %s, %zu samples, %lld classes, %zu of class 0\n", row[i].path, ds->reader->name, ds->count,
                      (long long)ds->classes, zeros);
        assert_string_equal(ds->reader->name, row[i].reader);
        assert_int_equal(ds->count, row[i].count);
        assert_int_equal(ds->classes, row[i].classes);
        assert_int_equal(zeros, row[i].of_class_0);
        if (hn_dataset_read(&env, ds, ds->count - 1, &a, &s) != HN_OK) fail_msg("%s: %s", path, env.error.text);
        assert_int_equal(s.input[0].rank, row[i].rank);
        if (row[i].dim0) assert_int_equal(s.input[0].dims[0], row[i].dim0);
        hn_dataset_close(&env, ds);
        hn_arena_fini(&env, &a);
    }
}

static void every_photograph(void **state)
{
    (void)state;
    char path[4096];
    hn_test_need_data("imagenet500", path, sizeof path);
    hn_env env;
    hn_env_init(&env);
    hn_data_options o = {0};
    hn_dataset *ds = NULL;
    assert_int_equal(hn_preprocess_parse(&env, "torch", &o.pre), HN_OK);
    assert_int_equal(hn_dataset_open(&env, path, &o, &ds), HN_OK);
    for (size_t i = 0; i < ds->count; i += 7) {
        hn_arena a = {0};
        hn_sample s;
        if (hn_dataset_read(&env, ds, i, &a, &s) != HN_OK) fail_msg("%zu: %s", i, env.error.text);
        assert_int_equal(s.input[0].dims[1], 224);
        assert_int_equal(s.input[0].dims[2], 224);
        hn_arena_fini(&env, &a);
    }
    hn_dataset_close(&env, ds);
}

/* 16-bit samples are divided by 32768. */
static void sound_values(void **state)
{
    (void)state;
    char path[4096];
    hn_test_need_data("audio/yes_1000ms.wav", path, sizeof path);
    hn_env env;
    hn_arena a = {0};
    hn_map map;
    hn_dataset *ds = NULL;
    hn_sample s;
    hn_env_init(&env);
    assert_int_equal(hn_map_open(&env, path, &map), HN_OK);
    assert_int_equal(hn_dataset_open(&env, path, NULL, &ds), HN_OK);
    assert_int_equal(hn_dataset_read(&env, ds, 0, &a, &s), HN_OK);
    assert_int_equal(s.input[0].dims[0], 16000);
    const uint8_t *pcm = map.data + 44;
    for (size_t i = 0; i < 16000; i++) {
        int16_t v = (int16_t)(pcm[2 * i] | pcm[2 * i + 1] << 8);
        assert_true(((const float *)s.input[0].data)[i] == (float)v / 32768.0f);
    }
    hn_dataset_close(&env, ds);
    hn_map_close(&map);
    hn_arena_fini(&env, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_each_set),
        cmocka_unit_test(every_photograph),
        cmocka_unit_test(sound_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
