/* arena: chunks in a list, newest first; each is cut from its start. Chunk payloads are zeroed when handed out, so
 * reset keeps the promise of zero-filled memory. Chunks double up to a cap, and a request larger than that gets a chunk
 * of its own size, which the next does not double. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

enum { CHUNK_FIRST = 1 << 12, CHUNK_MAX = 1 << 22, CHUNK_ALIGN = 64 };

typedef struct hn_arena_chunk {
    struct hn_arena_chunk *next; /* older */
    size_t step;                 /* what the chunk would have had for a small request; the next has twice that */
    size_t cap;                  /* payload bytes */
    size_t used;
} hn_arena_chunk;

/* The payload starts on the next multiple of the largest alignment after the head. */
static const size_t HEAD = (sizeof(hn_arena_chunk) + CHUNK_ALIGN - 1) & ~(size_t)(CHUNK_ALIGN - 1);

static void free_chunks(hn_env *env, hn_arena_chunk *c)
{
    while (c != NULL) {
        hn_arena_chunk *next = c->next;
        hn_free(env, c);
        c = next;
    }
}

void hn_arena_fini(hn_env *env, hn_arena *arena)
{
    free_chunks(env, arena->head);
    arena->head = NULL;
    arena->used_bytes = 0;
}

void hn_arena_reset(hn_env *env, hn_arena *arena)
{
    if (arena->head != NULL) {
        free_chunks(env, arena->head->next);
        arena->head->next = NULL;
        arena->head->used = 0;
    }
    arena->used_bytes = 0;
}

static hn_arena_chunk *add_chunk(hn_env *env, hn_arena *arena, size_t bytes)
{
    size_t step = arena->head == NULL ? CHUNK_FIRST : hn_min_size(arena->head->step * 2, CHUNK_MAX);
    size_t cap = hn_max_size(step, bytes);
    size_t total;
    if (!hn_size_add(cap, HEAD, &total)) {
        (void)hn_fail(env, HN_LIMIT, "cannot allocate %zu bytes: size overflows", bytes);
        return NULL;
    }
    total = hn_alloc_fit(total);
    cap = total - HEAD;
    hn_arena_chunk *c = hn_alloc(env, total);
    if (c == NULL) return NULL;
    c->next = arena->head;
    c->step = step;
    c->cap = cap;
    c->used = 0;
    arena->head = c;
    return c;
}

/* Bytes as they come. */
static void *cut(hn_env *env, hn_arena *arena, size_t bytes, size_t align)
{
    hn_arena_chunk *c = arena->head;
    size_t start = c == NULL ? 0 : hn_align_up(c->used, align);
    if (c == NULL || start > c->cap || bytes > c->cap - start) {
        c = add_chunk(env, arena, bytes);
        if (c == NULL) return NULL;
        start = 0;
    }
    arena->used_bytes += start + bytes - c->used;
    c->used = start + bytes;
    return (unsigned char *)c + HEAD + start;
}

static void *take(hn_env *env, hn_arena *arena, size_t bytes, size_t align)
{
    void *p = cut(env, arena, bytes, align);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

void *hn_arena_alloc(hn_env *env, hn_arena *arena, size_t bytes)
{
    return take(env, arena, bytes == 0 ? 1 : bytes, 16);
}

void *hn_arena_alloc_aligned(hn_env *env, hn_arena *arena, size_t bytes, size_t align)
{
    return take(env, arena, bytes == 0 ? 1 : bytes, align > 16 ? CHUNK_ALIGN : 16);
}

void *hn_arena_raw(hn_env *env, hn_arena *arena, size_t bytes)
{
    return cut(env, arena, bytes == 0 ? 1 : bytes, CHUNK_ALIGN);
}

/* For later blocks the chunk ends where these bytes begin. */
void *hn_arena_raw_behind(hn_env *env, hn_arena *arena, size_t front, size_t bytes)
{
    size_t total;
    if (!hn_size_add(front, CHUNK_ALIGN - 1, &total) ||
        !hn_size_add(front = total & ~(size_t)(CHUNK_ALIGN - 1), bytes, &total)) {
        (void)hn_fail(env, HN_LIMIT, "cannot allocate %zu bytes: size overflows", bytes);
        return NULL;
    }
    unsigned char *p = cut(env, arena, total, CHUNK_ALIGN);
    if (p == NULL) return NULL;
    hn_arena_chunk *c = arena->head;
    c->used -= total;
    c->cap = c->used + front;
    arena->used_bytes -= front;
    return p + front;
}

void *hn_arena_copy(hn_env *env, hn_arena *arena, const void *data, size_t bytes)
{
    void *p = hn_arena_raw(env, arena, bytes);
    if (p != NULL && bytes > 0) memcpy(p, data, bytes);
    return p;
}

void *hn_arena_array(hn_env *env, hn_arena *arena, size_t count, size_t elem_bytes)
{
    size_t bytes;
    if (!hn_size_mul(count, elem_bytes, &bytes)) {
        (void)hn_fail(env, HN_LIMIT, "cannot allocate %zu elements of %zu bytes: size overflows", count, elem_bytes);
        return NULL;
    }
    return hn_arena_alloc(env, arena, bytes);
}

char *hn_arena_strndup(hn_env *env, hn_arena *arena, const char *s, size_t n)
{
    size_t bytes;
    if (!hn_size_add(n, 1, &bytes)) {
        (void)hn_fail(env, HN_LIMIT, "cannot copy a string of %zu bytes: size overflows", n);
        return NULL;
    }
    char *copy = hn_arena_alloc(env, arena, bytes);
    if (copy != NULL && n > 0) memcpy(copy, s, n);
    return copy;
}

char *hn_arena_strdup(hn_env *env, hn_arena *arena, const char *s)
{
    return hn_arena_strndup(env, arena, s, strlen(s));
}

char *hn_arena_vprintf(hn_env *env, hn_arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *s = NULL;
    if (n < 0)
        (void)hn_fail(env, HN_BUG, "cannot format text: the C library refused \"%s\"", fmt);
    else
        s = hn_arena_alloc(env, arena, (size_t)n + 1);
    if (s != NULL) vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

char *hn_arena_printf(hn_env *env, hn_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *s = hn_arena_vprintf(env, arena, fmt, args);
    va_end(args);
    return s;
}
