/* arena: memory with one lifetime. Blocks are taken by bumping and freed all at once. */
#ifndef HN_BASE_ARENA_H
#define HN_BASE_ARENA_H

#include "base/env.h"

struct hn_arena_chunk;

typedef struct hn_arena {
    struct hn_arena_chunk *head; /* newest first */
    size_t used_bytes;           /* handed out so far, alignment included */
} hn_arena;

/* A zeroed hn_arena is ready for use. */
void hn_arena_fini(hn_env *env, hn_arena *arena);  /* frees all; the arena is again ready for use */
void hn_arena_reset(hn_env *env, hn_arena *arena); /* frees all but the newest chunk, which is reused */

/* 16-byte aligned (64 with _aligned when align is 64), zero-filled. NULL with HN_NOMEM recorded on refusal. */
void *hn_arena_alloc(hn_env *env, hn_arena *arena, size_t bytes) HN_MUST_CHECK;
void *hn_arena_alloc_aligned(hn_env *env, hn_arena *arena, size_t bytes, size_t align) HN_MUST_CHECK;
/* 64-byte aligned, with whatever bytes are there. */
void *hn_arena_raw(hn_env *env, hn_arena *arena, size_t bytes) HN_MUST_CHECK;
/* The same, with `front` bytes before them for what is asked for next: for memory of which only the first part may be
 * used, so that all that is used lies on one piece. */
void *hn_arena_raw_behind(hn_env *env, hn_arena *arena, size_t front, size_t bytes) HN_MUST_CHECK;
/* A copy of bytes, 64-byte aligned. */
void *hn_arena_copy(hn_env *env, hn_arena *arena, const void *data, size_t bytes) HN_MUST_CHECK;
/* count * elem_bytes with overflow check (HN_LIMIT). */
void *hn_arena_array(hn_env *env, hn_arena *arena, size_t count, size_t elem_bytes) HN_MUST_CHECK;
char *hn_arena_strdup(hn_env *env, hn_arena *arena, const char *s) HN_MUST_CHECK;
char *hn_arena_strndup(hn_env *env, hn_arena *arena, const char *s, size_t n) HN_MUST_CHECK;
char *hn_arena_printf(hn_env *env, hn_arena *arena, const char *fmt, ...) HN_PRINTF(3, 4) HN_MUST_CHECK;
char *hn_arena_vprintf(hn_env *env, hn_arena *arena, const char *fmt, va_list args) HN_MUST_CHECK;

#endif
