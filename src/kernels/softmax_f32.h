/* softmax_f32: rows of n >= 1 after each other: y = e^(x - max) / sum, or with logarithm y = x - max - log(sum). y may
 * be x. */
#ifndef HN_KERNELS_SOFTMAX_F32_H
#define HN_KERNELS_SOFTMAX_F32_H

#include <stdbool.h>

#include "kernels/kernel.h"

typedef void hn_softmax_f32_fn(size_t rows, size_t n, const float *x, float *y, bool logarithm);

#endif
