/* RoiAlign: regions of interest sampled on a regular grid by bilinear interpolation, the samples of each cell averaged
 * or their largest taken. Source: ONNX RoiAlign-22 and its reference implementation. */
#include "ops/lib_nn.h"

enum { X, ROIS, BATCH, SAMPLES_MAX = 1 << 20 };

typedef struct shape {
    int64_t h, w, ratio;
    double scale, shift;
    bool max;
} shape;

static hn_status read(hn_env *env, const hn_node *n, shape *s)
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
    if (s->h < 1 || s->w < 1 || s->h > SAMPLES_MAX || s->w > SAMPLES_MAX || s->ratio < 0 || s->ratio > SAMPLES_MAX)
        return hn_op_fail(env, n, "output %lld x %lld with %lld samples", (long long)s->h, (long long)s->w,
                          (long long)s->ratio);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    bool known, have, flat;
    shape s;
    HN_TRY(read(c->env, c->node, &s));
    HN_TRY(hn_nn_rank(c, X, 4, 4, &known));
    HN_TRY(hn_nn_rank(c, ROIS, 2, 2, &have));
    HN_TRY(hn_nn_rank(c, BATCH, 1, 1, &flat));
    int64_t dims[] = {have ? c->in[ROIS]->dims[0] : -1, known ? c->in[X]->dims[1] : -1, s.h, s.w};
    if (have) HN_TRY(hn_nn_same_dim(c->env, c->node, "the last dim of rois and 4", c->in[ROIS]->dims[1], 4, NULL));
    if (flat)
        HN_TRY(hn_nn_same_dim(c->env, c->node, "rois and batch_indices", dims[0], c->in[BATCH]->dims[0], &dims[0]));
    c->out[0] = hn_type_tensor(c->in[X]->dtype, 4, dims);
    return HN_OK;
}

/* One axis of a region: sample k of `grid` in cell i lies at start + (i + (k + 0.5) / grid) * bin. */
typedef struct span {
    double start, bin;
    int64_t grid;
} span;

static hn_status span_of(const hn_refargs *a, const shape *s, double low, double high, int64_t cells, span *out)
{
    double start = low * s->scale - s->shift, size = high * s->scale - s->shift - start;
    if (s->shift == 0) size = fmax(size, 1);
    double grid = s->ratio > 0 ? (double)s->ratio : ceil(size / (double)cells);
    if (!(fabs(start) < 1e12) || !(grid < SAMPLES_MAX))
        return hn_op_fail(a->env, a->node, "a region from %g to %g", low, high);
    *out = (span){start, size / (double)cells, grid > 0 ? (int64_t)grid : 0};
    return HN_OK;
}

/* The two points around place v of an axis of n and their shares; false: outside. */
static bool around(double v, int64_t n, int64_t *at, double *share)
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

static double cell(const shape *s, const double *plane, const int64_t *dims, const span *y, const span *x, int64_t i,
                   int64_t j)
{
    double sum = 0;
    bool any = false;
    for (int64_t k = 0; k < y->grid * x->grid; k++) {
        int64_t r[2] = {0}, q[2] = {0};
        double u[2] = {0}, v[2] = {0}, term = 0;
        bool in =
            around(y->start + ((double)i + ((double)(k / x->grid) + 0.5) / (double)y->grid) * y->bin, dims[0], r, u) &&
            around(x->start + ((double)j + ((double)(k % x->grid) + 0.5) / (double)x->grid) * x->bin, dims[1], q, v);
        for (int e = 0; in && e < 4; e++) {
            double part = u[e / 2] * v[e % 2] * plane[r[e / 2] * dims[1] + q[e % 2]];
            term = s->max ? (e == 0 ? part : fmax(term, part)) : term + part;
        }
        sum = s->max ? (any ? fmax(sum, term) : term) : sum + term;
        any = true;
    }
    int64_t count = y->grid * x->grid;
    return s->max || count < 1 ? sum : sum / (double)count;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X];
    double *x, *roi;
    shape s;
    HN_TRY(read(a->env, a->node, &s));
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    int64_t channels = t->dims[1], plane = t->dims[2] * t->dims[3];
    if (plane == 0 && hn_tensor_elems(a->out[0]) > 0) return hn_op_fail(a->env, a->node, "nothing to sample");
    for (int64_t r = 0; r < a->out[0]->dims[0]; r++) {
        int64_t b = hn_get_i64(a->in[BATCH], (size_t)r);
        span y_span, x_span;
        if (b < 0 || b >= t->dims[0])
            return hn_op_fail(a->env, a->node, "a region of sample %lld of %lld", (long long)b, (long long)t->dims[0]);
        HN_TRY(span_of(a, &s, roi[4 * r], roi[4 * r + 2], s.w, &x_span));
        HN_TRY(span_of(a, &s, roi[4 * r + 1], roi[4 * r + 3], s.h, &y_span));
        for (int64_t k = 0; k < channels * s.h * s.w; k++) {
            int64_t c = k / (s.h * s.w), i = k / s.w % s.h, j = k % s.w;
            hn_set_f64(a->out[0], (size_t)(r * channels * s.h * s.w + k),
                       cell(&s, x + (b * channels + c) * plane, t->dims + 2, &y_span, &x_span, i, j));
        }
    }
    return HN_OK;
}

/* ---- the same as nodes, for the average of a fixed number of samples ---- */
typedef struct axis {
    hn_value *at[2], *share[2]; /* points (i64) and their shares (0 outside), each [rois, cells * samples] */
} axis;

/* Columns low and high of rois, an axis of n points. */
static axis sample(hn_rw *rw, const hn_node *node, const shape *s, int64_t low, int64_t high, int64_t cells, int64_t n)
{
    hn_value *rois = node->in[ROIS], *edge[2];
    int64_t column[] = {rois->type.dims[0], 1}, row[] = {cells * s->ratio}, cols[] = {low, high};
    const hn_rw_attr along[] = {HN_A_INT("axis", 1), {0}}, whole[] = {HN_A_INT("to", HN_I64), {0}};
    hn_tensor *t;
    for (int e = 0; e < 2; e++) {
        hn_value *in[] = {rois, hn_rw_const(rw, HN_I64, 0, NULL, &cols[e])};
        edge[e] = hn_g_scale(rw, hn_rw_reshape(rw, hn_rw_op(rw, "Gather", 2, in, along), 2, column), s->scale);
    }
    hn_value *size = hn_g_sub(rw, edge[1], edge[0]);
    if (s->shift == 0) size = hn_rw_2(rw, "Max", size, hn_g_scalar(rw, size, 1));
    hn_value *place = hn_rw_const_new(rw, rois->type.dtype, 1, row, &t);
    for (int64_t k = 0; place && k < row[0]; k++)
        hn_set_f64(t, (size_t)k, ((double)k + 0.5) / (double)s->ratio / (double)cells);
    hn_value *v = hn_g_add(rw, hn_g_plus(rw, edge[0], -s->shift), hn_g_mul(rw, size, place));
    hn_value *inside = hn_rw_2(rw, "And", hn_rw_2(rw, "GreaterOrEqual", v, hn_g_scalar(rw, v, -1)),
                               hn_rw_2(rw, "LessOrEqual", v, hn_g_scalar(rw, v, (double)n)));
    v = hn_rw_3(rw, "Clip", v, hn_g_scalar(rw, v, 0), hn_g_scalar(rw, v, (double)n - 1));
    hn_value *floor = hn_rw_1(rw, "Floor", v), *rest = hn_g_sub(rw, v, floor);
    hn_value *next = hn_rw_2(rw, "Min", hn_g_plus(rw, floor, 1), hn_g_scalar(rw, v, (double)n - 1));
    axis out;
    out.at[0] = hn_rw_op(rw, "Cast", 1, &floor, whole);
    out.at[1] = hn_rw_op(rw, "Cast", 1, &next, whole);
    out.share[0] = hn_g_where(rw, inside, hn_g_sub(rw, hn_g_scalar(rw, v, 1), rest));
    out.share[1] = hn_g_where(rw, inside, rest);
    return out;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    static const int64_t last[] = {0, 2, 3, 1}, back[] = {0, 3, 1, 2}, means[] = {2, 4};
    const hn_type *x = &node->in[X]->type;
    hn_env *env = rw->graph->env;
    shape s;
    HN_TRY(read(env, node, &s));
    if (s.max || s.ratio == 0)
        return hn_op_unsupported(env, node,
                                 s.max ? "no decomposition of mode max"
                                       : "no decomposition when the regions set the number of samples");
    int64_t n = x->dims[0], c = x->dims[1], h = x->dims[2], w = x->dims[3], rois = node->in[ROIS]->type.dims[0];
    if (h == 0 || w == 0) return hn_op_unsupported(env, node, "no decomposition for an empty input");
    int64_t points[] = {n * h * w, c}, tall[] = {rois, s.h * s.ratio, 1}, wide[] = {rois, 1, s.w * s.ratio},
            one[] = {rois, 1, 1};
    int64_t weight[] = {rois, s.h * s.ratio, s.w * s.ratio, 1}, grid[] = {rois, s.h, s.ratio, s.w, s.ratio, c};
    hn_value *flat = hn_rw_reshape(rw, hn_rw_transpose(rw, node->in[X], last, 4), 2, points), *sum = NULL;
    hn_value *start = hn_g_scale(rw, hn_rw_reshape(rw, node->in[BATCH], 3, one), (double)(h * w));
    axis ys = sample(rw, node, &s, 1, 3, s.h, h), xs = sample(rw, node, &s, 0, 2, s.w, w);
    for (int e = 0; e < 4; e++) {
        hn_value *row = hn_rw_reshape(rw, ys.at[e / 2], 3, tall), *column = hn_rw_reshape(rw, xs.at[e % 2], 3, wide);
        hn_value *index = hn_g_add(rw, hn_g_add(rw, hn_g_scale(rw, row, (double)w), column), start);
        hn_value *share =
            hn_g_mul(rw, hn_rw_reshape(rw, ys.share[e / 2], 3, tall), hn_rw_reshape(rw, xs.share[e % 2], 3, wide));
        hn_value *part = hn_g_mul(rw, hn_rw_2(rw, "Gather", flat, index), hn_rw_reshape(rw, share, 4, weight));
        sum = sum ? hn_g_add(rw, sum, part) : part;
    }
    hn_value *y = hn_rw_reduce_sum(rw, hn_rw_reshape(rw, sum, 6, grid), means, 2, false);
    out[0] = hn_rw_transpose(rw, hn_g_scale(rw, y, 1 / (double)(s.ratio * s.ratio)), back, 4);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double ratio = fmax((double)hn_attr_int(n, "sampling_ratio", 0), 1);
    *cost = (hn_cost){.flops = 9 * ratio * ratio * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static void some(hn_cases *c, const char *name, int64_t h, int64_t w, int64_t ratio, const char *mode)
{
    hn_case(c, name);
    hn_case_int(c, "output_height", h);
    hn_case_int(c, "output_width", w);
    hn_case_int(c, "sampling_ratio", ratio);
    hn_case_string(c, "mode", mode);
}

static hn_status cases(hn_cases *c)
{
    some(c, "example", 1, 2, 1, "avg");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0, 0, 3, 1));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){0});
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(2.5, 17.5));
    some(c, "two samples, two regions", 2, 3, 2, "avg");
    hn_case_float(c, "spatial_scale", 0.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 4), HN_VALS(0.3, 1.1, 6.2, 5.3, -3.1, 2.2, 4.7, 9.9));
    hn_case_in_i64(c, HN_DIMS(2), (const int64_t[]){1, 0});
    hn_case_flag(c, HN_CASE_ONE_TYPE); /* narrow types move the samples across points */
    some(c, "without the shift", 2, 2, 2, "avg");
    hn_case_string(c, "coordinate_transformation_mode", "output_half_pixel");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4, 4), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 4), HN_VALS(0.6, 1.1, 3.2, 3.3, 2.1, 2.2, 2.7, 2.4));
    hn_case_in_i64(c, HN_DIMS(2), (const int64_t[]){0, 0});
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    some(c, "samples by size", 2, 2, 0, "avg");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_EXPAND | HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 4), HN_VALS(0.6, 1.1, 4.2, 3.3, 2, 2, 2, 2));
    hn_case_in_i64(c, HN_DIMS(2), (const int64_t[]){0, 0});
    some(c, "largest", 1, 2, 2, "max");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_EXPAND | HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0.6, 1.1, 4.2, 3.3));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){0});
    some(c, "a sample that is not there", 1, 1, 1, "avg");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0, 0, 1, 1));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){1});
    some(c, "unknown mode", 1, 1, 1, "sum");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0, 0, 1, 1));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){0});
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"rois", HN_T_FLOAT, 'T', false}, {"batch_indices", HN_T_I64, 0, false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"coordinate_transformation_mode", HN_ATTR_STRING, false, "half_pixel",
     "half_pixel: places are shifted by -0.5; output_half_pixel: not, and regions are at least 1 wide"},
    {"mode", HN_ATTR_STRING, false, "avg", "avg, or max (of the four weighted corners of every sample)"},
    {"output_height", HN_ATTR_INT, false, "1", "rows of the grid"},
    {"output_width", HN_ATTR_INT, false, "1", "columns of the grid"},
    {"sampling_ratio", HN_ATTR_INT, false, "0", "samples per cell and axis; 0: cell size, rounded up"},
    {"spatial_scale", HN_ATTR_FLOAT, false, "1.0", "from the coordinates of regions to those of X"},
    {0}};

const hn_op hn_op_roi_align = {
    .name = "RoiAlign",
    .domain = "",
    .since = 22,
    .doc = "Y[r, c, i, j] = the mean of X[batch_indices[r], c] at samples evenly spread over cell (i, j) of region r = "
           "(x1, y1, x2, y2), by bilinear interpolation. X = [[0, 10, 20]], region (0, 0, 3, 1), 1 x 2 cells, one "
           "sample each, at x = 0.25 and 1.75: [2.5, 17.5].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
