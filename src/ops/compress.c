/* Compress: the slices along one axis (or the elements of the flattened x) where the condition is true. */
#include "ops/lib.h"

static int64_t count(const hn_tensor *condition, int64_t limit)
{
    int64_t n = 0, have = (int64_t)hn_tensor_elems(condition);
    for (int64_t i = 0; i < have && i < limit; i++) n += hn_get_i64(condition, (size_t)i);
    return n;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    int axis = 0;
    bool flat = !hn_node_attr(c->node, "axis");
    y->dtype = x->dtype;
    if (flat) hn_type_unknown_dims(y, 1);
    if (x->rank < 0) return HN_OK;
    if (!flat) {
        HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
        *y = *x;
    }
    int64_t limit = flat ? hn_dims_product(x, 0, x->rank) : x->dims[axis];
    y->dims[axis] = c->data[1] && limit >= 0 ? count(c->data[1], limit) : -1;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *condition = a->in[1];
    int axis = 0;
    bool flat = !hn_node_attr(a->node, "axis");
    if (!flat) HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), x->rank, &axis));
    size_t dim = flat ? hn_tensor_elems(x) : (size_t)x->dims[axis];
    size_t outer = flat ? 1 : hn_dims_elems(x->rank, x->dims, 0, axis);
    size_t inner = flat ? 1 : hn_dims_elems(x->rank, x->dims, axis + 1, x->rank), at = 0;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < dim && i < hn_tensor_elems(condition); i++) {
            if (!hn_get_i64(condition, i)) continue;
            hn_elems_copy(a->out[0], at, x, (o * dim + i) * inner, inner);
            at += inner;
        }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_BOOL, HN_DIMS(3), HN_VALS(0, 1, 1));
    hn_case_const(c);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case(c, "axis, short condition");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_in(c, HN_BOOL, HN_DIMS(2), HN_VALS(0, 1));
    hn_case(c, "flattened, nothing chosen");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_in(c, HN_BOOL, HN_DIMS(2), HN_VALS(0, 0));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"condition", HN_T_BOOL, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, NULL, "axis to choose along; default: flattened x"},
    {0},
};
const hn_op hn_op_compress = {
    .name = "Compress",
    .domain = "",
    .since = 28,
    .doc = "y = slices of x along `axis` where condition is true; without axis: elements of flattened x. "
           "Compress([1, 2, 3], [0, 1, 1]) = [2, 3].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("the size of the result depends on data"),
    .cases = cases,
    .quant = "same",
};
