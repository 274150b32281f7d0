/* lib_resize: see the header. */
#include "ops/lib_resize.h"

#define DIM_MAX (INT64_C(1) << 40)

bool hn_resize_is_nearest(const hn_node *node)
{
    return hn_attr_is(node, "mode", "nearest");
}

static hn_status read_scales(hn_env *env, const hn_node *node, const hn_tensor *scales, size_t n, const int *which,
                             hn_resize_axis *axis)
{
    if (hn_tensor_elems(scales) != n)
        return hn_op_fail(env, node, "%zu scales, %zu needed", hn_tensor_elems(scales), n);
    for (size_t i = 0; i < n; i++) {
        hn_resize_axis *x = &axis[which[i]];
        x->scale = hn_get_f64(scales, i);
        if (!(x->scale > 0) || x->scale > 1e9) return hn_op_fail(env, node, "a scale of %g", x->scale);
        bool crop = hn_attr_is(node, "coordinate_transformation_mode", "tf_crop_and_resize");
        float part = crop ? (float)(x->roi[1] - x->roi[0]) : 1;
        if (x->in < 0) {
            x->out = x->scale == 1 && !crop ? x->in : -1;
            continue;
        }
        /* In float32, so that 10 * 0.7 is 7. */
        double out = floor((double)((float)x->in * part * (float)x->scale));
        if (!(out >= 0) || out > (double)DIM_MAX) return hn_op_fail(env, node, "a resized dim of %g elements", out);
        x->out = (int64_t)out;
    }
    return HN_OK;
}

static hn_status read_sizes(hn_env *env, const hn_node *node, const hn_tensor *sizes, size_t n, const int *which,
                            hn_resize_axis *axis)
{
    bool larger = hn_attr_is(node, "keep_aspect_ratio_policy", "not_smaller");
    bool keep = larger || hn_attr_is(node, "keep_aspect_ratio_policy", "not_larger");
    double common = larger ? 0 : HUGE_VAL;
    bool known = true;
    if (hn_tensor_elems(sizes) != n) return hn_op_fail(env, node, "%zu sizes, %zu needed", hn_tensor_elems(sizes), n);
    for (size_t i = 0; i < n; i++) {
        hn_resize_axis *x = &axis[which[i]];
        x->out = hn_get_i64(sizes, i);
        if (x->out < 0 || x->out > DIM_MAX) return hn_op_fail(env, node, "a size of %lld", (long long)x->out);
        known = known && x->in > 0;
        if (x->in > 0) x->scale = (double)x->out / (double)x->in;
        common = larger ? fmax(common, x->scale) : fmin(common, x->scale);
    }
    for (size_t i = 0; keep && i < n; i++) {
        hn_resize_axis *x = &axis[which[i]];
        x->scale = common;
        double out = known ? floor(common * (double)x->in + 0.5) : -1;
        if (out > (double)DIM_MAX) return hn_op_fail(env, node, "a resized dim of %g elements", out);
        x->out = (int64_t)out;
    }
    return HN_OK;
}

hn_status hn_resize_read(hn_env *env, const hn_node *node, int rank, const int64_t *dims, const hn_tensor *roi,
                         const hn_tensor *scales, const hn_tensor *sizes, hn_resize_axis *axis)
{
    const int64_t *axes;
    size_t count = hn_attr_ints(node, "axes", &axes), n = count ? count : (size_t)rank;
    int which[HN_MAX_RANK];
    bool flag[HN_MAX_RANK];
    if (rank < 1 || n > (size_t)rank) return hn_op_fail(env, node, "%zu axes of a tensor of rank %d", n, rank);
    if (count) HN_TRY(hn_op_axes(env, node, count, axes, rank, false, flag));
    for (int i = 0; i < rank; i++) axis[i] = (hn_resize_axis){dims[i], dims[i], 1, {0, 1}};
    for (size_t i = 0; i < n; i++) {
        which[i] = (int)i;
        if (count) HN_TRY(hn_op_axis(env, node, axes[i], rank, &which[i]));
        axis[which[i]].out = -1;
    }
    if (roi && hn_tensor_elems(roi) == 2 * n) {
        for (size_t i = 0; i < n; i++) {
            axis[which[i]].roi[0] = hn_get_f64(roi, i);
            axis[which[i]].roi[1] = hn_get_f64(roi, n + i);
        }
    }
    if (scales && hn_tensor_elems(scales) > 0) return read_scales(env, node, scales, n, which, axis);
    return sizes ? read_sizes(env, node, sizes, n, which, axis) : HN_OK;
}

/* The input coordinate of output o. */
static double coordinate(const hn_node *node, const hn_resize_axis *x, int64_t o)
{
    double width = x->scale * (double)x->in, last = (double)(x->in - 1), at = (double)o;
    const char *const attr = "coordinate_transformation_mode";
    if (hn_attr_is(node, attr, "align_corners")) return width == 1 ? 0 : at * last / (width - 1);
    if (hn_attr_is(node, attr, "asymmetric")) return at / x->scale;
    if (hn_attr_is(node, attr, "tf_crop_and_resize")) {
        double span = (x->roi[1] - x->roi[0]) * last;
        if (x->out <= 1) return x->roi[0] * last + span / 2;
        return x->roi[0] * last + at * span / (double)(x->out - 1);
    }
    if (hn_attr_is(node, attr, "pytorch_half_pixel")) return x->out == 1 ? -0.5 : (at + 0.5) / x->scale - 0.5;
    double half = (at + 0.5) / x->scale - 0.5;
    if (hn_attr_is(node, attr, "half_pixel_symmetric")) return (double)x->in / 2 * (1 - (double)x->out / width) + half;
    return half;
}

static double kernel(bool cubic, double a, double x)
{
    x = fabs(x);
    if (!cubic) return x < 1 ? 1 - x : 0;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static int64_t clamp(double v, int64_t in)
{
    if (!(v > 0)) return 0;
    return v > (double)(in - 1) ? in - 1 : (int64_t)v;
}

static int64_t nearest(const hn_node *node, const hn_resize_axis *x, double at)
{
    if (hn_attr_is(node, "nearest_mode", "floor")) return clamp(floor(at), x->in);
    if (hn_attr_is(node, "nearest_mode", "ceil")) return clamp(ceil(at), x->in);
    if (hn_attr_is(node, "nearest_mode", "round_prefer_ceil")) return clamp(floor(at + 0.5), x->in);
    return clamp(ceil(at - 0.5), x->in);
}

/* The entries of one output: points within the kernel's radius, those outside clamped to the edge or left out. */
static void weigh(const hn_node *node, const hn_resize_axis *x, double at, double s, hn_resize_table *t, size_t *used)
{
    bool cubic = hn_attr_is(node, "mode", "cubic"), exclude = hn_attr_int(node, "exclude_outside", 0) != 0;
    double a = hn_attr_float(node, "cubic_coeff_a", -0.75), radius = (cubic ? 2 : 1) / s, sum = 0;
    size_t first = *used;
    for (double p = floor(at - radius); p <= at + radius; p++) {
        double w = kernel(cubic, a, (p - at) * s);
        if (w == 0 || (exclude && (p < 0 || p >= (double)x->in))) continue;
        t->index[*used] = clamp(p, x->in);
        t->weight[(*used)++] = w;
        sum += w;
    }
    if (!exclude && hn_attr_int(node, "antialias", 0) == 0) return;
    for (size_t i = first; i < *used; i++) t->weight[i] /= sum;
}

hn_status hn_resize_build(hn_env *env, hn_arena *arena, const hn_node *node, const hn_resize_axis *x,
                          hn_resize_table *t)
{
    bool crop = hn_attr_is(node, "coordinate_transformation_mode", "tf_crop_and_resize"),
         near = hn_resize_is_nearest(node);
    bool antialias = hn_attr_int(node, "antialias", 0) != 0;
    double s = antialias && x->scale < 1 ? x->scale : 1, per = near ? 1 : 2 * 2 / s + 3;
    size_t out = (size_t)x->out, used = 0, total;
    if (!near && !hn_attr_is(node, "mode", "linear") && !hn_attr_is(node, "mode", "cubic")) {
        return hn_op_fail(env, node, "mode must be nearest, linear or cubic");
    }
    if (per > 8 * (double)x->in + 16 || !hn_size_mul(out, (size_t)per, &total)) {
        return hn_op_fail(env, node, "a scale of %g for %lld elements", x->scale, (long long)x->in);
    }
    t->first = hn_arena_array(env, arena, out + 1, sizeof *t->first);
    t->index = hn_arena_array(env, arena, total + 1, sizeof *t->index);
    t->weight = hn_arena_array(env, arena, total + 1, sizeof *t->weight);
    t->outside = hn_arena_array(env, arena, out + 1, sizeof *t->outside);
    if (!t->first || !t->index || !t->weight || !t->outside) return HN_NOMEM;
    for (size_t o = 0; o < out; o++) {
        double at = x->in == x->out && x->scale == 1 && !crop ? (double)o : coordinate(node, x, (int64_t)o);
        t->first[o] = used;
        t->outside[o] = crop && (at < 0 || at > (double)(x->in - 1));
        if (x->in == 0) continue;
        /* Far outside every point is the same edge. */
        at = fmax(fmin(at, 2 * (double)x->in + 8), -(double)x->in - 8);
        if (near) {
            t->index[used] = nearest(node, x, at);
            t->weight[used++] = 1;
        } else {
            weigh(node, x, at, s, t, &used);
        }
    }
    t->first[out] = used;
    return HN_OK;
}

void hn_resize_apply(const hn_resize_axis *axis, const hn_resize_table *t, size_t outer, size_t inner, double *x,
                     double *y, bool adjoint)
{
    size_t in = (size_t)axis->in, out = (size_t)axis->out;
    for (size_t b = 0; b < outer; b++) {
        for (size_t o = 0; o < out; o++) {
            double *dst = y + (b * out + o) * inner;
            for (size_t e = t->first[o]; e < t->first[o + 1]; e++) {
                double *src = x + (b * in + (size_t)t->index[e]) * inner, w = t->weight[e];
                if (adjoint) {
                    for (size_t i = 0; i < inner; i++) src[i] += w * dst[i];
                } else {
                    for (size_t i = 0; i < inner; i++) dst[i] += w * src[i];
                }
            }
        }
    }
}
