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

/* Slices go back to where they came from. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    bool flat = !hn_node_attr(n, "axis");
    int axis = 0;
    if (hn_g_skips(g, 0) || !g->dy[0]) return HN_OK;
    hn_type to = n->in[0]->type;
    if (flat)
        to = hn_type_tensor(to.dtype, 1, (const int64_t[]){hn_type_elems(&n->in[0]->type)});
    else
        HN_TRY(hn_op_axis(rw->graph->env, n, hn_attr_int(n, "axis", 0), to.rank, &axis));
    const int64_t zero[] = {0}, end[] = {to.dims[axis]}, all[] = {-1};
    hn_value *condition = hn_rw_3(rw, "Slice", n->in[1], hn_rw_ints(rw, zero, 1), hn_rw_ints(rw, end, 1));
    hn_value *index = hn_rw_reshape(rw, hn_rw_1(rw, "NonZero", condition), 1, all);
    hn_value *dx = hn_g_scatter_axis(rw, g->dy[0], index, axis, &to);
    g->dx[0] = flat ? hn_g_like(rw, dx, n->in[0]) : dx;
    return hn_rw_status(rw);
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
    hn_case_const(c);
    hn_case(c, "the last axis, long condition");
    hn_case_int(c, "axis", -1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in(c, HN_BOOL, HN_DIMS(5), HN_VALS(1, 0, 1, 1, 1));
    hn_case_const(c);
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
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
