/* ConcatFromSequence: the tensors of a sequence joined along an axis, or stacked along a new one. */
#include "ops/lib.h"

static bool stacks(const hn_node *n)
{
    return hn_attr_int(n, "new_axis", 0) != 0;
}

static hn_status from_data(hn_infer *c, const hn_tensor *seq)
{
    hn_type *y = &c->out[0];
    size_t n = hn_tensor_elems(seq);
    int axis;
    if (n == 0) return hn_op_fail(c->env, c->node, "the sequence is empty");
    const hn_tensor *first = hn_tensor_item(seq, 0);
    int rank = first->rank + stacks(c->node);
    if (rank > HN_MAX_RANK) return hn_op_unsupported(c->env, c->node, "a result of rank %d", rank);
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), rank, &axis));
    *y = hn_type_tensor(first->dtype, rank, NULL);
    for (int d = 0, j = 0; d < rank; d++) y->dims[d] = stacks(c->node) && d == axis ? (int64_t)n : first->dims[j++];
    for (size_t i = 1; i < n; i++) {
        const hn_tensor *t = hn_tensor_item(seq, i);
        bool same = t->rank == first->rank && t->dtype == first->dtype;
        for (int d = 0; same && d < t->rank; d++)
            same = t->dims[d] == first->dims[d] || (d == axis && !stacks(c->node));
        if (!same) return hn_op_fail(c->env, c->node, "entry %zu does not fit the first", i);
        if (!stacks(c->node)) y->dims[axis] = hn_dim_add(y->dims[axis], t->dims[axis]);
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    const hn_type *x = c->in[0];
    int64_t new_axis = hn_attr_int(c->node, "new_axis", 0);
    int axis;
    if (new_axis != 0 && new_axis != 1) return hn_op_fail(c->env, c->node, "new_axis is %lld", (long long)new_axis);
    if (c->data[0]) return from_data(c, c->data[0]);
    *y = hn_type_tensor(x->dtype, -1, NULL);
    if (x->rank < 0 || x->rank + stacks(c->node) > HN_MAX_RANK) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank + stacks(c->node), &axis));
    y->rank = x->rank + stacks(c->node);
    for (int d = 0, j = 0; d < y->rank; d++) {
        y->dims[d] = stacks(c->node) && d == axis ? -1 : x->dims[j++];
        if (d == axis) y->dims[d] = -1;
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0], *seq = a->in[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), y->rank, &axis));
    size_t outer = hn_dims_elems(y->rank, y->dims, 0, axis), inner = hn_dims_elems(y->rank, y->dims, axis + 1, y->rank);
    size_t at = 0, row = (size_t)y->dims[axis] * inner;
    for (size_t k = 0; k < hn_tensor_elems(seq); k++) {
        const hn_tensor *t = hn_tensor_item(seq, k);
        size_t run = stacks(a->node) ? inner : (size_t)t->dims[axis] * inner;
        for (size_t o = 0; o < outer; o++) hn_elems_copy(y, o * row + at, t, o * run, run);
        at += run;
    }
    return HN_OK;
}

static void sequence(hn_cases *c, const char *name, int64_t axis, int64_t new_axis)
{
    hn_case(c, name);
    hn_case_int(c, "axis", axis);
    hn_case_int(c, "new_axis", new_axis);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, 4));
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    sequence(c, "example", 0, 1);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    sequence(c, "last new axis", -1, 1);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 3, 2, 4));
    sequence(c, "joined", -1, 0);
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    hn_case(c, "lengths differ along the axis");
    hn_case_int(c, "axis", 1);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 4, 5, 6));
    hn_case_end(c);
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 3, 4, 2, 5, 6));
    hn_case(c, "shapes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 0);
    hn_case_int(c, "new_axis", 1);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, 4));
    hn_case_end(c);
    hn_case(c, "empty");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 0);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_end(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}};
static const hn_port out[] = {{"concat_result", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, true, NULL, "axis of the result to join or stack along"},
    {"new_axis", HN_ATTR_INT, false, "0", "1: stack along a new axis"},
    {0},
};
const hn_op hn_op_concat_from_sequence = {
    .name = "ConcatFromSequence",
    .domain = "",
    .since = 11,
    .doc = "y = the entries joined along `axis`, or stacked along a new axis. "
           "ConcatFromSequence(([1, 2], [3, 4]), axis 0, new_axis 1) = [[1, 2], [3, 4]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
