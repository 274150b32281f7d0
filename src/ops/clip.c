/* Clip: y = min(max(x, low), high). The bounds are optional scalars; where low > high, high wins. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    const hn_tensor *low = a->nin > 1 ? a->in[1] : NULL, *high = a->nin > 2 ? a->in[2] : NULL;
    size_t n = hn_tensor_elems(x);
    for (size_t i = 0; i < n; i++) {
        const hn_tensor *from = x;
        size_t at = i;
        bool nan = !hn_ref_integer(x->dtype) && isnan(hn_get_f64(x, i));
        if (!nan && low && hn_elem_compare(from, at, low, 0) < 0) from = low, at = 0;
        if (!nan && high && hn_elem_compare(from, at, high, 0) > 0) from = high, at = 0;
        hn_elem_copy(y, i, from, at);
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    for (size_t k = 1; k < c->nin; k++)
        if (c->in[k] && c->in[k]->rank > 0 && hn_dims_product(c->in[k], 0, c->in[k]->rank) != 1)
            return hn_op_fail(c->env, c->node, "%s must be a scalar", k == 1 ? "min" : "max");
    return hn_infer_same(c);
}

/* Learned bounds get the gradient of what they hold back. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0], *low = hn_node_in(g->node, 1), *high = hn_node_in(g->node, 2), *dx = g->dy[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    if (high) {
        hn_value *above = hn_rw_2(rw, "Greater", low ? hn_rw_2(rw, "Max", x, low) : x, high);
        if (!high->data) hn_g_set(g, 2, hn_g_where(rw, above, dx));
        dx = hn_g_where(rw, hn_rw_1(rw, "Not", above), dx);
    }
    if (low) {
        hn_value *below = hn_rw_2(rw, "Less", x, low);
        if (!low->data) hn_g_set(g, 1, hn_g_where(rw, below, dx));
        dx = hn_g_where(rw, hn_rw_1(rw, "Not", below), dx);
    }
    g->dx[0] = dx;
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-2, 0.5, 3));
    hn_case_scalar(c, HN_F32, -1);
    hn_case_scalar(c, HN_F32, 1);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(-1, 0.5, 1));
    hn_case(c, "learned bounds");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 5), -2, 2);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(-1));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case(c, "no bounds");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case(c, "upper bound only");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_absent(c);
    hn_case_scalar(c, HN_F32, 0);
    hn_case(c, "bounds crossed");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-3, 0, 3));
    hn_case_scalar(c, HN_F32, 2);
    hn_case_scalar(c, HN_F32, 1);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 1, 1));
    hn_case(c, "NaN stays");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(NAN, INFINITY));
    hn_case_scalar(c, HN_F32, 0);
    hn_case_scalar(c, HN_F32, 1);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(NAN, 1));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case_scalar(c, HN_F32, 0);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"input", HN_T_NUM, 'T', false}, {"min", HN_T_NUM, 'T', true}, {"max", HN_T_NUM, 'T', true}};
static const hn_port out[] = {{"output", HN_T_NUM, 'T', false}};
const hn_op hn_op_clip = {
    .name = "Clip",
    .domain = "",
    .since = 13,
    .doc = "y = min(max(x, low), high). Clip([-2, 0.5, 3], -1, 1) = [-1, 0.5, 1].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
