/* broken_files: small files of every kind that the readers take, cut and damaged in seeded ways, opened and read to the
 * end through the door. Each gives samples or a clear error, in bounded memory; nothing is left behind.
 * labels: broken */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/data.h"
#include "formats/onnx_tensor.h"
#include "support/damage.h"
#include "support/data.h"
#include "support/rig.h"

enum { MUTANTS = 500, CUTS = 100 };

static char dir[256];

typedef struct seed {
    const char *corpus;                /* file below fuzz/corpus */
    const char *name;                  /* what the damaged file is called */
    const char *reader, *label_column; /* NULL: the one that knows the path best */
} seed;

static const seed seeds[] = {
    {"npy/f4", "x.npy", NULL, NULL},
    {"npy/v2", "x.npy", "npy", NULL},
    {"npy/fortran", "x.npy", "npy", NULL},
    {"idx/images", "x-images-idx3-ubyte", NULL, NULL},
    {"idx/images_gz", "x.gz", "idx", NULL},
    {"idx/i32", "x", "idx", NULL},
    {"cifar/ten", "x.bin", NULL, NULL},
    {"cifar/two_gz", "x.bin.gz", "cifar", NULL},
    {"csv/plain", "x.csv", NULL, NULL},
    {"csv/quotes", "x.csv", "csv", NULL},
    {"csv/gz", "x.csv.gz", "csv", NULL},
    {"image/jpeg_rgb", "x.jpg", NULL, NULL},
    {"image/jpeg_prog", "x.jpg", "file", NULL},
    {"image/png_rgba", "x.png", NULL, NULL},
    {"image/png_pal", "x.png", "file", NULL},
    {"wav/mono16", "x.wav", NULL, NULL},
    {"wav/mono24", "x.wav", "file", NULL},
    {"wav/float", "x.wav", "file", NULL},
    {"tensorproto/raw_f32", "input_0.pb", NULL, NULL},
    {"tensorproto/sparse", "input_0.pb", "pb", NULL},
    {"tensorproto/f16_packed", "input_0.pb", "pb", NULL},
};

static const char *in_dir(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* The whole file; the caller frees. */
static uint8_t *slurp(const char *path, size_t *size)
{
    hn_env env;
    hn_map map;
    hn_env_init(&env);
    if (hn_map_open(&env, path, &map) != HN_OK) fail_msg("%s", env.error.text);
    uint8_t *copy = malloc(map.size + 1);
    assert_non_null(copy);
    memcpy(copy, map.data, map.size);
    *size = map.size;
    hn_map_close(&map);
    return copy;
}

/* Whether it opened. */
static bool survives(const char *what, size_t round, const char *name, const hn_data_options *o, const void *data,
                     size_t size)
{
    hn_env env;
    hn_rig rig;
    hn_arena a = {0};
    hn_dataset *ds = NULL;
    (void)remove(in_dir(name)); /* a new file: cutting the old one to nothing waits for the disk */
    FILE *f = fopen(in_dir(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    hn_rig_init(&rig, &env);
    rig.limit_bytes = (size_t)64 << 20;
    hn_status st = hn_dataset_open(&env, in_dir(name), o, &ds);
    bool opened = st == HN_OK;
    for (size_t i = 0; opened && i < ds->count && i < 16; i++) {
        hn_sample s;
        hn_error_clear(&env);
        st = hn_dataset_read(&env, ds, i, &a, &s);
        if (st != HN_OK) break;
        assert_true(s.inputs > 0);
        if (s.label >= 0 && ds->classes) assert_true(s.label < ds->classes);
        uint8_t sum = 0;
        for (size_t k = 0; k < s.inputs; k++)
            for (size_t b = 0; s.input[k].dtype != HN_STRING && b < s.input[k].bytes; b++)
                sum ^= ((const uint8_t *)s.input[k].data)[b];
        rig.refused += sum == 1 && size == SIZE_MAX; /* the sum is used */
    }
    bool allowed =
        st == HN_OK || st == HN_INPUT || st == HN_UNSUPPORTED || st == HN_LIMIT || (st == HN_NOMEM && rig.refused);
    if (!allowed || (st != HN_OK && !env.error.text[0]))
        fail_msg("%s, round %zu: %s: %s", what, round, hn_status_name(st), env.error.text);
    hn_dataset_close(&env, ds);
    hn_arena_fini(&env, &a);
    if (rig.live || rig.damaged)
        fail_msg("%s, round %zu: %zu blocks left, %zu damaged", what, round, rig.live, rig.damaged);
    return opened;
}

static void damage_file(const char *what, const char *name, const char *reader, const char *label_column,
                        const uint8_t *data, size_t size)
{
    hn_data_options o = {.reader = reader, .label_column = label_column, .max_bytes = 1 << 24, .max_pixels = 1 << 20};
    if (!survives(what, 0, name, &o, data, size)) fail_msg("%s: the whole file does not open", what);
    for (size_t i = 0; i < CUTS; i++) (void)survives(what, i, name, &o, data, size * i / CUTS);
    uint8_t *copy = malloc(size + 1);
    assert_non_null(copy);
    for (size_t i = 0; i < MUTANTS; i++) {
        hn_rng r;
        hn_rng_init(&r, 29 + i, size);
        memcpy(copy, data, size);
        damage_bytes(&r, copy, size);
        (void)survives(what, CUTS + i, name, &o, copy, size);
    }
    free(copy);
}

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        char path[512];
        size_t size;
        snprintf(path, sizeof path, "%s/fuzz/corpus/%s", hn_test_source(), seeds[i].corpus);
        uint8_t *data = slurp(path, &size);
        damage_file(seeds[i].corpus, seeds[i].name, seeds[i].reader, seeds[i].label_column, data, size);
        free(data);
    }
}

/* An archive of corpus files under other names: pairs of file and member. */
static void make_archive(const char *name, bool zip, bool gzip, const char *const *pairs, size_t count)
{
    struct archive *a = archive_write_new();
    assert_int_equal(zip ? archive_write_set_format_zip(a) : archive_write_set_format_ustar(a), ARCHIVE_OK);
    if (gzip) assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, in_dir(name)), ARCHIVE_OK);
    for (size_t i = 0; i < count; i++) {
        char path[512];
        size_t size;
        snprintf(path, sizeof path, "%s/fuzz/corpus/%s", hn_test_source(), pairs[2 * i]);
        uint8_t *data = slurp(path, &size);
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, pairs[2 * i + 1]);
        archive_entry_set_size(e, (int64_t)size);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_int_equal(archive_write_data(a, data, size), (int)size);
        archive_entry_free(e);
        free(data);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void archives(void **state)
{
    (void)state;
    static const char *const pictures[] = {"image/jpeg_rgb", "cat/a.jpg",      "image/png_rgb",
                                           "dog/b.png",      "image/jpeg_rgb", "dog/c.jpg"};
    static const char *const arrays[] = {"npy/f4", "x.npy"};
    static const struct {
        const char *name;
        bool zip, gzip;
        const char *const *pairs;
        size_t count;
    } kinds[] = {{"p.tar", false, false, pictures, 3},
                 {"p.tar.gz", false, true, pictures, 3},
                 {"p.zip", true, false, pictures, 3},
                 {"a.npz", true, false, arrays, 1}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size;
        make_archive(kinds[i].name, kinds[i].zip, kinds[i].gzip, kinds[i].pairs, kinds[i].count);
        uint8_t *data = slurp(in_dir(kinds[i].name), &size);
        damage_file(kinds[i].name, kinds[i].name, NULL, NULL, data, size);
        free(data);
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
        cmocka_unit_test(files),
        cmocka_unit_test(archives),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
