/* buf: a byte buffer that doubles. There is always room for the closing NUL behind the last byte. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"

void hn_buf_fini(hn_env *env, hn_buf *b)
{
    hn_free(env, b->data);
    memset(b, 0, sizeof *b);
}

/* Room for n more bytes and the NUL. */
static bool reserve(hn_env *env, hn_buf *b, size_t n)
{
    if (b->status != HN_OK) return false;
    size_t need;
    if (!hn_size_add(b->size, n, &need) || !hn_size_add(need, 1, &need)) {
        b->status = hn_fail(env, HN_LIMIT, "cannot grow a buffer of %zu bytes by %zu: size overflows", b->size, n);
        return false;
    }
    if (need <= b->cap) return true;
    size_t cap = hn_max_size(b->cap, 128);
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *data = hn_alloc(env, cap);
    if (data == NULL) {
        b->status = HN_NOMEM;
        return false;
    }
    if (b->size > 0) memcpy(data, b->data, b->size);
    data[b->size] = '\0';
    hn_free(env, b->data);
    b->data = data;
    b->cap = cap;
    return true;
}

void hn_buf_append(hn_env *env, hn_buf *b, const void *bytes, size_t n)
{
    if (n == 0 || !reserve(env, b, n)) return;
    memcpy(b->data + b->size, bytes, n);
    b->size += n;
    b->data[b->size] = '\0';
}

void hn_buf_puts(hn_env *env, hn_buf *b, const char *s)
{
    hn_buf_append(env, b, s, strlen(s));
}

void hn_buf_vprintf(hn_env *env, hn_buf *b, const char *fmt, va_list args)
{
    if (b->status != HN_OK) return;
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n < 0) {
        b->status = hn_fail(env, HN_BUG, "cannot format text: the C library refused \"%s\"", fmt);
    } else if (n > 0 && reserve(env, b, (size_t)n)) {
        vsnprintf(b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
}

void hn_buf_printf(hn_env *env, hn_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    hn_buf_vprintf(env, b, fmt, args);
    va_end(args);
}

const char *hn_buf_str(hn_env *env, hn_buf *b)
{
    (void)env;
    return b->status != HN_OK || b->size == 0 ? "" : b->data;
}

hn_status hn_buf_status(const hn_buf *b)
{
    return b->status;
}
