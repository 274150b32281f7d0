/* Where: z = condition ? x : y with broadcasting. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[1]->dtype;
    return hn_infer_broadcast_of(c, 3, c->in, &c->out[0]);
}

static hn_status ref(const hn_refargs *a)
{
    hn_walk w;
    hn_walk_init(&w, a->out[0]->rank, a->out[0]->dims);
    for (int k = 0; k < 3; k++) hn_walk_add(&w, a->in[k]);
    size_t n = hn_tensor_elems(a->out[0]);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int from = hn_get_i64(a->in[0], (size_t)w.offset[0]) ? 1 : 2;
        hn_elem_copy(a->out[0], i, a->in[from], (size_t)w.offset[from]);
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *cond = g->node->in[0];
    if (hn_g_skips(g, 1)) return HN_OK;
    hn_g_set(g, 1, hn_g_where(rw, cond, g->dy[0]));
    hn_g_set(g, 2, hn_rw_3(rw, "Where", cond, hn_g_scalar(rw, g->dy[0], 0), g->dy[0]));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_BOOL, HN_DIMS(3), HN_VALS(1, 0, 1));
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(9));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 9, 3));
    hn_case(c, "three-way broadcast");
    hn_case_in(c, HN_BOOL, HN_DIMS(2, 1, 1), HN_VALS(1, 0));
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), -2, 2);
    hn_case(c, "empty");
    hn_case_in(c, HN_BOOL, HN_DIMS(0), NULL);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"condition", HN_T_BOOL, 0, false}, {"X", HN_T_MOVE, 'T', false}, {"Y", HN_T_MOVE, 'T', false}};
static const hn_port out[] = {{"output", HN_T_MOVE, 'T', false}};
const hn_op hn_op_where = {
    .name = "Where",
    .domain = "",
    .since = 16,
    .doc = "z = condition ? x : y, broadcast. Where([1, 0, 1], [1, 2, 3], [9]) = [1, 9, 3].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 3, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
