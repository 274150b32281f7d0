/* data_priv: what the readers share. */
#ifndef HN_DATA_DATA_PRIV_H
#define HN_DATA_DATA_PRIV_H

#include "base/cursor.h"
#include "data/data.h"

/* Bytes of a file: mapped, or unpacked to the heap when it was gzipped. */
typedef struct hn_bytes {
    hn_map map;
    uint8_t *heap;
    const uint8_t *data;
    size_t size;
} hn_bytes;

/* A gzip file (by its magic) is unpacked; HN_LIMIT above max_bytes. */
hn_status hn_bytes_open(hn_env *env, const char *path, size_t max_bytes, hn_bytes *out) HN_MUST_CHECK;
void hn_bytes_close(hn_env *env, hn_bytes *b);
/* The first n unpacked bytes of a file, or fewer; 0 when it cannot be read. Leaves no error. */
size_t hn_bytes_peek(hn_env *env, const char *path, uint8_t *dst, size_t n);
/* A gzip stream in memory to the heap. Exact inflated size in *out_size. */
hn_status hn_gunzip(hn_env *env, const void *data, size_t size, size_t max_bytes, uint8_t **out,
                    size_t *out_size) HN_MUST_CHECK;

/* Members of an archive (zip, tar, tar.gz, tar.zst ...), unpacked to the heap. */
typedef struct hn_member {
    const char *name; /* in the arena given */
    const uint8_t *data;
    size_t size;
} hn_member;
typedef struct hn_archive {
    hn_member *member;
    size_t count;
    struct hn_chunk *chunks;
} hn_archive;
enum { HN_ARCHIVE_MAX_MEMBERS = 4 << 20, HN_PATH_MAX = 4096 };
hn_status hn_archive_open(hn_env *env, hn_arena *arena, const char *path, size_t max_bytes,
                          hn_archive *out) HN_MUST_CHECK;
void hn_archive_close(hn_env *env, hn_archive *a);

/* Pictures and sounds, in files or in an archive, decoded when they are read. */
typedef struct hn_fileset {
    hn_archive archive;       /* count 0: entries are files */
    const char *const *file;  /* one path per sample, when they are files */
    const hn_member **member; /* one per sample, when they are archived */
} hn_fileset;
bool hn_fileset_knows(const char *name); /* .jpg .jpeg .png .wav .flac .ogg */
/* Sets ds->read and ds->close; `fs` lives in ds->arena; ds->count and ds->name are set already. */
void hn_fileset_attach(hn_dataset *ds, hn_fileset *fs);
/* Gives labels by the innermost folder in each name (sorted; names that are all numbers keep their number). HN_OK
 * without labels when a name has no folder. Sets ds->label, class_name and classes. */
hn_status hn_labels_by_folder(hn_env *env, hn_dataset *ds, const char *const *name) HN_MUST_CHECK;

/* A sample with one unnamed input. */
hn_status hn_sample_one(hn_env *env, hn_arena *arena, const hn_tensor *t, hn_sample *out) HN_MUST_CHECK;
/* Checks that labels are whole and not negative, and sets ds->classes from the largest when it is 0. */
hn_status hn_labels_set(hn_env *env, hn_dataset *ds, const int64_t *label) HN_MUST_CHECK;
/* True when all of s is a decimal number that fits. */
bool hn_text_i64(const char *s, size_t n, int64_t *out);

#endif
