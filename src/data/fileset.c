/* fileset: samples that are pictures or sounds, one a file or one an archive member, decoded each time they are read;
 * and labels taken from folder names. */
#include "data/audio.h"
#include "data/data_priv.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

static bool sound_name(const char *n)
{
    return hn_path_has_ext(n, ".wav") || hn_path_has_ext(n, ".flac") || hn_path_has_ext(n, ".ogg");
}

bool hn_fileset_knows(const char *name)
{
    return hn_image_file_name(name) || sound_name(name);
}

static hn_status decode(hn_env *env, const hn_dataset *ds, const char *name, const uint8_t *data, size_t size,
                        hn_arena *arena, hn_tensor *out)
{
    const hn_data_options *o = &ds->options;
    if (size == 0) return hn_fail(env, HN_INPUT, "the file is empty");
    if (!hn_image_known(data, size) && sound_name(name)) {
        HN_TRY(hn_audio_decode(env, arena, data, size, o->max_bytes, out, NULL));
        hn_tensor sound = *out;
        return hn_preprocess_array(env, arena, &o->pre, &sound, out);
    }
    /* The decoded picture is only needed until the tensor is made. */
    hn_arena scratch = {0};
    hn_image image;
    hn_status st = hn_image_decode(env, &scratch, data, size, o->max_pixels, &image);
    if (st == HN_OK) st = hn_preprocess_image(env, arena, &o->pre, &image, false, out);
    hn_arena_fini(env, &scratch);
    return st;
}

static hn_status fileset_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const hn_fileset *fs = ds->impl;
    hn_tensor t;
    if (fs->member) {
        const hn_member *m = fs->member[index];
        HN_TRY(decode(env, ds, m->name, m->data, m->size, arena, &t));
    } else {
        hn_map map;
        HN_TRY(hn_map_open(env, fs->file[index], &map));
        hn_status st = decode(env, ds, fs->file[index], map.data, map.size, arena, &t);
        hn_map_close(&map);
        if (st != HN_OK) return st;
    }
    return hn_sample_one(env, arena, &t, out);
}

static void fileset_close(hn_env *env, hn_dataset *ds)
{
    hn_fileset *fs = ds->impl;
    hn_archive_close(env, &fs->archive);
}

void hn_fileset_attach(hn_dataset *ds, hn_fileset *fs)
{
    ds->impl = fs;
    ds->read = fileset_read;
    ds->close = fileset_close;
}

bool hn_text_i64(const char *s, size_t n, int64_t *out)
{
    int64_t v = 0;
    size_t i = n > 1 && s[0] == '-' ? 1 : 0;
    bool minus = i == 1;
    if (n == 0) return false;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        if (!hn_i64_mul(v, 10, &v) || !hn_i64_add(v, s[i] - '0', &v)) return false;
    }
    *out = minus ? -v : v;
    return true;
}

typedef struct folder {
    const char *data;
    size_t size;
} folder;

static int folder_order(const void *a, const void *b)
{
    const folder *x = a, *y = b;
    int c = memcmp(x->data, y->data, hn_min_size(x->size, y->size));
    return c ? c : x->size < y->size ? -1 : x->size > y->size;
}

/* Labels are the folders' own numbers when all are numbers, else their rank. */
static hn_status folder_labels(hn_env *env, hn_dataset *ds, const folder *of, const folder *all, size_t n)
{
    enum { MAX_CLASSES = 1 << 20 };
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    bool numbers = true;
    int64_t v = 0, top = (int64_t)n - 1;
    for (size_t i = 0; i < n && numbers; i++)
        numbers = hn_text_i64(all[i].data, all[i].size, &v) && v >= 0 && v < MAX_CLASSES;
    for (size_t i = 0; numbers && i < n; i++) {
        (void)hn_text_i64(all[i].data, all[i].size, &v);
        if (v > top || i == 0) top = i == 0 ? v : v > top ? v : top;
    }
    for (size_t i = 0; i < ds->count; i++) {
        const folder *f = bsearch(&of[i], all, n, sizeof *all, folder_order);
        if (!f) return hn_fail(env, HN_BUG, "a folder was lost");
        if (!numbers)
            label[i] = f - all;
        else if (!hn_text_i64(f->data, f->size, &label[i]))
            return hn_fail(env, HN_BUG, "a folder changed its name");
    }
    ds->classes = top + 1;
    const char **name = hn_arena_array(env, &ds->arena, (size_t)ds->classes, sizeof *name);
    if (!name) return env->error.status;
    for (size_t i = 0; i < (size_t)ds->classes; i++) {
        name[i] = numbers ? hn_arena_printf(env, &ds->arena, "%zu", i)
                          : hn_arena_strndup(env, &ds->arena, all[i].data, all[i].size);
        if (!name[i]) return env->error.status;
    }
    ds->class_name = name;
    return hn_labels_set(env, ds, label);
}

hn_status hn_labels_by_folder(hn_env *env, hn_dataset *ds, const char *const *name)
{
    hn_arena scratch = {0};
    hn_status st = HN_OK;
    folder *of = hn_arena_array(env, &scratch, ds->count, sizeof *of);
    folder *all = hn_arena_array(env, &scratch, ds->count, sizeof *all);
    if (!of || !all) {
        st = env->error.status;
        goto out;
    }
    for (size_t i = 0; i < ds->count; i++) {
        const char *last = strrchr(name[i], '/');
        if (!last) goto out;
        const char *first = last;
        while (first > name[i] && first[-1] != '/') first--;
        of[i] = all[i] = (folder){first, (size_t)(last - first)};
    }
    qsort(all, ds->count, sizeof *all, folder_order);
    size_t n = 0;
    for (size_t i = 0; i < ds->count; i++)
        if (n == 0 || folder_order(&all[n - 1], &all[i]) != 0) all[n++] = all[i];
    st = folder_labels(env, ds, of, all, n);
out:
    hn_arena_fini(env, &scratch);
    return st;
}
