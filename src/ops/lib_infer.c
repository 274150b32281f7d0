/* lib_infer: broadcasting of types, dim arithmetic with unknowns, axes, and small integer inputs. A dim below zero is
 * unknown or a symbol: equal symbols are equal sizes, any other pair tells nothing. */
#include <stdio.h>

#include "ops/lib.h"

static hn_status fail(hn_env *env, hn_status status, const hn_node *node, const char *fmt, va_list ap)
{
    char what[400];
    vsnprintf(what, sizeof what, fmt, ap);
    return hn_fail(env, status, "%s (%s): %s", hn_node_label(node), node->op->name, what);
}

hn_status hn_op_fail(hn_env *env, const hn_node *node, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    hn_status st = fail(env, HN_INPUT, node, fmt, ap);
    va_end(ap);
    return st;
}

hn_status hn_op_unsupported(hn_env *env, const hn_node *node, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    hn_status st = fail(env, HN_UNSUPPORTED, node, fmt, ap);
    va_end(ap);
    return st;
}

hn_status hn_op_axis(hn_env *env, const hn_node *node, int64_t axis, int rank, int *out)
{
    if (hn_axis(axis, rank, out)) return HN_OK;
    return hn_op_fail(env, node, "axis %lld is outside of rank %d", (long long)axis, rank);
}

hn_status hn_op_position(hn_env *env, const hn_node *node, const hn_tensor *t, size_t n, bool end, size_t *out)
{
    int64_t at[1];
    size_t count;
    HN_TRY(hn_op_ints(env, node, t, 1, at, &count));
    if (count != 1) return hn_op_fail(env, node, "the position has %zu entries, not 1", count);
    if (at[0] < -(int64_t)n || at[0] >= (int64_t)n + end)
        return hn_op_fail(env, node, "position %lld is outside of a sequence of %zu", (long long)at[0], n);
    *out = (size_t)(at[0] < 0 ? at[0] + (int64_t)n : at[0]);
    return HN_OK;
}

hn_status hn_op_ints(hn_env *env, const hn_node *node, const hn_tensor *t, size_t max, int64_t *dst, size_t *count)
{
    if (!hn_dtype_is_int(t->dtype)) return hn_op_fail(env, node, "expected integers, not %s", hn_dtype_name(t->dtype));
    size_t n = hn_tensor_elems(t);
    if (n > max) return hn_op_fail(env, node, "%zu entries where at most %zu make sense", n, max);
    for (size_t i = 0; i < n; i++) dst[i] = hn_get_i64(t, i);
    *count = n;
    return HN_OK;
}

hn_status hn_op_axes(hn_env *env, const hn_node *node, size_t count, const int64_t *axes, int rank, bool none_is_all,
                     bool flag[HN_MAX_RANK])
{
    for (int d = 0; d < HN_MAX_RANK; d++) flag[d] = count == 0 && none_is_all && d < rank;
    for (size_t i = 0; i < count; i++) {
        int axis = 0;
        HN_TRY(hn_op_axis(env, node, axes[i], rank, &axis));
        if (flag[axis]) return hn_op_fail(env, node, "axis %lld is given twice", (long long)axes[i]);
        flag[axis] = true;
    }
    return HN_OK;
}

bool hn_dim_broadcast(int64_t a, int64_t b, int64_t *out)
{
    if (a == b || b == 1)
        *out = a;
    else if (a == 1)
        *out = b;
    else if (a >= 0 && b >= 0)
        return false;
    else
        *out = a >= 0 ? a : b >= 0 ? b : -1;
    return true;
}

bool hn_dim_meet(int64_t a, int64_t b, int64_t *out)
{
    if (a >= 0 && b >= 0 && a != b) return false;
    *out = a >= 0 ? a : b >= 0 ? b : a != -1 ? a : b;
    return true;
}

int64_t hn_dim_add(int64_t a, int64_t b)
{
    int64_t r;
    return a >= 0 && b >= 0 && hn_i64_add(a, b, &r) ? r : -1;
}

int64_t hn_dim_mul(int64_t a, int64_t b)
{
    int64_t r;
    if (a == 0 || b == 0) return 0;
    if (a == 1) return b;
    if (b == 1) return a;
    return a > 0 && b > 0 && hn_i64_mul(a, b, &r) ? r : -1;
}

int64_t hn_dims_product(const hn_type *t, int from, int to)
{
    int64_t p = 1;
    for (int d = from; d < to; d++)
        if (t->dims[d] == 0) return 0;
    for (int d = from; d < to; d++) p = p == -1 ? -1 : hn_dim_mul(p, t->dims[d]);
    return p;
}

void hn_type_unknown_dims(hn_type *t, int rank)
{
    t->rank = rank;
    for (int d = 0; d < rank; d++) t->dims[d] = -1;
}

hn_status hn_infer_same(hn_infer *c)
{
    for (size_t i = 0; i < c->nout; i++) c->out[i] = *c->in[0];
    return HN_OK;
}

hn_status hn_infer_broadcast_of(hn_infer *c, size_t n, const hn_type *const *in, hn_type *out)
{
    int rank = 0;
    for (size_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        if (in[i]->rank < 0) return HN_OK;
        if (in[i]->rank > rank) rank = in[i]->rank;
    }
    out->rank = rank;
    for (int d = 0; d < rank; d++) out->dims[d] = 1;
    for (size_t i = 0; i < n; i++) {
        if (!in[i]) continue;
        int shift = rank - in[i]->rank;
        for (int d = 0; d < in[i]->rank; d++) {
            int64_t have = out->dims[d + shift], dim = in[i]->dims[d];
            if (hn_dim_broadcast(have, dim, &out->dims[d + shift])) continue;
            return hn_op_fail(c->env, c->node, "input %zu has %lld where %lld or 1 is needed (axis %d of the result)",
                              i, (long long)dim, (long long)have, d + shift);
        }
    }
    return HN_OK;
}

hn_status hn_infer_broadcast(hn_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    return hn_infer_broadcast_of(c, c->nin, c->in, &c->out[0]);
}

hn_status hn_infer_compare(hn_infer *c)
{
    c->out[0].dtype = HN_BOOL;
    return hn_infer_broadcast_of(c, c->nin, c->in, &c->out[0]);
}
