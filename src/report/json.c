/* json: records to JSON text and back, through jansson. */
#include "report/report.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

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
static json_t *text_to_json(hn_env *env, const char *text)
{
    json_t *j = json_string(text);
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
    j = json_string(hn_buf_str(env, &clean));
    hn_buf_fini(env, &clean);
    return j;
}

static json_t *to_json(hn_env *env, const hn_rec *r)
{
    switch (r->kind) {
    case HN_REC_NULL: return json_null();
    case HN_REC_BOOL: return json_boolean(r->u.b);
    case HN_REC_INT: return json_integer((json_int_t)r->u.i);
    case HN_REC_REAL: return json_real(r->u.r);
    case HN_REC_STR: return text_to_json(env, r->u.s);
    case HN_REC_LIST:
    case HN_REC_MAP: break;
    }
    json_t *c = r->kind == HN_REC_LIST ? json_array() : json_object();
    for (const hn_rec *k = r->u.c.first; c && k; k = k->next) {
        json_t *v = to_json(env, k);
        int bad =
            !v || (r->kind == HN_REC_LIST ? json_array_append_new(c, v) : json_object_set_new_nocheck(c, k->key, v));
        if (bad) {
            json_decref(c);
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
    json_t *j = to_json(env, rec);
    if (!j) return hn_fail(env, HN_NOMEM, "out of memory while writing JSON");
    sink s = {env, out};
    size_t flags =
        JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
    int bad = json_dump_callback(j, append, &s, flags);
    json_decref(j);
    HN_TRY(hn_buf_status(out));
    if (bad) return hn_fail(env, HN_BUG, "a record holds text that is not UTF-8");
    return HN_OK;
}

static hn_status from_json(hn_recs *r, hn_rec *parent, const char *key, const json_t *j, int depth, hn_rec **out)
{
    hn_rec *n = NULL;
    if (depth > MAX_DEPTH) return hn_fail(r->env, HN_LIMIT, "JSON nested deeper than %d", MAX_DEPTH);
    switch (json_typeof(j)) {
    case JSON_NULL: n = hn_rec_null(r, parent, key); break;
    case JSON_TRUE:
    case JSON_FALSE: n = hn_rec_bool(r, parent, key, json_is_true(j)); break;
    case JSON_INTEGER: n = hn_rec_int(r, parent, key, (int64_t)json_integer_value(j)); break;
    case JSON_REAL: n = hn_rec_real(r, parent, key, json_real_value(j)); break;
    case JSON_STRING: n = hn_rec_str(r, parent, key, json_string_value(j)); break;
    case JSON_ARRAY: {
        n = hn_rec_list(r, parent, key);
        size_t i;
        json_t *v;
        json_array_foreach((json_t *)(uintptr_t)j, i, v) if (n) HN_TRY(from_json(r, n, NULL, v, depth + 1, NULL));
        break;
    }
    case JSON_OBJECT: {
        n = hn_rec_map(r, parent, key);
        const char *k;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)j, k, v) if (n) HN_TRY(from_json(r, n, k, v, depth + 1, NULL));
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
    json_t *j = json_loadb(text, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &err);
    if (!j) return hn_fail(env, HN_INPUT, "not valid JSON: %s at line %d, column %d", err.text, err.line, err.column);
    hn_recs r = {env, arena};
    hn_status st = from_json(&r, NULL, NULL, j, 0, out);
    json_decref(j);
    return st;
}
