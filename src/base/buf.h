/* buf: a growing byte buffer on the heap, for text and for files being written. Errors are sticky: after the first
 * failed append every later one does nothing, and hn_buf_status tells. */
#ifndef HN_BASE_BUF_H
#define HN_BASE_BUF_H

#include "base/env.h"

typedef struct hn_buf {
    char *data; /* NUL-terminated when size > 0 or after hn_buf_str */
    size_t size;
    size_t cap;
    hn_status status;
} hn_buf;

/* A zeroed hn_buf is ready for use. */
void hn_buf_fini(hn_env *env, hn_buf *b);
void hn_buf_append(hn_env *env, hn_buf *b, const void *bytes, size_t n);
void hn_buf_puts(hn_env *env, hn_buf *b, const char *s);
void hn_buf_printf(hn_env *env, hn_buf *b, const char *fmt, ...) HN_PRINTF(3, 4);
void hn_buf_vprintf(hn_env *env, hn_buf *b, const char *fmt, va_list args);
const char *hn_buf_str(hn_env *env, hn_buf *b); /* "" when empty or failed */
hn_status hn_buf_status(const hn_buf *b) HN_MUST_CHECK;

#endif
