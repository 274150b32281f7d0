/* late: a library that is there, one that is not, a function that is not; archives and sounds are read through it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/late.h"

typedef double cosine(double);

static void a_function_is_found(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    cosine *f = NULL;
    const hn_late_symbol symbols[] = {{"cos", &f}};
    assert_int_equal(hn_late_open(&env, "libm.so.6", symbols, 1), HN_OK);
    assert_non_null(f);
    assert_true(f(0) == 1);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    cosine *f = NULL;
    const hn_late_symbol symbols[] = {{"no_such_function_of_any_library", &f}};
    assert_int_equal(hn_late_open(&env, "libno-such-library.so.7", symbols, 1), HN_UNSUPPORTED);
    assert_non_null(strstr(env.error.text, "libno-such-library.so.7"));
    hn_error_clear(&env);
    assert_int_equal(hn_late_open(&env, "libm.so.6", symbols, 1), HN_UNSUPPORTED);
    assert_non_null(strstr(env.error.text, "no_such_function_of_any_library"));
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_is_found),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
