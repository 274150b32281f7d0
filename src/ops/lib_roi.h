/* lib_roi: places of the samples that RoiAlign takes, for the row and its gradient. */
#ifndef HN_OPS_LIB_ROI_H
#define HN_OPS_LIB_ROI_H

#include "ops/lib_nn.h"

enum { HN_ROI_SAMPLES_MAX = 1 << 20 };

typedef struct hn_roi_shape {
    int64_t h, w, ratio;
    double scale, shift;
    bool max;
} hn_roi_shape;

hn_status hn_roi_read(hn_env *env, const hn_node *n, hn_roi_shape *s) HN_MUST_CHECK;

/* One axis of a region: sample k of `grid` in cell i lies at start + (i + (k + 0.5) / grid) * bin. */
typedef struct hn_roi_span {
    double start, bin;
    int64_t grid;
    bool least; /* the size is the least that is taken, whatever the region's */
} hn_roi_span;

hn_status hn_roi_span_of(const hn_refargs *a, const hn_roi_shape *s, double low, double high, int64_t cells,
                         hn_roi_span *out) HN_MUST_CHECK;
static inline double hn_roi_place(const hn_roi_span *s, int64_t cell, int64_t k)
{
    return s->start + ((double)cell + ((double)k + 0.5) / (double)s->grid) * s->bin;
}
/* The two points around place v of an axis of n and their shares; false: outside. */
bool hn_roi_around(double v, int64_t n, int64_t *at, double *share);

/* ---- MaxRoiPool ---- */
hn_status hn_roi_pooled(hn_env *env, const hn_node *node, int64_t *h, int64_t *w) HN_MUST_CHECK;
/* The largest element of cell k (of all outputs) and where it is; 0 and -1 for a cell without points. */
hn_status hn_roi_pool(const hn_refargs *a, const hn_tensor *t, const double *x, const double *roi, int64_t k,
                      double *max, int64_t *at) HN_MUST_CHECK;

#define HN_ROI_ATTRS                                                                                          \
    {"coordinate_transformation_mode", HN_ATTR_STRING, false, "half_pixel",                                   \
     "half_pixel: places are shifted by -0.5; output_half_pixel: not, and regions are at least 1 wide"},      \
        {"mode", HN_ATTR_STRING, false, "avg", "avg, or max (of the four weighted corners of every sample)"}, \
        {"output_height", HN_ATTR_INT, false, "1", "rows of the grid"},                                       \
        {"output_width", HN_ATTR_INT, false, "1", "columns of the grid"},                                     \
        {"sampling_ratio", HN_ATTR_INT, false, "0", "samples per cell and axis; 0: cell size, rounded up"},   \
    {                                                                                                         \
        "spatial_scale", HN_ATTR_FLOAT, false, "1.0", "from the coordinates of regions to those of X"         \
    }

/* X and rois are the last two inputs. */
void hn_roi_pool_cost(const hn_node *n, hn_cost *cost);

#define HN_ROI_POOL_ATTRS                                                                             \
    {"pooled_shape", HN_ATTR_INTS, true, NULL, "rows and columns of the grid"},                       \
    {                                                                                                 \
        "spatial_scale", HN_ATTR_FLOAT, false, "1.0", "from the coordinates of regions to those of X" \
    }

#endif
