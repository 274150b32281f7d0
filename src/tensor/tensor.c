/* tensor: shapes and whole tensors. A tensor that passed hn_tensor_init or hn_tensor_view has a product of its non-zero
 * dims of at most 2^40, so partial products, strides and byte counts of it never overflow. */
#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

static const size_t MAX_BYTES = (size_t)1 << 40;

/* Product of the dims that are not 0; false on overflow. */
static bool count_nonzero(int rank, const int64_t *dims, size_t *out)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        if (dims[i] != 0 && !hn_size_mul(n, (size_t)dims[i], &n)) return false;
    *out = n;
    return true;
}

bool hn_dims_count(int rank, const int64_t *dims, size_t *out)
{
    size_t n;
    if (!count_nonzero(rank, dims, &n)) return false;
    for (int i = 0; i < rank; i++)
        if (dims[i] == 0) n = 0;
    *out = n;
    return true;
}

size_t hn_dims_elems(int rank, const int64_t *dims, int from, int to)
{
    size_t n = 1;
    for (int i = from; i < to && i < rank; i++) n *= (size_t)dims[i];
    return n;
}

size_t hn_tensor_elems(const hn_tensor *t)
{
    return hn_dims_elems(t->rank, t->dims, 0, t->rank);
}

static hn_status shape(hn_env *env, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims)
{
    if (!hn_dtype_valid(dtype))
        return hn_fail(env, HN_INPUT, "cannot make a tensor: element type %d is unknown", (int)dtype);
    if (rank < 0) return hn_fail(env, HN_INPUT, "cannot make a tensor: rank %d is negative", rank);
    if (rank > HN_MAX_RANK)
        return hn_fail(env, HN_LIMIT, "cannot make a tensor: rank %d exceeds the limit of %d", rank, (int)HN_MAX_RANK);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0) return hn_fail(env, HN_INPUT, "cannot make a tensor: dim %d is %lld", i, (long long)dims[i]);
    size_t elems, bytes;
    if (!count_nonzero(rank, dims, &elems) || !hn_dtype_bytes(dtype, elems, &bytes) || elems > MAX_BYTES ||
        bytes > MAX_BYTES)
        return hn_fail(env, HN_LIMIT, "cannot make a tensor: the shape needs more than 2^40 bytes");
    *t = (hn_tensor){.dtype = dtype, .rank = rank};
    if (rank > 0) memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
    return hn_dtype_bytes(dtype, hn_tensor_elems(t), &t->bytes) ? HN_OK : HN_BUG;
}

hn_status hn_tensor_init(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims)
{
    HN_TRY(shape(env, t, dtype, rank, dims));
    t->data = hn_arena_alloc_aligned(env, arena, t->bytes, 64);
    return t->data == NULL ? env->error.status : HN_OK;
}

hn_status hn_tensor_view(hn_env *env, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims, void *data,
                         size_t bytes)
{
    HN_TRY(shape(env, t, dtype, rank, dims));
    if (t->bytes != bytes) {
        char text[128];
        hn_tensor_describe(t, text, sizeof text);
        return hn_fail(env, HN_INPUT, "cannot view %zu bytes as %s: %zu bytes needed", bytes, text, t->bytes);
    }
    t->data = data;
    return HN_OK;
}

static hn_status copy_strings(hn_env *env, hn_arena *arena, hn_tensor *t)
{
    hn_str *s = t->data;
    for (size_t i = 0, n = hn_tensor_elems(t); i < n; i++) {
        s[i].data = hn_arena_strndup(env, arena, s[i].data, s[i].size);
        if (s[i].data == NULL) return env->error.status;
    }
    return HN_OK;
}

hn_status hn_tensor_copy(hn_env *env, hn_arena *arena, const hn_tensor *src, hn_tensor **out)
{
    *out = NULL;
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof *t);
    if (t == NULL) return env->error.status;
    HN_TRY(hn_tensor_init(env, arena, t, src->dtype, src->rank, src->dims));
    if (src->bytes > 0) memcpy(t->data, src->data, src->bytes);
    if (t->dtype == HN_STRING) HN_TRY(copy_strings(env, arena, t));
    *out = t;
    return HN_OK;
}

bool hn_tensor_same_shape(const hn_tensor *a, const hn_tensor *b)
{
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

/* Unused bits of the last byte of a packed tensor do not count. */
static bool packed_equal(const hn_tensor *a, const hn_tensor *b)
{
    const uint8_t *x = a->data;
    const uint8_t *y = b->data;
    size_t used = hn_tensor_elems(a) * hn_dtype_bits(a->dtype) % 8;
    if (used == 0) return memcmp(x, y, a->bytes) == 0;
    return memcmp(x, y, a->bytes - 1) == 0 && ((x[a->bytes - 1] ^ y[a->bytes - 1]) & ((1 << used) - 1)) == 0;
}

static bool strings_equal(const hn_tensor *a, const hn_tensor *b)
{
    const hn_str *x = a->data;
    const hn_str *y = b->data;
    for (size_t i = 0, n = hn_tensor_elems(a); i < n; i++)
        if (x[i].size != y[i].size || (x[i].size > 0 && memcmp(x[i].data, y[i].data, x[i].size) != 0)) return false;
    return true;
}

bool hn_tensor_equal(const hn_tensor *a, const hn_tensor *b)
{
    if (a->dtype != b->dtype || !hn_tensor_same_shape(a, b)) return false;
    if (a->bytes == 0) return true;
    return a->dtype == HN_STRING ? strings_equal(a, b) : packed_equal(a, b);
}

void hn_strides(int rank, const int64_t *dims, int64_t *strides)
{
    int64_t n = 1;
    for (int i = rank; i-- > 0;) {
        strides[i] = n;
        n *= dims[i];
    }
}

bool hn_axis(int64_t axis, int rank, int *out)
{
    if (axis < -(int64_t)rank || axis >= rank) return false;
    *out = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

void hn_tensor_describe(const hn_tensor *t, char *dst, size_t dst_bytes)
{
    char text[HN_MAX_RANK * 21 + 32];
    size_t used = (size_t)snprintf(text, sizeof text, "%s[", hn_dtype_name(t->dtype));
    for (int i = 0; i < t->rank && i < HN_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i == 0 ? "" : ",", (long long)t->dims[i]);
    snprintf(text + used, sizeof text - used, "]");
    if (dst_bytes > 0) snprintf(dst, dst_bytes, "%s", text);
}
