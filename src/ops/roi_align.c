/* RoiAlign: regions of interest sampled on a regular grid by bilinear interpolation, the samples of each cell averaged
 * or their largest taken. Source: ONNX RoiAlign-22 and its reference implementation. */
#include "ops/lib_roi.h"

enum { X, ROIS, BATCH };

static hn_status infer(hn_infer *c)
{
    bool known, have, flat;
    hn_roi_shape s;
    HN_TRY(hn_roi_read(c->env, c->node, &s));
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

static double cell(const hn_roi_shape *s, const double *plane, const int64_t *dims, const hn_roi_span *y,
                   const hn_roi_span *x, int64_t i, int64_t j)
{
    double sum = 0;
    bool any = false;
    for (int64_t k = 0; k < y->grid * x->grid; k++) {
        int64_t r[2] = {0}, q[2] = {0};
        double u[2] = {0}, v[2] = {0}, term = 0;
        bool in = hn_roi_around(hn_roi_place(y, i, k / x->grid), dims[0], r, u) &&
                  hn_roi_around(hn_roi_place(x, j, k % x->grid), dims[1], q, v);
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
    hn_roi_shape s;
    HN_TRY(hn_roi_read(a->env, a->node, &s));
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    int64_t channels = t->dims[1], plane = t->dims[2] * t->dims[3];
    if (plane == 0 && hn_tensor_elems(a->out[0]) > 0) return hn_op_fail(a->env, a->node, "nothing to sample");
    for (int64_t r = 0; r < a->out[0]->dims[0]; r++) {
        int64_t b = hn_get_i64(a->in[BATCH], (size_t)r);
        hn_roi_span y_span, x_span;
        if (b < 0 || b >= t->dims[0])
            return hn_op_fail(a->env, a->node, "a region of sample %lld of %lld", (long long)b, (long long)t->dims[0]);
        HN_TRY(hn_roi_span_of(a, &s, roi[4 * r], roi[4 * r + 2], s.w, &x_span));
        HN_TRY(hn_roi_span_of(a, &s, roi[4 * r + 1], roi[4 * r + 3], s.h, &y_span));
        for (int64_t k = 0; k < channels * s.h * s.w; k++) {
            int64_t c = k / (s.h * s.w), i = k / s.w % s.h, j = k % s.w;
            hn_set_f64(a->out[0], (size_t)(r * channels * s.h * s.w + k),
                       cell(&s, x + (b * channels + c) * plane, t->dims + 2, &y_span, &x_span, i, j));
        }
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (!g->dy[0]) return HN_OK;
    hn_node *m = hn_rw_node(g->rw, "hone.RoiAlignGrad", 4,
                            (hn_value *[]){g->dy[0], n->in[X], n->in[ROIS], n->in[BATCH]}, 2, NULL);
    if (!m) return hn_rw_status(g->rw);
    HN_TRY(hn_node_copy_attrs(m, n));
    g->dx[X] = m->out[0];
    g->dx[ROIS] = m->out[1];
    return HN_OK;
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
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(2, 4), HN_VALS(0.6, 1.1, 4.2, 3.3, -1.3, 2.2, 2.9, 7.1));
    hn_case_in_i64(c, HN_DIMS(2), (const int64_t[]){0, 0});
    some(c, "a region without size", 2, 2, 0, "avg");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD); /* the number of samples jumps */
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(2, 2, 2, 2));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){0});
    some(c, "largest of samples by size, small regions", 2, 1, 0, "max");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "coordinate_transformation_mode", "output_half_pixel");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_DIMS(3, 4), HN_VALS(0.6, 1.1, 4.2, 3.3, 2.1, 2.2, 2.4, 2.3, -3.2, 1.4, 1.7, 4.9));
    hn_case_in_i64(c, HN_DIMS(3), (const int64_t[]){0, 0, 0});
    some(c, "largest", 1, 2, 2, "max");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
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
static const hn_attr_row attrs[] = {HN_ROI_ATTRS, {0}};

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
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
