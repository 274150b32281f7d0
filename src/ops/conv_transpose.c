/* ConvTranspose: the adjoint of a convolution with respect to its input, so the geometry is that of the convolution
 * from Y back to X and the loops are shared with hone.ConvGradInput. */
#include "ops/lib_conv.h"

/* Output size and begin pad of one spatial dim. */
static hn_status size_one(hn_env *env, const hn_node *node, hn_window *w, int i, int64_t x, int64_t extra,
                          int64_t wanted)
{
    bool upper = hn_attr_is(node, "auto_pad", "SAME_UPPER");
    bool same = upper || hn_attr_is(node, "auto_pad", "SAME_LOWER");
    w->out[i] = x;
    w->in[i] = -1;
    if (x < 0 || w->k[i] < 0) {
        w->in[i] = wanted;
        return HN_OK;
    }
    if (x > INT64_C(1) << 32) return hn_op_fail(env, node, "spatial dim of %lld elements", (long long)x);
    int64_t full = x == 0 ? 0 : w->s[i] * (x - 1) + extra + (w->k[i] - 1) * w->d[i] + 1;
    if (wanted >= 0 || same) {
        w->in[i] = wanted >= 0 ? wanted : x * w->s[i];
        int64_t total = full > w->in[i] ? full - w->in[i] : 0;
        w->lo[i] = upper ? total / 2 : total - total / 2;
        w->hi[i] = total - w->lo[i];
    } else {
        w->in[i] = full - w->lo[i] - w->hi[i];
    }
    if (w->in[i] < 0)
        return hn_op_fail(env, node, "output of %lld elements along spatial dim %d", (long long)w->in[i], i);
    return HN_OK;
}

/* The convolution from Y to X: cin are the channels of Y. */
static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *x, const int64_t *w, hn_conv *g)
{
    const int64_t *extra, *wanted;
    size_t nextra = hn_attr_ints(node, "output_padding", &extra), nwanted = hn_attr_ints(node, "output_shape", &wanted);
    int64_t group = hn_attr_int(node, "group", 1);
    size_t n = (size_t)rank - 2;
    if (group < 1) return hn_op_fail(env, node, "group is %lld", (long long)group);
    if ((nextra != 0 && nextra != n) || (nwanted != 0 && nwanted != n && nwanted != n + 2)) {
        return hn_op_fail(env, node, "output_padding or output_shape does not have one entry per spatial dim");
    }
    *g = (hn_conv){.batch = x[0], .cin = hn_dim_mul(w[1], group), .group = group};
    HN_TRY(hn_nn_same_dim(env, node, "channels of X and W", x[1], w[0], &g->cout));
    if (g->cout >= 0 && g->cout % group != 0) return hn_op_fail(env, node, "channels cannot be cut into groups");
    HN_TRY(hn_window_attrs(env, node, rank - 2, w + 2, &g->w));
    if (hn_attr_is(node, "auto_pad", "VALID")) {
        for (size_t i = 0; i < n; i++) g->w.lo[i] = g->w.hi[i] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t e = nextra ? extra[i] : 0, want = nwanted ? wanted[i + nwanted - n] : -1;
        if (e < 0 || e > INT64_C(1) << 30 || (nwanted && want < 0))
            return hn_op_fail(env, node, "negative output size");
        HN_TRY(size_one(env, node, &g->w, (int)i, x[2 + i], e, want));
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    bool known, wknown;
    hn_conv g;
    c->out[0].dtype = c->in[0]->dtype;
    HN_TRY(hn_nn_rank(c, 0, 3, HN_MAX_RANK, &known));
    HN_TRY(hn_nn_rank(c, 1, 3, HN_MAX_RANK, &wknown));
    if (!known || !wknown) return HN_OK;
    if (c->in[0]->rank != c->in[1]->rank) return hn_op_fail(c->env, c->node, "X and W differ in rank");
    HN_TRY(read(c->env, c->node, c->in[0]->rank, c->in[0]->dims, c->in[1]->dims, &g));
    const hn_type *b = hn_nn_type(c, 2);
    if (b && b->rank >= 0) {
        HN_TRY(hn_nn_rank(c, 2, 1, 1, &known));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "bias and output channels", b->dims[0], g.cin, NULL));
    }
    c->out[0].rank = c->in[0]->rank;
    c->out[0].dims[0] = g.batch;
    c->out[0].dims[1] = g.cin;
    for (int i = 0; i < g.w.n; i++) c->out[0].dims[2 + i] = g.w.in[i];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *y;
    hn_conv g;
    HN_TRY(read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, &g));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 2, &b));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(g.w.in, g.w.n);
    HN_TRY(hn_nn_new(a, n, &y));
    for (size_t i = 0; b && i < n; i++) y[i] = b[i / plane % (size_t)g.cin];
    hn_conv_run(HN_CONV_INPUT, &g, y, w, x);
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

/* dy without what lies past the last window: padding first, then elements. */
static hn_value *reached(hn_gradargs *g, hn_window *w)
{
    int64_t from[HN_MAX_RANK] = {0}, to[HN_MAX_RANK], axes[HN_MAX_RANK];
    bool cut = false;
    for (int i = 0; i < w->n; i++) {
        int64_t need = (w->out[i] - 1) * w->s[i] + (w->k[i] - 1) * w->d[i] + 1;
        int64_t past = w->in[i] + w->lo[i] + w->hi[i] - need, pad = past < w->hi[i] ? past : w->hi[i];
        if (past > 0 && pad > 0) {
            w->hi[i] -= pad;
            past -= pad;
        }
        if (past > 0) {
            w->in[i] -= past;
            cut = true;
        }
        to[i] = w->in[i];
        axes[i] = i + 2;
    }
    hn_value *in[] = {g->dy[0], hn_rw_ints(g->rw, from, (size_t)w->n), hn_rw_ints(g->rw, to, (size_t)w->n),
                      hn_rw_ints(g->rw, axes, (size_t)w->n)};
    return cut ? hn_rw_op(g->rw, "Slice", 4, in, NULL) : g->dy[0];
}

static hn_status grad(hn_gradargs *g)
{
    const hn_type *x = &g->node->in[0]->type;
    hn_env *env = g->rw->graph->env;
    hn_conv geo;
    if (!g->dy[0]) return HN_OK;
    HN_TRY(read(env, g->node, x->rank, x->dims, g->node->in[1]->type.dims, &geo));
    hn_value *dy = reached(g, &geo.w);
    g->dx[0] = hn_conv_g_forward(g->rw, &geo, dy, g->node->in[1]);
    g->dx[1] = hn_conv_g_weight(g->rw, &geo, g->node->in[0], dy);
    if (hn_node_in(g->node, 2)) g->dx[2] = hn_conv_g_bias(g->rw, g->dy[0]);
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &hn_node_in(n, 1)->type;
    double taps = 1;
    for (int i = 1; i < w->rank; i++) taps *= (double)w->dims[i];
    cost->macs = hn_nn_elems(hn_node_in(n, 0)) * taps;
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "strides", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 10, 100));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 5), HN_VALS(1, 10, 102, 20, 200));
    hn_case(c, "bias, groups, padding");
    hn_case_int(c, "group", 2);
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 3});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 1});
    hn_case_ints(c, "output_padding", 2, (const int64_t[]){1, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(6), -1, 1);
    hn_case(c, "output shape, dilation");
    hn_case_ints(c, "strides", 1, (const int64_t[]){2});
    hn_case_ints(c, "dilations", 1, (const int64_t[]){2});
    hn_case_ints(c, "output_shape", 1, (const int64_t[]){8});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3), -1, 1);
    hn_case(c, "more than the windows reach");
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "output_padding", 2, (const int64_t[]){5, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){0, 1, 2, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3, 2), -1, 1);
    hn_case(c, "same upper");
    hn_case_string(c, "auto_pad", "SAME_UPPER");
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -1, 1);
    hn_case(c, "channels do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"W", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS,
    HN_WINDOW_AUTO,
    {"group", HN_ATTR_INT, false, "1", "number of channel groups"},
    {"output_padding", HN_ATTR_INTS, false, NULL, "elements added at the end of each spatial dim"},
    {"output_shape", HN_ATTR_INTS, false, NULL, "spatial sizes of Y; the padding follows from them"},
    {0}};

const hn_op hn_op_conv_transpose = {
    .name = "ConvTranspose",
    .domain = "",
    .since = 22,
    .doc = "Y[n,m,i] = B[m] + sum of W[c,m,k] X[n,c,o] over all c, o, k with i = o stride - pad + k dilation. "
           "X = [1,2], W = [1,10,100], strides = [2]: Y = [1,10,102,20,200].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "compute",
};
