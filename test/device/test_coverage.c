/* coverage: the second part of docs/ops.md says what rows and drivers say, and every driver names rows that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "device/coverage.h"
#include "device/device.h"
#include "ops/ops.h"
#include "support/data.h"

static void test_page_is_up_to_date(void **state)
{
    hn_env env;
    hn_buf want = {0}, have = {0};
    char path[1000], part[4096];
    (void)state;
    hn_env_init(&env);
    assert_int_equal(hn_device_coverage(&env, &hn_ops, &want), HN_OK);
    snprintf(path, sizeof path, "%s/docs/ops.md", hn_test_source());
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is missing: run make docs", path);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) hn_buf_append(&env, &have, part, n);
    fclose(f);
    if (have.size < want.size || memcmp(have.data + have.size - want.size, want.data, want.size) != 0)
        fail_msg("the table of docs/ops.md is out of date (run make docs)");
    hn_buf_fini(&env, &want);
    hn_buf_fini(&env, &have);
}

static void test_drivers_name_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < hn_driver_count; i++) {
        for (size_t k = 0; hn_driver_rows[i]->ops[k]; k++) {
            const char *name = hn_driver_rows[i]->ops[k], *dot = strrchr(name, '.');
            char domain[64] = "";
            if (dot) snprintf(domain, sizeof domain, "%.*s", (int)(dot - name), name);
            bool found = hn_op_find(&hn_ops, domain, dot ? dot + 1 : name) != NULL;
            if (!found) fail_msg("driver %s lowers %s, which has no row", hn_driver_rows[i]->name, name);
        }
    }
}

static void test_every_row_has_a_line(void **state)
{
    hn_env env;
    hn_buf page = {0};
    char start[120];
    (void)state;
    hn_env_init(&env);
    assert_int_equal(hn_device_coverage(&env, &hn_ops, &page), HN_OK);
    for (size_t i = 0; i < hn_ops.count; i++) {
        snprintf(start, sizeof start, "\n| %s | ", hn_ops.rows[i]->name);
        if (!strstr(page.data, start)) fail_msg("no line for %s", hn_ops.rows[i]->name);
    }
    hn_buf_fini(&env, &page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page_is_up_to_date),
                                       cmocka_unit_test(test_drivers_name_rows),
                                       cmocka_unit_test(test_every_row_has_a_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
