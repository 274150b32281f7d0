/* Gather: slices of x along one axis, picked by index; negative indices count from the end. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *index = c->in[1];
    hn_type *y = &c->out[0];
    int axis;
    y->dtype = x->dtype;
    if (x->rank < 0 || index->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
    if (x->rank - 1 + index->rank > HN_MAX_RANK)
        return hn_op_fail(c->env, c->node, "the result has more than %d axes", HN_MAX_RANK);
    y->rank = 0;
    for (int d = 0; d < axis; d++) y->dims[y->rank++] = x->dims[d];
    for (int d = 0; d < index->rank; d++) y->dims[y->rank++] = index->dims[d];
    for (int d = axis + 1; d < x->rank; d++) y->dims[y->rank++] = x->dims[d];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *index = a->in[1];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), x->rank, &axis));
    size_t outer = hn_dims_elems(x->rank, x->dims, 0, axis), inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    size_t n = hn_tensor_elems(index);
    for (size_t k = 0; k < n; k++) {
        int64_t dim = x->dims[axis], i = hn_get_i64(index, k);
        if (i < -dim || i >= dim)
            return hn_op_fail(a->env, a->node, "index %lld at %zu is outside of axis %d of size %lld", (long long)i, k,
                              axis, (long long)dim);
        if (i < 0) i += dim;
        for (size_t o = 0; o < outer; o++)
            hn_elems_copy(a->out[0], (o * n + k) * inner, x, (o * (size_t)dim + (size_t)i) * inner, inner);
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    int axis;
    if (hn_g_skips(g, 0)) return HN_OK;
    HN_TRY(hn_op_axis(g->rw->graph->env, n, hn_attr_int(n, "axis", 0), n->in[0]->type.rank, &axis));
    g->dx[0] = hn_g_scatter_axis(g->rw, g->dy[0], n->in[1], axis, &n->in[0]->type);
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *node, hn_cost *cost)
{
    *cost = (hn_cost){.bytes =
                          2.0 * (double)hn_type_bytes(&node->out[0]->type) + (double)hn_type_bytes(&node->in[1]->type)};
}

static bool shard(hn_shard *s)
{
    int axis, data = s->in[0], indices = s->in[1];
    if (!hn_axis(hn_attr_int(s->node, "axis", 0), s->node->in[0]->type.rank, &axis)) return false;
    if (data == HN_WHOLE) return hn_shard_all(s, axis + indices);
    if (indices != HN_WHOLE || data == axis) return false;
    return hn_shard_all(s, data < axis ? data : data - 1 + s->node->in[1]->type.rank);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){2, 0});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(5, 6, 1, 2));
    hn_case(c, "inner axis, repeated and negative");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){0, -1, 2, 0});
    hn_case(c, "scalar index");
    hn_case_int(c, "axis", -1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){1});
    hn_case(c, "no indices");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case(c, "index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"indices", HN_T_I32I64, 'I', false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis to pick along"},
    {0},
};
const hn_op hn_op_gather = {
    .name = "Gather",
    .domain = "",
    .since = 13,
    .doc = "y = x[..., indices, ...] at `axis`. Gather([[1, 2], [3, 4], [5, 6]], [2, 0], axis 0) = [[5, 6], [1, "
           "2]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
