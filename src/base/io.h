/* io: files and folders. All failures are HN_IO (or HN_INPUT for a missing path) and name the path and the reason. */
#ifndef HN_BASE_IO_H
#define HN_BASE_IO_H

#include "base/arena.h"
#include "base/buf.h"

/* A read-only mapping of a whole file; data is NULL for an empty file. */
typedef struct hn_map {
    const uint8_t *data;
    size_t size;
} hn_map;

/* A mapped file that is kept open too, so that what is copied out of it can be read instead. A zeroed one is none. */
typedef struct hn_file {
    hn_map map;
    int fd; /* open while map.data is not NULL */
} hn_file;

hn_status hn_map_open(hn_env *env, const char *path, hn_map *out) HN_MUST_CHECK;
void hn_map_close(hn_map *map);
hn_status hn_file_open(hn_env *env, const char *path, hn_file *out) HN_MUST_CHECK;
void hn_file_close(hn_file *file);
/* Copies bytes of the mapping. Many at once are read from the file, which takes half the time of faulting their pages
 * in; from a file that has shrunk since, they are an error, where touching them would end the process. */
hn_status hn_file_copy(hn_env *env, const hn_file *file, void *dst, const uint8_t *from, size_t bytes) HN_MUST_CHECK;

/* Write to "PATH.tmp-PID", fsync, rename: a reader never sees half a file. */
hn_status hn_file_write(hn_env *env, const char *path, const void *data, size_t bytes) HN_MUST_CHECK;
hn_status hn_dir_make(hn_env *env, const char *path) HN_MUST_CHECK; /* with parents; an existing folder is fine */
bool hn_path_is_dir(const char *path);
bool hn_path_is_file(const char *path);
/* Names in a folder, sorted bytewise, without "." and ".."; in the arena. */
hn_status hn_dir_list(hn_env *env, hn_arena *arena, const char *path, char ***names, size_t *count) HN_MUST_CHECK;
/* "DIR/NAME" in the arena; NAME alone when it is absolute or DIR is empty. */
char *hn_path_join(hn_env *env, hn_arena *arena, const char *dir, const char *name) HN_MUST_CHECK;
/* Folder part of a path ("." when none), in the arena. */
char *hn_path_dir(hn_env *env, hn_arena *arena, const char *path) HN_MUST_CHECK;
const char *hn_path_base(const char *path);              /* borrowed: the part after the last '/' */
bool hn_path_has_ext(const char *path, const char *ext); /* case-insensitive, ext with its dot */

/* SHA-256 of bytes as 64 hex digits and a NUL. */
void hn_sha256_hex(const void *data, size_t bytes, char out[65]);

/* Of bytes as this machine orders them; tells damage apart, nothing more. */
uint64_t hn_checksum(const void *data, size_t bytes);

#endif
