/* lib_cast: element conversion between any two dtypes, with the rounding and saturation rules of Cast. */
#ifndef HN_OPS_LIB_CAST_H
#define HN_OPS_LIB_CAST_H

#include "ops/lib.h"

/* dst has the dtype and the number of elements wanted. HN_INPUT when a string is not a number; complex is
 * HN_UNSUPPORTED. */
hn_status hn_cast_tensor(const hn_refargs *a, const hn_tensor *src, const hn_tensor *dst) HN_MUST_CHECK;

#endif
