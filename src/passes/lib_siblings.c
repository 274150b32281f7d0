/* lib_siblings: see the header. */
#include "passes/lib_siblings.h"

#include <string.h>

#include "base/size.h"
#include "passes/lib_q.h"

hn_value *hn_joined(hn_rw *rw, hn_node *const *nodes, size_t count, size_t input, int64_t channels)
{
    const hn_tensor *like = NULL;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (hn_node_const(nodes[i], input) != NULL) like = hn_node_const(nodes[i], input);
    if (like == NULL) return NULL;
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, like->dims, sizeof dims);
    dims[0] = channels;
    hn_tensor *to;
    hn_value *v = hn_rw_const_new(rw, like->dtype, like->rank, dims, &to);
    for (size_t i = 0; v != NULL && i < count; i++) {
        const hn_tensor *t = hn_node_const(nodes[i], input);
        size_t bytes = (size_t)nodes[i]->in[1]->data->dims[0] * (to->bytes / (size_t)channels);
        if (t != NULL) memcpy((char *)to->data + at, t->data, bytes);
        at += bytes;
    }
    return v;
}

/* ---- 8 bits ---- */
static int64_t zero_point(const hn_node *n)
{
    return hn_attr_int(n, "t_zp", 0);
}

/* Results below the zero point are cut off, or none are. */
static bool cut_at_zero(const hn_node *n)
{
    return hn_attr_int(n, "t_lo", 0) == zero_point(n);
}

static bool is_full(const hn_node *n)
{
    hn_qp y = {.dtype = n->out[0]->type.dtype};
    int64_t lo = hn_attr_int(n, "t_lo", 0), hi = hn_attr_int(n, "t_hi", 255);
    return (lo == hn_qp_lo(&y) || cut_at_zero(n)) && hi == hn_qp_hi(&y) && zero_point(n) >= hn_qp_lo(&y) &&
           zero_point(n) <= hi;
}

static bool by_channel(const hn_node *n, size_t input, hn_dtype dtype, bool one)
{
    const hn_tensor *t = hn_node_const(n, input);
    return t != NULL && t->dtype == dtype && t->rank == 1 &&
           (t->dims[0] == n->in[1]->data->dims[0] || (one && t->dims[0] == 1));
}

/* Channels last, 8 bits, weights constant, no residual. */
static bool plain(const hn_node *n)
{
    if (!hn_node_is(n, "hone.QConv") || n->out[0] == NULL || n->out[0]->nuses == 0) return false;
    const hn_tensor *w = hn_node_const(n, 1);
    const hn_dtype y = n->out[0]->type.dtype;
    if (w == NULL || w->rank != 4) return false;
    if ((y != HN_U8 && y != HN_I8) || !is_full(n) || hn_node_in(n, 4) != NULL) return false;
    if (!by_channel(n, 2, HN_F32, true) || (hn_node_in(n, 3) != NULL && !by_channel(n, 3, HN_I32, false))) return false;
    return hn_attr_int(n, "layout", 0) == 1 && hn_attr_int(n, "in_layout", 1) == 1 && hn_type_known(&n->in[0]->type) &&
           hn_type_known(&n->out[0]->type);
}

bool hn_q_few(const hn_node *n, int64_t few)
{
    return plain(n) && n->in[1]->data->dims[0] < few && hn_attr_int(n, "group", 1) == 1;
}

bool hn_q_alike(const hn_node *a, const hn_node *b)
{
    return a->in[1]->type.dtype == b->in[1]->type.dtype && a->out[0]->type.dtype == b->out[0]->type.dtype &&
           hn_attr_int(a, "x_zp", 0) == hn_attr_int(b, "x_zp", 0) &&
           hn_attr_int(a, "w_zp", 0) == hn_attr_int(b, "w_zp", 0) && cut_at_zero(a) == cut_at_zero(b);
}

static hn_value *factors(hn_rw *rw, hn_node *const *nodes, size_t count, int64_t channels)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, HN_F32, 1, &channels, &t);
    float *to = v != NULL ? t->data : NULL;
    for (size_t i = 0; v != NULL && i < count; ++i) {
        const hn_tensor *m = nodes[i]->in[2]->data;
        for (int64_t k = 0; k < nodes[i]->in[1]->data->dims[0]; ++k)
            *to++ = ((const float *)m->data)[m->dims[0] == 1 ? 0 : k];
    }
    return v;
}

static bool is_same(hn_node *const *nodes, size_t count, const char *name)
{
    bool same = true;
    for (size_t i = 1; i < count; ++i) same = same && hn_attr_int(nodes[i], name, 0) == hn_attr_int(nodes[0], name, 0);
    return same;
}

/* A constant whose last dim are channels, each all of its node's zero point. */
static hn_value *zero_points(hn_rw *rw, hn_node *const *nodes, size_t count, const char *name, const hn_type *type)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, type->dtype, type->rank, type->dims, &t);
    for (size_t at = 0, all = v != NULL ? hn_tensor_elems(t) : 0; at < all;)
        for (size_t i = 0; i < count; ++i)
            for (int64_t k = 0; k < nodes[i]->in[1]->data->dims[0]; ++k)
                hn_set_i64(t, at++, hn_attr_int(nodes[i], name, 0));
    return v;
}

/* t is the rounded sum without a zero point, far enough beyond 8 bits on both sides, or not below zero. */
static hn_status add_zero_points(hn_node *n, const hn_node *like)
{
    const hn_qp y = {.dtype = like->out[0]->type.dtype};
    const struct {
        const char *name;
        int64_t value;
    } set[] = {{"t_zp", 0},           {"t_lo", cut_at_zero(like) ? 0 : -256},
               {"t_hi", 256},         {"r_zp", 0},
               {"y_zp", 0},           {"y_lo", hn_qp_lo(&y)},
               {"y_hi", hn_qp_hi(&y)}};
    for (size_t i = 0; i < HN_COUNT(set); ++i) HN_TRY(hn_node_set_int(n, set[i].name, set[i].value));
    HN_TRY(hn_node_set_float(n, "t_scale", 1));
    return hn_node_set_float(n, "r_scale", 1);
}

hn_value *hn_q_merged(hn_rw *rw, hn_node *const *nodes, size_t count, int64_t channels)
{
    const bool same = is_same(nodes, count, "t_zp");
    const hn_type row = hn_type_tensor(nodes[0]->out[0]->type.dtype, 1, &channels);
    hn_value *in[5] = {nodes[0]->in[0], hn_joined(rw, nodes, count, 1, channels), factors(rw, nodes, count, channels),
                       hn_joined(rw, nodes, count, 3, channels)};
    if (!same) in[4] = zero_points(rw, nodes, count, "t_zp", &row);
    rw->name = nodes[0]->name;
    hn_node *n = hn_rw_like(rw, nodes[0], in[4] != NULL ? 5 : in[3] != NULL ? 4 : 3, in);
    hn_status st = n != NULL && !same ? add_zero_points(n, nodes[0]) : HN_OK;
    if (st != HN_OK) (void)hn_rw_fail(rw, st);
    return n != NULL && st == HN_OK ? n->out[0] : NULL;
}

/* ---- depthwise ---- */
hn_node *hn_q_depthwise(const hn_node *n)
{
    hn_node *d = hn_only_user(n->out[0]);
    int64_t channels = n->in[1]->data->dims[0];
    hn_window_attrs w = {0};
    if (d == NULL || !plain(d) || d->in[0] != n->out[0] || n->out[0]->type.dims[0] != 1) return NULL;
    const hn_qp x = {.dtype = n->out[0]->type.dtype, .zp = hn_attr_int(d, "x_zp", 0)};
    if (x.zp < hn_qp_lo(&x) || x.zp > hn_qp_hi(&x) || !hn_window_of(d, d->in[1]->data->dims + 2, 2, &w)) return NULL;
    for (size_t i = 0; i < 4; ++i)
        if (w.pads[i] < 0) return NULL;
    return hn_attr_int(d, "group", 1) == channels && d->in[1]->data->dims[0] == channels ? d : NULL;
}

bool hn_q_depth_alike(const hn_node *a, const hn_node *b)
{
    return a->in[1]->type.dtype == b->in[1]->type.dtype && a->out[0]->type.dtype == b->out[0]->type.dtype &&
           hn_attr_int(a, "w_zp", 0) == hn_attr_int(b, "w_zp", 0) && cut_at_zero(a) == cut_at_zero(b);
}

/* x between constants along `axis`, that hold zero points of the nodes' inputs. */
static hn_value *bordered(hn_rw *rw, hn_node *const *nodes, size_t count, hn_value *x, int axis, const int64_t *pads)
{
    hn_value *in[3];
    size_t n = 0;
    for (int side = 0; side < 2; ++side) {
        hn_type type = x->type;
        type.dims[axis] = pads[2 * side + axis - 1];
        if (side == 1) in[n++] = x;
        if (type.dims[axis] > 0) in[n++] = zero_points(rw, nodes, count, "x_zp", &type);
    }
    return n > 1 ? hn_rw_op(rw, "Concat", n, in, (const hn_rw_attr[]){HN_A_INT("axis", axis), {0}}) : x;
}

/* Biases less what the zero points of the input come to, modulo 2^32 as sums are. */
static hn_value *biases(hn_rw *rw, hn_node *const *nodes, size_t count, int64_t channels)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, HN_I32, 1, &channels, &t);
    uint32_t *to = v != NULL ? t->data : NULL;
    for (size_t i = 0; v != NULL && i < count; ++i) {
        const hn_tensor *w = nodes[i]->in[1]->data, *b = hn_node_const(nodes[i], 3);
        const size_t taps = (size_t)(w->dims[2] * w->dims[3]);
        for (size_t k = 0; k < (size_t)w->dims[0]; ++k) {
            int64_t sum = 0;
            for (size_t j = 0; j < taps; ++j) sum += hn_get_i64(w, k * taps + j) - hn_attr_int(nodes[i], "w_zp", 0);
            const int64_t bias = b != NULL ? hn_get_i64(b, k) : 0;
            *to++ = (uint32_t)(uint64_t)(bias - hn_attr_int(nodes[i], "x_zp", 0) * sum);
        }
    }
    return v;
}

static hn_status set_depthwise(hn_node *n, const hn_node *like, int64_t channels, bool padded)
{
    HN_TRY(hn_node_copy_attrs(n, like));
    HN_TRY(hn_node_set_int(n, "group", channels));
    if (padded) {
        HN_TRY(hn_node_set_int(n, "x_zp", 0));
        HN_TRY(hn_node_set_ints(n, "pads", (const int64_t[]){0, 0, 0, 0}, 4));
    }
    if (hn_node_in(n, 4) != NULL) HN_TRY(add_zero_points(n, like));
    return hn_node_infer(n);
}

hn_value *hn_q_depth_merged(hn_rw *rw, hn_node *const *nodes, size_t count, hn_value *x)
{
    const int64_t channels = x->type.dims[3];
    hn_window_attrs window = {0};
    const bool padded = !is_same(nodes, count, "x_zp");
    hn_value *in[5] = {x, hn_joined(rw, nodes, count, 1, channels), factors(rw, nodes, count, channels)};
    in[3] = padded ? biases(rw, nodes, count, channels) : hn_joined(rw, nodes, count, 3, channels);
    (void)hn_window_of(nodes[0], nodes[0]->in[1]->data->dims + 2, 2, &window);
    for (int axis = 2; padded && axis > 0 && in[0] != NULL; --axis)
        in[0] = bordered(rw, nodes, count, in[0], axis, window.pads);
    if (!is_same(nodes, count, "t_zp")) {
        hn_type y = nodes[0]->out[0]->type;
        y.dims[3] = channels;
        in[4] = zero_points(rw, nodes, count, "t_zp", &y);
    }
    if (hn_rw_status(rw) != HN_OK) return NULL;
    hn_node *n = hn_node_new(rw->graph, rw->before, nodes[0]->op, nodes[0]->name, in[4] != NULL ? 5 : 4, in, 1);
    hn_status st = n != NULL ? set_depthwise(n, nodes[0], channels, padded) : rw->graph->env->error.status;
    if (st != HN_OK) (void)hn_rw_fail(rw, st);
    return st == HN_OK ? n->out[0] : NULL;
}
