/* Unsqueeze: puts in axes of size 1, numbered as in the result. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    bool flag[HN_MAX_RANK];
    int64_t list[HN_MAX_RANK];
    size_t n = 0;
    y->dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    if (!c->data[1]) {
        int64_t more = c->in[1]->rank == 1 ? c->in[1]->dims[0] : -1;
        if (more >= 0 && more <= HN_MAX_RANK - x->rank) hn_type_unknown_dims(y, x->rank + (int)more);
        return HN_OK;
    }
    HN_TRY(hn_op_ints(c->env, c->node, c->data[1], HN_MAX_RANK, list, &n));
    if (x->rank + (int)n > HN_MAX_RANK) return hn_op_fail(c->env, c->node, "more than %d axes", HN_MAX_RANK);
    y->rank = x->rank + (int)n;
    HN_TRY(hn_op_axes(c->env, c->node, n, list, y->rank, false, flag));
    for (int d = 0, from = 0; d < y->rank; d++) y->dims[d] = flag[d] ? 1 : x->dims[from++];
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

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(1, 2));
    hn_case(c, "two axes");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){-1, 1});
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case(c, "axis twice");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){0, -3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"axes", HN_T_I64, 0, false}};
static const hn_port out[] = {{"expanded", HN_T_ALL, 'T', false}};
const hn_op hn_op_unsqueeze = {
    .name = "Unsqueeze",
    .domain = "",
    .since = 25,
    .doc = "y = x with axes of size 1 put in. Unsqueeze([1, 2], axes [0]) = [[1, 2]].",
    .flags = HN_OP_VIEW,
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
