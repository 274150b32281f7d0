/* reader_csv: numbers in lines. The first line names the columns, unless all of it is numbers. One column may be the
 * label (whole numbers, or words that are ranked alphabetically); all others must be numbers and form the input,
 * f32[columns]. The delimiter is a tab where the first line has one, else ',' or ';'. Fields may stand in double
 * quotes. */
#include "data/data_priv.h"

#include "base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_COLUMNS = 1 << 16, MAX_NUMBER = 64 };

typedef struct field {
    const char *data; /* inside the quotes */
    size_t size;
} field;

typedef struct csv {
    hn_env *env;
    hn_dataset *ds;
    hn_arena scratch;
    hn_cursor in;
    char delimiter;
    size_t line;  /* of the record last read, from 1 */
    size_t lines; /* line feeds passed */
    field *field; /* of the record last read */
    size_t fields, cap;
    size_t columns; /* of every record */
    size_t label;   /* column, or SIZE_MAX */
    const char **title;
} csv;

typedef struct rows {
    size_t columns;
    const float *value;
} rows;

static hn_status fields_grow(csv *c)
{
    if (c->fields < c->cap) return HN_OK;
    if (c->cap >= MAX_COLUMNS)
        return hn_fail(c->env, HN_LIMIT, "line %zu has more than %d columns", c->line, MAX_COLUMNS);
    size_t cap = c->cap ? 2 * c->cap : 64;
    field *next = hn_arena_array(c->env, &c->scratch, cap, sizeof *next);
    if (!next) return c->env->error.status;
    if (c->fields) memcpy(next, c->field, c->fields * sizeof *next);
    c->field = next;
    c->cap = cap;
    return HN_OK;
}

static char peek(const csv *c)
{
    return hn_cursor_done(&c->in) ? '\n' : (char)c->in.data[c->in.pos];
}

/* A quoted field may hold delimiters, line feeds and doubled quotes (which are kept doubled). */
static hn_status quoted(csv *c, field *f)
{
    size_t from = ++c->in.pos;
    for (;; c->in.pos++) {
        if (hn_cursor_done(&c->in))
            return hn_fail(c->env, HN_INPUT, "line %zu, column %zu: the quote is never closed", c->line, c->fields + 1);
        if (peek(c) == '\n') c->lines++;
        if (peek(c) != '"') continue;
        if (hn_cursor_left(&c->in) > 1 && c->in.data[c->in.pos + 1] == '"') {
            c->in.pos++;
            continue;
        }
        break;
    }
    *f = (field){(const char *)c->in.data + from, c->in.pos - from};
    c->in.pos++;
    while (peek(c) == ' ' || peek(c) == '\r') c->in.pos++;
    if (peek(c) == c->delimiter || peek(c) == '\n') return HN_OK;
    return hn_fail(c->env, HN_INPUT, "line %zu, column %zu: text follows the closing quote", c->line, c->fields + 1);
}

static void plain(csv *c, field *f)
{
    size_t from = c->in.pos;
    while (peek(c) != c->delimiter && peek(c) != '\n') c->in.pos++;
    *f = (field){(const char *)c->in.data + from, c->in.pos - from};
    while (f->size && (f->data[0] == ' ' || f->data[0] == '\t')) {
        f->data++;
        f->size--;
    }
    while (f->size && strchr(" \t\r", f->data[f->size - 1])) f->size--;
}

/* The next record that is not an empty line; *more is false at the end. */
static hn_status next_record(csv *c, bool *more)
{
    for (;;) {
        c->fields = 0;
        c->line = c->lines + 1;
        *more = !hn_cursor_done(&c->in);
        if (!*more) return HN_OK;
        for (bool again = true; again;) {
            HN_TRY(fields_grow(c));
            while (c->delimiter != ' ' && peek(c) == ' ') c->in.pos++;
            if (peek(c) == '"')
                HN_TRY(quoted(c, &c->field[c->fields]));
            else
                plain(c, &c->field[c->fields]);
            c->fields++;
            again = peek(c) != '\n';
            if (again) c->in.pos++;
        }
        if (!hn_cursor_done(&c->in)) c->in.pos++;
        c->lines++;
        if (c->fields > 1 || c->field[0].size > 0) return HN_OK;
    }
}

static bool number(const field *f, double *out)
{
    char text[MAX_NUMBER], *end = NULL;
    if (f->size == 0 || f->size >= sizeof text || memchr(f->data, '\0', f->size)) return false;
    memcpy(text, f->data, f->size);
    text[f->size] = '\0';
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out) && isfinite((float)*out);
}

static hn_status titles(csv *c, bool *header)
{
    double v = 0;
    *header = false;
    c->columns = c->fields;
    for (size_t i = 0; i < c->fields; i++)
        if (!number(&c->field[i], &v)) *header = true;
    c->title = hn_arena_array(c->env, &c->scratch, c->columns, sizeof *c->title);
    if (!c->title) return c->env->error.status;
    for (size_t i = 0; i < c->columns; i++) {
        c->title[i] = *header ? hn_arena_strndup(c->env, &c->scratch, c->field[i].data, c->field[i].size)
                              : hn_arena_printf(c->env, &c->scratch, "%zu", i);
        if (!c->title[i]) return c->env->error.status;
    }
    return HN_OK;
}

static hn_status label_column(csv *c)
{
    static const char *const usual[] = {"label", "labels", "class", "class_index", "target", "y"};
    const char *want = c->ds->options.label_column;
    c->label = SIZE_MAX;
    for (size_t k = 0; k < (want ? 1 : HN_COUNT(usual)) && c->label == SIZE_MAX; k++)
        for (size_t i = 0; i < c->columns; i++)
            if (strcmp(c->title[i], want ? want : usual[k]) == 0) c->label = i;
    if (!want || c->label != SIZE_MAX) return HN_OK;
    const char *near = hn_nearest_word(want, c->title, c->columns);
    hn_status st =
        hn_fail(c->env, HN_INPUT, "there is no column \"%s\" for the label among the %zu columns", want, c->columns);
    if (near) hn_hint(c->env, "did you mean %s?", near);
    return st;
}

static hn_status record_take(csv *c, float *dst, field *label)
{
    if (c->fields != c->columns)
        return hn_fail(c->env, HN_INPUT, "line %zu has %zu columns, the first line has %zu", c->line, c->fields,
                       c->columns);
    for (size_t i = 0; i < c->columns; i++) {
        double v = 0;
        const field *f = &c->field[i];
        if (i == c->label) {
            *label = *f;
            continue;
        }
        if (!number(f, &v)) {
            hn_status st = hn_fail(c->env, HN_INPUT, "line %zu, column %zu (%s): \"%.*s\" is not a number", c->line,
                                   i + 1, c->title[i], (int)hn_min_size(f->size, 40), f->data);
            hn_hint(c->env, "turn words into numbers, fill gaps, or leave the column out%s",
                    c->label == SIZE_MAX ? "; name the label column if it is this one" : "");
            return st;
        }
        *dst++ = (float)v;
    }
    return HN_OK;
}

static int field_order(const void *a, const void *b)
{
    const field *x = a, *y = b;
    int r = memcmp(x->data, y->data, hn_min_size(x->size, y->size));
    return r ? r : x->size < y->size ? -1 : x->size > y->size;
}

static hn_status labels_take(csv *c, const field *f)
{
    hn_dataset *ds = c->ds;
    bool numbers = true;
    int64_t *label = hn_arena_array(c->env, &ds->arena, ds->count, sizeof *label);
    if (!label) return c->env->error.status;
    for (size_t i = 0; i < ds->count && numbers; i++)
        numbers = hn_text_i64(f[i].data, f[i].size, &label[i]) && label[i] >= 0;
    if (numbers) return hn_labels_set(c->env, ds, label);
    field *all = hn_arena_array(c->env, &c->scratch, ds->count, sizeof *all);
    if (!all) return c->env->error.status;
    memcpy(all, f, ds->count * sizeof *all);
    qsort(all, ds->count, sizeof *all, field_order);
    size_t n = 0;
    for (size_t i = 0; i < ds->count; i++)
        if (n == 0 || field_order(&all[n - 1], &all[i]) != 0) all[n++] = all[i];
    const char **name = hn_arena_array(c->env, &ds->arena, n, sizeof *name);
    if (!name) return c->env->error.status;
    for (size_t i = 0; i < n; i++)
        if ((name[i] = hn_arena_strndup(c->env, &ds->arena, all[i].data, all[i].size)) == NULL)
            return c->env->error.status;
    for (size_t i = 0; i < ds->count; i++) {
        const field *hit = bsearch(&f[i], all, n, sizeof *all, field_order);
        if (!hit) return hn_fail(c->env, HN_BUG, "a label was lost");
        label[i] = hit - all;
    }
    ds->classes = (int64_t)n;
    ds->class_name = name;
    return hn_labels_set(c->env, ds, label);
}

static void sniff(csv *c)
{
    const char *p = (const char *)c->in.data;
    const char *end = c->in.size ? memchr(p, '\n', c->in.size) : NULL;
    size_t n = end ? (size_t)(end - p) : c->in.size;
    c->delimiter = n && memchr(p, '\t', n) ? '\t' : n && !memchr(p, ',', n) && memchr(p, ';', n) ? ';' : ',';
}

static hn_status parse(csv *c, rows *r)
{
    bool more = false, header = false;
    static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
    if (c->in.size >= 3 && memcmp(c->in.data, mark, 3) == 0) c->in.pos = 3;
    sniff(c);
    HN_TRY(next_record(c, &more));
    if (!more) return hn_fail(c->env, HN_INPUT, "the file is empty");
    HN_TRY(titles(c, &header));
    HN_TRY(label_column(c));
    r->columns = c->columns - (c->label != SIZE_MAX);
    if (r->columns == 0) return hn_fail(c->env, HN_INPUT, "there is no column but the label");

    /* A record takes a line or more, so the line feeds bound their number. */
    size_t most = 1, cells = 0, bytes = 0;
    for (size_t i = 0; i < c->in.size; i++) most += c->in.data[i] == '\n';
    if (!hn_size_mul(most, r->columns, &cells) || !hn_size_mul(cells, sizeof(float), &bytes) ||
        bytes > c->ds->options.max_bytes)
        return hn_fail(c->env, HN_LIMIT, "%zu lines of %zu columns are above the limit of %zu bytes", most, r->columns,
                       c->ds->options.max_bytes);
    float *value = hn_arena_array(c->env, &c->ds->arena, cells, sizeof *value);
    field *label = hn_arena_array(c->env, &c->scratch, most, sizeof *label);
    if (!value || !label) return c->env->error.status;
    if (header) HN_TRY(next_record(c, &more));
    while (more) {
        HN_TRY(record_take(c, value + c->ds->count * r->columns, &label[c->ds->count]));
        c->ds->count++;
        HN_TRY(next_record(c, &more));
    }
    r->value = value;
    return c->label != SIZE_MAX && c->ds->count ? labels_take(c, label) : HN_OK;
}

static hn_status csv_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const rows *r = ds->impl;
    int64_t dims[1] = {(int64_t)r->columns};
    hn_tensor raw, t;
    HN_TRY(hn_tensor_init(env, arena, &raw, HN_F32, 1, dims));
    memcpy(raw.data, r->value + index * r->columns, raw.bytes);
    HN_TRY(hn_preprocess_array(env, arena, &ds->options.pre, &raw, &t));
    return hn_sample_one(env, arena, &t, out);
}

static hn_status csv_open(hn_env *env, const char *path, hn_dataset *ds)
{
    rows *r = hn_arena_alloc(env, &ds->arena, sizeof *r);
    if (!r) return env->error.status;
    hn_bytes b;
    HN_TRY(hn_bytes_open(env, path, ds->options.max_bytes, &b));
    csv c = {.env = env, .ds = ds, .in = hn_cursor_make(b.data, b.size)};
    ds->impl = r;
    ds->read = csv_read;
    hn_status st = parse(&c, r);
    hn_arena_fini(env, &c.scratch);
    hn_bytes_close(env, &b);
    return st;
}

static hn_status csv_probe(hn_env *env, const char *path, int *score)
{
    (void)env;
    static const char *const ends[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt"};
    if (!hn_path_is_file(path)) return HN_OK;
    for (size_t i = 0; i < HN_COUNT(ends); i++) {
        size_t n = strlen(path), m = strlen(ends[i]);
        if (n > m && strcmp(path + n - m, ends[i]) == 0) *score = i < 4 ? 60 : 15;
    }
    return HN_OK;
}

const hn_reader hn_reader_csv = {
    .name = "csv",
    .doc = "Numbers in CSV or TSV, plain or .gz; the first line names the columns; the label column is given, or is "
           "called label, class, "
           "class_index, target or y.",
    .probe = csv_probe,
    .open = csv_open,
};
