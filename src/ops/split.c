/* Split: pieces of x along one axis: sizes from input 1, or equal parts (the last may be smaller). */
#include "ops/lib.h"

/* Sizes of n pieces of a dim; a size is -1 where it is unknown. */
static hn_status sizes_of(hn_env *env, const hn_node *node, const hn_tensor *split, bool given, int64_t dim, size_t n,
                          int64_t *sizes)
{
    if (given && !split) {
        for (size_t k = 0; k < n; k++) sizes[k] = -1;
        return HN_OK;
    }
    if (!given) {
        int64_t part = dim < 0 ? -1 : dim / (int64_t)n + (dim % (int64_t)n != 0), left = dim;
        for (size_t k = 0; k < n; k++) {
            sizes[k] = dim < 0 ? -1 : left < part ? left : part;
            left -= sizes[k];
        }
        if (n == 1) sizes[0] = dim;
        return HN_OK;
    }
    int64_t sum = 0;
    if (hn_tensor_elems(split) != n)
        return hn_op_fail(env, node, "%zu sizes for %zu outputs", hn_tensor_elems(split), n);
    for (size_t k = 0; k < n; k++) {
        sizes[k] = hn_get_i64(split, k);
        if (sizes[k] < 0 || !hn_i64_add(sum, sizes[k], &sum))
            return hn_op_fail(env, node, "%lld is no size", (long long)sizes[k]);
    }
    if (dim >= 0 && sum != dim)
        return hn_op_fail(env, node, "the sizes add up to %lld, the axis has %lld", (long long)sum, (long long)dim);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int axis;
    for (size_t k = 0; k < c->nout; k++) c->out[k] = *x;
    if (x->rank < 0) return HN_OK;
    HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", 0), x->rank, &axis));
    bool given = c->nin > 1 && c->in[1];
    int64_t parts = hn_attr_int(c->node, "num_outputs", (int64_t)c->nout);
    if (!given && parts != (int64_t)c->nout)
        return hn_op_fail(c->env, c->node, "num_outputs is %lld, the node has %zu", (long long)parts, c->nout);
    int64_t *sizes = hn_zalloc(c->env, c->nout * sizeof *sizes);
    if (!sizes) return c->env->error.status;
    hn_status st = sizes_of(c->env, c->node, c->data[given ? 1 : 0], given, x->dims[axis], c->nout, sizes);
    for (size_t k = 0; st == HN_OK && k < c->nout; k++) c->out[k].dims[axis] = sizes[k];
    hn_free(c->env, sizes);
    return st;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *split = a->nin > 1 ? a->in[1] : NULL;
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", 0), x->rank, &axis));
    int64_t *sizes = hn_arena_array(a->env, a->scratch, a->nout, sizeof *sizes);
    if (!sizes) return a->env->error.status;
    HN_TRY(sizes_of(a->env, a->node, split, split != NULL, x->dims[axis], a->nout, sizes));
    size_t outer = hn_dims_elems(x->rank, x->dims, 0, axis), inner = hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    size_t at = 0, row = (size_t)x->dims[axis] * inner;
    for (size_t k = 0; k < a->nout; k++) {
        size_t run = (size_t)sizes[k] * inner;
        for (size_t o = 0; a->out[k] && o < outer; o++) hn_elems_copy(a->out[k], o * run, x, o * row + at, run);
        at += run;
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    hn_value *parts[HN_OPS_INTS];
    if (hn_g_skips(g, 0)) return HN_OK;
    if (n->nout > HN_OPS_INTS)
        return hn_op_unsupported(rw->graph->env, n, "the gradient takes up to %d outputs", HN_OPS_INTS);
    hn_type part = n->in[0]->type;
    int64_t sizes[HN_OPS_INTS];
    int axis;
    HN_TRY(hn_op_axis(rw->graph->env, n, hn_attr_int(n, "axis", 0), part.rank, &axis));
    HN_TRY(sizes_of(rw->graph->env, n, hn_node_const(n, 1), hn_node_in(n, 1) != NULL, part.dims[axis], n->nout, sizes));
    for (size_t k = 0; k < n->nout; k++) {
        parts[k] = g->dy[k];
        if (parts[k]) continue;
        part.dims[axis] = n->out[k] ? n->out[k]->type.dims[axis] : sizes[k];
        if (part.dims[axis] < 0)
            return hn_op_unsupported(rw->graph->env, n, "no gradient when sizes are computed and output %zu is unused",
                                     k);
        parts[k] = hn_rw_2(rw, "Expand", hn_g_scalar(rw, n->in[0], 0), hn_rw_ints(rw, part.dims, (size_t)part.rank));
    }
    const hn_rw_attr attrs[] = {HN_A_INT("axis", axis), {0}};
    g->dx[0] = hn_rw_op(rw, "Concat", n->nout, parts, attrs);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_nout(c, 2);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    hn_case_axes(c, 2, (int64_t[]){1, 3});
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(2, 3, 4));
    hn_case(c, "equal parts, the last smaller");
    hn_case_nout(c, 3);
    hn_case_int(c, "axis", -1);
    hn_case_int(c, "num_outputs", 3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 7), -2, 2);
    hn_case(c, "inner axis, an empty piece");
    hn_case_nout(c, 3);
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_axes(c, 3, (int64_t[]){2, 0, 1});
    hn_case(c, "sizes do not add up");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_nout(c, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){1, 2});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"split", HN_T_I64, 0, true}};
static const hn_port out[] = {{"outputs", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "0", "axis to cut"},
    {"num_outputs", HN_ATTR_INT, false, NULL, "equal parts; default: the number of outputs"},
    {0},
};
const hn_op hn_op_split = {
    .name = "Split",
    .domain = "",
    .since = 18,
    .doc = "y_k = consecutive pieces of x along `axis`. Split([1, 2, 3, 4], split [1, 3]) = [1], [2, 3, 4].",
    .flags = HN_OP_VARIADIC_OUT | HN_OP_CUTS,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = hn_shard_off_axis,
    .cases = cases,
    .quant = "same",
};
