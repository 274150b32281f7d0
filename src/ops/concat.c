/* Concat: the inputs one after the other along one axis; the other dims agree. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    int axis, rank = -1;
    y->dtype = c->in[0]->dtype;
    for (size_t k = 0; k < c->nin; k++) {
        if (!c->in[k]) return hn_op_fail(c->env, c->node, "input %zu is absent", k);
        if (c->in[k]->rank < 0) continue;
        if (rank >= 0 && c->in[k]->rank != rank)
            return hn_op_fail(c->env, c->node, "input %zu has rank %d, others %d", k, c->in[k]->rank, rank);
        rank = c->in[k]->rank;
    }
    if (rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), rank, &axis));
    hn_type_unknown_dims(y, rank);
    y->dims[axis] = 0;
    for (size_t k = 0; k < c->nin; k++) {
        if (c->in[k]->rank < 0) {
            y->dims[axis] = -1;
            continue;
        }
        for (int d = 0; d < rank; d++) {
            int64_t dim = c->in[k]->dims[d];
            if (d == axis)
                y->dims[d] = c->nin == 1 ? dim : hn_dim_add(y->dims[d], dim);
            else if (!hn_dim_meet(y->dims[d], dim, &y->dims[d]))
                return hn_op_fail(c->env, c->node, "input %zu has %lld at axis %d, others %lld", k, (long long)dim, d,
                                  (long long)y->dims[d]);
        }
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), y->rank, &axis));
    size_t outer = hn_dims_elems(y->rank, y->dims, 0, axis), inner = hn_dims_elems(y->rank, y->dims, axis + 1, y->rank);
    size_t at = 0, row = (size_t)y->dims[axis] * inner;
    for (size_t k = 0; k < a->nin; k++) {
        size_t run = (size_t)a->in[k]->dims[axis] * inner;
        for (size_t o = 0; o < outer; o++) hn_elems_copy(y, o * row + at, a->in[k], o * run, run);
        at += run;
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    int axis;
    int64_t sizes[HN_OPS_INTS];
    if (hn_g_skips(g, 0)) return HN_OK;
    if (n->nin > HN_OPS_INTS)
        return hn_op_unsupported(rw->graph->env, n, "the gradient takes up to %d inputs", HN_OPS_INTS);
    HN_TRY(hn_op_axis(rw->graph->env, n, hn_attr_int(n, "axis", 0), n->out[0]->type.rank, &axis));
    for (size_t k = 0; k < n->nin; k++) sizes[k] = n->in[k]->type.dims[axis];
    hn_value *in[] = {g->dy[0], hn_rw_ints(rw, sizes, n->nin)};
    const hn_rw_attr attrs[] = {HN_A_INT("axis", axis), {0}};
    hn_node *split = hn_rw_node(rw, "Split", 2, in, n->nin, attrs);
    for (size_t k = 0; split && k < n->nin; k++) g->dx[k] = split->out[k];
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "axis", 1);
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 3, 2, 4));
    hn_case(c, "three, negative axis");
    hn_case_int(c, "axis", -2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2), -2, 2);
    hn_case(c, "one of them empty");
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case(c, "one input");
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case(c, "other dims differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"inputs", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"concat_result", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, true, NULL, "axis to join along"},
    {0},
};
const hn_op hn_op_concat = {
    .name = "Concat",
    .domain = "",
    .since = 13,
    .doc = "y = the inputs one after the other along `axis`. Concat([[1], [2]], [[3], [4]], axis 1) = [[1, 3], "
           "[2, 4]].",
    .flags = HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = hn_shard_off_axis,
    .cases = cases,
    .quant = "compute",
};
