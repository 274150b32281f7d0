/* ScatterElements: a copy of data with single elements replaced, or added to and so on, along one axis. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int axis;
    c->out[0] = *x;
    if (hn_scatter_kind(c->node) == HN_SCATTER_WRONG) return hn_op_fail(c->env, c->node, "unknown reduction");
    if (x->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
    for (size_t k = 1; k < 3; k++)
        if (c->in[k]->rank >= 0 && c->in[k]->rank != x->rank)
            return hn_op_fail(c->env, c->node, "input %zu has rank %d, data %d", k, c->in[k]->rank, x->rank);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *index = a->in[1];
    size_t n = hn_tensor_elems(index), at;
    HN_TRY(hn_ref_copy(a));
    if (!hn_tensor_same_shape(index, a->in[2]))
        return hn_op_fail(a->env, a->node, "indices and updates differ in shape");
    hn_walk w;
    hn_walk_init(&w, index->rank, index->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        HN_TRY(hn_op_along(a->env, a->node, x, index, i, w.at, &at));
        HN_TRY(hn_scatter_join(a, a->out[0], at, a->in[2], i, 1));
    }
    return HN_OK;
}

static hn_value *scatter(hn_rw *rw, const hn_node *n, hn_value *x, hn_value *u, const char *reduction)
{
    hn_value *in[] = {x, n->in[1], u};
    const hn_rw_attr attrs[] = {HN_A_INT("axis", hn_attr_int(n, "axis", 0)), HN_A_STR("reduction", reduction), {0}};
    return hn_rw_op(rw, "ScatterElements", 3, in, attrs);
}

static hn_value *gather(hn_rw *rw, const hn_node *n, hn_value *x)
{
    hn_value *in[] = {x, n->in[1]};
    const hn_rw_attr attrs[] = {HN_A_INT("axis", hn_attr_int(n, "axis", 0)), {0}};
    return hn_rw_op(rw, "GatherElements", 2, in, attrs);
}

static hn_status grad(hn_gradargs *g)
{
    static const hn_scatter_ops ops = {scatter, gather};
    return hn_scatter_grad(g, &ops);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){0, 2});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(9, 8));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(9, 2, 8));
    hn_case(c, "inner axis, negative");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){-1, 0, 2, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case(c, "add, the same place twice");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "add");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(3), (int64_t[]){1, 1, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case(c, "mul and min");
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "mul");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){1, 1});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(4, 5));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 60));
    hn_case(c, "products with zeros");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "mul");
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(2, 0, -3, 1.5));
    hn_case_in_i64(c, HN_DIMS(7), (int64_t[]){0, 0, 1, 2, 2, 2, 1});
    hn_case_in(c, HN_F32, HN_DIMS(7), HN_VALS(4, 0, 3, 0, 5, 0, -2));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 0, 0, 1.5));
    hn_case(c, "the smallest");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "min");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 3), (int64_t[]){1, 1, 0, 0, 1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "nothing to write");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case(c, "shapes differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){0});
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"data", HN_T_ALL, 'T', false}, {"indices", HN_T_I32I64, 0, false}, {"updates", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis the indices are along"},
    {"reduction", HN_ATTR_STRING, false, "none", "none, add, mul, max or min"},
    {0},
};
const hn_op hn_op_scatter_elements = {
    .name = "ScatterElements",
    .domain = "",
    .since = 18,
    .doc = "y = data; y[indices[i, j], j] = updates[i, j] for axis 0, and so on; or joined by the reduction. "
           "ScatterElements([1, 2, 3], [0, 2], [9, 8]) = [9, 2, 8].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
