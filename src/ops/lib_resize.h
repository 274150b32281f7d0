/* lib_resize: a resize as one sparse row of weights per output index and axis; the interpolation is separable. Nearest
 * has one entry of weight 1. Source: ONNX Resize-19 and its reference implementation. */
#ifndef HN_OPS_LIB_RESIZE_H
#define HN_OPS_LIB_RESIZE_H

#include "ops/lib_nn.h"

typedef struct hn_resize_axis {
    int64_t in, out; /* -1: unknown */
    double scale, roi[2];
} hn_resize_axis;

/* Sizes and scales of every axis from the attributes and inputs of a Resize node (NULL: absent or not known). */
hn_status hn_resize_read(hn_env *env, const hn_node *node, int rank, const int64_t *dims, const hn_tensor *roi,
                         const hn_tensor *scales, const hn_tensor *sizes, hn_resize_axis *axis) HN_MUST_CHECK;

typedef struct hn_resize_table {
    size_t *first; /* entries of output o are [first[o], first[o + 1]) */
    int64_t *index;
    double *weight;
    bool *outside; /* o takes the extrapolation value */
} hn_resize_table;
hn_status hn_resize_build(hn_env *env, hn_arena *arena, const hn_node *node, const hn_resize_axis *axis,
                          hn_resize_table *t) HN_MUST_CHECK;
bool hn_resize_is_nearest(const hn_node *node);
/* y[outer][out][inner] from x[outer][in][inner]; with `adjoint` x += the transposed product of y. */
void hn_resize_apply(const hn_resize_axis *axis, const hn_resize_table *t, size_t outer, size_t inner, double *x,
                     double *y, bool adjoint);

#define HN_RESIZE_ATTRS                                                                                            \
    {"mode", HN_ATTR_STRING, false, "nearest", "nearest, linear or cubic"},                                        \
        {"coordinate_transformation_mode", HN_ATTR_STRING, false, "half_pixel",                                    \
         "half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric, tf_crop_and_resize"},   \
        {"nearest_mode", HN_ATTR_STRING, false, "round_prefer_floor", "or round_prefer_ceil, floor, ceil"},        \
        {"cubic_coeff_a", HN_ATTR_FLOAT, false, "-0.75", "the cubic kernel's parameter"},                          \
        {"exclude_outside", HN_ATTR_INT, false, "0", "1: weights outside the input are 0, the rest renormalised"}, \
        {"antialias", HN_ATTR_INT, false, "0", "1: widen the kernel when shrinking"},                              \
    {                                                                                                              \
        "extrapolation_value", HN_ATTR_FLOAT, false, "0.0", "tf_crop_and_resize: value outside the input"          \
    }

#endif
