/* lib_window: the geometry of sliding windows (convolutions and pools) of any number of spatial dims: sizes, automatic
 * padding, and which part of an output row a kernel tap touches. Every size is bounded, so that the arithmetic cannot
 * overflow. */
#ifndef HN_OPS_LIB_WINDOW_H
#define HN_OPS_LIB_WINDOW_H

#include "ops/lib_nn.h"

typedef struct hn_window {
    int n; /* spatial dims, 1 .. HN_MAX_RANK - 2 */
    int64_t in[HN_MAX_RANK], out[HN_MAX_RANK];
    int64_t k[HN_MAX_RANK], s[HN_MAX_RANK], d[HN_MAX_RANK];
    int64_t lo[HN_MAX_RANK], hi[HN_MAX_RANK];
} hn_window;

/* Read kernel_shape, strides, dilations, pads, auto_pad and ceil_mode of a node. in[n]: spatial sizes, < 0 where
 * unknown. kernel[n]: the weights' spatial sizes (< 0 unknown), or NULL when only kernel_shape tells. Output sizes that
 * cannot be known are -1 (or the input's symbol when window and padding keep the size). */
hn_status hn_window_read(hn_env *env, const hn_node *node, int n, const int64_t *in, const int64_t *kernel,
                         hn_window *w) HN_MUST_CHECK;
/* Only the attributes: in and out are left unset, pads as written. */
hn_status hn_window_attrs(hn_env *env, const hn_node *node, int n, const int64_t *kernel, hn_window *w) HN_MUST_CHECK;

/* The flat index of the input row (all spatial dims but the last) that kernel row `tap` reads for output row `row`;
 * false when it lies in the padding. */
bool hn_window_row(const hn_window *w, size_t tap, size_t row, size_t *in_row);
/* Outputs [*from, *to) of the last dim for which tap k reads inside; output o reads input o * stride + *shift. */
void hn_window_span(const hn_window *w, int64_t k, int64_t *from, int64_t *to, int64_t *shift);
/* kernel_shape, strides, dilations and explicit pads as attributes for the rewriter, in a[0..4); pads[2 n] is scratch.
 */
void hn_window_rw(const hn_window *w, int64_t *pads, hn_rw_attr *a);
bool hn_window_ceil(const hn_node *node);  /* are output sizes rounded up */
size_t hn_window_taps(const hn_window *w); /* product of kernel sizes */
size_t hn_window_elems(const int64_t *dims, int n);

#define HN_WINDOW_ATTRS                                                                                             \
    {"kernel_shape", HN_ATTR_INTS, false, NULL, "window size of each spatial dim; default: that of the weights"},   \
        {"strides", HN_ATTR_INTS, false, NULL, "default 1"}, {"dilations", HN_ATTR_INTS, false, NULL, "default 1"}, \
    {                                                                                                               \
        "pads", HN_ATTR_INTS, false, NULL, "begin of each spatial dim, then end of each; default 0"                 \
    }
#define HN_WINDOW_AUTO                                                                                    \
    {                                                                                                     \
        "auto_pad", HN_ATTR_STRING, false, "NOTSET", "NOTSET (use pads), VALID, SAME_UPPER or SAME_LOWER" \
    }

#endif
