/* lib_index: what the gather and scatter rows share. Indices come from data, so each is checked where it is used. */
#include "ops/lib.h"

static hn_status place(hn_env *env, const hn_node *node, int64_t i, int64_t dim, int d, int64_t *out)
{
    if (i < -dim || i >= dim)
        return hn_op_fail(env, node, "index %lld is outside of axis %d of size %lld", (long long)i, d, (long long)dim);
    *out = i < 0 ? i + dim : i;
    return HN_OK;
}

hn_status hn_op_tuple(hn_env *env, const hn_node *node, const hn_tensor *index, size_t from, int n, const int64_t *dims,
                      size_t *out)
{
    size_t at = 0;
    for (int d = 0; d < n; d++) {
        int64_t i = 0;
        HN_TRY(place(env, node, hn_get_i64(index, from + (size_t)d), dims[d], d, &i));
        at = at * (size_t)dims[d] + (size_t)i;
    }
    *out = at;
    return HN_OK;
}

hn_status hn_op_along(hn_env *env, const hn_node *node, const hn_tensor *x, const hn_tensor *index, size_t i,
                      const int64_t *at, size_t *out)
{
    int axis = 0;
    size_t offset = 0;
    HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "axis", 0), x->rank, &axis));
    for (int d = 0; d < x->rank; d++) {
        int64_t k = 0;
        HN_TRY(place(env, node, d == axis ? hn_get_i64(index, i) : at[d], x->dims[d], d, &k));
        offset = offset * (size_t)x->dims[d] + (size_t)k;
    }
    *out = offset;
    return HN_OK;
}

hn_scatter_op hn_scatter_kind(const hn_node *node)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    for (int k = 0; k < 5; k++)
        if (hn_attr_is(node, "reduction", names[k])) return (hn_scatter_op)k;
    return HN_SCATTER_WRONG;
}

static int64_t join_ints(hn_scatter_op kind, int64_t a, int64_t b, bool is_signed)
{
    bool less = is_signed ? a < b : (uint64_t)a < (uint64_t)b;
    switch (kind) {
    case HN_SCATTER_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case HN_SCATTER_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case HN_SCATTER_MAX: return less ? b : a;
    default: return less ? a : b;
    }
}

static double join_floats(hn_scatter_op kind, double a, double b)
{
    switch (kind) {
    case HN_SCATTER_ADD: return a + b;
    case HN_SCATTER_MUL: return a * b;
    case HN_SCATTER_MAX: return isnan(a) || a > b ? a : b;
    default: return isnan(a) || a < b ? a : b;
    }
}

/* mul: y = x times the product p of the updates there. A factor of zero gets the product of the others, unless one of
 * these is zero too. */
static hn_status grad_of_product(hn_gradargs *g, const hn_scatter_ops *o)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    hn_value *dy = g->dy[0], *x = n->in[0], *u = n->in[2];
    const hn_rw_attr to[] = {HN_A_INT("to", u->type.dtype), {0}};
    hn_value *none = hn_rw_2(rw, "Equal", u, hn_g_scalar(rw, u, 0));
    hn_value *safe = hn_rw_3(rw, "Where", none, hn_g_scalar(rw, u, 1), u);
    hn_value *zeros = hn_rw_op(rw, "Cast", 1, &none, to);
    g->dx[0] = hn_g_mul(rw, dy, o->scatter(rw, n, hn_g_expand(rw, hn_g_scalar(rw, x, 1), x), u, "mul"));
    hn_value *part = o->gather(rw, n, hn_g_mul(rw, dy, o->scatter(rw, n, x, safe, "mul")));
    hn_value *others = hn_g_sub(rw, o->gather(rw, n, o->scatter(rw, n, hn_g_zeros(rw, x), zeros, "add")), zeros);
    g->dx[2] = hn_g_where(rw, hn_rw_2(rw, "Equal", others, hn_g_scalar(rw, u, 0)), hn_g_div(rw, part, safe));
    return hn_rw_status(rw);
}

hn_status hn_scatter_grad(hn_gradargs *g, const hn_scatter_ops *o)
{
    hn_rw *rw = g->rw;
    const hn_node *n = g->node;
    hn_scatter_op kind = hn_scatter_kind(n);
    hn_value *dy = g->dy[0];
    if (hn_g_skips(g, 0) || !dy) return HN_OK;
    if (kind == HN_SCATTER_MUL) return grad_of_product(g, o);
    g->dx[0] = dy;
    g->dx[2] = o->gather(rw, n, dy);
    if (kind == HN_SCATTER_NONE) g->dx[0] = o->scatter(rw, n, dy, hn_g_zeros(rw, n->in[2]), "none");
    if (kind == HN_SCATTER_MAX || kind == HN_SCATTER_MIN) {
        g->dx[0] = hn_g_where(rw, hn_rw_2(rw, "Equal", n->out[0], n->in[0]), dy);
        g->dx[2] = hn_g_where(rw, hn_rw_2(rw, "Equal", o->gather(rw, n, n->out[0]), n->in[2]), g->dx[2]);
    }
    return hn_rw_status(rw);
}

hn_status hn_scatter_join(const hn_refargs *a, const hn_tensor *y, size_t i, const hn_tensor *u, size_t j, size_t n)
{
    hn_scatter_op kind = hn_scatter_kind(a->node);
    if (kind == HN_SCATTER_NONE) {
        hn_elems_copy(y, i, u, j, n);
        return HN_OK;
    }
    if (HN_BIT(y->dtype) & (HN_T_STRING | HN_T_COMPLEX))
        return hn_op_unsupported(a->env, a->node, "%s can only be replaced", hn_dtype_name(y->dtype));
    for (size_t k = 0; k < n; k++) {
        if (hn_ref_integer(y->dtype))
            hn_set_i64(y, i + k,
                       join_ints(kind, hn_get_i64(y, i + k), hn_get_i64(u, j + k), hn_dtype_is_signed(y->dtype)));
        else
            hn_set_f64(y, i + k, join_floats(kind, hn_get_f64(y, i + k), hn_get_f64(u, j + k)));
    }
    return HN_OK;
}
