/* unary_f32: y[i] = f(x[i]) for i < n, f being any hn_act_kind but HN_ACT_NONE with parameters a and b. y may be x.
 * Nothing is over-read. */
#ifndef HN_KERNELS_UNARY_F32_H
#define HN_KERNELS_UNARY_F32_H

#include "kernels/act.h"
#include "kernels/kernel.h"

typedef void hn_unary_f32_fn(int32_t act, size_t n, const float *x, float *y, float a, float b);

#endif
