/* case_table: rows, comments and line ends; every kind of mistake is refused and names its line.
 * labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/case_table.h"
#include "base/io.h"
#include "support/data.h"
#include "support/rig.h"

static char file[4096];

static void put(const char *text)
{
    hn_env env;
    hn_env_init(&env);
    assert_int_equal(hn_file_write(&env, file, text, strlen(text)), HN_OK);
}

static void test_rows(void **state)
{
    hn_rig rig;
    hn_env env;
    bool done = false;
    (void)state;
    put("# a comment\n\na\t0.5\t1e-3\tone reason\r\nb c\t0\t0\tanother\twith a tab");
    hn_rig_init(&rig, &env);
    HN_RIG_TORTURE(rig, env, done, 100)
    {
        hn_arena arena = {0};
        hn_case_table t;
        hn_status st = hn_case_table_read(&env, &arena, file, &t);
        if (st == HN_OK) {
            assert_int_equal(t.count, 2);
            const hn_case_row *r = hn_case_table_find(&t, "a");
            assert_non_null(r);
            assert_true(r->rtol == 0.5 && r->atol == 1e-3);
            assert_string_equal(r->reason, "one reason");
            assert_string_equal(hn_case_table_find(&t, "b c")->reason, "another\twith a tab");
            assert_null(hn_case_table_find(&t, "# a comment"));
            assert_null(hn_case_table_find(&t, "b"));
        }
        hn_arena_fini(&env, &arena);
        done = hn_rig_check(&rig, &env, st);
    }
    put("");
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_case_table t;
    assert_int_equal(hn_case_table_read(&env, &arena, file, &t), HN_OK);
    assert_int_equal(t.count, 0);
    hn_arena_fini(&env, &arena);
}

static void test_refusals(void **state)
{
    static const char *const bad[] = {"\na\t0\t0\n",      "\na\t0\t0\t\n",      "\na\t-1\t0\twhy\n",
                                      "\na\tx\t0\twhy\n", "\na\t1\tnan\twhy\n", "\na\t\t1\twhy\n",
                                      "\n\t0\t0\twhy\n",  "\na 0 0 why\n",      "a\t0\t0\twhy\na\t0\t0\twhy\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hn_env env;
        hn_arena arena = {0};
        hn_case_table t;
        char text[1024];
        hn_env_init(&env);
        put(bad[i]);
        assert_int_equal(hn_case_table_read(&env, &arena, file, &t), HN_INPUT);
        hn_error_format(&env.error, text, sizeof text);
        if (!strstr(text, "line 2")) fail_msg("row %zu: %s", i, text);
        hn_arena_fini(&env, &arena);
    }
}

int main(void)
{
    char dir[2048];
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_refusals)};
    hn_test_tmpdir(dir, sizeof dir);
    snprintf(file, sizeof file, "%s/cases.tsv", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hn_test_rmdir(dir);
    return failed;
}
