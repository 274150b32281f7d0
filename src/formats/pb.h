/* pb: protocol-buffer wire format. The reader walks fields over a bounded cursor and allocates nothing; the writer
 * appends to a buffer and keeps every length canonical. Neither knows a schema. */
#ifndef HN_FORMATS_PB_H
#define HN_FORMATS_PB_H

#include "base/buf.h"
#include "base/cursor.h"

typedef enum hn_pb_wire { HN_PB_VARINT = 0, HN_PB_FIXED64 = 1, HN_PB_BYTES = 2, HN_PB_FIXED32 = 5 } hn_pb_wire;

typedef struct hn_pb_field {
    uint32_t number;
    hn_pb_wire wire;
    uint64_t value;  /* varint, fixed64 or fixed32 */
    hn_cursor bytes; /* of a length-delimited field */
    size_t at;       /* offset of the tag in the file */
} hn_pb_field;

/* Where the cursor stands in the file. */
static inline size_t hn_pb_at(const hn_cursor *c)
{
    return c->base + c->pos;
}

/* The next field of the message c covers. *more is false at its end. `what` names the message in errors. */
hn_status hn_pb_next(hn_env *env, hn_cursor *c, const char *what, hn_pb_field *f, bool *more) HN_MUST_CHECK;
/* The field must have this wire type; HN_INPUT names the field and the byte otherwise. */
hn_status hn_pb_expect(hn_env *env, const hn_pb_field *f, hn_pb_wire wire, const char *what) HN_MUST_CHECK;
/* A repeated scalar field may come packed or one by one. Number of scalars that f holds. */
hn_status hn_pb_count(hn_env *env, const hn_pb_field *f, hn_pb_wire scalar, const char *what,
                      size_t *out) HN_MUST_CHECK;
/* The scalars themselves, as raw 64-bit patterns; `cap` must be at least hn_pb_count. */
hn_status hn_pb_scalars(hn_env *env, const hn_pb_field *f, hn_pb_wire scalar, const char *what, uint64_t *dst,
                        size_t cap, size_t *count) HN_MUST_CHECK;

void hn_pb_put_varint(hn_env *env, hn_buf *b, uint32_t number, uint64_t v);
void hn_pb_put_int(hn_env *env, hn_buf *b, uint32_t number, int64_t v);
void hn_pb_put_float(hn_env *env, hn_buf *b, uint32_t number, float v);
void hn_pb_put_bytes(hn_env *env, hn_buf *b, uint32_t number, const void *data, size_t size);
void hn_pb_put_str(hn_env *env, hn_buf *b, uint32_t number, const char *s);
void hn_pb_put_ints(hn_env *env, hn_buf *b, uint32_t number, const int64_t *v, size_t count); /* one field each */
/* A nested message: everything appended between begin and end. begin returns the mark that end takes. */
size_t hn_pb_begin(hn_env *env, hn_buf *b, uint32_t number);
void hn_pb_end(hn_env *env, hn_buf *b, size_t mark);

#endif
