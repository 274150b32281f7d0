/* TensorScatter: a cache with new rows written at a position of its own for each sequence. */
#include "ops/lib.h"

static hn_status axis_of(hn_env *env, const hn_node *node, int rank, int *axis)
{
    HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "axis", -2), rank, axis));
    if (*axis == 0) return hn_op_fail(env, node, "axis 0 is the batch");
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int axis;
    if (!hn_attr_is(c->node, "mode", "linear") && !hn_attr_is(c->node, "mode", "circular"))
        return hn_op_fail(c->env, c->node, "mode must be linear or circular");
    if (c->in[0]->rank >= 0) {
        HN_TRY(axis_of(c->env, c->node, c->in[0]->rank, &axis));
        if (c->in[1]->rank >= 0 && c->in[1]->rank != c->in[0]->rank)
            return hn_op_fail(c->env, c->node, "cache and update differ in rank");
        for (int d = 0; c->in[1]->rank >= 0 && d < c->in[0]->rank; d++) {
            int64_t p = c->in[0]->dims[d], q = c->in[1]->dims[d];
            if (p >= 0 && q >= 0 && (d == axis ? q > p : q != p))
                return hn_op_fail(c->env, c->node, "the update does not fit at axis %d", d);
        }
    }
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *u = a->in[1], *at = a->nin > 2 ? a->in[2] : NULL;
    int axis;
    HN_TRY(axis_of(a->env, a->node, x->rank, &axis));
    bool circular = hn_attr_is(a->node, "mode", "circular");
    if (at && hn_tensor_elems(at) != (size_t)x->dims[0])
        return hn_op_fail(a->env, a->node, "one write index for each of the %lld sequences is needed",
                          (long long)x->dims[0]);
    HN_TRY(hn_ref_copy(a));
    size_t inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank), rows = hn_dims_elems(x->rank, x->dims, 0, axis);
    size_t each = x->dims[0] ? rows / (size_t)x->dims[0] : 0;
    int64_t dim = x->dims[axis], fresh = u->dims[axis];
    for (size_t r = 0; r < rows; r++) {
        int64_t start = at ? hn_get_i64(at, r / each) : 0;
        if (start < 0 || (!circular && start > dim - fresh) || (circular && start > INT64_MAX - fresh))
            return hn_op_fail(a->env, a->node, "write index %lld: %lld rows do not fit in %lld", (long long)start,
                              (long long)fresh, (long long)dim);
        for (int64_t t = 0; t < fresh; t++)
            hn_elems_copy(a->out[0], (r * (size_t)dim + (size_t)((start + t) % dim)) * inner, u,
                          (r * (size_t)fresh + (size_t)t) * inner, inner);
    }
    return HN_OK;
}

/* Row t of the update lies at (write index + t) mod dim. */
static hn_value *places(hn_rw *rw, const hn_node *node, int axis)
{
    const hn_type *u = &node->in[1]->type;
    int64_t batch[HN_MAX_RANK], row[HN_MAX_RANK];
    hn_tensor *t;
    for (int d = 0; d < u->rank; d++) {
        batch[d] = d == 0 ? u->dims[0] : 1;
        row[d] = d == axis ? u->dims[axis] : 1;
    }
    hn_value *k = hn_rw_const_new(rw, HN_I64, u->rank, row, &t);
    for (int64_t i = 0; k && i < u->dims[axis]; i++) hn_set_i64(t, (size_t)i, i);
    if (hn_node_in(node, 2)) k = hn_g_add(rw, k, hn_rw_reshape(rw, node->in[2], u->rank, batch));
    k = hn_rw_2(rw, "Mod", k, hn_rw_scalar(rw, HN_I64, (double)node->in[0]->type.dims[axis]));
    return hn_rw_2(rw, "Expand", k, hn_rw_ints(rw, u->dims, (size_t)u->rank));
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    int axis;
    if (hn_g_skips(g, 0) || !g->dy[0]) return HN_OK;
    HN_TRY(axis_of(rw->graph->env, n, n->in[0]->type.rank, &axis));
    const hn_rw_attr along[] = {HN_A_INT("axis", axis), {0}};
    hn_value *at = places(rw, n, axis), *gather[] = {g->dy[0], at};
    hn_value *scatter[] = {g->dy[0], at, hn_g_zeros(rw, n->in[1])};
    g->dx[0] = hn_rw_op(rw, "ScatterElements", 3, scatter, along);
    g->dx[1] = hn_rw_op(rw, "GatherElements", 2, gather, along);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "axis", 1);
    hn_case_in(c, HN_F32, HN_DIMS(1, 3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1), HN_VALS(9));
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case_want(c, HN_F32, HN_DIMS(1, 3), HN_VALS(1, 9, 3));
    hn_case(c, "circular, two heads");
    hn_case_string(c, "mode", "circular");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 4, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){3, 0});
    hn_case(c, "from the start");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case(c, "past the end");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){2});
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"past_cache", HN_T_ALL, 'T', false}, {"update", HN_T_ALL, 'T', false}, {"write_indices", HN_T_I64, 0, true}};
static const hn_port out[] = {{"present_cache", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "-2", "axis of the sequence"},
    {"mode", HN_ATTR_STRING, false, "linear", "linear or circular"},
    {0},
};
const hn_op hn_op_tensor_scatter = {
    .name = "TensorScatter",
    .domain = "",
    .since = 24,
    .doc = "present = past with present[b, ..., write_indices[b] + t, ...] = update[b, ..., t, ...] along "
           "`axis`; circular wraps. TensorScatter([[1, 2, 3]], [[9]], [1], axis 1) = [[1, 9, 3]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
