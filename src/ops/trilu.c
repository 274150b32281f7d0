/* Trilu: the upper or lower triangle of matrices; the rest is 0. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    if (c->in[0]->rank >= 0 && c->in[0]->rank < 2)
        return hn_op_fail(c->env, c->node, "the input has rank %d, below 2", c->in[0]->rank);
    if (c->nin > 1 && c->data[1] && hn_tensor_elems(c->data[1]) != 1)
        return hn_op_fail(c->env, c->node, "k must be one number");
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    int64_t k = a->nin > 1 && a->in[1] ? hn_get_i64(a->in[1], 0) : 0;
    bool upper = hn_attr_int(a->node, "upper", 1) != 0;
    size_t n = hn_tensor_elems(x);
    hn_walk w;
    hn_walk_init(&w, x->rank, x->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int64_t off = w.at[x->rank - 1] - w.at[x->rank - 2];
        if (upper ? off >= k : off <= k) hn_elem_copy(a->out[0], i, x, i);
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *in[] = {g->dy[0], hn_node_in(n, 1)};
    g->dx[0] =
        hn_rw_op(g->rw, "Trilu", 2, in, (const hn_rw_attr[]){HN_A_INT("upper", hn_attr_int(n, "upper", 1)), {0}});
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 0, 4));
    hn_case(c, "lower, shifted, batch");
    hn_case_int(c, "upper", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case_scalar(c, HN_I64, 1);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -2, 2);
    hn_case(c, "not a matrix");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"k", HN_T_I64, 0, true}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"upper", HN_ATTR_INT, false, "1", "0: the lower triangle"},
    {0},
};
const hn_op hn_op_trilu = {
    .name = "Trilu",
    .domain = "",
    .since = 14,
    .doc = "y[..., i, j] = x where j - i >= k (upper) or <= k (lower), else 0. Trilu([[1, 2], [3, 4]]) = [[1, "
           "2], [0, 4]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
