/* reader_file: one picture or one sound is a set of one sample. */
#include "data/data_priv.h"

static hn_status file_open(hn_env *env, const char *path, hn_dataset *ds)
{
    hn_fileset *fs = hn_arena_alloc(env, &ds->arena, sizeof *fs);
    const char **file = hn_arena_alloc(env, &ds->arena, sizeof *file),
               **name = hn_arena_alloc(env, &ds->arena, sizeof *name);
    if (!fs || !file || !name) return env->error.status;
    file[0] = path;
    name[0] = hn_path_base(path);
    ds->count = 1;
    ds->name = name;
    fs->file = file;
    hn_fileset_attach(ds, fs);
    return HN_OK;
}

static hn_status file_probe(hn_env *env, const char *path, int *score)
{
    (void)env;
    *score = hn_fileset_knows(path) && hn_path_is_file(path) ? 60 : 0;
    return HN_OK;
}

const hn_reader hn_reader_file = {
    .name = "file",
    .doc = "One .jpg, .png, .wav, .flac or .ogg file.",
    .probe = file_probe,
    .open = file_open,
};
