/* ConstantOfShape: one value (default: 0 of f32) repeated over the shape in input 0. */
#include "ops/lib.h"

static const hn_tensor *value_of(const hn_node *node)
{
    const hn_attr *a = hn_node_attr(node, "value");
    return a && a->kind == HN_ATTR_TENSOR ? a->u.tensor : NULL;
}

static hn_status infer(hn_infer *c)
{
    const hn_tensor *v = value_of(c->node);
    hn_type *y = &c->out[0];
    size_t rank;
    if (v && hn_tensor_elems(v) != 1)
        return hn_op_fail(c->env, c->node, "value has %zu elements, not 1", hn_tensor_elems(v));
    y->dtype = v ? v->dtype : HN_F32;
    if (!c->data[0]) {
        if (c->in[0]->rank == 1 && c->in[0]->dims[0] >= 0 && c->in[0]->dims[0] <= HN_MAX_RANK)
            hn_type_unknown_dims(y, (int)c->in[0]->dims[0]);
        return HN_OK;
    }
    HN_TRY(hn_op_ints(c->env, c->node, c->data[0], HN_MAX_RANK, y->dims, &rank));
    y->rank = (int)rank;
    for (int d = 0; d < y->rank; d++)
        if (y->dims[d] < 0) return hn_op_fail(c->env, c->node, "%lld is no size", (long long)y->dims[d]);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *v = value_of(a->node);
    size_t n = hn_tensor_elems(a->out[0]);
    for (size_t i = 0; v && i < n; i++) hn_elem_copy(a->out[0], i, v, 0);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_tensor(c, "value", HN_F32, HN_DIMS(1), HN_VALS(3));
    hn_case_axes(c, 2, (int64_t[]){2, 2});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 3, 3, 3));
    hn_case(c, "zeros by default");
    hn_case_axes(c, 1, (int64_t[]){3});
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(0, 0, 0));
    hn_case(c, "scalar of another type");
    hn_case_tensor(c, "value", HN_I32, HN_DIMS(1), HN_VALS(-7));
    hn_case_axes(c, 0, NULL);
    hn_case_want(c, HN_I32, HN_NO_DIMS, HN_VALS(-7));
    hn_case(c, "empty");
    hn_case_axes(c, 2, (int64_t[]){2, 0});
    hn_case(c, "negative size");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_axes(c, 1, (int64_t[]){-1});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 0, false}};
static const hn_attr_row attrs[] = {
    {"value", HN_ATTR_TENSOR, false, NULL, "one element; default: 0 of f32"},
    {0},
};
const hn_op hn_op_constant_of_shape = {
    .name = "ConstantOfShape",
    .domain = "",
    .since = 25,
    .doc = "y = `value` everywhere, with the dims in the input. ConstantOfShape([2, 2], value 3) = [[3, 3], [3, "
           "3]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
