/* size: checked size arithmetic. Every size that comes from a file, an argument or a shape goes through here. */
#ifndef HN_BASE_SIZE_H
#define HN_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns false, leaving *out untouched, on overflow. */
static inline bool hn_size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}
static inline bool hn_size_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}
static inline bool hn_i64_mul(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}
static inline bool hn_i64_add(int64_t a, int64_t b, int64_t *out)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r)) return false;
    *out = r;
    return true;
}

/* For sizes that are already bounded (a few GiB at most): no overflow check. `align` is a power of two. */
static inline size_t hn_align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}
static inline size_t hn_div_up(size_t n, size_t d)
{
    return (n + d - 1) / d;
}
static inline size_t hn_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t hn_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#define HN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
