/* json: records to JSON text and back, through jansson, which is opened when a record is written or read. */
#include "report/report.h"

#include "base/late.h"
#include "base/size.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

typedef struct library {
    HN_LATE_MEMBER(json_string);
    HN_LATE_MEMBER(json_null);
    HN_LATE_MEMBER(json_true);
    HN_LATE_MEMBER(json_false);
    HN_LATE_MEMBER(json_integer);
    HN_LATE_MEMBER(json_real);
    HN_LATE_MEMBER(json_array);
    HN_LATE_MEMBER(json_object);
    HN_LATE_MEMBER(json_array_append_new);
    HN_LATE_MEMBER(json_object_set_new_nocheck);
    HN_LATE_MEMBER(json_delete);
    HN_LATE_MEMBER(json_dump_callback);
    HN_LATE_MEMBER(json_loadb);
    HN_LATE_MEMBER(json_integer_value);
    HN_LATE_MEMBER(json_real_value);
    HN_LATE_MEMBER(json_string_value);
    HN_LATE_MEMBER(json_array_size);
    HN_LATE_MEMBER(json_array_get);
    HN_LATE_MEMBER(json_object_iter);
    HN_LATE_MEMBER(json_object_iter_next);
    HN_LATE_MEMBER(json_object_iter_key);
    HN_LATE_MEMBER(json_object_iter_value);
} library;

static hn_status open_library(hn_env *env, library *lib)
{
    const hn_late_symbol symbols[] = {
        HN_LATE_SYMBOL(lib, json_string),
        HN_LATE_SYMBOL(lib, json_null),
        HN_LATE_SYMBOL(lib, json_true),
        HN_LATE_SYMBOL(lib, json_false),
        HN_LATE_SYMBOL(lib, json_integer),
        HN_LATE_SYMBOL(lib, json_real),
        HN_LATE_SYMBOL(lib, json_array),
        HN_LATE_SYMBOL(lib, json_object),
        HN_LATE_SYMBOL(lib, json_array_append_new),
        HN_LATE_SYMBOL(lib, json_object_set_new_nocheck),
        HN_LATE_SYMBOL(lib, json_delete),
        HN_LATE_SYMBOL(lib, json_dump_callback),
        HN_LATE_SYMBOL(lib, json_loadb),
        HN_LATE_SYMBOL(lib, json_integer_value),
        HN_LATE_SYMBOL(lib, json_real_value),
        HN_LATE_SYMBOL(lib, json_string_value),
        HN_LATE_SYMBOL(lib, json_array_size),
        HN_LATE_SYMBOL(lib, json_array_get),
        HN_LATE_SYMBOL(lib, json_object_iter),
        HN_LATE_SYMBOL(lib, json_object_iter_next),
        HN_LATE_SYMBOL(lib, json_object_iter_key),
        HN_LATE_SYMBOL(lib, json_object_iter_value),
    };
    return hn_late_open(env, HONE_SONAME_jansson, symbols, HN_COUNT(symbols));
}

/* json_decref, which would be linked: these trees are used by one thread. */
static void release(const library *lib, json_t *j)
{
    if (j && j->refcount != SIZE_MAX && --j->refcount == 0) lib->json_delete(j);
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_at(const unsigned char *s)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
               : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool bad = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
               (s[0] == 0xF4 && s[1] > 0x8F);
    return bad ? 0 : n;
}

/* Names come from model files: bytes that are no UTF-8 become U+FFFD instead of spoiling the whole record. */
static json_t *text_to_json(hn_env *env, const library *lib, const char *text)
{
    json_t *j = lib->json_string(text);
    if (j) return j;
    hn_buf clean = {0};
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_at(s);
        if (n)
            hn_buf_append(env, &clean, s, n);
        else
            hn_buf_puts(env, &clean, "\xEF\xBF\xBD");
        s += n ? n : 1;
    }
    j = lib->json_string(hn_buf_str(env, &clean));
    hn_buf_fini(env, &clean);
    return j;
}

static json_t *to_json(hn_env *env, const library *lib, const hn_rec *r)
{
    switch (r->kind) {
    case HN_REC_NULL: return lib->json_null();
    case HN_REC_BOOL: return r->u.b ? lib->json_true() : lib->json_false();
    case HN_REC_INT: return lib->json_integer((json_int_t)r->u.i);
    case HN_REC_REAL: return lib->json_real(r->u.r);
    case HN_REC_STR: return text_to_json(env, lib, r->u.s);
    case HN_REC_LIST:
    case HN_REC_MAP: break;
    }
    json_t *c = r->kind == HN_REC_LIST ? lib->json_array() : lib->json_object();
    for (const hn_rec *k = r->u.c.first; c && k; k = k->next) {
        json_t *v = to_json(env, lib, k);
        int bad = !v || (r->kind == HN_REC_LIST ? lib->json_array_append_new(c, v)
                                                : lib->json_object_set_new_nocheck(c, k->key, v));
        if (bad) {
            release(lib, c);
            return NULL;
        }
    }
    return c;
}

typedef struct sink {
    hn_env *env;
    hn_buf *out;
} sink;

static int append(const char *data, size_t n, void *self)
{
    sink *s = self;
    hn_buf_append(s->env, s->out, data, n);
    return hn_buf_status(s->out) == HN_OK ? 0 : -1;
}

hn_status hn_report_json(hn_env *env, const hn_rec *rec, int indent, hn_buf *out)
{
    library lib;
    HN_TRY(open_library(env, &lib));
    json_t *j = to_json(env, &lib, rec);
    if (!j) return hn_fail(env, HN_NOMEM, "out of memory while writing JSON");
    sink s = {env, out};
    size_t flags =
        JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
    int bad = lib.json_dump_callback(j, append, &s, flags);
    release(&lib, j);
    HN_TRY(hn_buf_status(out));
    if (bad) return hn_fail(env, HN_BUG, "a record holds text that is not UTF-8");
    return HN_OK;
}

static hn_status from_json(hn_recs *r, const library *lib, hn_rec *parent, const char *key, const json_t *j, int depth,
                           hn_rec **out)
{
    hn_rec *n = NULL;
    if (depth > MAX_DEPTH) return hn_fail(r->env, HN_LIMIT, "JSON nested deeper than %d", MAX_DEPTH);
    switch (json_typeof(j)) {
    case JSON_NULL: n = hn_rec_null(r, parent, key); break;
    case JSON_TRUE:
    case JSON_FALSE: n = hn_rec_bool(r, parent, key, json_is_true(j)); break;
    case JSON_INTEGER: n = hn_rec_int(r, parent, key, (int64_t)lib->json_integer_value(j)); break;
    case JSON_REAL: n = hn_rec_real(r, parent, key, lib->json_real_value(j)); break;
    case JSON_STRING: n = hn_rec_str(r, parent, key, lib->json_string_value(j)); break;
    case JSON_ARRAY: {
        n = hn_rec_list(r, parent, key);
        for (size_t i = 0; n && i < lib->json_array_size(j); i++)
            HN_TRY(from_json(r, lib, n, NULL, lib->json_array_get(j, i), depth + 1, NULL));
        break;
    }
    case JSON_OBJECT: {
        n = hn_rec_map(r, parent, key);
        json_t *map = (json_t *)(uintptr_t)j;
        for (void *at = lib->json_object_iter(map); n && at; at = lib->json_object_iter_next(map, at))
            HN_TRY(
                from_json(r, lib, n, lib->json_object_iter_key(at), lib->json_object_iter_value(at), depth + 1, NULL));
        break;
    }
    }
    if (!n) return r->env->error.status;
    if (out) *out = n;
    return HN_OK;
}

hn_status hn_report_parse(hn_env *env, hn_arena *arena, const char *text, size_t bytes, hn_rec **out)
{
    json_error_t err;
    library lib;
    HN_TRY(open_library(env, &lib));
    json_t *j = lib.json_loadb(text, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &err);
    if (!j) return hn_fail(env, HN_INPUT, "not valid JSON: %s at line %d, column %d", err.text, err.line, err.column);
    hn_recs r = {env, arena};
    hn_status st = from_json(&r, &lib, NULL, NULL, j, 0, out);
    release(&lib, j);
    return st;
}
