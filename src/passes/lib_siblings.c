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

bool hn_q_few(const hn_node *n, int64_t few)
{
    if (!hn_node_is(n, "hone.QConv") || n->out[0] == NULL || n->out[0]->nuses == 0) return false;
    const hn_tensor *w = hn_node_const(n, 1);
    const hn_dtype y = n->out[0]->type.dtype;
    if (w == NULL || w->rank != 4 || w->dims[0] >= few || hn_attr_int(n, "group", 1) != 1) return false;
    if ((y != HN_U8 && y != HN_I8) || !is_full(n) || hn_node_in(n, 4) != NULL) return false;
    if (!by_channel(n, 2, HN_F32, true) || (hn_node_in(n, 3) != NULL && !by_channel(n, 3, HN_I32, false))) return false;
    return hn_attr_int(n, "layout", 0) == 1 && hn_attr_int(n, "in_layout", 1) == 1 && hn_type_known(&n->in[0]->type) &&
           hn_type_known(&n->out[0]->type);
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

static hn_value *zero_points(hn_rw *rw, hn_node *const *nodes, size_t count, int64_t channels)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, nodes[0]->out[0]->type.dtype, 1, &channels, &t);
    size_t at = 0;
    for (size_t i = 0; v != NULL && i < count; ++i)
        for (int64_t k = 0; k < nodes[i]->in[1]->data->dims[0]; ++k) hn_set_i64(t, at++, zero_point(nodes[i]));
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
    bool same = true;
    for (size_t i = 1; i < count; ++i) same = same && zero_point(nodes[i]) == zero_point(nodes[0]);
    hn_value *in[5] = {nodes[0]->in[0], hn_joined(rw, nodes, count, 1, channels), factors(rw, nodes, count, channels),
                       hn_joined(rw, nodes, count, 3, channels)};
    if (!same) in[4] = zero_points(rw, nodes, count, channels);
    rw->name = nodes[0]->name;
    hn_node *n = hn_rw_like(rw, nodes[0], in[4] != NULL ? 5 : in[3] != NULL ? 4 : 3, in);
    hn_status st = n != NULL && !same ? add_zero_points(n, nodes[0]) : HN_OK;
    if (st != HN_OK) (void)hn_rw_fail(rw, st);
    return n != NULL && st == HN_OK ? n->out[0] : NULL;
}
