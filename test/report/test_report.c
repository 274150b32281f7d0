/* The report room: JSON round trip, the schema check, the text against its golden, the page: escaping,
 * self-containment, and - where Chromium is installed - that it opens without a word on the console. HONE_KEEP=DIR
 * keeps the page and its pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "report/report.h"
#include "sample.h"

typedef struct rig {
    hn_env env;
    hn_arena arena;
    hn_recs r;
} rig;

static rig *rig_new(void)
{
    rig *g = calloc(1, sizeof *g);
    assert_non_null(g);
    hn_env_init(&g->env);
    g->r = (hn_recs){&g->env, &g->arena};
    return g;
}

static void rig_free(rig *g)
{
    hn_arena_fini(&g->env, &g->arena);
    free(g);
}

static void json_comes_back_the_same(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_rec *rec = sample_record(&g->r, HOSTILE), *again;
    hn_rec_null(&g->r, rec, "nothing");
    hn_rec_real(&g->r, rec, "third", 1.0 / 3);
    hn_buf a = {0}, b = {0};
    assert_int_equal(hn_report_json(&g->env, rec, 1, &a), HN_OK);
    assert_int_equal(hn_report_parse(&g->env, &g->arena, a.data, a.size, &again), HN_OK);
    assert_int_equal(hn_report_json(&g->env, again, 1, &b), HN_OK);
    assert_string_equal(a.data, b.data);
    assert_int_equal(hn_report_check(&g->env, again), HN_OK);
    hn_buf_fini(&g->env, &a);
    hn_buf_fini(&g->env, &b);
    rig_free(g);
}

static void json_mends_text_that_is_not_utf8(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_rec *rec = hn_rec_map(&g->r, NULL, NULL);
    hn_rec_str(&g->r, rec, "name", "a\xff\xc3\xa9\xed\xa0\x80z");
    hn_buf a = {0};
    assert_int_equal(hn_report_json(&g->env, rec, 0, &a), HN_OK);
    assert_string_equal(hn_buf_str(&g->env, &a),
                        "{\"name\":\"a\xEF\xBF\xBD\xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"}");
    hn_buf_fini(&g->env, &a);
    rig_free(g);
}

static void parse_names_line_and_column(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_rec *rec;
    static const char bad[] = "{\"a\": 1,\n \"b\": }";
    assert_int_equal(hn_report_parse(&g->env, &g->arena, bad, sizeof bad - 1, &rec), HN_INPUT);
    assert_non_null(strstr(g->env.error.text, "line 2"));
    rig_free(g);
}

/* Take a key out of a map; the record is ours to break. */
static void drop_key(hn_rec *map, const char *key)
{
    for (hn_rec **at = &map->u.c.first; *at; at = &(*at)->next)
        if (strcmp((*at)->key, key) == 0) {
            *at = (*at)->next;
            return;
        }
    fail_msg("no key %s", key);
}

static void check_names_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *in, *key, *said;
    } cases[] = {{"", "verdict", "\"verdict\""},
                 {"machine", "cpu", "\"machine.cpu\""},
                 {"drop", "upper", "\"drop.upper\""},
                 {"after.latency_ms", "p50", "\"after.latency_ms.p50\""},
                 {"layers.4", "reason", "\"layers.4.reason\""},
                 {"roofline.points.0", "us", "\"roofline.points.0.us\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig *g = rig_new();
        hn_rec *rec = sample_record(&g->r, "m");
        assert_int_equal(hn_report_check(&g->env, rec), HN_OK);
        drop_key((hn_rec *)(uintptr_t)hn_rec_get(rec, cases[i].in), cases[i].key);
        assert_int_equal(hn_report_check(&g->env, rec), HN_BUG);
        assert_non_null(strstr(g->env.error.text, cases[i].said));
        rig_free(g);
    }
}

static void check_names_a_wrong_kind(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_rec *rec = sample_record(&g->r, "m");
    hn_rec *threads = (hn_rec *)(uintptr_t)hn_rec_get(rec, "threads");
    threads->kind = HN_REC_STR;
    threads->u.s = "two";
    assert_int_equal(hn_report_check(&g->env, rec), HN_BUG);
    assert_non_null(strstr(g->env.error.text, "\"threads\" of the record is not a number"));
    rig_free(g);
}

static char *read_golden(rig *g, const char *name)
{
    const char *source = getenv("HONE_SOURCE");
    char path[1024];
    hn_map m;
    snprintf(path, sizeof path, "%s/test/report/golden/%s", source ? source : ".", name);
    assert_int_equal(hn_map_open(&g->env, path, &m), HN_OK);
    char *text = hn_arena_strndup(&g->env, &g->arena, (const char *)m.data, m.size);
    hn_map_close(&m);
    return text;
}

static void text_is_as_agreed(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_buf b = {0};
    assert_int_equal(hn_report_text(&g->env, sample_record(&g->r, "resnet20"), &b), HN_OK);
    const char *keep = getenv("HONE_KEEP");
    char path[1024];
    if (keep) {
        snprintf(path, sizeof path, "%s/report.txt", keep);
        assert_int_equal(hn_file_write(&g->env, path, b.data, b.size), HN_OK);
    }
    assert_string_equal(b.data, read_golden(g, "report.txt"));
    hn_buf_fini(&g->env, &b);
    rig_free(g);
}

static void page_escapes_and_loads_nothing(void **state)
{
    (void)state;
    rig *g = rig_new();
    hn_buf b = {0};
    hn_rec *rec = sample_record(&g->r, HOSTILE);
    assert_int_equal(hn_report_html(&g->env, rec, rec, &b), HN_OK);
    assert_null(strstr(b.data, "<script>alert"));
    assert_non_null(strstr(b.data, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    assert_null(strstr(b.data, "http"));
    assert_null(strstr(b.data, "url("));
    assert_null(strstr(b.data, "@import"));
    assert_null(strstr(b.data, " src="));
    assert_null(strstr(b.data, "=\"nan\" "));
    assert_null(strstr(b.data, "-nan"));
    assert_null(strstr(b.data, "inf\""));
    assert_non_null(strstr(b.data, "Within the budget"));
    hn_buf_fini(&g->env, &b);
    rig_free(g);
}

/* A record with the parts that may be absent taken out still gives a page. */
static void page_of_a_bare_record(void **state)
{
    (void)state;
    static const char *const optional[] = {"histograms",  "roofline",     "waterfall", "steps_before",
                                           "steps_after", "export_check", "files",     "certified"};
    rig *g = rig_new();
    hn_buf b = {0};
    hn_rec *rec = sample_record(&g->r, "m");
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) drop_key(rec, optional[i]);
    ((hn_rec *)(uintptr_t)hn_rec_get(rec, "budget_met"))->u.b = false;
    assert_int_equal(hn_report_check(&g->env, rec), HN_OK);
    assert_int_equal(hn_report_html(&g->env, rec, NULL, &b), HN_OK);
    assert_non_null(strstr(b.data, "Budget not met"));
    assert_null(strstr(b.data, "id=\"roofline\""));
    assert_null(strstr(b.data, "id=\"histograms\""));
    hn_buf_fini(&g->env, &b);
    rig_free(g);
}

static void page_opens_in_a_browser(void **state)
{
    (void)state;
    if (system("command -v chromium >/dev/null 2>&1") != 0) skip();
    rig *g = rig_new();
    hn_buf b = {0};
    char dir[] = "/tmp/hone-report-XXXXXX", path[1100], command[4096];
    const char *keep = getenv("HONE_KEEP"), *at = keep ? keep : mkdtemp(dir);
    assert_non_null(at);
    assert_int_equal(hn_report_html(&g->env, sample_record(&g->r, HOSTILE), NULL, &b), HN_OK);
    snprintf(path, sizeof path, "%s/report.html", at);
    assert_int_equal(hn_file_write(&g->env, path, b.data, b.size), HN_OK);
    snprintf(command, sizeof command,
             "timeout 120 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir='%s/profile' "
             "--enable-logging=stderr "
             "--screenshot='%s/wide.png' --window-size=1400,2000 'file://%s' >'%s/log' 2>&1 && test -s '%s/wide.png'",
             at, at, path, at, at);
    int rc = system(command);
    snprintf(command, sizeof command, "grep CONSOLE '%s/log'", at);
    int said = system(command);
    if (!keep) {
        snprintf(command, sizeof command, "rm -rf '%s'", at);
        (void)!system(command);
    }
    hn_buf_fini(&g->env, &b);
    rig_free(g);
    if (rc != 0) skip(); /* a browser that cannot start here says nothing about the page */
    assert_int_not_equal(said, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_comes_back_the_same),       cmocka_unit_test(json_mends_text_that_is_not_utf8),
        cmocka_unit_test(parse_names_line_and_column),    cmocka_unit_test(check_names_what_is_missing),
        cmocka_unit_test(check_names_a_wrong_kind),       cmocka_unit_test(text_is_as_agreed),
        cmocka_unit_test(page_escapes_and_loads_nothing), cmocka_unit_test(page_of_a_bare_record),
        cmocka_unit_test(page_opens_in_a_browser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
