/* doc: the first part of docs/ops.md says what the rows say; the second is that of test/device/test_coverage.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "ops/ops.h"
#include "support/data.h"

static void test_page_is_up_to_date(void **state)
{
    hn_env env;
    hn_buf want = {0}, have = {0};
    char path[1000], part[4096];
    (void)state;
    hn_env_init(&env);
    assert_int_equal(hn_ops_doc(&env, &hn_ops, &want), HN_OK);
    snprintf(path, sizeof path, "%s/docs/ops.md", hn_test_source());
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is missing: run make docs", path);
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) hn_buf_append(&env, &have, part, n);
    fclose(f);
    size_t same = 0;
    while (same < have.size && same < want.size && have.data[same] == want.data[same]) same++;
    if (same != want.size) {
        const char *line = want.data + same;
        while (line > want.data && line[-1] != '\n') line--;
        fail_msg("docs/ops.md is out of date (run make docs), first at: %.*s", (int)strcspn(line, "\n"), line);
    }
    hn_buf_fini(&env, &want);
    hn_buf_fini(&env, &have);
}

static void test_every_row_has_a_section(void **state)
{
    hn_env env;
    hn_buf page = {0};
    char title[120];
    (void)state;
    hn_env_init(&env);
    assert_int_equal(hn_ops_doc(&env, &hn_ops, &page), HN_OK);
    for (size_t i = 0; i < hn_ops.count; i++) {
        snprintf(title, sizeof title, "\n### %s\n", hn_ops.rows[i]->name);
        assert_non_null(strstr(page.data, title));
    }
    hn_buf_fini(&env, &page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_page_is_up_to_date),
                                       cmocka_unit_test(test_every_row_has_a_section)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
