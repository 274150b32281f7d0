/* DeformConv: a convolution whose taps read at places moved by given offsets, interpolated linearly between points, and
 * weighted by a given mask. Points outside the input are 0. */
#include "ops/lib_window.h"

enum { X, W, OFFSET, BIAS, MASK };

typedef struct shape {
    int64_t batch, cin, cout, group, offset_group, taps;
    hn_window w;
} shape;

static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *x, const int64_t *w, shape *s)
{
    *s = (shape){x[0], x[1], w[0], hn_attr_int(node, "group", 1), hn_attr_int(node, "offset_group", 1), -1, {0}};
    if (s->group < 1 || s->offset_group < 1) return hn_op_fail(env, node, "groups must be positive");
    if ((s->cin >= 0 && (s->cin % s->group != 0 || s->cin % s->offset_group != 0)) ||
        (s->cout >= 0 && s->cout % s->group != 0))
        return hn_op_fail(env, node, "%lld and %lld channels do not divide into %lld groups and %lld offset groups",
                          (long long)s->cin, (long long)s->cout, (long long)s->group, (long long)s->offset_group);
    int64_t each = s->cin < 0 ? -1 : s->cin / s->group;
    HN_TRY(hn_nn_same_dim(env, node, "channels per group of X and W", each, w[1], &each));
    HN_TRY(hn_window_read(env, node, rank - 2, x + 2, w + 2, &s->w));
    s->taps = 1;
    for (int i = 0; i < rank - 2; i++) s->taps = hn_dim_mul(s->taps, s->w.k[i] < 0 ? -1 : s->w.k[i]);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[X], *w = c->in[W], *bias = hn_nn_type(c, BIAS);
    bool known, have, placed, flat;
    shape s;
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, X, 3, HN_MAX_RANK, &known));
    HN_TRY(hn_nn_rank(c, W, 3, HN_MAX_RANK, &have));
    HN_TRY(hn_nn_rank(c, OFFSET, 3, HN_MAX_RANK, &placed));
    if (bias) HN_TRY(hn_nn_rank(c, BIAS, 1, 1, &flat));
    if (!known || !have) return HN_OK;
    if (x->rank != w->rank || (placed && c->in[OFFSET]->rank != x->rank))
        return hn_op_fail(c->env, c->node, "X, W and offset differ in rank");
    HN_TRY(read(c->env, c->node, x->rank, x->dims, w->dims, &s));
    hn_type *y = &c->out[0];
    y->rank = x->rank;
    y->dims[0] = s.batch;
    y->dims[1] = s.cout;
    if (bias && bias->rank == 1)
        HN_TRY(hn_nn_same_dim(c->env, c->node, "channels and bias", s.cout, bias->dims[0], &y->dims[1]));
    for (int i = 2; i < x->rank; i++) y->dims[i] = s.w.out[i - 2];
    for (size_t k = OFFSET; k <= MASK; k += MASK - OFFSET) {
        const hn_type *t = hn_nn_type(c, k);
        if (!t || t->rank < 0) continue;
        if (t->rank != x->rank) return hn_op_fail(c->env, c->node, "mask has rank %d, X %d", t->rank, x->rank);
        int64_t rows = hn_dim_mul(hn_dim_mul(s.offset_group, s.taps), k == OFFSET ? x->rank - 2 : 1);
        HN_TRY(hn_nn_same_dim(c->env, c->node, "batch of X and offset or mask", y->dims[0], t->dims[0], &y->dims[0]));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "rows of offset or mask and taps", t->dims[1], rows, NULL));
        for (int i = 2; i < x->rank; i++)
            HN_TRY(hn_nn_same_dim(c->env, c->node, "offset or mask and outputs", y->dims[i], t->dims[i], &y->dims[i]));
    }
    return HN_OK;
}

/* Where tap `tap` of output `o` would read along dim d without an offset. */
static int64_t base(const hn_window *w, int d, int64_t tap, int64_t o)
{
    for (int i = w->n - 1; i > d; i--) {
        tap /= w->k[i];
        o /= w->out[i];
    }
    return o % w->out[d] * w->s[d] - w->lo[d] + tap % w->k[d] * w->d[d];
}

/* The corners around a place with a weight that is not 0: up to 2^n. */
static int corners(const hn_window *w, const double *at, int64_t *index, double *weight)
{
    int count = 0;
    for (int k = 0; k < 1 << w->n; k++) {
        int64_t flat = 0;
        double share = 1;
        for (int d = 0; d < w->n && share != 0; d++) {
            double low = floor(at[d]), p = low + (k >> d & 1), part = k >> d & 1 ? at[d] - low : 1 - (at[d] - low);
            share = p >= 0 && p < (double)w->in[d] ? share * part : 0;
            if (share != 0) flat = flat * w->in[d] + (int64_t)p;
        }
        if (share == 0) continue;
        index[count] = flat;
        weight[count++] = share;
    }
    return count;
}

/* columns[channel, tap, output] of one sample. */
static void columns(const shape *s, const double *x, const double *offset, const double *mask, double *col)
{
    const hn_window *w = &s->w;
    int64_t points = (int64_t)hn_window_elems(w->in, w->n), outs = (int64_t)hn_window_elems(w->out, w->n);
    int64_t each = s->cin / s->offset_group, index[1 << (HN_MAX_RANK - 2)];
    double at[HN_MAX_RANK], weight[1 << (HN_MAX_RANK - 2)];
    for (int64_t k = 0; k < s->offset_group * s->taps * outs; k++) {
        int64_t g = k / outs / s->taps, t = k / outs % s->taps, o = k % outs;
        for (int d = 0; d < w->n; d++)
            at[d] = (double)base(w, d, t, o) + offset[((g * s->taps + t) * w->n + d) * outs + o];
        int count = corners(w, at, index, weight);
        for (int64_t c = g * each; c < (g + 1) * each; c++) {
            double sum = 0;
            for (int i = 0; i < count; i++) sum += weight[i] * x[c * points + index[i]];
            col[(c * s->taps + t) * outs + o] = sum * (mask ? mask[(g * s->taps + t) * outs + o] : 1);
        }
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X];
    double *x, *w, *offset, *bias, *mask, *col, *y;
    shape s;
    HN_TRY(read(a->env, a->node, t->rank, t->dims, a->in[W]->dims, &s));
    int64_t points = (int64_t)hn_window_elems(s.w.in, s.w.n), outs = (int64_t)hn_window_elems(s.w.out, s.w.n);
    int64_t rows = s.offset_group * s.taps, terms = s.cin / s.group * s.taps, each = s.cout / s.group;
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, W, &w));
    HN_TRY(hn_nn_load(a, OFFSET, &offset));
    HN_TRY(hn_nn_load(a, BIAS, &bias));
    HN_TRY(hn_nn_load(a, MASK, &mask));
    HN_TRY(hn_nn_new(a, (size_t)(s.cin * s.taps * outs), &col));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    for (int64_t b = 0; b < s.batch; b++) {
        columns(&s, x + b * s.cin * points, offset + b * rows * s.w.n * outs, mask ? mask + b * rows * outs : NULL,
                col);
        for (int64_t k = 0; k < s.cout * outs; k++) {
            int64_t m = k / outs, o = k % outs;
            double sum = bias ? bias[m] : 0;
            for (int64_t i = 0; i < terms; i++) sum += w[m * terms + i] * col[(m / each * terms + i) * outs + o];
            y[b * s.cout * outs + k] = sum;
        }
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

/* ---- the same as nodes: one GatherElements per corner, then a product of matrices ---- */
typedef struct place {
    hn_value *low[HN_MAX_RANK], *share[HN_MAX_RANK]; /* [batch, offset groups, 1, taps * outputs] each */
} place;

static hn_status places(hn_rw *rw, const hn_node *node, const shape *s, int64_t outs, place *p)
{
    const hn_window *w = &s->w;
    hn_dtype dtype = node->in[X]->type.dtype;
    int64_t dims[] = {s->batch, s->offset_group, s->taps, w->n, outs}, row[] = {s->taps * outs};
    int64_t flat[] = {s->batch, s->offset_group, 1, s->taps * outs};
    hn_value *offset = hn_rw_reshape(rw, node->in[OFFSET], 5, dims);
    for (int64_t d = 0; d < w->n; d++) {
        hn_tensor *t;
        hn_value *start = hn_rw_const_new(rw, dtype, 1, row, &t);
        for (int64_t k = 0; start && k < row[0]; k++)
            hn_set_f64(t, (size_t)k, (double)base(w, (int)d, k / outs, k % outs));
        hn_value *in[] = {offset, hn_rw_const(rw, HN_I64, 0, NULL, &d)};
        hn_value *v = hn_rw_op(rw, "Gather", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 3), {0}});
        v = hn_g_add(rw, hn_rw_reshape(rw, v, 4, flat), start);
        p->low[d] = hn_rw_1(rw, "Floor", v);
        p->share[d] = hn_g_sub(rw, v, p->low[d]);
    }
    return hn_rw_status(rw);
}

/* What corner k adds: the points there times their share. x: [batch, offset groups, channels, points]. */
static hn_value *corner(hn_rw *rw, const shape *s, const place *p, int k, hn_value *x, int64_t outs)
{
    const hn_window *w = &s->w;
    int64_t wide[] = {s->batch, s->offset_group, s->cin / s->offset_group, s->taps * outs};
    hn_value *flat = NULL, *weight = NULL;
    for (int d = 0; d < w->n; d++) {
        bool up = k >> d & 1;
        hn_value *at = up ? hn_g_plus(rw, p->low[d], 1) : p->low[d];
        hn_value *in = hn_rw_3(rw, "Clip", at, hn_g_scalar(rw, at, 0), hn_g_scalar(rw, at, (double)w->in[d] - 1));
        hn_value *part = up ? p->share[d] : hn_g_sub(rw, hn_g_scalar(rw, at, 1), p->share[d]);
        part = hn_g_where(rw, hn_rw_2(rw, "Equal", at, in), part);
        hn_value *whole = hn_rw_op(rw, "Cast", 1, &in, (const hn_rw_attr[]){HN_A_INT("to", HN_I64), {0}});
        weight = weight ? hn_g_mul(rw, weight, part) : part;
        flat = flat ? hn_g_add(rw, hn_g_scale(rw, flat, (double)w->in[d]), whole) : whole;
    }
    hn_value *in[] = {x, hn_rw_2(rw, "Expand", flat, hn_rw_ints(rw, wide, 4))};
    return hn_g_mul(rw, hn_rw_op(rw, "GatherElements", 2, in, (const hn_rw_attr[]){HN_A_INT("axis", 3), {0}}), weight);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *xt = &node->in[X]->type;
    hn_value *bias = hn_node_in(node, BIAS), *mask = hn_node_in(node, MASK), *col = NULL;
    shape s;
    place p;
    HN_TRY(read(rw->graph->env, node, xt->rank, xt->dims, node->in[W]->type.dims, &s));
    int64_t points = (int64_t)hn_window_elems(s.w.in, s.w.n), outs = (int64_t)hn_window_elems(s.w.out, s.w.n);
    if (points == 0) return hn_op_unsupported(rw->graph->env, node, "no decomposition for an empty input");
    int64_t planes[] = {s.batch, s.offset_group, s.cin / s.offset_group, points};
    int64_t factor[] = {s.batch, s.offset_group, 1, s.taps * outs};
    int64_t cols[] = {s.batch, s.group, s.cin / s.group * s.taps, outs};
    int64_t rows[] = {1, s.group, s.cout / s.group, cols[2]}, one[HN_MAX_RANK];
    HN_TRY(places(rw, node, &s, outs, &p));
    hn_value *x = hn_rw_reshape(rw, node->in[X], 4, planes);
    for (int k = 0; k < 1 << s.w.n; k++) {
        hn_value *v = corner(rw, &s, &p, k, x, outs);
        col = col ? hn_g_add(rw, col, v) : v;
    }
    if (mask) col = hn_g_mul(rw, col, hn_rw_reshape(rw, mask, 4, factor));
    hn_value *y = hn_rw_2(rw, "MatMul", hn_rw_reshape(rw, node->in[W], 4, rows), hn_rw_reshape(rw, col, 4, cols));
    y = hn_rw_reshape(rw, y, xt->rank, node->out[0]->type.dims);
    for (int i = 0; i < xt->rank; i++) one[i] = i == 1 ? s.cout : 1;
    out[0] = bias ? hn_g_add(rw, y, hn_rw_reshape(rw, bias, xt->rank, one)) : y;
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &n->in[W]->type;
    double terms = (double)hn_dims_product(w, 1, w->rank), reads = hn_nn_elems(n->in[OFFSET]) / (w->rank - 2);
    cost->macs = hn_nn_elems(n->out[0]) * terms;
    cost->flops = 2 * cost->macs + reads * (double)n->in[X]->type.dims[1] * (double)(2 << (w->rank - 2));
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(0, 10, 20));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 2), HN_VALS(0.5, 0, 0, 0.5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(25, 30));
    hn_case(c, "groups, mask, bias");
    hn_case_int(c, "group", 2);
    hn_case_int(c, "offset_group", 2);
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 1});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 4, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 16, 2, 3), -1.4, 1.4);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 8, 2, 3), 0, 1);
    hn_case_flag(c, HN_CASE_ONE_TYPE); /* narrow types move the places across points */
    hn_case(c, "volume, dilation");
    hn_case_ints(c, "dilations", 3, (const int64_t[]){1, 1, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 1, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 12, 2, 2, 1), -0.9, 0.9);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case(c, "offsets of other outputs");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2), -1, 1);
    hn_case(c, "groups do not divide");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "offset_group", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"W", HN_T_FLOAT, 'T', false},
                             {"offset", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', true},
                             {"mask", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS,
    {"group", HN_ATTR_INT, false, "1", "groups of channels, as in Conv"},
    {"offset_group", HN_ATTR_INT, false, "1", "groups of channels with offsets of their own"},
    {0}};

const hn_op hn_op_deform_conv = {
    .name = "DeformConv",
    .domain = "",
    .since = 22,
    .doc = "Y[m, o] = B[m] + sum W[m, c, t] mask[t, o] X[c] at (o stride - pad + t dilation + offset[t, o]), X between "
           "its "
           "points by linear interpolation, 0 outside. X = [0, 10, 20], W = [1, 2], offsets of tap 0 [0.5, 0], of tap "
           "1 [0, 0.5]: tap 0 reads [5, 10], tap 1 [10, 10] (half of 20 and half of nothing), Y = [25, 30].",
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
