/* the cap on instruction sets: "generic" is a choice, not the absence of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_generic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
