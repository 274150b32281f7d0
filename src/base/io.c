/* io: whole files in and out, and folders. A file appears under its name only when all its bytes are on disk. */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/size.h"

enum {
    READ_LEAST = 1 << 16, /* bytes: of fewer, the system call costs more than their pages */
    CALL_MOST = 1 << 30   /* bytes of one read or write */
};

/* Records what could not be done to path and the system's reason. */
static hn_status refuse(hn_env *env, const char *action, const char *path, int error)
{
    char reason[128];
    if (strerror_r(error, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", error);
    hn_status status = error == ENOENT || error == ENOTDIR ? HN_INPUT : HN_IO;
    return hn_fail(env, status, "cannot %s %s: %s", action, path, reason);
}

/* *fd is to be closed, also after a failure, when it is not negative. */
static hn_status open_file(hn_env *env, const char *path, int *fd, size_t *size)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &info) != 0) return refuse(env, "open", path, errno);
    *size = (size_t)info.st_size;
    if (S_ISREG(info.st_mode)) return HN_OK;
    return hn_fail(env, HN_INPUT, "cannot open %s: it is %s", path,
                   S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
}

hn_status hn_file_open(hn_env *env, const char *path, hn_file *out)
{
    size_t size = 0;
    *out = (hn_file){0};
    hn_status st = open_file(env, path, &out->fd, &size);
    if (st == HN_OK && size > 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, out->fd, 0);
        if (data == MAP_FAILED)
            st = refuse(env, "map", path, errno);
        else
            out->map = (hn_map){.data = data, .size = size};
    }
    if (out->map.data == NULL && out->fd >= 0) close(out->fd);
    return st;
}

void hn_file_close(hn_file *file)
{
    if (file->map.data != NULL) close(file->fd);
    hn_map_close(&file->map);
}

hn_status hn_file_copy(hn_env *env, const hn_file *file, void *dst, const uint8_t *from, size_t bytes)
{
    if (bytes < READ_LEAST) {
        if (bytes > 0) memcpy(dst, from, bytes);
        return HN_OK;
    }
    uint8_t *to = dst;
    off_t at = from - file->map.data;
    while (bytes > 0) {
        ssize_t n = pread(file->fd, to, hn_min_size(bytes, CALL_MOST), at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return hn_fail(env, HN_IO, "cannot read %zu bytes from %lld on: %s", bytes, (long long)at,
                           n < 0 ? "the system refuses" : "the file has become shorter");
        to += n;
        at += n;
        bytes -= (size_t)n;
    }
    return HN_OK;
}

hn_status hn_map_open(hn_env *env, const char *path, hn_map *out)
{
    hn_file file;
    hn_status st = hn_file_open(env, path, &file);
    *out = file.map;
    if (out->data != NULL) close(file.fd);
    return st;
}

void hn_map_close(hn_map *map)
{
    if (map->data != NULL) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (hn_map){0};
}

static int write_all(int fd, const unsigned char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = write(fd, data, hn_min_size(bytes, CALL_MOST));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        data += n;
        bytes -= (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* The new name survives a crash only once the folder is on disk. A file system that cannot do it is no error. */
static void sync_dir_of(const char *path)
{
    char dir[PATH_MAX];
    size_t n = (size_t)(hn_path_base(path) - path);
    if (n >= sizeof dir) return;
    memcpy(dir, n == 0 ? "." : path, n == 0 ? 1 : n);
    dir[n == 0 ? 1 : n] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    close(fd);
}

hn_status hn_file_write(hn_env *env, const char *path, const void *data, size_t bytes)
{
    char temp[PATH_MAX];
    int n = snprintf(temp, sizeof temp, "%s.tmp-%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temp) return hn_fail(env, HN_INPUT, "cannot write %s: the path is too long", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return refuse(env, "write", path, errno);
    int error = write_all(fd, data, bytes);
    if (close(fd) != 0 && error == 0) error = errno;
    if (error == 0 && rename(temp, path) != 0) error = errno;
    if (error != 0) {
        unlink(temp);
        return refuse(env, "write", path, error);
    }
    sync_dir_of(path);
    return HN_OK;
}

hn_status hn_dir_make(hn_env *env, const char *path)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0) return hn_fail(env, HN_INPUT, "cannot make a folder: the path is empty");
    if (n >= sizeof part) return hn_fail(env, HN_INPUT, "cannot make folder %s: the path is too long", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && !hn_path_is_dir(part)) return refuse(env, "make folder", part, errno);
    }
    return HN_OK;
}

bool hn_path_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool hn_path_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct name_list {
    char **items;
    size_t count, cap;
} name_list;

/* The old array stays in the arena: at most as much again as the list. */
static hn_status push_name(hn_env *env, hn_arena *arena, name_list *l, const char *name)
{
    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 16 : l->cap * 2;
        char **items = hn_arena_array(env, arena, cap, sizeof *items);
        if (items == NULL) return env->error.status;
        if (l->count > 0) memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count] = hn_arena_strdup(env, arena, name);
    if (l->items[l->count] == NULL) return env->error.status;
    l->count++;
    return HN_OK;
}

hn_status hn_dir_list(hn_env *env, hn_arena *arena, const char *path, char ***names, size_t *count)
{
    *names = NULL;
    *count = 0;
    DIR *dir = opendir(path);
    if (dir == NULL) return refuse(env, "list", path, errno);
    name_list l = {0};
    hn_status st = HN_OK;
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(dir);
        if (e == NULL) {
            if (errno != 0) st = refuse(env, "list", path, errno);
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        st = push_name(env, arena, &l, e->d_name);
        if (st != HN_OK) break;
    }
    closedir(dir);
    if (st != HN_OK) return st;
    if (l.count > 0) qsort(l.items, l.count, sizeof *l.items, compare_names);
    *names = l.items;
    *count = l.count;
    return HN_OK;
}
