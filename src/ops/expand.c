/* Expand: x broadcast to a shape; a 1 there keeps the input's dim. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    hn_type shape = *c->in[0];
    const hn_type *both[] = {c->in[0], &shape};
    size_t rank;
    c->out[0].dtype = c->in[0]->dtype;
    if (!c->data[1]) {
        int64_t n = c->in[1]->rank == 1 ? c->in[1]->dims[0] : -1;
        if (c->in[0]->rank >= 0 && n >= 0 && n <= HN_MAX_RANK)
            hn_type_unknown_dims(&c->out[0], (int)n > c->in[0]->rank ? (int)n : c->in[0]->rank);
        return HN_OK;
    }
    HN_TRY(hn_op_ints(c->env, c->node, c->data[1], HN_MAX_RANK, shape.dims, &rank));
    shape.rank = (int)rank;
    for (int d = 0; d < shape.rank; d++)
        if (shape.dims[d] < 0) return hn_op_fail(c->env, c->node, "%lld is no size", (long long)shape.dims[d]);
    return hn_infer_broadcast_of(c, 2, both, &c->out[0]);
}

static hn_status ref(const hn_refargs *a)
{
    hn_walk w;
    hn_walk_init(&w, a->out[0]->rank, a->out[0]->dims);
    hn_walk_add(&w, a->in[0]);
    hn_strided_copy(a->out[0], a->in[0], 0, w.stride[0]);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_g_set(g, 0, g->dy[0]);
    return hn_rw_status(g->rw);
}

static bool shard(hn_shard *s)
{
    if (s->in[0] == HN_WHOLE || s->in[1] != HN_WHOLE) return false;
    s->sizes = UINT32_C(1) << 1;
    return hn_shard_all(s, s->in[0] + s->node->out[0]->type.rank - s->node->in[0]->type.rank);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(1, 2));
    hn_case_axes(c, 2, (int64_t[]){2, 3});
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 1, 1, 2, 2, 2));
    hn_case(c, "more axes, 1 keeps");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), -2, 2);
    hn_case_axes(c, 3, (int64_t[]){2, 1, 4});
    hn_case(c, "scalar");
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    hn_case_axes(c, 2, (int64_t[]){2, 2});
    hn_case(c, "to nothing");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){0, 2});
    hn_case(c, "does not broadcast");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"shape", HN_T_I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
const hn_op hn_op_expand = {
    .name = "Expand",
    .domain = "",
    .since = 13,
    .doc = "y = x broadcast with `shape`. Expand([[1], [2]], [2, 3]) = [[1, 1, 1], [2, 2, 2]].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
