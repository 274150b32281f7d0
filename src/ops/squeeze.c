/* Squeeze: drops axes of size 1: those in input 1, or all of them. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    bool flag[HN_MAX_RANK], given = c->nin > 1 && c->in[1];
    int64_t list[HN_MAX_RANK];
    size_t n = 0;
    y->dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    if (given && !c->data[1]) {
        if (c->in[1]->rank == 1 && c->in[1]->dims[0] >= 0 && c->in[1]->dims[0] <= x->rank)
            hn_type_unknown_dims(y, x->rank - (int)c->in[1]->dims[0]);
        return HN_OK;
    }
    if (given) HN_TRY(hn_op_ints(c->env, c->node, c->data[1], HN_MAX_RANK, list, &n));
    HN_TRY(hn_op_axes(c->env, c->node, n, list, x->rank, false, flag));
    int rank = 0;
    for (int d = 0; d < x->rank; d++) {
        if (!given && x->dims[d] < 0) return HN_OK;
        bool drop = given ? flag[d] : x->dims[d] == 1;
        if (drop && x->dims[d] >= 0 && x->dims[d] != 1)
            return hn_op_fail(c->env, c->node, "axis %d has size %lld, not 1", d, (long long)x->dims[d]);
        if (!drop) y->dims[rank++] = x->dims[d];
    }
    y->rank = rank;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_copy(a);
}

static hn_status grad(hn_gradargs *g)
{
    if (!hn_g_skips(g, 0)) g->dx[0] = hn_g_like(g->rw, g->dy[0], g->node->in[0]);
    return hn_rw_status(g->rw);
}

/* Without axes a part of one sample would lose the axis of the cut. */
static bool shard(hn_shard *s)
{
    return hn_node_in(s->node, 1) != NULL && hn_shard_view(s);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 2));
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case(c, "negative axes");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 1, 2), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){-2, 0});
    hn_case(c, "all");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 1), -2, 2);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 0), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case(c, "not of size 1");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){0});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"axes", HN_T_I64, 0, true}};
static const hn_port out[] = {{"squeezed", HN_T_ALL, 'T', false}};
const hn_op hn_op_squeeze = {
    .name = "Squeeze",
    .domain = "",
    .since = 25,
    .doc = "y = x without the named axes of size 1 (none named: all such). Squeeze([[1, 2]], axes [0]) = [1, 2].",
    .flags = HN_OP_VIEW,
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
