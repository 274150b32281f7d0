/* SplitToSequence: pieces of a tensor along one axis, as a sequence. */
#include "ops/lib.h"

/* Without sizes each piece is one slice, and keepdims 0 drops the axis. */
static bool drops_axis(const hn_node *n, bool sizes)
{
    return !sizes && hn_attr_int(n, "keepdims", 1) == 0;
}

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    const hn_type *x = c->in[0];
    bool sizes = c->nin > 1 && c->in[1];
    int axis;
    *y = hn_type_list(HN_KIND_SEQUENCE, x->dtype, -1, NULL);
    if (x->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
    bool drop = drops_axis(c->node, sizes);
    y->rank = x->rank - drop;
    for (int d = 0, j = 0; d < x->rank; d++) {
        if (d == axis && drop) continue;
        y->dims[j++] = d != axis ? x->dims[d] : sizes ? -1 : 1;
    }
    return HN_OK;
}

/* Length of piece i; the last of equal pieces may be shorter. */
static int64_t piece(const hn_tensor *split, size_t i, int64_t left)
{
    int64_t size = !split ? 1 : hn_get_i64(split, split->rank == 0 ? 0 : i);
    return split && split->rank == 0 && size > left ? left : size;
}

static hn_status count(const hn_refargs *a, const hn_tensor *split, int64_t dim, size_t *n)
{
    int64_t sum = 0;
    *n = (size_t)dim;
    if (!split) return HN_OK;
    if (split->rank == 0) {
        int64_t size = hn_get_i64(split, 0);
        if (size < 1) return hn_op_fail(a->env, a->node, "pieces of length %lld", (long long)size);
        *n = (size_t)(dim / size + (dim % size != 0));
        return HN_OK;
    }
    *n = hn_tensor_elems(split);
    for (size_t i = 0; i < *n; i++) {
        int64_t size = hn_get_i64(split, i);
        if (size < 0 || size > dim - sum)
            return hn_op_fail(a->env, a->node, "the pieces do not fit %lld", (long long)dim);
        sum += size;
    }
    return sum == dim
               ? HN_OK
               : hn_op_fail(a->env, a->node, "the pieces add up to %lld of %lld", (long long)sum, (long long)dim);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *split = a->nin > 1 ? a->in[1] : NULL;
    int axis;
    size_t n;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), x->rank, &axis));
    if (split && split->rank > 1) return hn_op_fail(a->env, a->node, "sizes of rank %d", split->rank);
    HN_TRY(count(a, split, x->dims[axis], &n));
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, n));
    size_t outer = hn_dims_elems(x->rank, x->dims, 0, axis), inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    int64_t dims[HN_MAX_RANK], from = 0;
    memcpy(dims, x->dims, sizeof dims);
    for (size_t i = 0; i < n; i++) {
        hn_tensor *y = hn_tensor_item(a->out[0], i);
        dims[axis] = piece(split, i, x->dims[axis] - from);
        HN_TRY(hn_tensor_init(a->env, a->scratch, y, x->dtype, x->rank, dims));
        size_t run = (size_t)dims[axis] * inner, row = (size_t)x->dims[axis] * inner;
        for (size_t o = 0; o < outer; o++) hn_elems_copy(y, o * run, x, o * row + (size_t)from * inner, run);
        from += dims[axis];
        if (!drops_axis(a->node, split != NULL)) continue;
        memmove(y->dims + axis, y->dims + axis + 1, (size_t)(x->rank - axis - 1) * sizeof *dims);
        y->rank--;
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_scalar(c, HN_I64, 2);
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(3));
    hn_case_end(c);
    hn_case(c, "sizes, last axis");
    hn_case_int(c, "axis", -1);
    hn_case_int(c, "keepdims", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_axes(c, 2, (const int64_t[]){2, 1});
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 4, 5));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(3, 6));
    hn_case_end(c);
    hn_case(c, "slices without their axis");
    hn_case_int(c, "axis", 1);
    hn_case_int(c, "keepdims", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 3));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 4));
    hn_case_end(c);
    hn_case(c, "slices");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "too long");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_axes(c, 2, (const int64_t[]){2, 2});
    hn_case(c, "too short");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_axes(c, 2, (const int64_t[]){1, 1});
    hn_case(c, "pieces of nothing");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_scalar(c, HN_I64, 0);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"split", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis to cut"},
    {"keepdims", HN_ATTR_INT, false, "1", "without split: 0 drops the axis of each slice"},
    {0},
};
const hn_op hn_op_split_to_sequence = {
    .name = "SplitToSequence",
    .domain = "",
    .since = 24,
    .doc = "y = the pieces of the input along `axis`: of the lengths in `split`, of length `split` when that is a "
           "scalar (the last may be shorter), single slices without it. SplitToSequence([1, 2, 3], 2) = ([1, 2], [3]).",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
