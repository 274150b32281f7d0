/* lib_match: see the header. Nothing here changes a graph but hn_replace_first. */
#include "passes/lib_match.h"

#include <math.h>

#include "base/size.h"

hn_node *hn_only_user(const hn_value *v)
{
    return v->nuses == 1 ? v->uses->node : NULL;
}

hn_node *hn_made_by(const hn_value *v, const char *op)
{
    return v != NULL && v->producer != NULL && hn_node_is(v->producer, op) ? v->producer : NULL;
}

static bool numeric(const hn_tensor *t)
{
    return (HN_BIT(t->dtype) & (HN_T_NUM | HN_BIT(HN_BOOL))) != 0;
}

bool hn_const_scalar(const hn_value *v, double *out)
{
    if (v == NULL || v->data == NULL || !numeric(v->data) || hn_tensor_elems(v->data) != 1) return false;
    *out = hn_get_f64(v->data, 0);
    return true;
}

bool hn_const_finite(const hn_value *v)
{
    if (v == NULL || v->data == NULL || !numeric(v->data)) return false;
    for (size_t i = 0; i < hn_tensor_elems(v->data); ++i)
        if (!isfinite(hn_get_f64(v->data, i))) return false;
    return true;
}

bool hn_const_all(const hn_value *v, double x)
{
    if (v == NULL || v->data == NULL || !numeric(v->data)) return false;
    size_t n = hn_tensor_elems(v->data);
    for (size_t i = 0; i < n; ++i)
        if (hn_get_f64(v->data, i) != x) return false;
    return n > 0;
}

bool hn_const_ints(const hn_value *v, size_t max, int64_t *dst, size_t *count)
{
    if (v == NULL || v->data == NULL || (HN_BIT(v->data->dtype) & HN_T_INT) == 0) return false;
    *count = hn_tensor_elems(v->data);
    if (*count > max) return false;
    for (size_t i = 0; i < *count; ++i) dst[i] = hn_get_i64(v->data, i);
    return true;
}

bool hn_const_channel(const hn_value *v, int rank, int axis, int64_t n, double *dst)
{
    if (v == NULL || v->data == NULL || !numeric(v->data) || v->data->rank > rank || n <= 0) return false;
    const hn_tensor *t = v->data;
    int lead = rank - t->rank;
    bool along = false;
    for (int i = 0; i < t->rank; ++i) {
        if (t->dims[i] == 1) continue;
        if (i + lead != axis || t->dims[i] != n) return false;
        along = true;
    }
    for (int64_t i = 0; i < n; ++i) dst[i] = hn_get_f64(t, along ? (size_t)i : 0);
    return true;
}

bool hn_dims_same(const hn_type *a, const hn_type *b)
{
    if (a->rank < 0 || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; ++i)
        if (a->dims[i] == -1 || a->dims[i] != b->dims[i]) return false;
    return true;
}

int hn_operand(const hn_node *n, const hn_value *v)
{
    for (int i = 0; i < 2 && (size_t)i < n->nin; ++i)
        if (n->in[i] == v) return i;
    return -1;
}

bool hn_is_real(const hn_value *v)
{
    return v != NULL && v->type.kind == HN_KIND_TENSOR && (HN_BIT(v->type.dtype) & HN_T_FLOAT) != 0;
}

bool hn_bn_affine(const hn_node *n, int64_t channels, double *a, double *b)
{
    double eps = hn_attr_float(n, "epsilon", 1e-5);
    if (!hn_node_is(n, "BatchNormalization") || hn_attr_int(n, "training_mode", 0) != 0) return false;
    for (size_t i = 1; i < 5; ++i) {
        const hn_tensor *t = hn_node_const(n, i);
        if (t == NULL || t->rank != 1 || t->dims[0] != channels) return false;
    }
    for (size_t i = 0; i < (size_t)channels; ++i) {
        a[i] = hn_get_f64(n->in[1]->data, i) / sqrt(hn_get_f64(n->in[4]->data, i) + eps);
        b[i] = hn_get_f64(n->in[2]->data, i) - hn_get_f64(n->in[3]->data, i) * a[i];
    }
    return true;
}

hn_status hn_replace_first(hn_pass_ctx *c, hn_rw *rw, hn_node *n, hn_value *v)
{
    hn_value *out[64] = {v};
    HN_TRY(hn_rw_status(rw));
    if (n->nout > HN_COUNT(out)) return HN_OK;
    for (size_t i = 1; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->nuses != 0) return HN_OK;
    if (hn_node_is(n, "Identity") && !hn_value_can_take(n->out[0], v)) return HN_OK;
    c->changes++;
    return hn_rw_replace(rw, n, out);
}
