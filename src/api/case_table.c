/* case_table: the lines of the file become rows; every mistake names file and line. */
#include "api/case_table.h"

#include "base/io.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20 };

const hn_case_row *hn_case_table_find(const hn_case_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->row[i].name, name) == 0) return &t->row[i];
    return NULL;
}

/* Cuts the field before the next tab off *p; NULL when nothing is left. */
static char *field(char **p)
{
    char *s = *p;
    if (!s) return NULL;
    size_t n = strcspn(s, "\t");
    *p = s[n] ? s + n + 1 : NULL;
    s[n] = '\0';
    return s;
}

static bool tolerance(const char *text, double *out)
{
    char *end = NULL;
    if (!text || !text[0]) return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out) && *out >= 0;
}

static hn_status row_read(hn_env *env, char *line, hn_case_table *t, hn_case_row *row)
{
    char *p = line, *name = field(&p), *rtol = field(&p), *atol = field(&p);
    if (!tolerance(rtol, &row->rtol) || !tolerance(atol, &row->atol) || !p || !p[0] || !name[0]) {
        hn_fail(env, HN_INPUT, "the row is not: case, rtol, atol and reason, separated by tabs");
        hn_hint(env, "every exception needs its reason in the fourth column");
        return HN_INPUT;
    }
    if (hn_case_table_find(t, name)) return hn_fail(env, HN_INPUT, "the case \"%s\" has two rows", name);
    row->name = name;
    row->reason = p;
    return HN_OK;
}

hn_status hn_case_table_read(hn_env *env, hn_arena *arena, const char *path, hn_case_table *out)
{
    hn_map map;
    *out = (hn_case_table){0};
    HN_TRY(hn_map_open(env, path, &map));
    size_t size = map.size, lines = 1;
    char *text = NULL;
    if (size > MAX_BYTES)
        hn_fail(env, HN_LIMIT, "%s has %zu bytes, more than a table of cases may have (%d)", path, size, MAX_BYTES);
    else
        text = hn_arena_alloc(env, arena, size + 1);
    if (text && size) memcpy(text, map.data, size);
    hn_map_close(&map);
    if (!text) return env->error.status;
    text[size] = '\0';
    if (strlen(text) != size) return hn_fail(env, HN_INPUT, "%s is not a text file: it has a zero byte", path);
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    hn_case_row *row = hn_arena_array(env, arena, lines, sizeof *row);
    if (!row) return env->error.status;
    out->row = row;
    char *next = text;
    for (size_t at = 1; next; at++) {
        char *line = next;
        size_t n = strcspn(line, "\n");
        next = line[n] ? line + n + 1 : NULL;
        line[n] = '\0';
        if (n && line[n - 1] == '\r') line[n - 1] = '\0';
        if (!line[0] || line[0] == '#') continue;
        HN_TRY(hn_context(env, row_read(env, line, out, &row[out->count]), "in %s, line %zu", path, at));
        out->count++;
    }
    return HN_OK;
}
