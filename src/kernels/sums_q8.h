/* sums_q8: factor times the sum of each row that gemm_q8 would read: sub[i] = factor * sum over taps t, k of
 * u8(a(i,t)[k]), i < m, modulo 2^32. Of the arguments those are used that say where A is. */
#ifndef HN_KERNELS_SUMS_Q8_H
#define HN_KERNELS_SUMS_Q8_H

#include "kernels/gemm_q8.h"

typedef void hn_sums_q8_fn(const hn_gemm_q8 *g, int32_t factor, int32_t *sub);

#endif
