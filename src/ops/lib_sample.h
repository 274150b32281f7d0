/* lib_sample: the points and weights that GridSample reads, for the row and its gradient. */
#ifndef HN_OPS_LIB_SAMPLE_H
#define HN_OPS_LIB_SAMPLE_H

#include "ops/lib_nn.h"

enum { HN_SAMPLE_SPATIAL = HN_MAX_RANK - 2, HN_SAMPLE_TAPS = 4 };

typedef struct hn_sample_how {
    int taps; /* per axis: 1 nearest, 2 linear, 4 cubic */
    enum { HN_SAMPLE_ZEROS, HN_SAMPLE_BORDER, HN_SAMPLE_REFLECTION } pad;
    bool corners;
} hn_sample_how;

/* Points of one axis, their weights and the derivatives of these by the coordinate; index -1: zero. */
typedef struct hn_sample_axis {
    int64_t index[HN_SAMPLE_TAPS];
    double w[HN_SAMPLE_TAPS], dw[HN_SAMPLE_TAPS];
} hn_sample_axis;

hn_status hn_sample_read(hn_env *env, const hn_node *node, hn_sample_how *how) HN_MUST_CHECK;
/* For the normalised coordinate v in [-1, 1] on an axis of n. */
void hn_sample_at(const hn_sample_how *how, double v, int64_t n, hn_sample_axis *out);
/* Combination k of the taps of all axes: its place, and its weight, with the derivative in place of axis `by` unless
 * that is -1. */
double hn_sample_weight(const hn_sample_how *how, const hn_sample_axis *axes, const int64_t *dims, int n, size_t k,
                        int by, int64_t *at);
size_t hn_sample_count(const hn_sample_how *how, int n); /* combinations */

#define HN_SAMPLE_ATTRS                                                               \
    {"align_corners", HN_ATTR_INT, false, "0",                                        \
     "1: -1 and 1 are the centres of the corner points, else their outer edges"},     \
        {"mode", HN_ATTR_STRING, false, "linear", "nearest, linear or cubic"},        \
    {                                                                                 \
        "padding_mode", HN_ATTR_STRING, false, "zeros", "zeros, border or reflection" \
    }

#endif
