/* reader_folder: a folder of pictures or sounds. With labels.tsv (header; columns `file` and `class_index`, more
 * allowed) the file says what there is; else sub-folders are classes; else the files are unlabelled samples. */
#include "base/size.h"
#include "data/data_priv.h"

#include <string.h>

enum { MAX_COLUMNS = 64 };

typedef struct list {
    const char **file; /* path */
    const char **name; /* relative to the set */
    size_t count, cap;
} list;

static hn_status list_add(hn_env *env, hn_arena *arena, list *l, const char *path, const char *name)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 256;
        const char **file = hn_arena_array(env, arena, cap, sizeof *file),
                   **names = hn_arena_array(env, arena, cap, sizeof *names);
        if (!file || !names) return env->error.status;
        if (l->count) {
            memcpy(file, l->file, l->count * sizeof *file);
            memcpy(names, l->name, l->count * sizeof *names);
        }
        *l = (list){file, names, l->count, cap};
    }
    l->file[l->count] = path;
    l->name[l->count++] = name;
    return HN_OK;
}

/* labels.tsv */

typedef struct field {
    const char *data;
    size_t size;
} field;

/* Cuts the next line into fields at tabs; false at the end. A final CR is dropped. */
static bool next_line(hn_cursor *c, field *f, size_t *n)
{
    if (hn_cursor_done(c)) return false;
    const char *p = (const char *)c->data + c->pos, *end = memchr(p, '\n', hn_cursor_left(c));
    size_t len = end ? (size_t)(end - p) : hn_cursor_left(c);
    c->pos += len + (end ? 1 : 0);
    if (len && p[len - 1] == '\r') len--;
    *n = 0;
    for (size_t from = 0; *n < MAX_COLUMNS;) {
        const char *tab = memchr(p + from, '\t', len - from);
        size_t to = tab ? (size_t)(tab - p) : len;
        f[(*n)++] = (field){p + from, to - from};
        if (!tab) break;
        from = to + 1;
    }
    return true;
}

static bool field_is(const field *f, const char *s)
{
    return f->size == strlen(s) && memcmp(f->data, s, f->size) == 0;
}

/* A name from the file must stay inside the folder. */
static bool inside(const field *f)
{
    if (f->size == 0 || f->size > HN_PATH_MAX || f->data[0] == '/' || memchr(f->data, '\0', f->size)) return false;
    for (size_t i = 0; i + 1 < f->size; i++)
        if (f->data[i] == '.' && f->data[i + 1] == '.' && (i == 0 || f->data[i - 1] == '/') &&
            (i + 2 == f->size || f->data[i + 2] == '/'))
            return false;
    return true;
}

static hn_status labels_parse(hn_env *env, hn_dataset *ds, hn_cursor *c, list *l, int64_t **labels)
{
    field f[MAX_COLUMNS];
    size_t n = 0, file = MAX_COLUMNS, label = MAX_COLUMNS, cap = 0, line = 1;
    const char *want = ds->options.label_column ? ds->options.label_column : "class_index";
    if (next_line(c, f, &n))
        for (size_t i = 0; i < n; i++) {
            if (field_is(&f[i], "file")) file = i;
            if (field_is(&f[i], want)) label = i;
        }
    if (file == MAX_COLUMNS || label == MAX_COLUMNS) {
        hn_status st = hn_fail(env, HN_INPUT, "line 1 has no column \"%s\"", file == MAX_COLUMNS ? "file" : want);
        hn_hint(env, "the first line names the columns, separated by tabs: file, class_index");
        return st;
    }
    while (next_line(c, f, &n)) {
        line++;
        if (n == 1 && f[0].size == 0) continue;
        if (n <= file || n <= label) return hn_fail(env, HN_INPUT, "line %zu has %zu columns, too few", line, n);
        if (!inside(&f[file]))
            return hn_fail(env, HN_INPUT, "line %zu, column %zu: the file name is empty or leaves the folder", line,
                           file + 1);
        int64_t v = 0;
        if (!hn_text_i64(f[label].data, f[label].size, &v) || v < 0)
            return hn_fail(env, HN_INPUT, "line %zu, column %zu: \"%.*s\" is not a class number", line, label + 1,
                           (int)hn_min_size(f[label].size, 40), f[label].data);
        const char *name = hn_arena_strndup(env, &ds->arena, f[file].data, f[file].size);
        const char *path = name ? hn_path_join(env, &ds->arena, ds->path, name) : NULL;
        if (!path) return env->error.status;
        if (l->count == cap) {
            cap = cap ? 2 * cap : 256;
            int64_t *next = hn_arena_array(env, &ds->arena, cap, sizeof *next);
            if (!next) return env->error.status;
            if (l->count) memcpy(next, *labels, l->count * sizeof *next);
            *labels = next;
        }
        (*labels)[l->count] = v;
        HN_TRY(list_add(env, &ds->arena, l, path, name));
    }
    return HN_OK;
}

static hn_status labels_open(hn_env *env, hn_dataset *ds, const char *tsv, list *l)
{
    hn_map map;
    int64_t *labels = NULL;
    HN_TRY(hn_map_open(env, tsv, &map));
    hn_cursor c = hn_cursor_make(map.data, map.size);
    hn_status st = labels_parse(env, ds, &c, l, &labels);
    hn_map_close(&map);
    HN_TRY(hn_context(env, st, "in %s", tsv));
    ds->count = l->count;
    return ds->count ? hn_labels_set(env, ds, labels) : HN_OK;
}

/* Folders without labels.tsv: files of the folder itself, or of its sub-folders. */
static hn_status scan(hn_env *env, hn_dataset *ds, const char *dir, const char *prefix, list *l, bool deeper)
{
    char **names = NULL;
    size_t n = 0;
    HN_TRY(hn_dir_list(env, &ds->arena, dir, &names, &n));
    for (size_t i = 0; i < n; i++) {
        const char *path = hn_path_join(env, &ds->arena, dir, names[i]);
        const char *name = hn_path_join(env, &ds->arena, prefix, names[i]);
        if (!path || !name) return env->error.status;
        if (names[i][0] == '.') continue;
        if (deeper && hn_path_is_dir(path))
            HN_TRY(scan(env, ds, path, name, l, false));
        else if (!deeper && hn_fileset_knows(name) && hn_path_is_file(path))
            HN_TRY(list_add(env, &ds->arena, l, path, name));
    }
    return HN_OK;
}

static hn_status folder_open(hn_env *env, const char *path, hn_dataset *ds)
{
    list l = {0};
    hn_fileset *fs = hn_arena_alloc(env, &ds->arena, sizeof *fs);
    const char *tsv = hn_path_join(env, &ds->arena, path, "labels.tsv");
    if (!fs || !tsv) return env->error.status;
    bool by_folder = false;
    if (hn_path_is_file(tsv)) {
        HN_TRY(labels_open(env, ds, tsv, &l));
    } else {
        HN_TRY(scan(env, ds, path, "", &l, true));
        by_folder = l.count > 0;
        if (!by_folder) HN_TRY(scan(env, ds, path, "", &l, false));
    }
    ds->count = l.count;
    ds->name = l.name;
    fs->file = l.file;
    hn_fileset_attach(ds, fs);
    if (l.count == 0) {
        hn_status st = hn_fail(env, HN_INPUT, "the folder holds no picture or sound");
        hn_hint(env, "put .jpg, .png or .wav files into it, one sub-folder a class, or list them in labels.tsv");
        return st;
    }
    return by_folder ? hn_labels_by_folder(env, ds, l.name) : HN_OK;
}

static hn_status folder_probe(hn_env *env, const char *path, int *score)
{
    if (!hn_path_is_dir(path)) return HN_OK;
    hn_arena scratch = {0};
    char *tsv = hn_path_join(env, &scratch, path, "labels.tsv");
    hn_status st = tsv ? HN_OK : env->error.status;
    if (tsv) *score = hn_path_is_file(tsv) ? 90 : 20;
    hn_arena_fini(env, &scratch);
    return st;
}

const hn_reader hn_reader_folder = {
    .name = "folder",
    .doc = "A folder of .jpg, .png or sound files: with labels.tsv (columns file, class_index), one sub-folder a class "
           "(names that are "
           "all numbers keep their number, else sorted), or unlabelled.",
    .probe = folder_probe,
    .open = folder_open,
};
