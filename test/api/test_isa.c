/* the cap on instruction sets: "generic" is a choice, not the absence of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/npy.h"
#include "hone/hone.h"
#include "support/data.h"

static void test_generic(void **state)
{
    (void)state;
    char path[600];
    hone_env *env;
    hone_record *record;
    hone_env_options o = {.threads = 1, .isa = "generic"};
    hone_explain_options x = {0};
    (void)snprintf(path, sizeof path, "%s/models/glyph20.onnx", hn_test_source());
    assert_int_equal(hone_env_new(&o, &env), 0);
    assert_int_equal(hone_explain(env, path, &x, &record), 0);
    const char *json = hone_record_json(env, record);
    assert_non_null(json);
    assert_non_null(strstr(json, "\"generic_gemm_f32"));
    assert_null(strstr(json, "\"avx2_")); /* kernels; the machine may well be "avx2" */
    assert_null(strstr(json, "\"avx512_"));
    hone_record_free(record);
    hone_env_free(env);
}

/* The record of a run is told what the machine is when that is read, by any of the ways to read. */
static void test_machine(void **state)
{
    (void)state;
    enum { PIXELS = 24 * 24 };
    hn_env io;
    hn_env_init(&io);
    static float pixels[PIXELS];
    hn_tensor x;
    char dir[500], input[600], model[600];
    hn_test_tmpdir(dir, sizeof dir);
    (void)snprintf(input, sizeof input, "%s/x.npy", dir);
    (void)snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    assert_int_equal(hn_tensor_view(&io, &x, HN_F32, 4, (int64_t[]){1, 1, 24, 24}, pixels, sizeof pixels), HN_OK);
    assert_int_equal(hn_npy_save(&io, input, &x), HN_OK);
    const char *inputs[] = {input};
    hone_run_options o = {.input = inputs, .inputs = 1};
    for (int way = 0; way < 4; way++) {
        hone_env *env;
        hone_record *record;
        assert_int_equal(hone_env_new(NULL, &env), 0);
        assert_int_equal(hone_run(env, model, &o, &record), 0);
        if (way == 0) assert_string_not_equal(hone_record_string(record, "machine.cpu", ""), "");
        if (way == 1) assert_true(hone_record_int(record, "machine.l1d_bytes", 0) > 0);
        if (way == 2) assert_int_equal(hone_record_count(record, "machine"), 6);
        const char *json = hone_record_json(env, record);
        assert_non_null(json);
        assert_non_null(strstr(json, "\"l3_bytes\""));
        assert_null(strstr(strstr(json, "\"l3_bytes\"") + 1, "\"l3_bytes\""));
        hone_record_free(record);
        hone_env_free(env);
    }
    hn_test_rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_generic), cmocka_unit_test(test_machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
