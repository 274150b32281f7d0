/* cursor: the only way to read bytes that came from outside. Every read is bounded; a short read fails with HN_INPUT
 * and names the byte. Little-endian. A cursor borrows its bytes. */
#ifndef HN_BASE_CURSOR_H
#define HN_BASE_CURSOR_H

#include "base/env.h"

typedef struct hn_cursor {
    const uint8_t *data;
    size_t size; /* bytes readable from data */
    size_t pos;  /* next byte; pos <= size */
    size_t base; /* offset of data[0] in the file, for messages */
} hn_cursor;

hn_cursor hn_cursor_make(const void *data, size_t size);
static inline size_t hn_cursor_left(const hn_cursor *c)
{
    return c->size - c->pos;
}
static inline bool hn_cursor_done(const hn_cursor *c)
{
    return c->pos == c->size;
}

/* `what` names the field in the message: "cannot read WHAT: N bytes needed, M left at byte K". */
hn_status hn_cursor_u8(hn_env *env, hn_cursor *c, const char *what, uint8_t *out) HN_MUST_CHECK;
hn_status hn_cursor_u16(hn_env *env, hn_cursor *c, const char *what, uint16_t *out) HN_MUST_CHECK;
hn_status hn_cursor_u32(hn_env *env, hn_cursor *c, const char *what, uint32_t *out) HN_MUST_CHECK;
hn_status hn_cursor_u64(hn_env *env, hn_cursor *c, const char *what, uint64_t *out) HN_MUST_CHECK;
hn_status hn_cursor_u32be(hn_env *env, hn_cursor *c, const char *what, uint32_t *out) HN_MUST_CHECK;
/* Borrow n bytes. */
hn_status hn_cursor_bytes(hn_env *env, hn_cursor *c, const char *what, size_t n, const uint8_t **out) HN_MUST_CHECK;
hn_status hn_cursor_skip(hn_env *env, hn_cursor *c, const char *what, size_t n) HN_MUST_CHECK;
/* A cursor over the next n bytes, which are consumed. */
hn_status hn_cursor_sub(hn_env *env, hn_cursor *c, const char *what, size_t n, hn_cursor *out) HN_MUST_CHECK;
/* Protocol-buffer base-128 varint of at most 10 bytes. */
hn_status hn_cursor_varint(hn_env *env, hn_cursor *c, const char *what, uint64_t *out) HN_MUST_CHECK;

#endif
