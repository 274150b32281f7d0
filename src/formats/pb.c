/* pb: the wire format. Groups (wire types 3 and 4) are refused: no file format read here uses them. */
#include "formats/pb.h"

#include <string.h>

enum { LENGTH_ROOM = 5 }; /* bytes held back for the length of a nested message: up to 2^35 */

hn_status hn_pb_next(hn_env *env, hn_cursor *c, const char *what, hn_pb_field *f, bool *more)
{
    *more = false;
    if (hn_cursor_done(c)) return HN_OK;
    f->at = hn_pb_at(c);
    uint64_t tag = 0;
    HN_TRY(hn_cursor_varint(env, c, what, &tag));
    uint64_t number = tag >> 3;
    if (number == 0 || number > (UINT64_C(1) << 29) - 1)
        return hn_fail(env, HN_INPUT, "%s: field number %llu at byte %zu is not valid", what,
                       (unsigned long long)number, f->at);
    f->number = (uint32_t)number;
    f->value = 0;
    memset(&f->bytes, 0, sizeof f->bytes);
    switch (tag & 7) {
    case HN_PB_VARINT:
        f->wire = HN_PB_VARINT;
        HN_TRY(hn_cursor_varint(env, c, what, &f->value));
        break;
    case HN_PB_FIXED64:
        f->wire = HN_PB_FIXED64;
        HN_TRY(hn_cursor_u64(env, c, what, &f->value));
        break;
    case HN_PB_FIXED32: {
        uint32_t v = 0;
        f->wire = HN_PB_FIXED32;
        HN_TRY(hn_cursor_u32(env, c, what, &v));
        f->value = v;
        break;
    }
    case HN_PB_BYTES: {
        uint64_t n = 0;
        f->wire = HN_PB_BYTES;
        HN_TRY(hn_cursor_varint(env, c, what, &n));
        if (n > hn_cursor_left(c))
            return hn_fail(env, HN_INPUT, "%s: field %u at byte %zu says %llu bytes, but %zu are left", what, f->number,
                           f->at, (unsigned long long)n, hn_cursor_left(c));
        HN_TRY(hn_cursor_sub(env, c, what, (size_t)n, &f->bytes));
        break;
    }
    default:
        return hn_fail(env, HN_INPUT, "%s: field %u at byte %zu has wire type %u, which is not valid here", what,
                       f->number, f->at, (unsigned)(tag & 7));
    }
    *more = true;
    return HN_OK;
}

hn_status hn_pb_expect(hn_env *env, const hn_pb_field *f, hn_pb_wire wire, const char *what)
{
    if (f->wire == wire) return HN_OK;
    return hn_fail(env, HN_INPUT, "%s: field %u at byte %zu has wire type %u where %u is due", what, f->number, f->at,
                   (unsigned)f->wire, (unsigned)wire);
}

static hn_status packed_fixed(hn_env *env, const hn_pb_field *f, size_t width, const char *what, size_t *out)
{
    size_t n = hn_cursor_left(&f->bytes);
    if (n % width != 0)
        return hn_fail(env, HN_INPUT, "%s: %zu packed bytes at byte %zu are no multiple of %zu", what, n, f->at, width);
    *out = n / width;
    return HN_OK;
}

hn_status hn_pb_count(hn_env *env, const hn_pb_field *f, hn_pb_wire scalar, const char *what, size_t *out)
{
    *out = 1;
    if (f->wire == scalar) return HN_OK;
    HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, what));
    if (scalar != HN_PB_VARINT) return packed_fixed(env, f, scalar == HN_PB_FIXED32 ? 4 : 8, what, out);
    /* Every varint ends in exactly one byte below 0x80. */
    size_t n = 0;
    for (size_t i = f->bytes.pos; i < f->bytes.size; i++) n += f->bytes.data[i] < 0x80;
    *out = n;
    return HN_OK;
}

hn_status hn_pb_scalars(hn_env *env, const hn_pb_field *f, hn_pb_wire scalar, const char *what, uint64_t *dst,
                        size_t cap, size_t *count)
{
    *count = 0;
    if (f->wire == scalar) {
        if (cap < 1) return hn_fail(env, HN_BUG, "%s: no room for a scalar", what);
        dst[(*count)++] = f->value;
        return HN_OK;
    }
    HN_TRY(hn_pb_expect(env, f, HN_PB_BYTES, what));
    hn_cursor c = f->bytes;
    while (!hn_cursor_done(&c)) {
        uint64_t v = 0;
        uint32_t v32 = 0;
        if (*count >= cap)
            return hn_fail(env, HN_INPUT, "%s: more numbers than expected at byte %zu", what, hn_pb_at(&c));
        if (scalar == HN_PB_VARINT) {
            HN_TRY(hn_cursor_varint(env, &c, what, &v));
        } else if (scalar == HN_PB_FIXED64) {
            HN_TRY(hn_cursor_u64(env, &c, what, &v));
        } else {
            HN_TRY(hn_cursor_u32(env, &c, what, &v32));
            v = v32;
        }
        dst[(*count)++] = v;
    }
    return HN_OK;
}

static size_t encode(uint64_t v, uint8_t out[10])
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

static void put_raw(hn_env *env, hn_buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = encode(v, bytes);
    hn_buf_append(env, b, bytes, n);
}

static void put_tag(hn_env *env, hn_buf *b, uint32_t number, hn_pb_wire wire)
{
    put_raw(env, b, ((uint64_t)number << 3) | (uint64_t)wire);
}

void hn_pb_put_varint(hn_env *env, hn_buf *b, uint32_t number, uint64_t v)
{
    put_tag(env, b, number, HN_PB_VARINT);
    put_raw(env, b, v);
}

void hn_pb_put_int(hn_env *env, hn_buf *b, uint32_t number, int64_t v)
{
    hn_pb_put_varint(env, b, number, (uint64_t)v);
}

void hn_pb_put_float(hn_env *env, hn_buf *b, uint32_t number, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
    put_tag(env, b, number, HN_PB_FIXED32);
    hn_buf_append(env, b, bytes, sizeof bytes);
}

void hn_pb_put_bytes(hn_env *env, hn_buf *b, uint32_t number, const void *data, size_t size)
{
    put_tag(env, b, number, HN_PB_BYTES);
    put_raw(env, b, size);
    if (size > 0) hn_buf_append(env, b, data, size);
}

void hn_pb_put_str(hn_env *env, hn_buf *b, uint32_t number, const char *s)
{
    hn_pb_put_bytes(env, b, number, s, strlen(s));
}

void hn_pb_put_ints(hn_env *env, hn_buf *b, uint32_t number, const int64_t *v, size_t count)
{
    for (size_t i = 0; i < count; i++) hn_pb_put_int(env, b, number, v[i]);
}

size_t hn_pb_begin(hn_env *env, hn_buf *b, uint32_t number)
{
    static const uint8_t room[LENGTH_ROOM];
    put_tag(env, b, number, HN_PB_BYTES);
    size_t mark = b->size;
    hn_buf_append(env, b, room, sizeof room);
    return mark;
}

void hn_pb_end(hn_env *env, hn_buf *b, size_t mark)
{
    if (hn_buf_status(b) != HN_OK) return;
    uint8_t bytes[10];
    size_t payload = b->size - mark - LENGTH_ROOM;
    size_t n = encode(payload, bytes);
    if (n > LENGTH_ROOM) {
        b->status = hn_fail(env, HN_LIMIT, "a message of %zu bytes is too large for one file", payload);
        return;
    }
    memmove(b->data + mark + n, b->data + mark + LENGTH_ROOM, payload);
    memcpy(b->data + mark, bytes, n);
    b->size -= LENGTH_ROOM - n;
}
