/* lib_channels: see the header. */
#include "passes/lib_channels.h"

#include <math.h>
#include <string.h>

#include "base/size.h"

#define FELT 0x1p-40F

/* ---- reading ---- */

/* Types whose numbers are told apart, and from zero, as float32. */
static bool is_weight_type(hn_dtype t)
{
    return (HN_BIT(t) & (HN_BIT(HN_F32) | HN_BIT(HN_F16) | HN_BIT(HN_BF16) | HN_BIT(HN_I8) | HN_BIT(HN_U8) |
                         HN_BIT(HN_I16) | HN_BIT(HN_U16))) != 0;
}

/* One scale, or one per index of axis 0 or 1. */
static bool read_scales(hn_weights *w)
{
    const hn_tensor *scale = hn_node_const(w->dq, 1);
    const hn_value *zp = hn_node_in(w->dq, 2);
    if (w->t == NULL || scale == NULL || scale->rank > 1 || (zp != NULL && zp->data == NULL)) return false;
    if (hn_attr_int(w->dq, "block_size", 0) != 0 || !hn_const_finite(w->dq->in[1])) return false;
    if (hn_tensor_elems(scale) == 1) return true;
    return hn_axis(hn_attr_int(w->dq, "axis", 1), w->t->rank, &w->axis) && w->axis < 2;
}

static bool read_weights(const hn_value *v, hn_weights *w)
{
    *w = (hn_weights){.t = v->data, .axis = -1};
    if (w->t != NULL) return true;
    w->dq = hn_made_by(v, "DequantizeLinear");
    if (w->dq == NULL) return false;
    w->t = hn_node_const(w->dq, 0);
    return read_scales(w);
}

static bool read_conv(const hn_node *n, hn_product *p)
{
    const hn_type *x = &n->in[0]->type;
    int64_t group = hn_attr_int(n, "group", 1);
    if (x->rank < 3 || p->w.t->rank != x->rank) return false;
    p->depthwise = group > 1;
    if (p->depthwise) return group == x->dims[1] && group == p->w.t->dims[0] && p->w.t->dims[1] == 1;
    return group == 1 && p->w.t->dims[1] == x->dims[1];
}

static bool read_matrix(const hn_node *n, bool gemm, hn_product *p)
{
    int rank = n->in[0]->type.rank;
    bool turned = gemm && hn_attr_int(n, "transB", 0) != 0;
    if (p->w.t->rank != 2 || rank < 2 || (gemm && hn_attr_int(n, "transA", 0) != 0)) return false;
    p->in_axis = turned ? 1 : 0;
    p->out_axis = turned ? 0 : 1;
    p->x_axis = p->y_axis = rank - 1;
    return p->w.t->dims[p->in_axis] == n->in[0]->type.dims[rank - 1];
}

static bool fits_bias(const hn_value *b, int64_t n)
{
    hn_weights w;
    if (!read_weights(b, &w)) return false;
    bool flat = w.t->rank == 1 || (w.t->rank == 2 && w.t->dims[0] == 1 && w.dq == NULL);
    return flat && w.t->dims[w.t->rank - 1] == n;
}

bool hn_product_read(const hn_node *n, hn_product *p)
{
    bool conv = hn_node_is(n, "Conv"), gemm = hn_node_is(n, "Gemm");
    *p = (hn_product){.in_axis = 1, .x_axis = 1, .y_axis = 1};
    if (!conv && !gemm && !hn_node_is(n, "MatMul")) return false;
    if (!hn_is_real(n->in[0]) || n->in[0]->data != NULL || n->out[0] == NULL) return false;
    if (!read_weights(n->in[1], &p->w) || !is_weight_type(p->w.t->dtype) || hn_tensor_elems(p->w.t) == 0) return false;
    if (!(conv ? read_conv(n, p) : read_matrix(n, gemm, p))) return false;
    p->bias = hn_node_in(n, 2);
    return p->bias == NULL || fits_bias(p->bias, p->w.t->dims[p->out_axis]);
}

/* ---- zeros and bounds ---- */

/* Weights lie as [d0][d1][inner]; each [i][j] is of one result and one channel. */
typedef struct shape {
    size_t d0, d1, inner;
} shape;

static shape shape_of(const hn_weights *w)
{
    size_t d0 = (size_t)w->t->dims[0], d1 = (size_t)w->t->dims[1];
    return (shape){d0, d1, hn_tensor_elems(w->t) / d0 / d1};
}

/* Entry i of scales or zero points; `otherwise` where there are none. */
static float entry(const hn_tensor *t, size_t i, float otherwise)
{
    return t == NULL ? otherwise : (float)hn_get_f64(t, hn_tensor_elems(t) == 1 ? 0 : i);
}

const float *hn_product_weights(hn_env *env, hn_arena *arena, const hn_product *p)
{
    const hn_weights *w = &p->w;
    const shape d = shape_of(w);
    if (w->dq == NULL && w->t->dtype == HN_F32) return w->t->data;
    float *x = hn_arena_raw(env, arena, hn_tensor_elems(w->t) * sizeof(*x));
    if (x == NULL) return NULL;
    hn_tensor_to_f32(w->t, x);
    if (w->dq == NULL) return x;
    /* Runs that share a scale. */
    const size_t runs = w->axis == 1 ? d.d0 * d.d1 : d.d0, length = hn_tensor_elems(w->t) / runs;
    float *at = x;
    for (size_t i = 0; i < runs; ++i, at += length) {
        const size_t k = w->axis == 1 ? i % d.d1 : i;
        const float by = entry(hn_node_const(w->dq, 1), k, 1), less = entry(hn_node_const(w->dq, 2), k, 0);
        for (size_t e = 0; e < length; ++e) at[e] = (at[e] - less) * by;
    }
    return x;
}

static hn_status load_bias(hn_env *env, hn_arena *arena, const hn_node *n, const hn_product *p, double *bias)
{
    const double beta = hn_attr_float(n, "beta", 1);
    hn_weights b;
    hn_tensor *real[1];
    if (p->bias == NULL || !read_weights(p->bias, &b)) return HN_OK;
    const hn_tensor *t = b.t;
    if (b.dq != NULL) {
        const hn_tensor *in[3] = {b.t, hn_node_const(b.dq, 1), hn_node_const(b.dq, 2)};
        HN_TRY(hn_eval_node(env, arena, b.dq, in, real));
        t = real[0];
    }
    for (size_t i = 0; i < hn_tensor_elems(t); ++i) bias[i] = beta * hn_get_f64(t, i);
    return HN_OK;
}

/* NaN counts as more than any number. */
static float larger(float most, float x)
{
    const float size = fabsf(x);
    return size <= most ? most : size;
}

/* least[i]: up to what size weights of result i count as zeros. */
static void least_felt(const hn_product *p, const float *x, const double *bias, size_t rows, float *least)
{
    const shape d = shape_of(&p->w);
    for (size_t i = 0; i < rows; ++i) least[i] = (float)fabs(bias[i]);
    for (size_t i = 0; i < d.d0; ++i)
        if (p->out_axis == 0) {
            float most = least[i];
            for (const float *end = x + d.d1 * d.inner; x < end; ++x) most = larger(most, *x);
            least[i] = most;
        } else {
            for (size_t j = 0; j < d.d1; ++j, ++x) least[j] = larger(least[j], *x);
        }
    for (size_t i = 0; i < rows; ++i) least[i] = isfinite(least[i]) ? least[i] * FELT : 0;
}

hn_status hn_product_look(hn_env *env, hn_arena *arena, const hn_node *n, const hn_product *p, const float *weights,
                          hn_product_sums *s)
{
    const shape d = shape_of(&p->w);
    const size_t rows = p->out_axis == 0 ? d.d0 : d.d1, columns = p->out_axis == 0 ? d.d1 : d.d0;
    s->row = hn_arena_array(env, arena, rows, sizeof(*s->row));
    s->column = hn_arena_array(env, arena, columns, sizeof(*s->column));
    s->bias = hn_arena_array(env, arena, rows, sizeof(*s->bias));
    float *least = hn_arena_array(env, arena, rows, sizeof(*least));
    if (s->row == NULL || s->column == NULL || s->bias == NULL || least == NULL) return HN_NOMEM;
    HN_TRY(load_bias(env, arena, n, p, s->bias));
    if (!env->strict) least_felt(p, weights, s->bias, rows, least);
    memset(s->row, true, rows);
    memset(s->column, true, columns);
    const float *x = weights;
    for (size_t i = 0; i < d.d0; ++i)
        for (size_t j = 0; j < d.d1; ++j) {
            const size_t row = p->out_axis == 0 ? i : j, column = p->out_axis == 0 ? j : i;
            bool zero = true;
            for (const float *end = x + d.inner; x < end; ++x) zero &= fabsf(*x) <= least[row];
            s->row[row] &= zero;
            s->column[column] &= zero;
        }
    return HN_OK;
}

/* Adds to bounds of a sum what n weights make of numbers from a to b, a not above and b not below zero. */
static inline void add_bounds(const float *x, size_t n, double a, double b, double *low, double *high)
{
    for (size_t i = 0; i < n; ++i) {
        const double v = x[i], up = v > 0 ? v : 0, down = v - up;
        *low += up * a + down * b;
        *high += up * b + down * a;
    }
}

static bool bounded(const double *low, const double *high, size_t i)
{
    return isfinite(low[i]) && isfinite(high[i]);
}

/* Bounds of all results, when all channels that are read are bounded. */
static void bound_rows(const hn_product *p, const float *x, const hn_product_sums *s, const double *low,
                       const double *high, double *y_low, double *y_high)
{
    const shape d = shape_of(&p->w);
    const bool turned = p->out_axis == 1;
    for (size_t i = 0; i < d.d0; ++i)
        for (size_t j = 0; j < d.d1; ++j, x += d.inner) {
            const size_t row = turned ? j : i, channel = turned ? i : j;
            if (s->row[row] || s->column[channel]) continue;
            const double a = low[channel] < 0 ? low[channel] : 0, b = high[channel] > 0 ? high[channel] : 0;
            add_bounds(x, d.inner, a, b, &y_low[row], &y_high[row]);
        }
}

/* Each result of a depthwise convolution has one channel. */
static void bound_each(const hn_product *p, const float *x, const hn_product_sums *s, const double *low,
                       const double *high, double *y_low, double *y_high)
{
    const shape d = shape_of(&p->w);
    for (size_t i = 0; i < d.d0; ++i, x += d.inner) {
        if (s->row[i] || !bounded(low, high, i)) continue;
        const double a = low[i] < 0 ? low[i] : 0, b = high[i] > 0 ? high[i] : 0;
        y_low[i] = y_high[i] = s->bias[i];
        add_bounds(x, d.inner, a, b, &y_low[i], &y_high[i]);
    }
}

void hn_product_bounds(const hn_product *p, const float *weights, const hn_product_sums *s, const double *low,
                       const double *high, double *y_low, double *y_high)
{
    const size_t rows = (size_t)p->w.t->dims[p->out_axis], columns = (size_t)p->w.t->dims[p->in_axis];
    bool all = !p->depthwise;
    for (size_t i = 0; all && i < columns; ++i) all = s->column[i] || bounded(low, high, i);
    for (size_t i = 0; i < rows; ++i) {
        y_low[i] = s->row[i] || all ? s->bias[i] : -INFINITY;
        y_high[i] = s->row[i] || all ? s->bias[i] : INFINITY;
    }
    if (p->depthwise)
        bound_each(p, weights, s, low, high, y_low, y_high);
    else if (all)
        bound_rows(p, weights, s, low, high, y_low, y_high);
    /* A float sum of so many terms is off by no more, in whatever order. */
    const double share = (double)hn_tensor_elems(p->w.t) / (double)rows * 0x1p-23;
    for (size_t i = 0; i < rows; ++i) {
        double slack = s->row[i] || !isfinite(y_low[i]) ? 0 : share * (fabs(s->bias[i]) + y_high[i] - y_low[i]);
        y_low[i] -= slack;
        y_high[i] += slack;
        if (y_low[i] <= y_high[i]) continue;
        y_low[i] = -INFINITY; /* weights that are no numbers */
        y_high[i] = INFINITY;
    }
}

/* ---- fewer channels ---- */

static hn_value *pick(hn_rw *rw, const hn_tensor *t, int axis, const int64_t *keep, int64_t kept)
{
    int64_t dims[HN_MAX_RANK];
    hn_tensor *to;
    memcpy(dims, t->dims, sizeof(dims));
    dims[axis] = kept;
    hn_value *v = hn_rw_const_new(rw, t->dtype, t->rank, dims, &to);
    if (v == NULL || to->bytes == 0) return v;
    size_t outer = hn_dims_elems(t->rank, t->dims, 0, axis), n = (size_t)t->dims[axis], row = t->bytes / outer / n;
    char *y = to->data;
    for (size_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < kept; ++i, y += row)
            memcpy(y, (const char *)t->data + (o * n + (size_t)keep[i]) * row, row);
    return v;
}

hn_value *hn_weights_pick(hn_rw *rw, hn_value *v, int axis, const int64_t *keep, int64_t kept)
{
    hn_weights w;
    if (!read_weights(v, &w)) return NULL;
    if (w.dq == NULL) return pick(rw, w.t, axis, keep, kept);
    hn_value *in[3] = {pick(rw, w.t, axis, keep, kept), w.dq->in[1], hn_node_in(w.dq, 2)};
    for (size_t i = 1; i < 3 && w.axis == axis; ++i)
        if (in[i] != NULL) in[i] = pick(rw, in[i]->data, 0, keep, kept);
    const hn_node *dq = hn_rw_like(rw, w.dq, w.dq->nin, in);
    return dq != NULL ? dq->out[0] : NULL;
}
