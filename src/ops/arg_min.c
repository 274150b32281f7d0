/* ArgMin: the index of the smallest element along one axis; the first of equals, or the last. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    int axis;
    y->dtype = HN_I64;
    if (x->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
    if (x->dims[axis] == 0) return hn_op_fail(c->env, c->node, "axis %d is empty", axis);
    bool keep = hn_attr_int(c->node, "keepdims", 1) != 0;
    y->rank = 0;
    for (int d = 0; d < x->rank; d++)
        if (d != axis || keep) y->dims[y->rank++] = d == axis ? 1 : x->dims[d];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), x->rank, &axis));
    bool last = hn_attr_int(a->node, "select_last_index", 0) != 0;
    size_t inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank), n = hn_tensor_elems(a->out[0]);
    size_t dim = (size_t)x->dims[axis];
    for (size_t k = 0; k < n; k++) {
        size_t base = k / inner * inner * dim + k % inner, best = 0;
        for (size_t i = 1; i < dim; i++) {
            int order = hn_elem_compare(x, base + i * inner, x, base + best * inner);
            if (order < 0 || (last && order == 0)) best = i;
        }
        hn_set_i64(a->out[0], k, (int64_t)best);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "axis", 1);
    hn_case_int(c, "keepdims", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 5, 5, 2, 7, 3));
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(0, 0));
    hn_case(c, "the last of equals");
    hn_case_int(c, "axis", -1);
    hn_case_int(c, "select_last_index", 1);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 5, 5, 2, 7, 3));
    hn_case_want(c, HN_I64, HN_DIMS(2, 1), HN_VALS(0, 0));
    hn_case(c, "axis 0 of three");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -9, 9);
    hn_case(c, "size 1 and an empty result");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 0), -9, 9);
    hn_case(c, "empty axis");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -9, 9);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"reduced", HN_T_I64, 0, false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis to search"},
    {"keepdims", HN_ATTR_INT, false, "1", "keep the axis as 1"},
    {"select_last_index", HN_ATTR_INT, false, "0", "1: the last of equal elements"},
    {0},
};
const hn_op hn_op_arg_min = {
    .name = "ArgMin",
    .domain = "",
    .since = 13,
    .doc = "y = index of the smallest element along `axis`. ArgMin([[1, 5, 5], [2, 7, 3]], axis 1, keepdims 0) ="
           " [0, 0].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cost = hn_cost_reduce,
    .shard = hn_shard_arg,
    .cases = cases,
    .quant = "",
};
