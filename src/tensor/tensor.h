/* tensor: a contiguous row-major host view. It owns nothing. Elements under 8 bits are packed, low bits first, without
 * row padding. Strings are arrays of hn_str.
 *
 * A value that is not a plain tensor is an hn_tensor too, of rank 1, whose elements are hn_tensor records:
 *   HN_SEQ  a sequence: dims[0] entries;
 *   HN_OPT  an optional: no entry or one, which may be a sequence;
 *   HN_MAP  a map: two entries, the keys (i64 or string [n]) and the values (a tensor [n], or a sequence of n).
 * So it is borrowed, copied and compared like strings are; nesting is bounded by HN_MAX_NESTING. */
#ifndef HN_TENSOR_TENSOR_H
#define HN_TENSOR_TENSOR_H

#include "base/arena.h"
#include "tensor/dtype.h"

enum { HN_MAX_RANK = 8, HN_MAX_NESTING = 4 };

typedef struct hn_str {
    const char *data; /* not NUL-terminated */
    size_t size;
} hn_str;

typedef struct hn_tensor {
    hn_dtype dtype;
    int rank;
    int64_t dims[HN_MAX_RANK];
    void *data;
    size_t bytes;
} hn_tensor;

/* Product of dims; dims must be known (>= 0). False on overflow. */
bool hn_dims_count(int rank, const int64_t *dims, size_t *out);
/* Bytes of n elements, sub-byte types rounded up. False on overflow. */
bool hn_dtype_bytes(hn_dtype t, size_t elems, size_t *out);
size_t hn_tensor_elems(const hn_tensor *t);                            /* of a valid tensor; cannot overflow */
size_t hn_dims_elems(int rank, const int64_t *dims, int from, int to); /* product of dims[from..to) of a valid shape */

/* Check rank and dims, compute bytes, take zeroed memory (64-byte aligned) from the arena. HN_LIMIT when the size
 * overflows or exceeds 2^40 bytes. */
hn_status hn_tensor_init(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype dtype, int rank,
                         const int64_t *dims) HN_MUST_CHECK;
/* The same with a copy of data, which has the bytes that the shape needs. */
hn_status hn_tensor_from(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims,
                         const void *data) HN_MUST_CHECK;
/* The same shape checks for a view on existing bytes; HN_INPUT when `bytes` is not what the shape needs. */
hn_status hn_tensor_view(hn_env *env, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims, void *data,
                         size_t bytes) HN_MUST_CHECK;
hn_status hn_tensor_copy(hn_env *env, hn_arena *arena, const hn_tensor *src, hn_tensor **out) HN_MUST_CHECK; /* deep */

/* ---- lists ---- */
/* n zeroed entries from the arena (HN_SEQ, HN_OPT, HN_MAP). */
hn_status hn_tensor_list(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype list, size_t n) HN_MUST_CHECK;
static inline hn_tensor *hn_tensor_item(const hn_tensor *list, size_t i)
{
    return (hn_tensor *)list->data + i;
}
bool hn_tensor_deep(const hn_tensor *t); /* strings and lists: the data hold pointers */
/* A deep copy in one block: how many bytes it takes, and the copy itself (the block 64-byte aligned). HN_LIMIT when the
 * value nests too deep or is too large. */
hn_status hn_tensor_pack_bytes(hn_env *env, const hn_tensor *t, size_t *out) HN_MUST_CHECK;
void hn_tensor_pack(const hn_tensor *src, void *block, hn_tensor *dst);

bool hn_tensor_same_shape(const hn_tensor *a, const hn_tensor *b);
/* Bytes equal, also dtype and shape; strings and lists by content. */
bool hn_tensor_equal(const hn_tensor *a, const hn_tensor *b);

/* Element access through any dtype (any real dtype, bool as 0/1). Index in elements. */
/* Code i of elements of 2, 4 or 6 bits: one stream of bits, low bits of each byte first. */
unsigned hn_packed_get(const void *data, unsigned bits, size_t i);
void hn_packed_set(void *data, unsigned bits, size_t i, unsigned code);
double hn_get_f64(const hn_tensor *t, size_t i);
int64_t hn_get_i64(const hn_tensor *t, size_t i); /* floats truncate toward zero, saturating; NaN is 0; U64 wraps */
void hn_set_f64(const hn_tensor *t, size_t i,
                double v); /* integers: truncate toward zero, saturating; floats: nearest even */
void hn_set_i64(const hn_tensor *t, size_t i, int64_t v); /* integers wrap (two's complement) */
/* Whole-tensor conversions into plain arrays of n = elems. */
void hn_tensor_to_f32(const hn_tensor *t, float *dst);
void hn_tensor_from_f32(const hn_tensor *t, const float *src);

/* Row-major strides in elements. */
void hn_strides(int rank, const int64_t *dims, int64_t *strides);
/* Axis in [-rank, rank) to [0, rank); false when outside. */
bool hn_axis(int64_t axis, int rank, int *out);
/* "f32[1,3,224,224]", "seq(f32[2], f32[3])" into dst. */
void hn_tensor_describe(const hn_tensor *t, char *dst, size_t dst_bytes);

#endif
