/* cursor: bounded little-endian reads. A failed read leaves the position where it was. */
#include "base/cursor.h"

hn_cursor hn_cursor_make(const void *data, size_t size)
{
    return (hn_cursor){.data = data, .size = data == NULL ? 0 : size};
}

hn_status hn_cursor_bytes(hn_env *env, hn_cursor *c, const char *what, size_t n, const uint8_t **out)
{
    static const uint8_t nothing[1];
    if (n > hn_cursor_left(c))
        return hn_fail(env, HN_INPUT, "cannot read %s: %zu bytes needed, %zu left at byte %zu", what, n,
                       hn_cursor_left(c), c->base + c->pos);
    *out = n == 0 ? nothing : c->data + c->pos;
    c->pos += n;
    return HN_OK;
}

hn_status hn_cursor_u8(hn_env *env, hn_cursor *c, const char *what, uint8_t *out)
{
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, 1, &p));
    *out = *p;
    return HN_OK;
}

hn_status hn_cursor_u16(hn_env *env, hn_cursor *c, const char *what, uint16_t *out)
{
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, 2, &p));
    *out = (uint16_t)(p[0] | p[1] << 8);
    return HN_OK;
}

static uint32_t little32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

hn_status hn_cursor_u32(hn_env *env, hn_cursor *c, const char *what, uint32_t *out)
{
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, 4, &p));
    *out = little32(p);
    return HN_OK;
}

hn_status hn_cursor_u64(hn_env *env, hn_cursor *c, const char *what, uint64_t *out)
{
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, 8, &p));
    *out = little32(p) | (uint64_t)little32(p + 4) << 32;
    return HN_OK;
}

hn_status hn_cursor_u32be(hn_env *env, hn_cursor *c, const char *what, uint32_t *out)
{
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, 4, &p));
    *out = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return HN_OK;
}

hn_status hn_cursor_skip(hn_env *env, hn_cursor *c, const char *what, size_t n)
{
    const uint8_t *p = NULL;
    return hn_cursor_bytes(env, c, what, n, &p);
}

hn_status hn_cursor_sub(hn_env *env, hn_cursor *c, const char *what, size_t n, hn_cursor *out)
{
    size_t base = c->base + c->pos;
    const uint8_t *p = NULL;
    HN_TRY(hn_cursor_bytes(env, c, what, n, &p));
    *out = (hn_cursor){.data = p, .size = n, .base = base};
    return HN_OK;
}

hn_status hn_cursor_varint(hn_env *env, hn_cursor *c, const char *what, uint64_t *out)
{
    uint64_t v = 0;
    size_t start = c->pos;
    for (unsigned i = 0; i < 10; i++) {
        uint8_t b = 0;
        hn_status st = hn_cursor_u8(env, c, what, &b);
        if (st != HN_OK) {
            c->pos = start;
            return st;
        }
        if (i == 9 && b > 1) break; /* the tenth byte holds one bit */
        v |= (uint64_t)(b & 0x7f) << (7 * i);
        if (b < 0x80) {
            *out = v;
            return HN_OK;
        }
    }
    c->pos = start;
    return hn_fail(env, HN_INPUT, "cannot read %s: the number at byte %zu exceeds 64 bits", what, c->base + start);
}
