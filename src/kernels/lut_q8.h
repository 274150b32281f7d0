/* lut_q8: y[i] = table[x[i]] over n bytes; y may be x. */
#ifndef HN_KERNELS_LUT_Q8_H
#define HN_KERNELS_LUT_Q8_H

#include "kernels/kernel.h"

typedef void hn_lut_q8_fn(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y);

#endif
