/* CenterCropPad: x cropped or padded with 0 about its centre to given sizes. */
#include "ops/lib.h"

/* What to cut off (negative) or put in front of and behind each axis; an odd one out goes behind. */
static hn_status sizes(hn_env *env, const hn_node *node, const hn_tensor *shape, int rank, int64_t *want)
{
    const int64_t *axes;
    int64_t list[HN_MAX_RANK];
    size_t n, given = hn_attr_ints(node, "axes", &axes);
    HN_TRY(hn_op_ints(env, node, shape, HN_MAX_RANK, list, &n));
    bool all = !hn_node_attr(node, "axes");
    if (n != (all ? (size_t)rank : given))
        return hn_op_fail(env, node, "%zu sizes for %zu axes", n, all ? (size_t)rank : given);
    for (size_t i = 0; i < n; i++) {
        int d = (int)i;
        if (!all) HN_TRY(hn_op_axis(env, node, axes[i], rank, &d));
        if (list[i] < 0) return hn_op_fail(env, node, "%lld is no size", (long long)list[i]);
        want[d] = list[i];
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    *y = *c->in[0];
    if (y->rank < 0) return HN_OK;
    if (c->data[1]) return sizes(c->env, c->node, c->data[1], y->rank, y->dims);
    hn_type_unknown_dims(y, y->rank);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    int64_t strides[HN_MAX_RANK];
    size_t n = hn_tensor_elems(y);
    hn_walk w;
    hn_strides(x->rank, x->dims, strides);
    hn_walk_init(&w, y->rank, y->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int64_t at = 0;
        bool inside = true;
        for (int d = 0; d < y->rank; d++) {
            int64_t from = y->dims[d] < x->dims[d] ? w.at[d] + (x->dims[d] - y->dims[d]) / 2
                                                   : w.at[d] - (y->dims[d] - x->dims[d]) / 2;
            inside &= from >= 0 && from < x->dims[d];
            at += from * strides[d];
        }
        if (inside) hn_elem_copy(y, i, x, (size_t)at);
    }
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *x = &node->in[0]->type, *y = &node->out[0]->type;
    int64_t pads[2 * HN_MAX_RANK];
    if (!hn_type_known(x) || !hn_type_known(y))
        return hn_op_unsupported(rw->graph->env, node, "the shapes must be known");
    for (int d = 0; d < x->rank; d++) {
        int64_t more = y->dims[d] - x->dims[d];
        pads[d] = more < 0 ? -(-more / 2) : more / 2;
        pads[x->rank + d] = more - pads[d];
    }
    hn_value *in[] = {node->in[0], hn_rw_ints(rw, pads, 2 * (size_t)x->rank)};
    out[0] = hn_rw_op(rw, "Pad", 2, in, NULL);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case(c, "crop one axis, pad another, odd");
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){3, 6});
    hn_case(c, "one axis");
    hn_case_ints(c, "axes", 1, (int64_t[]){-1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){5});
    hn_case(c, "to nothing");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case(c, "wrong number of sizes");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){2});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_data", HN_T_ALL, 'T', false}, {"shape", HN_T_I32I64, 0, false}};
static const hn_port out[] = {{"output_data", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axes", HN_ATTR_INTS, false, NULL, "axes that shape is about; default: all"},
    {0},
};
const hn_op hn_op_center_crop_pad = {
    .name = "CenterCropPad",
    .domain = "",
    .since = 18,
    .doc = "y = x cropped or zero-padded evenly on both sides to `shape` along the axes. CenterCropPad([1, 2, 3,"
           " 4], [2]) = [2, 3].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "same",
};
