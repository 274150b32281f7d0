/* path: the text side of file names; nothing here touches the disk. */
#include <string.h>

#include "base/io.h"

char *hn_path_join(hn_env *env, hn_arena *arena, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    if (n == 0 || name[0] == '/') return hn_arena_strdup(env, arena, name);
    return hn_arena_printf(env, arena, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *hn_path_dir(hn_env *env, hn_arena *arena, const char *path)
{
    size_t n = (size_t)(hn_path_base(path) - path);
    if (n == 0) return hn_arena_strdup(env, arena, ".");
    while (n > 1 && path[n - 1] == '/') n--;
    return hn_arena_strndup(env, arena, path, n);
}

const char *hn_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool hn_path_has_ext(const char *path, const char *ext)
{
    size_t n = strlen(path);
    size_t m = strlen(ext);
    if (m == 0 || m > n) return false;
    for (size_t i = 0; i < m; i++)
        if (lower(path[n - m + i]) != lower(ext[i])) return false;
    return true;
}
