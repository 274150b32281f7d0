/* lib_grad: shorthands for gradient builders, and the cost every row has. Builders pass NULL through. */
#include "ops/lib.h"
#include "ops/ops.h"

hn_value *hn_g_where(hn_rw *rw, hn_value *mask, hn_value *x)
{
    return hn_rw_3(rw, "Where", mask, x, hn_g_scalar(rw, x, 0));
}

hn_value *hn_g_like(hn_rw *rw, hn_value *x, const hn_value *like)
{
    return x ? hn_rw_reshape(rw, x, like->type.rank, like->type.dims) : NULL;
}

hn_value *hn_g_expand(hn_rw *rw, hn_value *x, const hn_value *like)
{
    if (!x || hn_type_same(&x->type, &like->type)) return x;
    return hn_rw_2(rw, "Expand", x, hn_rw_ints(rw, like->type.dims, (size_t)like->type.rank));
}

hn_value *hn_g_zeros(hn_rw *rw, const hn_value *like)
{
    return hn_g_expand(rw, hn_g_scalar(rw, like, 0), like);
}

/* ScatterND adds along leading axes, so the axis is brought to the front and back. */
hn_value *hn_g_scatter_axis(hn_rw *rw, hn_value *dy, hn_value *index, int axis, const hn_type *to)
{
    int64_t perm[HN_MAX_RANK], back[HN_MAX_RANK], front[HN_MAX_RANK], tuple[HN_MAX_RANK];
    if (!dy || !index) return NULL;
    int more = index->type.rank, rank = dy->type.rank;
    if (more + 1 > HN_MAX_RANK) {
        hn_rw_fail(rw, hn_fail(rw->graph->env, HN_UNSUPPORTED, "an index of rank %d has no gradient", more));
        return NULL;
    }
    for (int d = 0; d < rank; d++) perm[d] = d < more ? axis + d : d < more + axis ? d - more : d;
    for (int d = 0; d < to->rank; d++) {
        int64_t from = d == 0 ? axis : d <= axis ? d - 1 : d;
        back[from] = d;
        front[d] = to->dims[from];
    }
    for (int d = 0; d < more; d++) tuple[d] = index->type.dims[d];
    tuple[more] = 1;
    if (index->type.dtype != HN_I64) {
        const hn_rw_attr i64[] = {HN_A_INT("to", HN_I64), {0}};
        index = hn_rw_op(rw, "Cast", 1, &index, i64);
    }
    hn_value *zeros = hn_rw_2(rw, "Expand", hn_g_scalar(rw, dy, 0), hn_rw_ints(rw, front, (size_t)to->rank));
    hn_value *in[] = {zeros, hn_rw_reshape(rw, index, more + 1, tuple),
                      axis ? hn_rw_transpose(rw, dy, perm, (size_t)rank) : dy};
    const hn_rw_attr add[] = {HN_A_STR("reduction", "add"), {0}};
    hn_value *sum = hn_rw_op(rw, "ScatterND", 3, in, add);
    return axis ? hn_rw_transpose(rw, sum, back, (size_t)to->rank) : sum;
}

bool hn_g_skips(const hn_gradargs *g, size_t i)
{
    const hn_value *x = hn_node_in(g->node, i);
    return !x || !hn_dtype_is_float(x->type.dtype);
}

void hn_g_set(hn_gradargs *g, size_t i, hn_value *v)
{
    if (v && !hn_g_skips(g, i)) g->dx[i] = hn_rw_unbroadcast(g->rw, v, g->node->in[i]);
}

void hn_op_cost(const hn_node *node, hn_cost *cost)
{
    *cost = (hn_cost){0};
    if (node->op->cost) {
        node->op->cost(node, cost);
        return;
    }
    for (size_t i = 0; i < node->nin; i++)
        if (node->in[i]) cost->bytes += (double)hn_type_bytes(&node->in[i]->type);
    for (size_t i = 0; i < node->nout; i++)
        if (node->out[i]) cost->bytes += (double)hn_type_bytes(&node->out[i]->type);
    if (node->op->flags & HN_OP_ELEMENTWISE && node->nout && node->out[0])
        cost->flops = (double)hn_type_elems(&node->out[0]->type);
}
