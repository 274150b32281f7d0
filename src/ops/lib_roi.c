/* lib_roi: see the header. */
#include "ops/lib_roi.h"

hn_status hn_roi_read(hn_env *env, const hn_node *n, hn_roi_shape *s)
{
    bool half = hn_attr_is(n, "coordinate_transformation_mode", "half_pixel");
    s->h = hn_attr_int(n, "output_height", 1);
    s->w = hn_attr_int(n, "output_width", 1);
    s->ratio = hn_attr_int(n, "sampling_ratio", 0);
    s->scale = hn_attr_float(n, "spatial_scale", 1);
    s->shift = half ? 0.5 : 0;
    s->max = hn_attr_is(n, "mode", "max");
    if (!half && !hn_attr_is(n, "coordinate_transformation_mode", "output_half_pixel"))
        return hn_op_fail(env, n, "coordinate_transformation_mode must be half_pixel or output_half_pixel");
    if (!s->max && !hn_attr_is(n, "mode", "avg")) return hn_op_fail(env, n, "mode must be avg or max");
    if (s->h < 1 || s->w < 1 || s->h > HN_ROI_SAMPLES_MAX || s->w > HN_ROI_SAMPLES_MAX || s->ratio < 0 ||
        s->ratio > HN_ROI_SAMPLES_MAX)
        return hn_op_fail(env, n, "output %lld x %lld with %lld samples", (long long)s->h, (long long)s->w,
                          (long long)s->ratio);
    return HN_OK;
}

hn_status hn_roi_span_of(const hn_refargs *a, const hn_roi_shape *s, double low, double high, int64_t cells,
                         hn_roi_span *out)
{
    double start = low * s->scale - s->shift, size = high * s->scale - s->shift - start;
    bool least = s->shift == 0 && size < 1;
    if (least) size = 1;
    double grid = s->ratio > 0 ? (double)s->ratio : ceil(size / (double)cells);
    if (!(fabs(start) < 1e12) || !(grid < HN_ROI_SAMPLES_MAX))
        return hn_op_fail(a->env, a->node, "a region from %g to %g", low, high);
    *out = (hn_roi_span){start, size / (double)cells, grid > 0 ? (int64_t)grid : 0, least};
    return HN_OK;
}

bool hn_roi_around(double v, int64_t n, int64_t *at, double *share)
{
    if (v < -1 || v > (double)n) return false;
    v = fmax(v, 0);
    at[0] = (int64_t)v;
    share[1] = v - (double)at[0];
    if (at[0] >= n - 1) {
        at[0] = n - 1;
        share[1] = 0;
    }
    at[1] = at[0] + 1 < n ? at[0] + 1 : n - 1;
    share[0] = 1 - share[1];
    return true;
}

hn_status hn_roi_pooled(hn_env *env, const hn_node *node, int64_t *h, int64_t *w)
{
    const int64_t *v;
    if (hn_attr_ints(node, "pooled_shape", &v) != 2 || v[0] < 1 || v[1] < 1 || v[0] > 1 << 20 || v[1] > 1 << 20)
        return hn_op_fail(env, node, "pooled_shape must be two sizes");
    *h = v[0];
    *w = v[1];
    return HN_OK;
}

/* Cells [*from, *to) of n points for bin i of `bins` over the region [low, high]. */
static void bin(double low, double high, double scale, int64_t i, int64_t bins, int64_t n, int64_t *from, int64_t *to)
{
    double start = round(low * scale), size = fmax(round(high * scale) - start + 1, 1) / (double)bins;
    double a = floor((double)i * size) + start, b = ceil((double)(i + 1) * size) + start;
    *from = (int64_t)fmin(fmax(a, 0), (double)n);
    *to = (int64_t)fmin(fmax(b, 0), (double)n);
}

hn_status hn_roi_pool(const hn_refargs *a, const hn_tensor *t, const double *x, const double *roi, int64_t k,
                      double *max, int64_t *at)
{
    double scale = hn_attr_float(a->node, "spatial_scale", 1);
    int64_t ph, pw, channels = t->dims[1], h = t->dims[2], w = t->dims[3], x0, x1, y0, y1;
    HN_TRY(hn_roi_pooled(a->env, a->node, &ph, &pw));
    int64_t j = k % pw, i = k / pw % ph, c = k / pw / ph % channels;
    const double *r = roi + k / pw / ph / channels * 5;
    if (!(r[0] >= 0) || r[0] >= (double)t->dims[0])
        return hn_op_fail(a->env, a->node, "a region of sample %g of %lld", r[0], (long long)t->dims[0]);
    if (!(fabs(r[1]) + fabs(r[2]) + fabs(r[3]) + fabs(r[4]) < 1e9))
        return hn_op_fail(a->env, a->node, "a region at (%g, %g, %g, %g)", r[1], r[2], r[3], r[4]);
    bin(r[1], r[3], scale, j, pw, w, &x0, &x1);
    bin(r[2], r[4], scale, i, ph, h, &y0, &y1);
    *max = 0;
    *at = -1;
    for (int64_t y = y0; y < y1; y++) {
        for (int64_t p = x0; p < x1; p++) {
            int64_t e = (((int64_t)r[0] * channels + c) * h + y) * w + p;
            if (*at >= 0 && !(x[e] > *max) && !isnan(x[e])) continue;
            *max = x[e];
            *at = e;
        }
    }
    return HN_OK;
}

void hn_roi_pool_cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *x = &n->in[n->nin - 2]->type, *rois = &n->in[n->nin - 1]->type;
    *cost = (hn_cost){.flops = (double)rois->dims[0] * (double)hn_dims_product(x, 1, 4), .bytes = hn_nn_bytes(n)};
}
