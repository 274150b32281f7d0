/* dataset: each reader on small files made here, errors that name line or byte, batches, and splits that never overlap.
 * labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/io.h"
#include "base/pool.h"
#include "base/size.h"
#include "data/data.h"
#include "data/npy.h"
#include "support/data.h"
#include "support/rig.h"

static char dir[4096];

static const char *at(const char *name)
{
    static char path[4][8192];
    static int next;
    next = (next + 1) % 4;
    (void)snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void put(const char *name, const void *data, size_t n)
{
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    assert_int_equal(hn_dir_make(&env, hn_path_dir(&env, &a, at(name))), HN_OK);
    assert_int_equal(hn_file_write(&env, at(name), data, n), HN_OK);
    hn_arena_fini(&env, &a);
}

static void put_gz(const char *name, const void *data, size_t n)
{
    gzFile f = gzopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, data, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

static void copy_picture(const char *from, const char *to)
{
    hn_env env;
    hn_map map;
    char path[8192];
    hn_env_init(&env);
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/image/%s", hn_test_source(), from);
    assert_int_equal(hn_map_open(&env, path, &map), HN_OK);
    put(to, map.data, map.size);
    hn_map_close(&map);
}

static hn_dataset *open_set(hn_env *env, const char *path, const hn_data_options *o)
{
    hn_dataset *ds = NULL;
    if (hn_dataset_open(env, path, o, &ds) != HN_OK) fail_msg("%s: %s", path, env->error.text);
    return ds;
}

static void refuse(hn_env *env, const char *path, const hn_data_options *o, hn_status want, const char *text)
{
    hn_dataset *ds = NULL;
    assert_int_equal(hn_dataset_open(env, path, o, &ds), want);
    if (!strstr(env->error.text, text)) fail_msg("%s: \"%s\" lacks \"%s\"", path, env->error.text, text);
    assert_null(ds);
    hn_error_clear(env);
}

static hn_sample sample(hn_env *env, const hn_dataset *ds, size_t i, hn_arena *a)
{
    hn_sample s;
    if (hn_dataset_read(env, ds, i, a, &s) != HN_OK) fail_msg("sample %zu: %s", i, env->error.text);
    return s;
}

static void folders(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    copy_picture("png_rgb", "f1/cat/a.png");
    copy_picture("jpeg_rgb", "f1/cat/b.jpg");
    copy_picture("png_bit", "f1/dog/c.png");
    put("f1/dog/notes.md", "x", 1);
    hn_dataset *ds = open_set(&env, at("f1"), NULL);
    assert_string_equal(ds->reader->name, "folder");
    assert_int_equal(ds->count, 3);
    assert_int_equal(ds->classes, 2);
    assert_string_equal(ds->class_name[1], "dog");
    hn_sample s = sample(&env, ds, 2, &a);
    assert_int_equal(s.label, 1);
    assert_string_equal(s.name, "dog/c.png");
    assert_int_equal(s.input[0].dims[0], 3); /* gray pictures become RGB */
    assert_int_equal(s.input[0].dims[1], 7);
    assert_int_equal(hn_dataset_labelled(ds), 3);
    static const size_t all[3] = {2, 0, 1};
    hn_batch b;
    assert_int_equal(hn_dataset_batch(&env, ds, all, 3, &a, &b), HN_OK);
    assert_int_equal(b.input[0].rank, 4);
    assert_int_equal(b.input[0].dims[0], 3);
    assert_memory_equal(b.input[0].data, s.input[0].data, s.input[0].bytes);
    assert_int_equal(b.label[0], 1);
    assert_int_equal(b.label[1], 0);
    hn_dataset_close(&env, ds);

    copy_picture("png_rgb", "f2/10/a.png");
    copy_picture("png_rgb", "f2/9/a.png");
    ds = open_set(&env, at("f2"), NULL);
    assert_int_equal(hn_dataset_label(ds, 0), 10);
    assert_int_equal(hn_dataset_label(ds, 1), 9);
    assert_int_equal(ds->classes, 11);
    hn_dataset_close(&env, ds);

    copy_picture("png_rgb", "f3/z.png");
    hn_data_options o = {.label_offset = 1};
    ds = open_set(&env, at("f3"), &o);
    assert_int_equal(hn_dataset_label(ds, 0), -1);
    assert_int_equal(hn_dataset_labelled(ds), 0);
    hn_dataset_close(&env, ds);

    static const char tsv[] = "file\tclass_index\tname\r\ncat/a.png\t3\tx\r\n\r\ndog/c.png\t5\ty\n";
    put("f1/labels.tsv", tsv, sizeof tsv - 1);
    ds = open_set(&env, at("f1"), &o);
    assert_int_equal(ds->count, 2);
    assert_int_equal(hn_dataset_label(ds, 1), 6);
    assert_int_equal(ds->classes, 7);
    hn_dataset_close(&env, ds);

    static const struct {
        const char *text, *error;
    } bad[] = {
        {"file\tclass\na\t1\n", "no column \"class_index\""},
        {"name\tclass_index\n", "no column \"file\""},
        {"file\tclass_index\na.png\n", "line 2 has 1 columns"},
        {"file\tclass_index\na.png\tx\n", "line 2, column 2: \"x\" is not a class number"},
        {"file\tclass_index\n../a.png\t1\n", "leaves the folder"},
        {"file\tclass_index\n/etc/passwd\t1\n", "leaves the folder"},
        {"file\tclass_index\nx/..\t1\n", "leaves the folder"},
        {"file\tclass_index\na.png\t99999999999999999999\n", "not a class number"},
        {"file\tclass_index\na.png\t3000000000\n", "outside 0.."},
        {"file\tclass_index\n", "no picture"},
        {"", "no column"},
    };
    for (size_t i = 0; i < HN_COUNT(bad); i++) {
        put("f1/labels.tsv", bad[i].text, strlen(bad[i].text));
        refuse(&env, at("f1"), NULL, HN_INPUT, bad[i].error);
    }
    refuse(&env, at("nowhere"), NULL, HN_INPUT, "no file or folder");
    o = (hn_data_options){.reader = "foldr"};
    refuse(&env, at("f1"), &o, HN_INPUT, "foldr");
    hn_arena_fini(&env, &a);
}

static void batches_of_unlike_samples(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    copy_picture("png_rgb", "m/a.png");
    hn_dataset *ds = open_set(&env, at("m"), NULL);
    hn_sample s;
    assert_int_equal(hn_dataset_read(&env, ds, 1, &a, &s), HN_INPUT);
    hn_error_clear(&env);
    hn_dataset_close(&env, ds);
    put("m/b.png", "not a picture", 13);
    ds = open_set(&env, at("m"), NULL);
    static const size_t both[2] = {0, 1};
    hn_batch b;
    assert_int_equal(hn_dataset_batch(&env, ds, both, 2, &a, &b), HN_INPUT);
    assert_non_null(strstr(env.error.frame[0], "b.png"));
    hn_error_clear(&env);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
}

enum { REC = 3073 };

static void cifar(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    static uint8_t r[3 * (REC + 1)];
    for (size_t i = 0; i < sizeof r; i++) r[i] = (uint8_t)(i % 251);
    r[0] = 9;
    r[REC] = 0;
    r[2 * REC] = 4;
    put("c10.bin", r, 3 * REC);
    put_gz("c10.bin.gz", r, 3 * REC);
    for (int gz = 0; gz < 2; gz++) {
        hn_dataset *ds = open_set(&env, at(gz ? "c10.bin.gz" : "c10.bin"), NULL);
        assert_string_equal(ds->reader->name, "cifar");
        assert_int_equal(ds->count, 3);
        assert_int_equal(ds->classes, 10);
        hn_sample s = sample(&env, ds, 2, &a);
        assert_int_equal(s.label, 4);
        const float *f = s.input[0].data;
        for (size_t i = 0; i < REC - 1; i++) assert_true(f[i] == (float)r[2 * REC + 1 + i]);
        hn_dataset_close(&env, ds);
    }
    for (size_t i = 0; i < 3; i++) {
        r[i * (REC + 1)] = 19;
        r[i * (REC + 1) + 1] = (uint8_t)(97 + i);
    }
    put("c100.bin", r, 3 * (REC + 1));
    hn_dataset *ds = open_set(&env, at("c100.bin"), NULL);
    assert_int_equal(ds->classes, 100);
    assert_int_equal(hn_dataset_label(ds, 2), 99);
    hn_dataset_close(&env, ds);
    hn_data_options o = {.reader = "cifar"};
    put("bad.bin", r, 3 * REC - 1);
    refuse(&env, at("bad.bin"), &o, HN_INPUT, "no whole number of CIFAR records");
    r[0] = 1;
    r[REC] = 77;
    put("bad.bin", r, 2 * REC);
    refuse(&env, at("bad.bin"), &o, HN_INPUT, "record 1 at byte 3073 has label 77");
    put("bad.bin", r, 0);
    refuse(&env, at("bad.bin"), &o, HN_INPUT, "");
    o.max_bytes = 2 * REC;
    refuse(&env, at("c10.bin.gz"), &o, HN_LIMIT, "limit");
    hn_arena_fini(&env, &a);
}

static void idx(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    uint8_t x[16 + 12] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    uint8_t y[8 + 2] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};
    put_gz("idx1-skip", x, 1);
    put("idx/t-images-idx3-ubyte", x, sizeof x);
    put_gz("idx/t-labels-idx1-ubyte.gz", y, sizeof y);
    hn_dataset *ds = open_set(&env, at("idx"), NULL);
    assert_string_equal(ds->reader->name, "idx");
    assert_int_equal(ds->count, 2);
    assert_int_equal(ds->classes, 8);
    hn_sample s = sample(&env, ds, 1, &a);
    assert_int_equal(s.label, 3);
    assert_int_equal(s.input[0].dims[0], 1);
    assert_int_equal(s.input[0].dims[2], 3);
    assert_true(((const float *)s.input[0].data)[5] == 12.0f);
    hn_dataset_close(&env, ds);
    /* Floats are big-endian. */
    uint8_t f[8 + 8] = {0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
    put("idx/f", f, sizeof f);
    ds = open_set(&env, at("idx/f"), NULL);
    s = sample(&env, ds, 1, &a);
    assert_true(((const float *)s.input[0].data)[0] == -2.0f);
    hn_dataset_close(&env, ds);
    hn_data_options o = {.reader = "idx"};
    for (size_t n = 0; n < sizeof x; n++) {
        put("idx/t-images-idx3-ubyte", x, n);
        refuse(&env, at("idx/t-images-idx3-ubyte"), &o, HN_INPUT, "");
    }
    x[4] = 0xff;
    put("idx/t-images-idx3-ubyte", x, sizeof x);
    refuse(&env, at("idx/t-images-idx3-ubyte"), &o, HN_INPUT, "promises");
    x[4] = 0;
    y[7] = 1;
    put("idx/t-images-idx3-ubyte", x, sizeof x);
    put_gz("idx/t-labels-idx1-ubyte.gz", y, 9);
    refuse(&env, at("idx"), NULL, HN_INPUT, "1 labels for 2 pictures");
    hn_arena_fini(&env, &a);
}

static void csv(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    static const char text[] = "\xef\xbb\xbf"
                               "a,label,\"b, c\"\r\n1, yes ,2.5\n\n-3e2,no,\"4\"\n0.5,yes,0";
    put("t.csv", text, sizeof text - 1);
    hn_dataset *ds = open_set(&env, at("t.csv"), NULL);
    assert_int_equal(ds->count, 3);
    assert_int_equal(ds->classes, 2);
    assert_string_equal(ds->class_name[0], "no");
    assert_int_equal(hn_dataset_label(ds, 0), 1);
    assert_int_equal(hn_dataset_label(ds, 1), 0);
    hn_sample s = sample(&env, ds, 1, &a);
    assert_int_equal(s.input[0].dims[0], 2);
    assert_true(((const float *)s.input[0].data)[0] == -300.0f);
    assert_true(((const float *)s.input[0].data)[1] == 4.0f);
    hn_dataset_close(&env, ds);
    static const char plain[] = "1\t2\t3\n4\t5\t6\n";
    put("t.tsv", plain, sizeof plain - 1);
    hn_data_options o = {.label_column = "2"};
    ds = open_set(&env, at("t.tsv"), &o);
    assert_int_equal(ds->count, 2);
    assert_int_equal(hn_dataset_label(ds, 1), 6);
    hn_dataset_close(&env, ds);
    static const struct {
        const char *text, *label, *error;
    } bad[] = {
        {"a,b\n1,2\n3\n", NULL, "line 3 has 1 columns, the first line has 2"},
        {"a,b\n1,2\n3,x\n", NULL, "line 3, column 2 (b): \"x\" is not a number"},
        {"a,b\n1,\n", NULL, "line 2, column 2 (b): \"\" is not a number"},
        {"a,b\n1,nan\n", NULL, "is not a number"},
        {"a,b\n1,1e39\n", NULL, "is not a number"},
        {"a,b\n\"1\n2\",2\n3,\"4\n", NULL, "line 2, column 1"},
        {"a,b\n3,\"4\n", NULL, "the quote is never closed"},
        {"a,b\n3,\"4\"x\n", NULL, "text follows the closing quote"},
        {"a,b\n1,2\n", "bb", "no column \"bb\""},
        {"label\n1\n", NULL, "no column but the label"},
        {"a,b\n", NULL, "no samples"},
        {"", NULL, "empty"},
    };
    for (size_t i = 0; i < HN_COUNT(bad); i++) {
        o.label_column = bad[i].label;
        put("bad.csv", bad[i].text, strlen(bad[i].text));
        refuse(&env, at("bad.csv"), &o, HN_INPUT, bad[i].error);
    }
    hn_arena_fini(&env, &a);
}

static void npy(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    hn_tensor t, back;
    int64_t dims[3] = {2, 3, 2};
    assert_int_equal(hn_tensor_init(&env, &a, &t, HN_I16, 3, dims), HN_OK);
    for (size_t i = 0; i < 12; i++) hn_set_i64(&t, i, (int64_t)i * 1000 - 4000);
    assert_int_equal(hn_npy_save(&env, at("x.npy"), &t), HN_OK);
    assert_int_equal(hn_npy_load(&env, &a, at("x.npy"), &back), HN_OK);
    assert_true(hn_tensor_equal(&t, &back));
    hn_dataset *ds = open_set(&env, at("x.npy"), NULL);
    assert_int_equal(ds->count, 2);
    hn_sample s = sample(&env, ds, 1, &a);
    assert_int_equal(s.input[0].rank, 2);
    assert_int_equal(hn_get_i64(&s.input[0], 0), 2000);
    hn_dataset_close(&env, ds);
    /* Big-endian, column-major: numpy.asfortranarray([[1, 2, 3], [4, 5, 6]], '>i4'). */
    uint8_t f[128 + 24] = "\x93NUMPY\x01\x00\x76\x00{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3), }";
    static const uint8_t order[6] = {1, 4, 2, 5, 3, 6};
    for (size_t i = strlen((char *)f + 10) + 10; i < 128; i++) f[i] = ' ';
    for (size_t i = 0; i < 6; i++) f[128 + 4 * i + 3] = order[i];
    put("f.npy", f, sizeof f);
    assert_int_equal(hn_npy_load(&env, &a, at("f.npy"), &back), HN_OK);
    for (int64_t i = 0; i < 6; i++) assert_int_equal(hn_get_i64(&back, (size_t)i), i + 1);
    ds = open_set(&env, at("f.npy"), NULL);
    s = sample(&env, ds, 1, &a);
    assert_int_equal(hn_get_i64(&s.input[0], 2), 6);
    hn_dataset_close(&env, ds);
    for (size_t n = 0; n < sizeof f; n++) {
        hn_cursor c = hn_cursor_make(f, n);
        assert_int_equal(hn_npy_read(&env, &a, &c, &back), HN_INPUT);
        hn_error_clear(&env);
    }
    for (size_t bit = 0; bit < 70 * 8; bit++) {
        f[bit / 8] ^= (uint8_t)(1u << bit % 8);
        hn_cursor c = hn_cursor_make(f, sizeof f);
        hn_status st = hn_npy_read(&env, &a, &c, &back);
        assert_true(st == HN_OK || st == HN_INPUT || st == HN_UNSUPPORTED || st == HN_LIMIT);
        hn_error_clear(&env);
        f[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    hn_arena_fini(&env, &a);
}

static void glyphs(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    hn_dataset *ds = open_set(&env, "glyph:100:7:0.5:calib", NULL);
    assert_int_equal(ds->count, 100);
    assert_int_equal(ds->classes, 20);
    assert_string_equal(ds->class_name[2], "Q");
    hn_sample s = sample(&env, ds, 3, &a);
    assert_int_equal(s.input[0].dims[1], 24);
    hn_dataset_close(&env, ds);
    static const char *const bad[] = {
        "glyph:",         "glyph:0", "glyph:x", "glyph:5:-1", "glyph:5:1:9", "glyph:5:1:1:tset", "glyph:5:1:1:test:1",
        "glyph:200000000"};
    for (size_t i = 0; i < HN_COUNT(bad); i++) refuse(&env, bad[i], NULL, HN_INPUT, "glyph");
    hn_arena_fini(&env, &a);
}

static void splits(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    hn_dataset *ds = open_set(&env, "glyph:1000", NULL);
    static const size_t counts[HN_PARTS] = {100, 60, SIZE_MAX};
    hn_split s, again, other;
    assert_int_equal(hn_dataset_split(&env, ds, counts, 1, &a, &s), HN_OK);
    assert_int_equal(hn_dataset_split(&env, ds, counts, 1, &a, &again), HN_OK);
    assert_int_equal(hn_dataset_split(&env, ds, counts, 2, &a, &other), HN_OK);
    assert_int_equal(s.count[HN_PART_TEST], 840);
    unsigned char seen[1000] = {0};
    for (int p = 0; p < HN_PARTS; p++) {
        int of_class[20] = {0};
        for (size_t i = 0; i < s.count[p]; i++) {
            assert_true(i == 0 || s.index[p][i - 1] < s.index[p][i]);
            assert_int_equal(seen[s.index[p][i]]++, 0);
            of_class[hn_dataset_label(ds, s.index[p][i])]++;
        }
        for (int c = 0; c < 20; c++) assert_int_equal(of_class[c], s.count[p] / 20);
        assert_memory_equal(s.index[p], again.index[p], s.count[p] * sizeof(size_t));
    }
    assert_memory_not_equal(s.index[0], other.index[0], 100 * sizeof(size_t));
    static const size_t too_many[HN_PARTS] = {600, 600, 0};
    assert_int_equal(hn_dataset_split(&env, ds, too_many, 1, &a, &s), HN_INPUT);
    assert_non_null(strstr(env.error.text, "1000 samples"));
    hn_error_clear(&env);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
}

static void batches_with_threads(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    hn_dataset *ds = open_set(&env, "glyph:64", NULL);
    size_t index[64];
    for (size_t i = 0; i < 64; i++) index[i] = 63 - i;
    hn_batch one, two;
    assert_int_equal(hn_dataset_batch(&env, ds, index, 64, &a, &one), HN_OK);
    assert_int_equal(hn_pool_new(&env, 3, &env.pool), HN_OK);
    assert_int_equal(hn_dataset_batch(&env, ds, index, 64, &a, &two), HN_OK);
    assert_true(hn_tensor_equal(&one.input[0], &two.input[0]));
    hn_pool_free(&env, env.pool);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
}

static void torture(void **state)
{
    (void)state;
    static const char *const path[] = {"f2", "c10.bin.gz", "idx/f", "t.csv", "f.npy", "glyph:3"};
    for (size_t i = 0; i < HN_COUNT(path); i++) {
        hn_env env;
        hn_rig rig;
        hn_rig_init(&rig, &env);
        bool done = false;
        HN_RIG_TORTURE(rig, env, done, 500)
        {
            hn_dataset *ds = NULL;
            hn_arena a = {0};
            hn_batch b;
            static const size_t index[2] = {0, 1};
            hn_status st = hn_dataset_open(&env, i == 5 ? path[i] : at(path[i]), NULL, &ds);
            if (st == HN_OK) st = hn_dataset_batch(&env, ds, index, 2, &a, &b);
            hn_dataset_close(&env, ds);
            hn_arena_fini(&env, &a);
            done = hn_rig_check(&rig, &env, st);
        }
    }
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders), cmocka_unit_test(batches_of_unlike_samples),
        cmocka_unit_test(cifar),   cmocka_unit_test(idx),
        cmocka_unit_test(csv),     cmocka_unit_test(npy),
        cmocka_unit_test(glyphs),  cmocka_unit_test(splits),
        cmocka_unit_test(torture), cmocka_unit_test(batches_with_threads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
