/* reader_tar: pictures or sounds in a tar or zip archive, CLASS/NAME; unpacked to memory once, decoded when read.
 * Sounds without folders may carry their class as the number before the first '_', as in 7_jackson_32.wav. */
#include "data/data_priv.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const hn_member *const *)a)->name, (*(const hn_member *const *)b)->name);
}

static hn_status labels_by_prefix(hn_env *env, hn_dataset *ds)
{
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) {
        const char *base = hn_path_base(ds->name[i]), *bar = strchr(base, '_');
        if (!bar || !hn_text_i64(base, (size_t)(bar - base), &label[i]) || label[i] < 0 || label[i] >= 1 << 20)
            return HN_OK;
    }
    return hn_labels_set(env, ds, label);
}

/* True when the innermost folders name more than one class. */
static bool several_folders(const hn_dataset *ds)
{
    const char *first = strrchr(ds->name[0], '/');
    for (size_t i = 0; first && i < ds->count; i++) {
        const char *slash = strrchr(ds->name[i], '/');
        if (!slash || slash - ds->name[i] != first - ds->name[0] ||
            memcmp(ds->name[i], ds->name[0], (size_t)(slash - ds->name[i])) != 0)
            return true;
    }
    return false;
}

static hn_status tar_open(hn_env *env, const char *path, hn_dataset *ds)
{
    hn_fileset *fs = hn_arena_alloc(env, &ds->arena, sizeof *fs);
    if (!fs) return env->error.status;
    HN_TRY(hn_archive_open(env, &ds->arena, path, ds->options.max_bytes, &fs->archive));
    hn_fileset_attach(ds, fs);
    const hn_member **m = hn_arena_array(env, &ds->arena, fs->archive.count, sizeof *m);
    const char **name = hn_arena_array(env, &ds->arena, fs->archive.count, sizeof *name);
    if (!m || !name) return env->error.status;
    for (size_t i = 0; i < fs->archive.count; i++) {
        const hn_member *e = &fs->archive.member[i];
        if (hn_fileset_knows(e->name) && hn_path_base(e->name)[0] != '.') m[ds->count++] = e;
    }
    if (ds->count == 0)
        return hn_fail(env, HN_INPUT, "the archive of %zu members holds no picture or sound", fs->archive.count);
    qsort(m, ds->count, sizeof *m, by_name);
    for (size_t i = 0; i < ds->count; i++) name[i] = m[i]->name;
    fs->member = m;
    ds->name = name;
    return several_folders(ds) ? hn_labels_by_folder(env, ds, name) : labels_by_prefix(env, ds);
}

static hn_status tar_probe(hn_env *env, const char *path, int *score)
{
    (void)env;
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".zip"};
    if (!hn_path_is_file(path)) return HN_OK;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(path), m = strlen(ends[i]);
        if (n > m && strcmp(path + n - m, ends[i]) == 0) *score = 80;
    }
    return HN_OK;
}

const hn_reader hn_reader_tar = {
    .name = "tar",
    .doc = "A .tar (also .gz, .xz, .zst, .bz2) or .zip of pictures or sounds in class folders.",
    .probe = tar_probe,
    .open = tar_open,
};
