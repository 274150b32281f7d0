/* CumSum: running sums along one axis. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    int axis;
    if (c->data[1] && hn_tensor_elems(c->data[1]) != 1) return hn_op_fail(c->env, c->node, "axis must be one number");
    if (c->data[1] && c->in[0]->rank >= 0)
        HN_TRY(hn_op_axis(c->env, c->node, hn_get_i64(c->data[1], 0), c->in[0]->rank, &axis));
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_get_i64(a->in[1], 0), x->rank, &axis));
    bool exclusive = hn_attr_int(a->node, "exclusive", 0) != 0, reverse = hn_attr_int(a->node, "reverse", 0) != 0;
    size_t dim = (size_t)x->dims[axis], inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    size_t lines = dim ? hn_tensor_elems(x) / dim : 0;
    for (size_t k = 0; k < lines; k++) {
        size_t base = k / inner * inner * dim + k % inner;
        double f = 0;
        uint64_t u = 0;
        for (size_t j = 0; j < dim; j++) {
            size_t at = base + (reverse ? dim - 1 - j : j) * inner;
            double before = f;
            uint64_t ubefore = u;
            f += hn_get_f64(x, at);
            u += hn_get_u64(x, at);
            if (hn_ref_integer(x->dtype))
                hn_set_i64(y, at, (int64_t)(exclusive ? ubefore : u));
            else
                hn_set_f64(y, at, exclusive ? before : f);
        }
    }
    return HN_OK;
}

/* The sum of dy over all places that x[k] went to: the same op from the other end. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *in[] = {g->dy[0], n->in[1]};
    const hn_rw_attr attrs[] = {
        HN_A_INT("exclusive", hn_attr_int(n, "exclusive", 0)), HN_A_INT("reverse", !hn_attr_int(n, "reverse", 0)), {0}};
    g->dx[0] = hn_rw_op(g->rw, "CumSum", 2, in, attrs);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_scalar(c, HN_I64, 0);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 3, 6));
    hn_case(c, "exclusive");
    hn_case_int(c, "exclusive", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_scalar(c, HN_I64, 1);
    hn_case(c, "reverse, negative axis");
    hn_case_int(c, "reverse", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -2, 2);
    hn_case_scalar(c, HN_I64, -1);
    hn_case(c, "both");
    hn_case_int(c, "exclusive", 1);
    hn_case_int(c, "reverse", 1);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_scalar(c, HN_I64, 0);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(5, 3, 0));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -2, 2);
    hn_case_scalar(c, HN_I64, 1);
    hn_case(c, "axis outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case_scalar(c, HN_I64, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"x", HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64), 'T', false},
    {"axis", HN_T_I32I64, 0, false}};
static const hn_port out[] = {
    {"y", HN_T_FLOAT | HN_BIT(HN_U32) | HN_BIT(HN_U64) | HN_BIT(HN_I32) | HN_BIT(HN_I64), 'T', false}};
static const hn_attr_row attrs[] = {
    {"exclusive", HN_ATTR_INT, false, "0", "1: without the element itself"},
    {"reverse", HN_ATTR_INT, false, "0", "1: from the end"},
    {0},
};
const hn_op hn_op_cum_sum = {
    .name = "CumSum",
    .domain = "",
    .since = 14,
    .doc = "y[k] = x[0] + ... + x[k] along the axis in input 1 (exclusive: without x[k]; reverse: from the end)."
           " CumSum([1, 2, 3], 0) = [1, 3, 6].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
