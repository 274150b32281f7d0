/* lib_pool: pooling of one plane of doubles, and how many elements each window averages over. */
#ifndef HN_OPS_LIB_POOL_H
#define HN_OPS_LIB_POOL_H

#include "ops/lib_window.h"

/* Elements of window `out` (flat): inside the input, or with include_pad inside the padded input. */
size_t hn_pool_count(const hn_window *w, size_t out, bool include_pad);
/* y[out] = largest x of each window (-inf where it holds nothing); at[out] its flat position, the first of equals, or
 * -1. */
void hn_pool_max(const hn_window *w, const double *x, double *y, int64_t *at);
void hn_pool_sum(const hn_window *w, const double *x, double *y);    /* y += */
void hn_pool_spread(const hn_window *w, const double *y, double *x); /* the adjoint: x += */

/* Geometry of a pooling node from the dims of its input; layout 1: channels last. Sets out_dims. */
hn_status hn_pool_read(hn_env *env, const hn_node *node, int rank, const int64_t *x, bool nhwc, hn_window *w,
                       int64_t *out_dims) HN_MUST_CHECK;
hn_status hn_pool_infer(hn_infer *c); /* out 0 from input 0: dtype and dims; out 1, if used, i64 */
void hn_pool_cost(const hn_node *n, hn_cost *cost);
/* Pools over every spatial dim. */
hn_status hn_pool_global_infer(hn_infer *c);
hn_status hn_pool_global_load(const hn_refargs *a, double **x, size_t *planes, size_t *plane) HN_MUST_CHECK;
/* Planes of a tensor: batch times channels. */
size_t hn_pool_planes(const hn_tensor *t);

#define HN_POOL_ATTRS                                                                                               \
    {"kernel_shape", HN_ATTR_INTS, true, NULL, "window size of each spatial dim"},                                  \
        {"strides", HN_ATTR_INTS, false, NULL, "default 1"}, {"dilations", HN_ATTR_INTS, false, NULL, "default 1"}, \
        {"pads", HN_ATTR_INTS, false, NULL, "begin of each spatial dim, then end of each; default 0"},              \
    {                                                                                                               \
        "ceil_mode", HN_ATTR_INT, false, "0", "1: output sizes are rounded up"                                      \
    }
#define HN_POOL_INCLUDE_PAD                                                              \
    {                                                                                    \
        "count_include_pad", HN_ATTR_INT, false, "0", "1: padding counts in the average" \
    }

#endif
