/* Transpose: y's axis d is x's axis perm[d]; without perm the axes are reversed. */
#include "ops/lib.h"

static hn_status perm_of(hn_env *env, const hn_node *node, int rank, int perm[HN_MAX_RANK])
{
    const int64_t *given;
    bool seen[HN_MAX_RANK] = {false};
    size_t n = hn_attr_ints(node, "perm", &given);
    for (int d = 0; d < rank; d++) perm[d] = rank - 1 - d;
    if (!hn_node_attr(node, "perm")) return HN_OK;
    if (n != (size_t)rank) return hn_op_fail(env, node, "perm has %zu entries for rank %d", n, rank);
    for (int d = 0; d < rank; d++) {
        HN_TRY(hn_op_axis(env, node, given[d], rank, &perm[d]));
        if (seen[perm[d]]) return hn_op_fail(env, node, "perm names axis %d twice", perm[d]);
        seen[perm[d]] = true;
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int perm[HN_MAX_RANK];
    c->out[0].dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    HN_TRY(perm_of(c->env, c->node, x->rank, perm));
    c->out[0].rank = x->rank;
    for (int d = 0; d < x->rank; d++) c->out[0].dims[d] = x->dims[perm[d]];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    int perm[HN_MAX_RANK];
    int64_t own[HN_MAX_RANK], strides[HN_MAX_RANK];
    HN_TRY(perm_of(a->env, a->node, x->rank, perm));
    hn_strides(x->rank, x->dims, own);
    for (int d = 0; d < x->rank; d++) strides[d] = own[perm[d]];
    hn_strided_copy(a->out[0], x, 0, strides);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    int perm[HN_MAX_RANK], rank = g->node->in[0]->type.rank;
    int64_t back[HN_MAX_RANK];
    if (hn_g_skips(g, 0)) return HN_OK;
    HN_TRY(perm_of(g->rw->graph->env, g->node, rank, perm));
    for (int d = 0; d < rank; d++) back[perm[d]] = d;
    g->dx[0] = hn_rw_transpose(g->rw, g->dy[0], back, (size_t)rank);
    return hn_rw_status(g->rw);
}

static bool shard(hn_shard *s)
{
    const int64_t *perm;
    size_t n = hn_attr_ints(s->node, "perm", &perm);
    int rank = s->node->in[0]->type.rank;
    for (int d = 0; d < rank; d++)
        if ((n ? perm[d] : rank - 1 - d) == s->in[0]) return hn_shard_all(s, d);
    return false;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 4, 2, 5, 3, 6));
    hn_case(c, "cycle of three");
    hn_case_ints(c, "perm", 3, (int64_t[]){1, 2, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case(c, "NCHW to NHWC");
    hn_case_ints(c, "perm", 4, (int64_t[]){0, 2, 3, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 1, 2), -2, 2);
    hn_case(c, "scalar");
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 3), -2, 2);
    hn_case(c, "axis named twice");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "perm", 2, (int64_t[]){1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"transposed", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"perm", HN_ATTR_INTS, false, NULL, "axis of x for each axis of y; default: reversed"},
    {0},
};
const hn_op hn_op_transpose = {
    .name = "Transpose",
    .domain = "",
    .since = 25,
    .doc = "y[i0, i1, ...] = x with axis d of y being axis perm[d] of x. Transpose([[1, 2, 3], [4, 5, 6]]) = "
           "[[1, 4], [2, 5], [3, 6]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
