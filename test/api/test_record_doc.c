/* record doc: the keys of a real optimize record and those that docs/report.md names are the same, so that neither can
 * drift away from the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "hone/hone.h"
#include "report/report.h"
#include "support/data.h"

enum { MOST = 400, LONGEST = 64 };

typedef struct words {
    char word[MOST][LONGEST];
    size_t n;
} words;

static bool has(const words *w, const char *text)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->word[i], text) == 0) return true;
    return false;
}

static void add(words *w, const char *text, size_t n)
{
    char word[LONGEST];
    (void)snprintf(word, sizeof word, "%.*s", (int)n, text);
    if (has(w, word)) return;
    assert_true(w->n < MOST);
    memcpy(w->word[w->n++], word, sizeof word);
}

static void add_keys(words *w, const hn_rec *rec)
{
    if (rec->key && rec->key[0]) add(w, rec->key, strlen(rec->key));
    if (rec->kind != HN_REC_MAP && rec->kind != HN_REC_LIST) return;
    for (const hn_rec *v = rec->u.c.first; v; v = v->next) add_keys(w, v);
}

/* What stands between back quotes and looks like a key; "x[]" is x. */
static void add_documented(words *w, const char *text, size_t bytes)
{
    bool inside = false;
    size_t from = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] != '`') continue;
        inside = !inside;
        if (inside) {
            from = i + 1;
            continue;
        }
        size_t n = i - from;
        if (n > 2 && memcmp(text + i - 2, "[]", 2) == 0) n -= 2;
        size_t good = 0;
        while (good < n && strchr("abcdefghijklmnopqrstuvwxyz0123456789_", text[from + good])) good++;
        if (n && good == n && n < LONGEST) add(w, text + from, n);
    }
}

static void record_keys(words *w, const char *dir)
{
    hone_env *env;
    hone_record *record;
    hone_env_options eo = {.threads = 1};
    char model[600], path[600];
    (void)snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    hone_optimize_options o = {.out = dir,
                               .goal = "size",
                               .data = {.data = "glyph:240"},
                               .eval = {.data = "glyph:64:1:1.35:test"},
                               .command = "hone optimize"};
    assert_int_equal(hone_env_new(&eo, &env), HONE_OK);
    if (hone_optimize(env, model, &o, &record) != HONE_OK) fail_msg("%s", hone_env_message(env));
    hone_record_free(record);
    hone_env_free(env);
    hn_env inner;
    hn_arena arena = {0};
    hn_map map;
    hn_rec *root;
    (void)snprintf(path, sizeof path, "%s/report.json", dir);
    hn_env_init(&inner);
    assert_int_equal(hn_map_open(&inner, path, &map), HN_OK);
    assert_int_equal(hn_report_parse(&inner, &arena, (const char *)map.data, map.size, &root), HN_OK);
    add_keys(w, root);
    hn_arena_fini(&inner, &arena);
    hn_map_close(&map);
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"hone_optimize", "dry_run", "layer", "what"};
    char dir[256], path[600];
    words *real = calloc(1, sizeof *real), *told = calloc(1, sizeof *told);
    assert_non_null(real);
    assert_non_null(told);
    hn_test_tmpdir(dir, sizeof dir);
    record_keys(real, dir);
    hn_test_rmdir(dir);
    hn_env env;
    hn_map map;
    hn_env_init(&env);
    (void)snprintf(path, sizeof path, "%s/docs/report.md", hn_test_source());
    assert_int_equal(hn_map_open(&env, path, &map), HN_OK);
    add_documented(told, (const char *)map.data, map.size);
    hn_map_close(&map);
    assert_true(real->n > 60);
    for (size_t i = 0; i < real->n; i++)
        if (!has(told, real->word[i])) fail_msg("docs/report.md does not name \"%s\"", real->word[i]);
    for (size_t i = 0; i < told->n; i++) {
        bool known = has(real, told->word[i]);
        for (size_t k = 0; k < sizeof elsewhere / sizeof *elsewhere; k++)
            known = known || strcmp(told->word[i], elsewhere[k]) == 0;
        if (!known) fail_msg("docs/report.md names \"%s\", which no record has", told->word[i]);
    }
    free(real);
    free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
