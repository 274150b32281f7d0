/* lib_q_product: convolutions and matrix products whose operands are dequantised integers. The bias joins the int32
 * sum; scales of input, weights and output make one float32 factor per channel. */
#include <math.h>

#include "passes/lib_q.h"

/* Channel of weight i. */
static size_t channel(const hn_q_product *p, size_t i)
{
    const hn_tensor *w = p->w->data;
    if (p->conv || p->trans_b) return i / (hn_tensor_elems(w) / (size_t)p->channels);
    return i % (size_t)p->channels;
}

/* One zero point for all, or one per channel such that the weights less theirs fit 8 bits. */
static bool zero_points(hn_pass_ctx *c, const hn_tensor *z, hn_q_product *p)
{
    size_t count = hn_tensor_elems(z);
    bool same = true;
    if (count == 0) return false;
    p->w_zp = hn_get_i64(z, 0);
    for (size_t i = 1; i < count; ++i) same = same && hn_get_i64(z, i) == p->w_zp;
    if (same) return true;
    if (count != (size_t)p->channels) return false;
    p->w_zps = hn_arena_array(c->env, c->graph->arena, count, sizeof(int64_t));
    if (p->w_zps == NULL) return false;
    p->w_zp = 0;
    for (size_t i = 0; i < count; ++i) p->w_zps[i] = hn_get_i64(z, i);
    for (size_t i = 0; i < hn_tensor_elems(p->w->data); ++i) {
        int64_t v = hn_get_i64(p->w->data, i) - p->w_zps[channel(p, i)];
        if (v < -128 || v > 127) return false;
    }
    return true;
}

/* Weights: DequantizeLinear of constant 8-bit data with a scale for all or one per index of `axis`. */
static bool weights(hn_pass_ctx *c, const hn_value *v, int axis, hn_q_product *p)
{
    const hn_node *n = hn_made_by(v, "DequantizeLinear");
    const hn_tensor *w = n != NULL ? hn_node_const(n, 0) : NULL, *s = n != NULL ? hn_node_const(n, 1) : NULL;
    int64_t block = n != NULL ? hn_attr_int(n, "block_size", 0) : 0;
    int at;
    if (w == NULL || s == NULL || s->dtype != HN_F32 || block != 0 || (w->dtype != HN_I8 && w->dtype != HN_U8))
        return false;
    size_t count = hn_tensor_elems(s);
    p->w = n->in[0];
    p->channels = w->dims[axis];
    if (count != 1 && (!hn_axis(hn_attr_int(n, "axis", 1), w->rank, &at) || at != axis || count != (size_t)p->channels))
        return false;
    p->w_zp = 0;
    if (hn_node_in(n, 2) != NULL) {
        const hn_tensor *z = hn_node_const(n, 2);
        if (z == NULL || !zero_points(c, z, p)) return false;
    }
    p->w_scale = hn_arena_array(c->env, c->graph->arena, (size_t)p->channels, sizeof(double));
    if (p->w_scale == NULL) return false;
    for (size_t i = 0; i < (size_t)p->channels; ++i) {
        p->w_scale[i] = hn_get_f64(s, count == 1 ? 0 : i);
        if (!(p->w_scale[i] > 0) || !isfinite(p->w_scale[i])) return false;
    }
    return true;
}

static bool is_bias(const hn_value *v)
{
    const hn_node *n = hn_made_by(v, "DequantizeLinear");
    if (n == NULL) return v->data != NULL && v->type.dtype == HN_F32;
    return hn_node_const(n, 0) != NULL && hn_node_const(n, 1) != NULL && n->in[0]->type.dtype == HN_I32 &&
           (hn_node_in(n, 2) == NULL || hn_const_all(n->in[2], 0));
}

bool hn_q_product_of(hn_pass_ctx *c, hn_node *n, hn_q_product *p)
{
    bool gemm = hn_node_is(n, "Gemm");
    *p = (hn_q_product){.node = n, .conv = hn_node_is(n, "Conv"), .lo = -INFINITY, .hi = INFINITY};
    if (!p->conv && !gemm && !hn_node_is(n, "MatMul")) return false;
    p->x = hn_q_source(n->in[0], &p->xp);
    if (p->x == NULL || !hn_type_known(&p->x->type) || !hn_type_known(&n->in[1]->type)) return false;
    p->trans_b = gemm && hn_attr_int(n, "transB", 0) != 0;
    int rank = n->in[1]->type.rank;
    if (p->conv ? rank < 3 || rank > 4 : rank != 2 || p->x->type.rank < 2) return false;
    if (!weights(c, n->in[1], p->conv || p->trans_b ? 0 : 1, p) || p->channels == 0) return false;
    if (gemm &&
        (hn_attr_float(n, "alpha", 1) != 1 || hn_attr_float(n, "beta", 1) != 1 || hn_attr_int(n, "transA", 0) != 0))
        return false;
    p->bias = hn_node_in(n, 2);
    if (p->bias != NULL && !is_bias(p->bias)) return false;
    return !p->conv || hn_window_of(n, n->in[1]->type.dims + 2, (size_t)rank - 2, &p->window);
}

/* Bias values in real numbers; false when it does not run along the channels. */
static bool bias_values(const hn_q_product *p, double *dst)
{
    const hn_node *n = hn_made_by(p->bias, "DequantizeLinear");
    if (n == NULL) return hn_const_channel(p->bias, 8, 7, p->channels, dst);
    const hn_tensor *q = n->in[0]->data, *s = n->in[1]->data;
    size_t count = hn_tensor_elems(s);
    if (hn_tensor_elems(q) != (size_t)p->channels || (count != 1 && count != (size_t)p->channels)) return false;
    for (size_t i = 0; i < (size_t)p->channels; ++i)
        dst[i] = (double)hn_get_i64(q, i) * hn_get_f64(s, count == 1 ? 0 : i);
    return true;
}

static void take_zero_points(hn_rw *rw, hn_q_product *p)
{
    hn_tensor *t;
    const hn_tensor *w = p->w->data;
    hn_value *v = hn_rw_const_new(rw, HN_I8, w->rank, w->dims, &t);
    for (size_t i = 0; v != NULL && i < hn_tensor_elems(w); ++i)
        hn_set_i64(t, i, hn_get_i64(w, i) - p->w_zps[channel(p, i)]);
    if (v != NULL) p->w = v;
    p->w_zps = NULL;
}

/* Weights of channels whose step is made f times coarser. A channel whose bias is beyond int32 in its own step has
 * weights that are next to nothing beside it, so that what rounding takes is far below a step of Y. */
static void coarsen(hn_rw *rw, hn_q_product *p, const double *f)
{
    hn_tensor *t;
    const hn_tensor *w = p->w->data;
    hn_value *v = hn_rw_const_new(rw, w->dtype, w->rank, w->dims, &t);
    for (size_t i = 0; v != NULL && i < hn_tensor_elems(w); ++i)
        hn_set_f64(t, i, rint((double)(hn_get_i64(w, i) - p->w_zp) / f[channel(p, i)]) + (double)p->w_zp);
    for (size_t k = 0; k < (size_t)p->channels; ++k) p->w_scale[k] *= f[k];
    if (v != NULL) p->w = v;
}

/* What the sum of each channel reaches, whatever the input. Direct access: there are many weights. */
static void reaches(const hn_q_product *p, double *reach)
{
    const hn_tensor *w = p->w->data;
    const uint8_t *v = w->data, flip = w->dtype == HN_I8 ? 0x80 : 0;
    const int64_t zp = p->w_zp + flip;
    const size_t n = (size_t)p->channels, per = hn_tensor_elems(w) / n, step = p->conv || p->trans_b ? 1 : n;
    for (size_t k = 0; k < n; ++k) {
        int64_t sum = 0;
        for (size_t i = 0, at = step == 1 ? k * per : k; i < per; ++i, at += step) {
            const int64_t d = (int64_t)(v[at] ^ flip) - zp;
            sum += d < 0 ? -d : d;
        }
        reach[k] = 255 * (double)sum;
    }
}

/* The bias in steps of the sum, such that no sum leaves int32. exact: false when rounding it to steps would show in a
 * float result. */
static bool emit_bias(hn_rw *rw, hn_q_product *p, bool exact, hn_value **out)
{
    hn_tensor *t;
    size_t n = (size_t)p->channels;
    bool coarse = false;
    *out = NULL;
    if (p->bias == NULL) return true;
    double *b = hn_arena_array(rw->graph->env, rw->graph->arena, 3 * n, sizeof(double));
    if (b == NULL || !bias_values(p, b)) return false;
    double *reach = b + n, *f = reach + n;
    reaches(p, reach);
    for (size_t k = 0; k < n; ++k) {
        b[k] /= p->xp.scale * p->w_scale[k];
        if (!isfinite(b[k]) || reach[k] > 1e9) return false;
        for (f[k] = 1; fabs(b[k]) + reach[k] > 2147483000.0; f[k] *= 2) b[k] /= 2;
        coarse = coarse || f[k] != 1;
        if (exact && fabs(b[k] - rint(b[k])) > 0x1p-22 * fabs(b[k])) return false;
    }
    if (coarse) coarsen(rw, p, f);
    *out = hn_rw_const_new(rw, HN_I32, 1, &p->channels, &t);
    for (size_t i = 0; *out != NULL && i < n; ++i) hn_set_f64(t, i, rint(b[i]));
    return true;
}

hn_value *hn_q_product_emit(hn_rw *rw, hn_q_product *p, const hn_qp *y, hn_q_range range)
{
    hn_value *bias, *m, *x = p->x, *w;
    hn_tensor *mt;
    hn_type type = p->node->out[0]->type;
    bool wide = p->conv && p->window.n == 1;
    if (p->w_zps != NULL) take_zero_points(rw, p);
    if (!emit_bias(rw, p, y == NULL, &bias)) return NULL;
    w = p->w;
    m = hn_rw_const_new(rw, HN_F32, 1, &p->channels, &mt);
    for (size_t i = 0; m != NULL && i < (size_t)p->channels; ++i)
        hn_set_f64(mt, i, p->xp.scale * p->w_scale[i] / (y != NULL ? y->scale : 1));
    if (wide) {
        x = hn_conv_widen(rw, x);
        w = hn_conv_widen(rw, w);
        hn_window_widen(&p->window);
    }
    const hn_window_attrs *k = &p->window;
    hn_rw_attr attrs[16] = {HN_A_INT("x_zp", p->xp.zp), HN_A_INT("w_zp", p->w_zp),
                            HN_A_INT("y_dtype", y != NULL ? (int64_t)y->dtype : HN_F32)};
    size_t at = 3;
    if (y != NULL) {
        attrs[at++] = (hn_rw_attr)HN_A_INT("t_zp", y->zp);
        attrs[at++] = (hn_rw_attr)HN_A_INT("t_lo", range.lo);
        attrs[at++] = (hn_rw_attr)HN_A_INT("t_hi", range.hi);
    }
    if (y == NULL && p->lo > -INFINITY) attrs[at++] = (hn_rw_attr)HN_A_FLOAT("f_lo", p->lo);
    if (y == NULL && p->hi < INFINITY) attrs[at++] = (hn_rw_attr)HN_A_FLOAT("f_hi", p->hi);
    if (p->conv) {
        attrs[at++] = (hn_rw_attr)HN_A_INTS("kernel_shape", k->kernel, k->n);
        attrs[at++] = (hn_rw_attr)HN_A_INTS("strides", k->strides, k->n);
        attrs[at++] = (hn_rw_attr)HN_A_INTS("dilations", k->dilations, k->n);
        attrs[at++] = (hn_rw_attr)HN_A_INTS("pads", k->pads, 2 * k->n);
        attrs[at++] = (hn_rw_attr)HN_A_INT("group", hn_attr_int(p->node, "group", 1));
    } else {
        attrs[at++] = (hn_rw_attr)HN_A_INT("trans_b", p->trans_b);
    }
    rw->name = p->node->name;
    hn_value *v =
        hn_rw_op(rw, p->conv ? "hone.QConv" : "hone.QGemm", bias != NULL ? 4 : 3, (hn_value *[]){x, w, m, bias}, attrs);
    return wide && v != NULL ? hn_rw_reshape(rw, v, type.rank, type.dims) : v;
}
