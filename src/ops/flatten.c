/* Flatten: two axes: the product of the dims before axis, and of the rest. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    y->dtype = x->dtype;
    hn_type_unknown_dims(y, 2);
    if (x->rank < 0) return HN_OK;
    int64_t axis = hn_attr_int(c->node, "axis", 1);
    if (axis < -x->rank || axis > x->rank)
        return hn_op_fail(c->env, c->node, "axis %lld is outside of rank %d", (long long)axis, x->rank);
    if (axis < 0) axis += x->rank;
    y->dims[0] = hn_dims_product(x, 0, (int)axis);
    y->dims[1] = hn_dims_product(x, (int)axis, x->rank);
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
    hn_case_in(c, HN_F32, HN_DIMS(2, 1, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case(c, "axis 0");
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "negative axis");
    hn_case_int(c, "axis", -1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 3), -2, 2);
    hn_case(c, "axis outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 4);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "1", "first axis of the second group"},
    {0},
};
const hn_op hn_op_flatten = {
    .name = "Flatten",
    .domain = "",
    .since = 25,
    .doc = "y[i, j] = x with i over the axes before `axis` and j over the rest. Flatten([[[1, 2]], [[3, 4]]], "
           "axis 1) = [[1, 2], [3, 4]].",
    .flags = HN_OP_VIEW,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
