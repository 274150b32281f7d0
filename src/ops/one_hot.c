/* OneHot: for each index a row of off values with one on value. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *index = c->in[0];
    hn_type *y = &c->out[0];
    int axis;
    y->dtype = c->in[2]->dtype;
    if (c->in[2]->rank >= 0 && (c->in[2]->rank != 1 || (c->in[2]->dims[0] >= 0 && c->in[2]->dims[0] != 2)))
        return hn_op_fail(c->env, c->node, "values must be [off, on]");
    if (index->rank < 0) return HN_OK;
    if (index->rank + 1 > HN_MAX_RANK) return hn_op_fail(c->env, c->node, "more than %d axes", HN_MAX_RANK);
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), index->rank + 1, &axis));
    y->rank = index->rank + 1;
    for (int d = 0, from = 0; d < y->rank; d++) y->dims[d] = d == axis ? -1 : index->dims[from++];
    if (!c->data[1]) return HN_OK;
    if (hn_tensor_elems(c->data[1]) != 1 || hn_get_i64(c->data[1], 0) < 0)
        return hn_op_fail(c->env, c->node, "depth must be one size");
    y->dims[axis] = hn_get_i64(c->data[1], 0);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *index = a->in[0], *values = a->in[2], *y = a->out[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), y->rank, &axis));
    size_t inner = hn_dims_elems(y->rank, y->dims, axis + 1, y->rank), n = hn_tensor_elems(y);
    int64_t depth = y->dims[axis];
    for (size_t i = 0; i < n; i++) {
        size_t outer = i / (inner * (size_t)depth);
        int64_t j = (int64_t)(i / inner % (size_t)depth), k = hn_get_i64(index, outer * inner + i % inner);
        if (k < 0) k += depth;
        hn_elem_copy(y, i, values, j == k ? 1 : 0);
    }
    return HN_OK;
}

/* y = off + (on - off) * hot: off gets the sum of dy without, on the sum with hot. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    const hn_node *n = g->node;
    hn_tensor *t;
    if (hn_g_skips(g, 2)) return HN_OK;
    hn_value *unit = hn_rw_const_new(rw, g->dy[0]->type.dtype, 1, (int64_t[]){2}, &t);
    if (!unit) return hn_rw_status(rw);
    hn_set_f64(t, 1, 1);
    hn_value *in[] = {n->in[0], n->in[1], unit};
    const hn_rw_attr axis[] = {HN_A_INT("axis", hn_attr_int(n, "axis", -1)), {0}};
    hn_value *hot = hn_rw_op(rw, "OneHot", 3, in, axis);
    hn_value *all = hn_rw_op(rw, "ReduceSum", 1, g->dy, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
    hn_value *product = hn_g_mul(rw, g->dy[0], hot);
    hn_value *on = hn_rw_op(rw, "ReduceSum", 1, &product, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
    hn_value *both[] = {hn_rw_reshape(rw, hn_g_sub(rw, all, on), 1, (int64_t[]){1}),
                        hn_rw_reshape(rw, on, 1, (int64_t[]){1})};
    g->dx[2] = hn_rw_op(rw, "Concat", 2, both, (const hn_rw_attr[]){HN_A_INT("axis", 0), {0}});
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){3});
    hn_case_const(c);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 3), HN_VALS(0, 5, 0));
    hn_case(c, "axis 0, negative and outside");
    hn_case_int(c, "axis", 0);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){0, -1, 7, 1});
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){3});
    hn_case_const(c);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(-1, 2));
    hn_case(c, "empty");
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){2});
    hn_case_const(c);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 1));
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"indices", HN_T_NUM, 'A', false}, {"depth", HN_T_NUM, 'B', false}, {"values", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "-1", "where the new axis goes"},
    {0},
};
const hn_op hn_op_one_hot = {
    .name = "OneHot",
    .domain = "",
    .since = 28,
    .doc = "y[..., j, ...] = on where j = index (negative: from the end), else off; values = [off, on], the new "
           "axis at `axis`. OneHot([1], 3, [0, 5]) = [[0, 5, 0]].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
