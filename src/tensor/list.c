/* list: values made of tensors (sequences, optionals, maps), and deep copies of whatever holds pointers. A copy lies in
 * one block, so that a buffer which only grows serves values whose size changes from run to run. */
#include <string.h>

#include "base/size.h"
#include "tensor/tensor.h"

enum { ALIGN = 64 };

hn_status hn_tensor_list(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype list, size_t n)
{
    int64_t dims[1] = {(int64_t)n};
    if (!hn_dtype_is_list(list) || n > INT64_MAX) return hn_fail(env, HN_BUG, "a list of type %d", (int)list);
    return hn_tensor_init(env, arena, t, list, 1, dims);
}

bool hn_tensor_deep(const hn_tensor *t)
{
    return t->dtype == HN_STRING || hn_dtype_is_list(t->dtype);
}

static bool add(size_t *total, size_t bytes)
{
    size_t up;
    return hn_size_add(bytes, ALIGN - 1, &up) && hn_size_add(*total, up & ~(size_t)(ALIGN - 1), total);
}

static bool measure(const hn_tensor *t, int depth, size_t *total)
{
    if (!add(total, t->bytes)) return false;
    size_t n = hn_tensor_deep(t) ? hn_tensor_elems(t) : 0, chars = 0;
    if (t->dtype == HN_STRING) {
        for (size_t i = 0; i < n; i++)
            if (!hn_size_add(chars, ((const hn_str *)t->data)[i].size, &chars)) return false;
        return add(total, chars);
    }
    if (n > 0 && depth >= HN_MAX_NESTING) return false;
    for (size_t i = 0; i < n; i++)
        if (!measure(hn_tensor_item(t, i), depth + 1, total)) return false;
    return true;
}

hn_status hn_tensor_pack_bytes(hn_env *env, const hn_tensor *t, size_t *out)
{
    size_t total = 0;
    if (!measure(t, 0, &total))
        return hn_fail(env, HN_LIMIT, "a value nests more than %d deep or is larger than memory can address",
                       (int)HN_MAX_NESTING);
    *out = total;
    return HN_OK;
}

static unsigned char *pack(const hn_tensor *src, unsigned char *at, hn_tensor *dst)
{
    *dst = *src;
    dst->data = at;
    if (src->bytes > 0) memcpy(at, src->data, src->bytes);
    at += hn_align_up(src->bytes, ALIGN);
    size_t n = hn_tensor_deep(src) ? hn_tensor_elems(src) : 0;
    if (src->dtype == HN_STRING) {
        hn_str *s = dst->data;
        unsigned char *chars = at;
        for (size_t i = 0; i < n; i++) {
            if (s[i].size > 0) memcpy(chars, s[i].data, s[i].size);
            s[i].data = (const char *)chars;
            chars += s[i].size;
        }
        return at + hn_align_up((size_t)(chars - at), ALIGN);
    }
    for (size_t i = 0; i < n; i++) at = pack(hn_tensor_item(src, i), at, hn_tensor_item(dst, i));
    return at;
}

void hn_tensor_pack(const hn_tensor *src, void *block, hn_tensor *dst)
{
    (void)pack(src, block, dst);
}

hn_status hn_tensor_copy(hn_env *env, hn_arena *arena, const hn_tensor *src, hn_tensor **out)
{
    size_t bytes = 0;
    *out = NULL;
    HN_TRY(hn_tensor_pack_bytes(env, src, &bytes));
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof *t);
    void *block = hn_arena_alloc_aligned(env, arena, bytes, ALIGN);
    if (t == NULL || block == NULL) return env->error.status;
    hn_tensor_pack(src, block, t);
    *out = t;
    return HN_OK;
}
