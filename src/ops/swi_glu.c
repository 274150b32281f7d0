/* SwiGLU: a linear input gated by the Swish of another one. */
#include "ops/lib_nn.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *a = c->in[0], *b = c->in[1];
    c->out[0] = a->rank >= 0 ? *a : *b;
    c->out[0].dtype = a->dtype;
    if (a->rank < 0 || b->rank < 0) return HN_OK;
    if (a->rank != b->rank) return hn_op_fail(c->env, c->node, "A has rank %d, B %d", a->rank, b->rank);
    for (int d = 0; d < a->rank; d++)
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of A and B", a->dims[d], b->dims[d], &c->out[0].dims[d]));
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double alpha = hn_attr_float(a->node, "alpha", 1);
    for (size_t i = 0, n = hn_tensor_elems(a->out[0]); i < n; i++) {
        double x = hn_get_f64(a->in[0], i);
        hn_set_f64(a->out[0], i, x / (1 + exp(-alpha * x)) * hn_get_f64(a->in[1], i));
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_value *a = node->in[0];
    hn_rw_attr alpha[] = {HN_A_FLOAT("alpha", hn_attr_float(node, "alpha", 1)), {0}};
    out[0] = hn_g_mul(rw, hn_rw_op(rw, "Swish", 1, &a, alpha), node->in[1]);
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 5);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-1, 0, 1));
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(2, 3, 10));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(-0.5378828, 0, 7.3105858));
    hn_case(c, "other slope");
    hn_case_float(c, "alpha", 1.5);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -2, 2);
    hn_case(c, "no broadcasting");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -3, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"alpha", HN_ATTR_FLOAT, false, "1.0", "slope inside the sigmoid"}, {0}};

const hn_op hn_op_swi_glu = {
    .name = "SwiGLU",
    .domain = "",
    .since = 28,
    .doc = "y = a sigmoid(alpha a) b, of equal shapes. SwiGLU([-1, 0, 1], [2, 3, 10]) = [-0.5378828, 0, 7.3105858].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
