/* hone.RoiAlignGrad: the gradient of RoiAlign with respect to X and to the regions. */
#include "ops/lib_roi.h"

enum { DY, X, ROIS, BATCH };

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[X];
    if (c->nout > 1) c->out[1] = *c->in[ROIS];
    return HN_OK;
}

/* One cell of one channel: where its samples lie, what it got, where that goes. */
typedef struct job {
    const hn_roi_shape *s;
    const double *plane;
    const int64_t *dims;
    const hn_roi_span *y, *x;
    double *dplane, *droi; /* droi: x1, y1, x2, y2 */
} job;

typedef struct sample {
    int64_t r[2], q[2];
    double u[2], v[2], place[2];
} sample;

static bool sample_at(const job *b, int64_t i, int64_t j, int64_t k, sample *m)
{
    m->place[0] = hn_roi_place(b->y, i, k / b->x->grid);
    m->place[1] = hn_roi_place(b->x, j, k % b->x->grid);
    return hn_roi_around(m->place[0], b->dims[0], m->r, m->u) && hn_roi_around(m->place[1], b->dims[1], m->q, m->v);
}

/* A place moves with both edges of its region. */
static void to_edges(const job *b, const hn_roi_span *s, double place, int64_t n, int64_t cells, double g, double *low,
                     double *high)
{
    if (place < 0 || place >= (double)n - 1) return; /* held at the border */
    double along = s->least ? 0 : (place - s->start) / (s->bin * (double)cells);
    *low += g * b->s->scale * (1 - along);
    *high += g * b->s->scale * along;
}

/* Share e of sample m got the gradient g. */
static void corner(const job *b, const sample *m, int e, double g)
{
    int64_t at = m->r[e / 2] * b->dims[1] + m->q[e % 2];
    double u = m->u[e / 2], v = m->v[e % 2], value = g * b->plane[at];
    b->dplane[at] += g * u * v;
    to_edges(b, b->y, m->place[0], b->dims[0], b->s->h, value * v * (e / 2 ? 1 : -1), &b->droi[1], &b->droi[3]);
    to_edges(b, b->x, m->place[1], b->dims[1], b->s->w, value * u * (e % 2 ? 1 : -1), &b->droi[0], &b->droi[2]);
}

static void cell(const job *b, int64_t i, int64_t j, double g)
{
    int64_t count = b->y->grid * b->x->grid, best = -1;
    int which = 0;
    double most = 0;
    sample m;
    for (int64_t k = 0; k < count; k++) {
        bool in = sample_at(b, i, j, k, &m);
        for (int e = 0; in && e < 4; e++) {
            if (!b->s->max) {
                corner(b, &m, e, g / (double)count);
                continue;
            }
            double part = m.u[e / 2] * m.v[e % 2] * b->plane[m.r[e / 2] * b->dims[1] + m.q[e % 2]];
            if (best >= 0 && part <= most) continue;
            best = k;
            which = e;
            most = part;
        }
        if (!in && b->s->max && (best < 0 || most < 0)) {
            /* A sample outside is zero, and nothing moves it. */
            best = k;
            which = -1;
            most = 0;
        }
    }
    if (b->s->max && best >= 0 && which >= 0 && sample_at(b, i, j, best, &m)) corner(b, &m, which, g);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X], *dy = a->in[DY];
    double *g, *x, *roi, *dx, *droi;
    hn_roi_shape s;
    HN_TRY(hn_roi_read(a->env, a->node, &s));
    HN_TRY(hn_nn_load(a, DY, &g));
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, ROIS, &roi));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(t), &dx));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[ROIS]), &droi));
    int64_t channels = t->dims[1], plane = t->dims[2] * t->dims[3];
    if (dy->dims[0] != a->in[ROIS]->dims[0] || dy->dims[0] != a->in[BATCH]->dims[0] || dy->dims[1] != channels ||
        dy->dims[2] != s.h || dy->dims[3] != s.w || a->in[ROIS]->dims[1] != 4)
        return hn_op_fail(a->env, a->node, "the gradient does not fit the regions");
    for (int64_t r = 0; r < dy->dims[0] && hn_tensor_elems(dy) > 0; r++) {
        int64_t n = hn_get_i64(a->in[BATCH], (size_t)r);
        hn_roi_span ys, xs;
        if (n < 0 || n >= t->dims[0] || plane == 0)
            return hn_op_fail(a->env, a->node, "a region of sample %lld of %lld", (long long)n, (long long)t->dims[0]);
        HN_TRY(hn_roi_span_of(a, &s, roi[4 * r], roi[4 * r + 2], s.w, &xs));
        HN_TRY(hn_roi_span_of(a, &s, roi[4 * r + 1], roi[4 * r + 3], s.h, &ys));
        for (int64_t k = 0; k < channels * s.h * s.w; k++) {
            int64_t at = (n * channels + k / (s.h * s.w)) * plane;
            job b = {&s, x + at, t->dims + 2, &ys, &xs, dx + at, droi + 4 * r};
            cell(&b, k / s.w % s.h, k % s.w, g[r * channels * s.h * s.w + k]);
        }
    }
    hn_nn_store(a->out[0], dx);
    if (a->nout > 1 && a->out[1]) hn_nn_store(a->out[1], droi);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    double ratio = fmax((double)hn_attr_int(n, "sampling_ratio", 0), 1);
    *cost = (hn_cost){.flops = 40 * ratio * ratio * hn_nn_elems(n->in[DY]), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "output_width", 2);
    hn_case_int(c, "sampling_ratio", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(4, 8));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 4), HN_VALS(0, 0, 3, 1));
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){0});
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(3, 3, 6));
    hn_case_want(c, HN_F32, HN_DIMS(1, 4), HN_VALS(50, 0, 70, 0));
    hn_case(c, "largest, no region");
    hn_case_string(c, "mode", "max");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2, 1, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 4), 0, 1);
    hn_case_in_i64(c, HN_DIMS(0), (const int64_t[]){0});
    hn_case(c, "no such sample");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 1, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), 0, 1);
    hn_case_in_i64(c, HN_DIMS(1), (const int64_t[]){1});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false},
                             {"X", HN_T_FLOAT, 'T', false},
                             {"rois", HN_T_FLOAT, 'T', false},
                             {"batch_indices", HN_T_I64, 0, false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}, {"drois", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {HN_ROI_ATTRS, {0}};

const hn_op hn_op_hone_roi_align_grad = {
    .name = "RoiAlignGrad",
    .domain = "hone",
    .since = 1,
    .doc =
        "dX, drois = the gradients of RoiAlign for X and rois, given dY. X = [[0, 10, 20]], region (0, 0, 3, 1), 1 x 2 "
        "cells, one sample each, at x = 0.25 and 1.75, dY = [4, 8]: dX = [3, 3, 6], drois = [50, 0, 70, 0].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 4, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("second derivatives of sampled regions are not built"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
