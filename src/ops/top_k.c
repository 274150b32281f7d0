/* TopK: the k largest (or smallest) elements along one axis and where they were; equal elements in order of index. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int axis;
    int64_t k = -1;
    for (size_t i = 0; i < c->nout; i++) c->out[i] = *x;
    if (c->nout > 1) c->out[1].dtype = HN_I64;
    if (x->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), x->rank, &axis));
    if (c->data[1]) {
        if (hn_tensor_elems(c->data[1]) != 1) return hn_op_fail(c->env, c->node, "k must be one number");
        k = hn_get_i64(c->data[1], 0);
        if (k < 0 || (x->dims[axis] >= 0 && k > x->dims[axis]))
            return hn_op_fail(c->env, c->node, "k is %lld, the axis has %lld", (long long)k, (long long)x->dims[axis]);
    }
    for (size_t i = 0; i < c->nout; i++) c->out[i].dims[axis] = k;
    return HN_OK;
}

typedef struct order {
    const hn_tensor *x;
    size_t base, step;
    int sign; /* 1: rising */
} order;

static bool before(const order *o, size_t i, size_t j)
{
    int r = hn_elem_compare(o->x, o->base + i * o->step, o->x, o->base + j * o->step) * o->sign;
    return r < 0 || (r == 0 && i < j);
}

/* Heap sort of indices: nothing is allocated, and no case is slow. */
static void sift(const order *o, size_t *v, size_t i, size_t n)
{
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(o, v[child], v[child + 1])) child++;
        if (!before(o, v[i], v[child])) return;
        size_t t = v[i];
        v[i] = v[child];
        v[child] = t;
    }
}

static void sort(const order *o, size_t *v, size_t n)
{
    for (size_t i = n / 2; i-- > 0;) sift(o, v, i, n);
    for (size_t m = n; m-- > 1;) {
        size_t t = v[0];
        v[0] = v[m];
        v[m] = t;
        sift(o, v, 0, m);
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *at = a->nout > 1 ? a->out[1] : NULL, *values = a->out[0];
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), x->rank, &axis));
    size_t dim = (size_t)x->dims[axis], k = (size_t)hn_get_i64(a->in[1], 0);
    size_t inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank), lines = dim ? hn_tensor_elems(x) / dim : 0;
    size_t *v = hn_arena_array(a->env, a->scratch, dim, sizeof *v);
    if (!v) return a->env->error.status;
    for (size_t l = 0; l < lines; l++) {
        size_t to = l / inner * inner * k + l % inner;
        order o = {x, l / inner * inner * dim + l % inner, inner, hn_attr_int(a->node, "largest", 1) ? -1 : 1};
        for (size_t i = 0; i < dim; i++) v[i] = i;
        sort(&o, v, dim);
        for (size_t i = 0; i < k; i++) {
            if (values) hn_elem_copy(values, to + i * inner, x, o.base + v[i] * inner);
            if (at) hn_set_i64(at, to + i * inner, (int64_t)v[i]);
        }
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    if (hn_g_skips(g, 0) || !g->dy[0]) return HN_OK;
    hn_value *at = hn_node_out(n, 1);
    if (!at) {
        const hn_rw_attr same[] = {
            HN_A_INT("axis", hn_attr_int(n, "axis", -1)), HN_A_INT("largest", hn_attr_int(n, "largest", 1)), {0}};
        hn_node *again = hn_rw_node(rw, "TopK", 2, n->in, 2, same);
        if (!again) return hn_rw_status(rw);
        at = again->out[1];
    }
    hn_value *in[] = {hn_g_zeros(rw, n->in[0]), at, g->dy[0]};
    const hn_rw_attr attrs[] = {HN_A_INT("axis", hn_attr_int(n, "axis", -1)), HN_A_STR("reduction", "add"), {0}};
    g->dx[0] = hn_rw_op(rw, "ScatterElements", 3, in, attrs);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(3, 1, 4));
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(4, 3));
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(2, 0));
    hn_case(c, "smallest, equal elements");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_int(c, "largest", 0);
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(2, 1, 2, 1, 0));
    hn_case_axes(c, 1, (int64_t[]){4});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 1, 1, 2));
    hn_case_want(c, HN_I64, HN_DIMS(4), HN_VALS(4, 1, 3, 0));
    hn_case(c, "values alone");
    hn_case_nout(c, 1);
    hn_case_int(c, "largest", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 5), -9, 9);
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case(c, "inner axis");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 5, 2), -9, 9);
    hn_case_axes(c, 1, (int64_t[]){3});
    hn_case(c, "none");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -9, 9);
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case(c, "more than there are");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -9, 9);
    hn_case_axes(c, 1, (int64_t[]){4});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_NUM, 'T', false}, {"K", HN_T_I64, 0, false}};
static const hn_port out[] = {{"Values", HN_T_NUM, 'T', true}, {"Indices", HN_T_I64, 0, true}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "-1", "axis to sort"},
    {"largest", HN_ATTR_INT, false, "1", "0: the smallest"},
    {"sorted", HN_ATTR_INT, false, "1", "ignored: the result is always sorted"},
    {0},
};
const hn_op hn_op_top_k = {
    .name = "TopK",
    .domain = "",
    .since = 24,
    .doc = "values, indices = the k first elements along `axis` in falling (largest 0: rising) order. TopK([3, "
           "1, 4], k 2) = [4, 3], [2, 0].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
