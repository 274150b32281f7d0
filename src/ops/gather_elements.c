/* GatherElements: each element picks its place along one axis; the other coordinates stay. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    int axis;
    if (c->in[0]->rank >= 0 && c->in[1]->rank >= 0 && c->in[0]->rank != c->in[1]->rank)
        return hn_op_fail(c->env, c->node, "ranks %d and %d differ", c->in[0]->rank, c->in[1]->rank);
    if (c->in[0]->rank >= 0)
        HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), c->in[0]->rank, &axis));
    c->out[0] = *c->in[1];
    c->out[0].dtype = c->in[0]->dtype;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *index = a->in[1];
    size_t n = hn_tensor_elems(index), at;
    hn_walk w;
    hn_walk_init(&w, index->rank, index->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        HN_TRY(hn_op_along(a->env, a->node, x, index, i, w.at, &at));
        hn_elem_copy(a->out[0], i, x, at);
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    const hn_node *n = g->node;
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *in[] = {hn_g_zeros(rw, n->in[0]), n->in[1], g->dy[0]};
    const hn_rw_attr attrs[] = {HN_A_INT("axis", hn_attr_int(n, "axis", 0)), HN_A_STR("reduction", "add"), {0}};
    g->dx[0] = hn_rw_op(rw, "ScatterElements", 3, in, attrs);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "axis", 1);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){0, 0, 1, 0});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 1, 4, 3));
    hn_case(c, "shorter, negative");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 3), (int64_t[]){-1, 0, 2, 1, 0, -3});
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(0, 2), NULL);
    hn_case(c, "index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"indices", HN_T_I32I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis the indices are along"},
    {0},
};
const hn_op hn_op_gather_elements = {
    .name = "GatherElements",
    .domain = "",
    .since = 13,
    .doc = "y[i, j, k] = x[indices[i, j, k], j, k] for axis 0, and so on. GatherElements([[1, 2], [3, 4]], [[0, "
           "0], [1, 0]], axis 1) = [[1, 1], [4, 3]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
