/* io: files appear whole or not at all, messages name path and reason, paths and digests. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "support/data.h"
#include "support/rig.h"

typedef struct fixture {
    hn_env env;
    hn_arena arena;
    char dir[512];
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    hn_env_init(&f->env);
    hn_test_tmpdir(f->dir, sizeof f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    hn_arena_fini(&f->env, &f->arena);
    hn_test_rmdir(f->dir);
    free(f);
    return 0;
}

static char *in(fixture *f, const char *name)
{
    char *p = hn_path_join(&f->env, &f->arena, f->dir, name);
    assert_non_null(p);
    return p;
}

static size_t entries(fixture *f)
{
    char **names;
    size_t n;
    assert_int_equal(hn_dir_list(&f->env, &f->arena, f->dir, &names, &n), HN_OK);
    return n;
}

/* Few bytes come from the mapping, many from the file; a file that has shrunk is an error. */
static void copy_out(void **state)
{
    fixture *f = *state;
    enum { SIZE = 200000, FEW = 5, MANY = 150001 };
    static uint8_t bytes[SIZE], got[SIZE];
    char *path = in(f, "a.bin");
    hn_file file;
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (uint8_t)(i * 131 + i / 256);
    assert_int_equal(hn_file_write(&f->env, path, bytes, SIZE), HN_OK);
    assert_int_equal(hn_file_open(&f->env, path, &file), HN_OK);
    assert_int_equal(file.map.size, SIZE);
    assert_int_equal(hn_file_copy(&f->env, &file, got, file.map.data + 7, FEW), HN_OK);
    assert_memory_equal(got, bytes + 7, FEW);
    assert_int_equal(hn_file_copy(&f->env, &file, got, file.map.data + 31, MANY), HN_OK);
    assert_memory_equal(got, bytes + 31, MANY);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(hn_file_copy(&f->env, &file, got, file.map.data + 31, MANY), HN_IO);
    assert_non_null(strstr(f->env.error.text, "shorter"));
    hn_error_clear(&f->env);
    hn_file_close(&file);
    hn_file_close(&file);
    assert_int_equal(hn_file_open(&f->env, in(f, "none"), &file), HN_INPUT);
    hn_file_close(&file);
}

static void write_and_map(void **state)
{
    fixture *f = *state;
    char *path = in(f, "a.bin");
    hn_map map;
    assert_int_equal(hn_file_write(&f->env, path, "hello", 5), HN_OK);
    assert_int_equal(hn_map_open(&f->env, path, &map), HN_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    /* A reader keeps the old file while a new one takes its name. */
    assert_int_equal(hn_file_write(&f->env, path, "HE", 2), HN_OK);
    assert_memory_equal(map.data, "hello", 5);
    hn_map_close(&map);
    assert_null(map.data);
    hn_map_close(&map);
    assert_int_equal(hn_map_open(&f->env, path, &map), HN_OK);
    assert_int_equal(map.size, 2);
    hn_map_close(&map);
    assert_int_equal(hn_file_write(&f->env, path, NULL, 0), HN_OK);
    assert_int_equal(hn_map_open(&f->env, path, &map), HN_OK);
    assert_int_equal(map.size, 0);
    assert_null(map.data);
    hn_map_close(&map);
    assert_int_equal(entries(f), 1); /* no temporary file is left */
}

static void refusals(void **state)
{
    fixture *f = *state;
    hn_map map;
    char want[1200];
    char *absent = in(f, "absent");
    assert_int_equal(hn_map_open(&f->env, absent, &map), HN_INPUT);
    snprintf(want, sizeof want, "cannot open %s: No such file or directory", absent);
    assert_string_equal(f->env.error.text, want);
    hn_error_clear(&f->env);
    assert_int_equal(hn_map_open(&f->env, f->dir, &map), HN_INPUT);
    assert_non_null(strstr(f->env.error.text, "a folder"));
    hn_error_clear(&f->env);
    assert_int_equal(hn_file_write(&f->env, in(f, "no/such/x"), "x", 1), HN_INPUT);
    hn_error_clear(&f->env);
    /* The name is a folder that is not empty: rename fails, the temporary file goes. */
    assert_int_equal(hn_dir_make(&f->env, in(f, "d/e")), HN_OK);
    assert_int_equal(hn_file_write(&f->env, in(f, "d"), "x", 1), HN_IO);
    assert_int_equal(entries(f), 1);
    hn_error_clear(&f->env);
    char *longer = hn_arena_alloc(&f->env, &f->arena, 6000);
    assert_non_null(longer);
    memset(longer, 'x', 5999);
    assert_int_equal(hn_file_write(&f->env, longer, "x", 1), HN_INPUT);
    hn_error_clear(&f->env);
    assert_int_equal(hn_dir_make(&f->env, longer), HN_INPUT);
    hn_error_clear(&f->env);
    char **names;
    size_t n = 9;
    assert_int_equal(hn_dir_list(&f->env, &f->arena, absent, &names, &n), HN_INPUT);
    assert_int_equal(n, 0);
}

static void folders(void **state)
{
    fixture *f = *state;
    char *deep = in(f, "x/y//z/");
    assert_int_equal(hn_dir_make(&f->env, deep), HN_OK);
    assert_int_equal(hn_dir_make(&f->env, deep), HN_OK);
    assert_true(hn_path_is_dir(deep));
    assert_false(hn_path_is_file(deep));
    assert_int_equal(hn_dir_make(&f->env, ""), HN_INPUT);
    hn_error_clear(&f->env);
    assert_int_equal(hn_file_write(&f->env, in(f, "x/file"), "1", 1), HN_OK);
    assert_true(hn_path_is_file(in(f, "x/file")));
    assert_true(hn_dir_make(&f->env, in(f, "x/file/sub")) != HN_OK);
    hn_error_clear(&f->env);
    for (int i = 40; i-- > 0;) {
        char name[16];
        snprintf(name, sizeof name, "x/y/%c%d", i % 2 ? 'b' : 'A', i);
        assert_int_equal(hn_file_write(&f->env, in(f, name), "", 0), HN_OK);
    }
    char **names;
    size_t n;
    assert_int_equal(hn_dir_list(&f->env, &f->arena, in(f, "x/y"), &names, &n), HN_OK);
    assert_int_equal(n, 41);
    for (size_t i = 1; i < n; i++) assert_true(strcmp(names[i - 1], names[i]) < 0);
    assert_string_equal(names[0], "A0");
}

static void paths(void **state)
{
    fixture *f = *state;
    hn_env *e = &f->env;
    hn_arena *a = &f->arena;
    assert_string_equal(hn_path_join(e, a, "d", "n"), "d/n");
    assert_string_equal(hn_path_join(e, a, "d/", "n"), "d/n");
    assert_string_equal(hn_path_join(e, a, "", "n"), "n");
    assert_string_equal(hn_path_join(e, a, "d", "/n"), "/n");
    assert_string_equal(hn_path_dir(e, a, "a/b/c"), "a/b");
    assert_string_equal(hn_path_dir(e, a, "a//c"), "a");
    assert_string_equal(hn_path_dir(e, a, "c"), ".");
    assert_string_equal(hn_path_dir(e, a, "/c"), "/");
    assert_string_equal(hn_path_base("a/b/c.x"), "c.x");
    assert_string_equal(hn_path_base("c"), "c");
    assert_string_equal(hn_path_base("a/"), "");
    assert_true(hn_path_has_ext("m.ONNX", ".onnx"));
    assert_true(hn_path_has_ext("a.tar.gz", ".gz"));
    assert_false(hn_path_has_ext("onnx", ".onnx"));
    assert_false(hn_path_has_ext("m.onnx", ".nnx"));
    assert_false(hn_path_has_ext("m", ""));
}

static void digests(void **state)
{
    (void)state;
    char hex[65];
    hn_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hn_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    hn_sha256_hex(two, strlen(two), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    hn_sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    /* The padding's edges: digests of n letters a, hashed once more together. */
    char all[130 * 64];
    for (size_t n = 0; n < 130; n++) {
        hn_sha256_hex(million, n, hex);
        memcpy(all + 64 * n, hex, 64);
    }
    free(million);
    hn_sha256_hex(all, sizeof all, hex);
    assert_string_equal(hex, "c665ed20ef30f158e90c7e921d8182bc0943c4b087a82f64a18d417bcdfadce7");
}

/* Each byte, and each zero at the end, counts. */
static void checksums(void **state)
{
    (void)state;
    uint8_t data[100];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(7 * i);
    uint64_t whole = hn_checksum(data, sizeof data);
    assert_true(whole == hn_checksum(data, sizeof data));
    for (size_t i = 0; i < 8 * sizeof data; i++) {
        data[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_true(hn_checksum(data, sizeof data) != whole);
        data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    memset(data, 0, sizeof data);
    for (size_t n = 0; n < sizeof data; n++) assert_true(hn_checksum(data, n) != hn_checksum(data, n + 1));
}

static char torture_dir[512];

static hn_status list(hn_env *env)
{
    hn_arena a = {0};
    char **names;
    size_t n;
    hn_status st = hn_dir_list(env, &a, torture_dir, &names, &n);
    if (st == HN_OK && hn_path_dir(env, &a, torture_dir) == NULL) st = env->error.status;
    if (st == HN_OK && hn_path_join(env, &a, torture_dir, "x") == NULL) st = env->error.status;
    hn_arena_fini(env, &a);
    return st;
}

static void torture(void **state)
{
    fixture *f = *state;
    strcpy(torture_dir, f->dir);
    for (int i = 0; i < 120; i++) {
        char name[300];
        memset(name, 'n', sizeof name);
        snprintf(name + 220, 60, "%d", i);
        assert_int_equal(hn_file_write(&f->env, in(f, name), "", 0), HN_OK);
    }
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 100)
    {
        done = hn_rig_check(&rig, &env, list(&env));
    }
    assert_true(rig.requests > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(write_and_map, setup, teardown),
        cmocka_unit_test_setup_teardown(copy_out, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(folders, setup, teardown),
        cmocka_unit_test_setup_teardown(paths, setup, teardown),
        cmocka_unit_test(digests),
        cmocka_unit_test(checksums),
        cmocka_unit_test_setup_teardown(torture, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
