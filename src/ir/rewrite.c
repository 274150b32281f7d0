/* rewrite: building nodes in the middle of a graph, with sticky errors; each new node is checked and inferred at once.
 */
#include <string.h>

#include "ir/ir_priv.h"
#include "ir/rewrite.h"

hn_rw hn_rw_at(hn_graph *g, hn_node *before)
{
    return (hn_rw){.graph = g, .before = before};
}

hn_status hn_rw_status(const hn_rw *rw)
{
    return rw->status;
}

hn_status hn_rw_fail(hn_rw *rw, hn_status st)
{
    if (rw->status == HN_OK) rw->status = st;
    return rw->status;
}

static hn_status set_attr(hn_node *n, const hn_rw_attr *a)
{
    switch (a->kind) {
    case HN_ATTR_INT: return hn_node_set_int(n, a->name, a->i);
    case HN_ATTR_FLOAT: return hn_node_set_float(n, a->name, a->f);
    case HN_ATTR_STRING: return hn_node_set_string(n, a->name, a->s);
    case HN_ATTR_INTS: return hn_node_set_ints(n, a->name, a->ints, a->count);
    case HN_ATTR_FLOATS: return hn_node_set_floats(n, a->name, a->floats, a->count);
    default: return hn_fail(n->graph->env, HN_BUG, "attribute %s: kind %d cannot be built", a->name, (int)a->kind);
    }
}

static const hn_op *find_op(hn_rw *rw, const char *op)
{
    char domain[64] = "";
    const char *dot = strrchr(op, '.');
    size_t n = dot != NULL ? (size_t)(dot - op) : 0;
    const hn_op *row = NULL;
    if (n < sizeof(domain)) {
        memcpy(domain, op, n);
        row = hn_op_find(rw->graph->ops, domain, dot != NULL ? dot + 1 : op);
    }
    if (row == NULL) (void)hn_rw_fail(rw, hn_fail(rw->graph->env, HN_BUG, "there is no op %s to build", op));
    return row;
}

hn_node *hn_rw_node(hn_rw *rw, const char *op, size_t nin, hn_value *const *in, size_t nout, const hn_rw_attr *attrs)
{
    if (rw->status != HN_OK) return NULL;
    const hn_op *row = find_op(rw, op);
    if (row == NULL) return NULL;
    hn_node *n = hn_node_new(rw->graph, rw->before, row, rw->name, nin, in, nout);
    if (n == NULL) {
        (void)hn_rw_fail(rw, rw->graph->env->error.status);
        return NULL;
    }
    hn_status st = HN_OK;
    for (const hn_rw_attr *a = attrs; st == HN_OK && a != NULL && a->name != NULL; ++a) st = set_attr(n, a);
    if (st == HN_OK) st = hn_node_infer(n);
    if (st == HN_OK) return n;
    (void)hn_rw_fail(rw, st);
    return NULL;
}

hn_node *hn_rw_like(hn_rw *rw, const hn_node *like, size_t nin, hn_value *const *in)
{
    if (rw->status != HN_OK) return NULL;
    hn_node *n = hn_node_new(rw->graph, rw->before, like->op, like->name, nin, in, like->nout);
    hn_status st = n != NULL ? hn_node_copy_attrs(n, like) : rw->graph->env->error.status;
    for (size_t i = 0; st == HN_OK && i < like->nout; ++i)
        if (like->out[i] == NULL) n->out[i] = NULL;
    if (st == HN_OK) st = hn_node_infer(n);
    if (st == HN_OK) return n;
    (void)hn_rw_fail(rw, st);
    return NULL;
}

hn_value *hn_rw_op(hn_rw *rw, const char *op, size_t nin, hn_value *const *in, const hn_rw_attr *attrs)
{
    hn_node *n = hn_rw_node(rw, op, nin, in, 1, attrs);
    return n != NULL ? n->out[0] : NULL;
}

hn_value *hn_rw_1(hn_rw *rw, const char *op, hn_value *a)
{
    return hn_rw_op(rw, op, 1, &a, NULL);
}

hn_value *hn_rw_2(hn_rw *rw, const char *op, hn_value *a, hn_value *b)
{
    return hn_rw_op(rw, op, 2, (hn_value *[]){a, b}, NULL);
}

hn_value *hn_rw_3(hn_rw *rw, const char *op, hn_value *a, hn_value *b, hn_value *c)
{
    return hn_rw_op(rw, op, 3, (hn_value *[]){a, b, c}, NULL);
}

hn_value *hn_rw_const_new(hn_rw *rw, hn_dtype dtype, int rank, const int64_t *dims, hn_tensor **t)
{
    if (rw->status != HN_OK) return NULL;
    hn_graph *g = rw->graph;
    hn_tensor *fresh = hn_arena_alloc(g->env, g->arena, sizeof(*fresh));
    hn_status st = fresh == NULL ? g->env->error.status : hn_tensor_init(g->env, g->arena, fresh, dtype, rank, dims);
    hn_value *v = st == HN_OK ? hn_graph_const(g, NULL, fresh) : NULL;
    if (v == NULL) (void)hn_rw_fail(rw, g->env->error.status);
    if (v != NULL && t != NULL) *t = fresh;
    return v;
}

hn_value *hn_rw_const(hn_rw *rw, hn_dtype dtype, int rank, const int64_t *dims, const void *data)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, dtype, rank, dims, &t);
    if (v != NULL && t->bytes != 0) memcpy(t->data, data, t->bytes);
    return v;
}

hn_value *hn_rw_scalar(hn_rw *rw, hn_dtype dtype, double value)
{
    hn_tensor *t;
    hn_value *v = hn_rw_const_new(rw, dtype, 0, NULL, &t);
    if (v != NULL) hn_set_f64(t, 0, value);
    return v;
}

hn_value *hn_rw_ints(hn_rw *rw, const int64_t *v, size_t count)
{
    return hn_rw_const(rw, HN_I64, 1, (int64_t[]){(int64_t)count}, v);
}

hn_value *hn_rw_reshape(hn_rw *rw, hn_value *x, int rank, const int64_t *dims)
{
    /* A 0 here is a size; only then is the attribute needed that says so. */
    bool empty = false;
    for (int d = 0; d < rank; ++d) empty |= dims[d] == 0;
    hn_value *in[] = {x, hn_rw_ints(rw, dims, (size_t)rank)};
    return hn_rw_op(rw, "Reshape", 2, in, empty ? (const hn_rw_attr[]){HN_A_INT("allowzero", 1), {0}} : NULL);
}

hn_value *hn_rw_transpose(hn_rw *rw, hn_value *x, const int64_t *perm, size_t rank)
{
    return hn_rw_op(rw, "Transpose", 1, &x, (const hn_rw_attr[]){HN_A_INTS("perm", perm, rank), {0}});
}

hn_value *hn_rw_reduce_sum(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count, bool keepdims)
{
    hn_value *in[] = {x, hn_rw_ints(rw, axes, count)};
    return hn_rw_op(rw, "ReduceSum", 2, in, (const hn_rw_attr[]){HN_A_INT("keepdims", keepdims), {0}});
}

hn_value *hn_rw_unbroadcast(hn_rw *rw, hn_value *x, const hn_value *like)
{
    if (rw->status != HN_OK || x == NULL) return NULL;
    const hn_type *from = &x->type, *to = &like->type;
    if (!hn_type_known(from) || !hn_type_known(to) || to->rank > from->rank) {
        (void)hn_rw_fail(rw, hn_fail(rw->graph->env, HN_BUG, "broadcasting can only be undone between known shapes"));
        return NULL;
    }
    int64_t axes[HN_MAX_RANK];
    size_t count = 0;
    int lead = from->rank - to->rank;
    for (int i = 0; i < from->rank; ++i)
        if (i < lead || (to->dims[i - lead] == 1 && from->dims[i] != 1)) axes[count++] = i;
    if (count == 0) return x;
    hn_value *sum = hn_rw_reduce_sum(rw, x, axes, count, true);
    return lead == 0 ? sum : hn_rw_reshape(rw, sum, to->rank, to->dims);
}

hn_status hn_rw_inline(hn_rw *rw, const hn_graph *region, hn_value *const *in, hn_value **out)
{
    if (rw->status != HN_OK) return rw->status;
    hn_env *env = rw->graph->env;
    hn_value **map = hn_zalloc(env, ((size_t)*region->next_id + 1) * sizeof(hn_value *));
    if (map == NULL) return hn_rw_fail(rw, env->error.status);
    for (size_t i = 0; i < region->nin; ++i) map[region->in[i]->id] = in[i];
    hn_status st = hn_graph_copy_nodes(rw->graph, rw->before, region, map, false);
    for (size_t i = 0; st == HN_OK && i < region->nout; ++i) {
        out[i] = hn_graph_copy_value(rw->graph, region->out[i], map, false);
        if (out[i] == NULL) st = env->error.status;
    }
    hn_free(env, map);
    return st == HN_OK ? HN_OK : hn_rw_fail(rw, st);
}

hn_status hn_rw_replace(hn_rw *rw, hn_node *n, hn_value *const *out)
{
    if (rw->status != HN_OK) return rw->status;
    for (size_t i = 0; i < n->nout; ++i) {
        hn_value *from = n->out[i], *to = out[i];
        if (from == NULL) continue;
        if (to == NULL) {
            if (from->nuses != 0)
                return hn_rw_fail(rw, hn_fail(rw->graph->env, HN_BUG, "node %s: output %zu is used and has no heir",
                                              hn_node_label(n), i));
            continue;
        }
        bool is_output = hn_value_is_output(from);
        if (!hn_value_can_take(from, to)) {
            to = hn_rw_1(rw, "Identity", to);
            if (to == NULL) return rw->status;
        }
        HN_TRY(hn_type_merge(rw->graph->env, rw->graph, hn_node_label(n), &to->type, &from->type, &to->type));
        hn_value_replace(from, to);
        if (from->name != NULL && (to->name == NULL || (is_output && rw->graph->parent == NULL))) {
            to->name = from->name;
            from->name = NULL;
        }
    }
    hn_node_remove(n);
    return HN_OK;
}
