/* ScatterND: a copy of data with slices replaced, or added to and so on, at index tuples. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *index = c->in[1];
    c->out[0] = *x;
    if (hn_scatter_kind(c->node) == HN_SCATTER_WRONG) return hn_op_fail(c->env, c->node, "unknown reduction");
    if (x->rank < 0 || index->rank < 0) return HN_OK;
    if (index->rank == 0) return hn_op_fail(c->env, c->node, "indices must have at least one axis");
    if (index->dims[index->rank - 1] > x->rank)
        return hn_op_fail(c->env, c->node, "index tuples of %lld for rank %d", (long long)index->dims[index->rank - 1],
                          x->rank);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *index = a->in[1], *updates = a->in[2], *y = a->out[0];
    HN_TRY(hn_ref_copy(a));
    int tuple = (int)index->dims[index->rank - 1];
    size_t count = hn_dims_elems(index->rank, index->dims, 0, index->rank - 1);
    size_t run = hn_dims_elems(x->rank, x->dims, tuple, x->rank);
    if (hn_tensor_elems(updates) != count * run)
        return hn_op_fail(a->env, a->node, "%zu updates where the indices need %zu", hn_tensor_elems(updates),
                          count * run);
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        HN_TRY(hn_op_tuple(a->env, a->node, index, k * (size_t)tuple, tuple, x->dims, &at));
        HN_TRY(hn_scatter_join(a, y, at * run, updates, k * run, run));
    }
    return HN_OK;
}

static hn_value *scatter(hn_rw *rw, const hn_node *n, hn_value *x, hn_value *u, const char *reduction)
{
    hn_value *in[] = {x, n->in[1], u};
    const hn_rw_attr attrs[] = {HN_A_STR("reduction", reduction), {0}};
    return hn_rw_op(rw, "ScatterND", 3, in, attrs);
}

static hn_value *gather(hn_rw *rw, const hn_node *n, hn_value *x)
{
    return hn_g_like(rw, hn_rw_2(rw, "GatherND", x, n->in[1]), n->in[2]);
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
    hn_case_in_i64(c, HN_DIMS(2, 1), (int64_t[]){0, 2});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(9, 8));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(9, 2, 8));
    hn_case(c, "slices, negative index");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 1), (int64_t[]){-1, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case(c, "add, the same place twice");
    hn_case_string(c, "reduction", "add");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(3, 2), (int64_t[]){0, 1, 0, 1, 1, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case(c, "product");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "mul");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), 0.5, 2);
    hn_case_in_i64(c, HN_DIMS(3, 1), (int64_t[]){2, 0, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, -0.5);
    hn_case(c, "largest of several");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "max");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(3, 1), (int64_t[]){2, 0, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case(c, "max");
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_ONE_TYPE);
    hn_case_string(c, "reduction", "max");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 5));
    hn_case_in_i64(c, HN_DIMS(2, 1), (int64_t[]){0, 1});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(3, 5));
    hn_case(c, "nothing to write");
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(0, 1), NULL);
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case(c, "index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1, 1), (int64_t[]){3});
    hn_case_rand(c, HN_F32, HN_DIMS(1), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"data", HN_T_ALL, 'T', false}, {"indices", HN_T_I64, 0, false}, {"updates", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"reduction", HN_ATTR_STRING, false, "none", "none, add, mul, max or min"},
    {0},
};
const hn_op hn_op_scatter_nd = {
    .name = "ScatterND",
    .domain = "",
    .since = 18,
    .doc = "y = data; for each tuple i in the last axis of indices, y[i] = updates[i], or y[i] (add, mul, max, "
           "min)= updates[i]. ScatterND([1, 2, 3], [[0], [2]], [9, 8]) = [9, 2, 8].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
