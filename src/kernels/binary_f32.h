/* binary_f32: y[i] = f(a[i * sa], b[i * sb]) for i < n; sa and sb are 0 or 1. y may be a or b where their stride is 1.
 * Nothing is over-read. */
#ifndef HN_KERNELS_BINARY_F32_H
#define HN_KERNELS_BINARY_F32_H

#include "kernels/kernel.h"

typedef enum hn_binary_kind {
    HN_BINARY_ADD,
    HN_BINARY_SUB,
    HN_BINARY_MUL,
    HN_BINARY_DIV,
    HN_BINARY_MAX,  /* NaN when either is */
    HN_BINARY_MIN,  /* the same */
    HN_BINARY_PRELU /* a < 0 ? a b : a */
} hn_binary_kind;

typedef void hn_binary_f32_fn(int32_t kind, size_t n, const float *a, size_t sa, const float *b, size_t sb, float *y);

#endif
