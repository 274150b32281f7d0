/* env: errors, log and heap. The first error wins; memory is 64-byte aligned whatever allocator the env carries. */
#define _GNU_SOURCE /* madvise */
#include "base/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HEAP_ALIGN = 64, HUGE_PAGE = 1 << 21 };

size_t hn_alloc_fit(size_t bytes)
{
    size_t tail = bytes % HUGE_PAGE;
    return tail < HUGE_PAGE / 8 || bytes > SIZE_MAX - HUGE_PAGE ? bytes : bytes - tail + HUGE_PAGE;
}

static void *system_alloc(void *self, size_t bytes)
{
    (void)self;
    if (bytes > SIZE_MAX - HEAP_ALIGN) return NULL;
    size_t rounded = (bytes + HEAP_ALIGN - 1) & ~(size_t)(HEAP_ALIGN - 1);
#ifdef MADV_HUGEPAGE
    /* Weights and activations are walked from end to end: fewer pages are fewer faults and fewer misses of the address
     * cache. Advice only: what fails here costs time, not results. */
    if (bytes >= HUGE_PAGE) {
        void *p;
        if (posix_memalign(&p, HUGE_PAGE, rounded) != 0) return NULL;
        (void)madvise(p, rounded, MADV_HUGEPAGE);
        return p;
    }
#endif
    return aligned_alloc(HEAP_ALIGN, rounded == 0 ? HEAP_ALIGN : rounded);
}

static void system_free(void *self, void *ptr)
{
    (void)self;
    free(ptr);
}

void hn_env_init(hn_env *env)
{
    memset(env, 0, sizeof *env);
    env->alloc.alloc = system_alloc;
    env->alloc.free = system_free;
}

hn_status hn_fail(hn_env *env, hn_status status, const char *fmt, ...)
{
    hn_error *e = &env->error;
    if (e->status != HN_OK) return e->status;
    memset(e, 0, sizeof *e);
    e->status = status;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return status;
}

void hn_hint(hn_env *env, const char *fmt, ...)
{
    hn_error *e = &env->error;
    if (e->status == HN_OK || e->hint[0] != '\0') return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->hint, sizeof e->hint, fmt, args);
    va_end(args);
}

hn_status hn_context(hn_env *env, hn_status status, const char *fmt, ...)
{
    hn_error *e = &env->error;
    if (status == HN_OK || e->status == HN_OK || e->frames >= HN_ERROR_FRAMES) return status;
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->frame[e->frames], sizeof e->frame[0], fmt, args);
    va_end(args);
    e->frames++;
    return status;
}

void hn_error_clear(hn_env *env)
{
    memset(&env->error, 0, sizeof env->error);
}

void hn_error_format(const hn_error *error, char *dst, size_t dst_bytes)
{
    if (dst_bytes == 0) return;
    dst[0] = '\0';
    size_t used = 0;
    for (int i = -1; i <= error->frames; i++) {
        const char *line = i < 0 ? error->text : i < error->frames ? error->frame[i] : error->hint;
        if (line[0] == '\0' || used + 1 >= dst_bytes) continue;
        int n = snprintf(dst + used, dst_bytes - used, "%s%s%s", used == 0 ? "" : "\n",
                         i == error->frames ? "hint: " : "", line);
        if (n > 0) used += (size_t)n < dst_bytes - used ? (size_t)n : dst_bytes - used - 1;
    }
}

hn_status hn_work_add(hn_env *env, double work)
{
    env->work += work;
    if (env->work_limit <= 0 || env->work <= env->work_limit) return HN_OK;
    hn_fail(env, HN_LIMIT, "one run asks for %.3g operations and bytes moved or more; the limit is %.3g", env->work,
            env->work_limit);
    hn_hint(env, "look for a dimension or trip count that is far too large; a smaller batch asks for less");
    return HN_LIMIT;
}

const char *hn_status_name(hn_status status)
{
    static const char *const names[] = {"ok", "input", "unsupported", "limit", "nomem", "io", "device", "comm", "bug"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "?";
}

void hn_log(hn_env *env, hn_log_level level, const char *fmt, ...)
{
    if (env->log == NULL) return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    env->log(env->log_self, level, line);
}

void *hn_alloc(hn_env *env, size_t bytes)
{
    void *p = env->alloc.alloc(env->alloc.self, bytes == 0 ? 1 : bytes);
    if (p == NULL) (void)hn_fail(env, HN_NOMEM, "out of memory: %zu bytes refused", bytes);
    return p;
}

void *hn_zalloc(hn_env *env, size_t bytes)
{
    void *p = hn_alloc(env, bytes);
    if (p != NULL) memset(p, 0, bytes);
    return p;
}

void hn_free(hn_env *env, void *ptr)
{
    if (ptr != NULL) env->alloc.free(env->alloc.self, ptr);
}
