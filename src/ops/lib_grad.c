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
