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
    if (!hn_dtype_valid(dtype) && !hn_dtype_is_list(dtype))
        return hn_fail(env, HN_INPUT, "cannot make a tensor: element type %d is unknown", (int)dtype);
    if (rank < 0) return hn_fail(env, HN_INPUT, "cannot make a tensor: rank %d is negative", rank);
    if (hn_dtype_is_list(dtype) && rank != 1)
        return hn_fail(env, HN_INPUT, "cannot make a list of rank %d: it has one", rank);
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

hn_status hn_tensor_from(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype dtype, int rank, const int64_t *dims,
                         const void *data)
{
    HN_TRY(shape(env, t, dtype, rank, dims));
    t->data = hn_arena_copy(env, arena, data, t->bytes);
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

static bool equal(const hn_tensor *a, const hn_tensor *b, int depth)
{
    if (a->dtype != b->dtype || !hn_tensor_same_shape(a, b)) return false;
    if (a->bytes == 0) return true;
    if (!hn_dtype_is_list(a->dtype)) return a->dtype == HN_STRING ? strings_equal(a, b) : packed_equal(a, b);
    bool same = depth < HN_MAX_NESTING;
    for (size_t i = 0, n = hn_tensor_elems(a); same && i < n; i++)
        same = equal(hn_tensor_item(a, i), hn_tensor_item(b, i), depth + 1);
    return same;
}

bool hn_tensor_equal(const hn_tensor *a, const hn_tensor *b)
{
    return equal(a, b, 0);
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

/* The first few entries tell what a list holds. */
static void describe_list(const hn_tensor *t, int depth, char *dst, size_t dst_bytes)
{
    enum { SHOWN = 3 };
    size_t n = hn_tensor_elems(t), used = (size_t)snprintf(dst, dst_bytes, "%s(", hn_dtype_name(t->dtype));
    for (size_t i = 0; i < n && i < SHOWN && used < dst_bytes; i++) {
        const hn_tensor *item = hn_tensor_item(t, i);
        used += (size_t)snprintf(dst + used, dst_bytes - used, "%s", i == 0 ? "" : ", ");
        if (used >= dst_bytes) return;
        if (!hn_dtype_is_list(item->dtype))
            hn_tensor_describe(item, dst + used, dst_bytes - used);
        else if (depth < HN_MAX_NESTING)
            describe_list(item, depth + 1, dst + used, dst_bytes - used);
        used += strlen(dst + used);
    }
    if (used >= dst_bytes) return;
    if (n > SHOWN)
        snprintf(dst + used, dst_bytes - used, ", ... %zu in all)", n);
    else
        snprintf(dst + used, dst_bytes - used, ")");
}

void hn_tensor_describe(const hn_tensor *t, char *dst, size_t dst_bytes)
{
    if (hn_dtype_is_list(t->dtype)) {
        if (dst_bytes > 0) describe_list(t, 0, dst, dst_bytes);
        return;
    }
    char text[HN_MAX_RANK * 21 + 32];
    size_t used = (size_t)snprintf(text, sizeof text, "%s[", hn_dtype_name(t->dtype));
    for (int i = 0; i < t->rank && i < HN_MAX_RANK; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", i == 0 ? "" : ",", (long long)t->dims[i]);
    snprintf(text + used, sizeof text - used, "]");
    if (dst_bytes > 0) snprintf(dst, dst_bytes, "%s", text);
}
