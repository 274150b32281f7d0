/* MaxUnpool: puts each value where MaxPool took it from; zeros elsewhere. */
#include "ops/lib_window.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *shape = hn_nn_type(c, 2);
    const hn_tensor *given = 2 < c->nin ? c->data[2] : NULL;
    hn_window w;
    bool known;
    c->out[0].dtype = x->dtype;
    HN_TRY(hn_nn_rank(c, 0, 3, HN_MAX_RANK, &known));
    if (!known) return HN_OK;
    c->out[0].rank = x->rank;
    HN_TRY(hn_window_attrs(c->env, c->node, x->rank - 2, NULL, &w));
    if (given && hn_tensor_elems(given) != (size_t)x->rank)
        return hn_op_fail(c->env, c->node, "output_shape does not fit");
    for (int i = 0; i < x->rank; i++) {
        int64_t d = i < 2 ? x->dims[i] : -1;
        if (given)
            d = hn_get_i64(given, (size_t)i);
        else if (shape)
            d = i < 2 ? d : -1;
        else if (i >= 2 && x->dims[i] >= 0 && x->dims[i] < INT64_C(1) << 31) {
            d = (x->dims[i] - 1) * w.s[i - 2] - w.lo[i - 2] - w.hi[i - 2] + w.k[i - 2];
        }
        /* The first two dims may be symbols, which are below -1. */
        if ((i >= 2 && d < -1) || (given && d < 0))
            return hn_op_fail(c->env, c->node, "an output dim of %lld", (long long)d);
        c->out[0].dims[i] = d;
    }
    return HN_OK;
}

/* The shape that indices count in, whatever output_shape says: that of the attributes. */
static hn_status natural(hn_env *env, const hn_node *node, int rank, const int64_t *x, int64_t *dims)
{
    hn_window w;
    HN_TRY(hn_window_attrs(env, node, rank - 2, NULL, &w));
    dims[0] = x[0];
    dims[1] = x[1];
    for (int i = 2; i < rank; i++) {
        dims[i] = (x[i] - 1) * w.s[i - 2] - w.lo[i - 2] - w.hi[i - 2] + w.k[i - 2];
        if (dims[i] < 0) return hn_op_fail(env, node, "the pads leave nothing");
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    size_t n = hn_tensor_elems(x);
    int64_t dims[HN_MAX_RANK];
    if (hn_tensor_elems(a->in[1]) != n) return hn_op_fail(a->env, a->node, "indices and values differ in size");
    HN_TRY(natural(a->env, a->node, x->rank, x->dims, dims));
    for (size_t i = 0; i < n; i++) {
        int64_t rest = hn_get_i64(a->in[1], i), at = 0, stride = 1;
        bool fits = rest >= 0;
        for (int d = x->rank - 1; d >= 0 && fits; d--) {
            int64_t p = dims[d] ? rest % dims[d] : 0;
            rest = dims[d] ? rest / dims[d] : 1;
            fits = p < y->dims[d];
            at += p * stride;
            stride *= y->dims[d];
        }
        if (!fits || rest != 0) {
            return hn_op_fail(a->env, a->node, "index %lld is outside", (long long)hn_get_i64(a->in[1], i));
        }
        hn_set_f64(y, (size_t)at, hn_get_f64(x, i));
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    static const int64_t start[HN_MAX_RANK] = {0};
    int64_t flat = -1, dims[HN_MAX_RANK];
    const hn_type *x = &g->node->in[0]->type;
    hn_value *dy = g->dy[0];
    if (!dy) return HN_OK;
    HN_TRY(natural(g->rw->graph->env, g->node, x->rank, x->dims, dims));
    hn_value *in[] = {dy, hn_rw_ints(g->rw, start, (size_t)x->rank), hn_rw_ints(g->rw, dims, (size_t)x->rank)};
    dy = hn_rw_op(g->rw, "Slice", 3, in, NULL);
    /* Nothing was put where the output is cut: zeros give the indices their meaning back. */
    int64_t pads[2 * HN_MAX_RANK] = {0};
    bool less = false;
    for (int d = 0; dy && d < x->rank; d++) {
        pads[x->rank + d] = dims[d] - dy->type.dims[d];
        less = less || pads[x->rank + d] > 0;
    }
    if (less) dy = hn_rw_2(g->rw, "Pad", dy, hn_rw_ints(g->rw, pads, 2 * (size_t)x->rank));
    g->dx[0] = hn_rw_2(g->rw, "Gather", hn_rw_reshape(g->rw, dy, 1, &flat), g->node->in[1]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_ints(c, "strides", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(5, 8));
    hn_case_in_i64(c, HN_DIMS(1, 1, 2), (const int64_t[]){1, 2});
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 4), HN_VALS(0, 5, 8, 0));
    hn_case(c, "output shape");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1, 1, 2, 2), (const int64_t[]){5, 7, 13, 15});
    hn_case_axes(c, 4, (const int64_t[]){1, 1, 5, 5});
    hn_case(c, "smaller in one dim, larger in the other");
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1, 1, 2, 2), (const int64_t[]){5, 6, 8, 10});
    hn_case_axes(c, 4, (const int64_t[]){1, 1, 3, 5});
    hn_case(c, "an index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1, 1, 2), (const int64_t[]){1, 9});
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"I", HN_T_I64, 0, false}, {"output_shape", HN_T_I64, 0, true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"kernel_shape", HN_ATTR_INTS, true, NULL, "window of the pooling"},
    {"strides", HN_ATTR_INTS, false, NULL, "default 1"},
    {"pads", HN_ATTR_INTS, false, NULL, "begin of each spatial dim, then end of each; default 0"},
    {0}};

const hn_op hn_op_max_unpool = {
    .name = "MaxUnpool",
    .domain = "",
    .since = 22,
    .doc = "output = 0, then output[I[k]] = X[k]; indices are flat in the shape whose spatial dims are (X - 1) stride "
           "+ kernel "
           "- pads, which output_shape may extend. X = [5,8], I = [1,2], kernel and stride 2: [0,5,8,0].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
