/* hone.ConvGradWeight: the adjoint of Conv with respect to its weights. Bilinear, so that its own gradients are
 * convolutions. */
#include "ops/lib_conv.h"

/* w dims from dY, X and the attribute kernel_shape; HN_INPUT when dY does not have the shape that Conv would give. */
static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *dy, const int64_t *x, hn_conv *g,
                      int64_t *w)
{
    const int64_t *k, group = hn_attr_int(node, "group", 1);
    size_t n = hn_attr_ints(node, "kernel_shape", &k);
    if (rank < 3 || n != (size_t)rank - 2)
        return hn_op_fail(env, node, "kernel_shape has %zu entries, %d needed", n, rank - 2);
    if (group < 1 || (x[1] >= 0 && x[1] % group != 0)) {
        return hn_op_fail(env, node, "%lld channels cannot be cut into %lld groups", (long long)x[1], (long long)group);
    }
    w[0] = dy[1];
    w[1] = x[1] < 0 ? -1 : x[1] / group;
    for (size_t i = 0; i < n; i++) w[2 + i] = k[i];
    HN_TRY(hn_conv_read(env, node, rank, x, w, false, g));
    HN_TRY(hn_nn_same_dim(env, node, "batch of dY and X", dy[0], x[0], NULL));
    for (int i = 0; i < rank - 2; i++) HN_TRY(hn_nn_same_dim(env, node, "dims of dY", dy[2 + i], g->w.out[i], NULL));
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_conv g;
    c->out[0].dtype = c->in[0]->dtype;
    if (c->in[0]->rank < 0 || c->in[1]->rank < 0) return HN_OK;
    if (c->in[0]->rank != c->in[1]->rank) return hn_op_fail(c->env, c->node, "dY and X differ in rank");
    c->out[0].rank = c->in[0]->rank;
    return read(c->env, c->node, c->in[0]->rank, c->in[0]->dims, c->in[1]->dims, &g, c->out[0].dims);
}

static hn_status ref(const hn_refargs *a)
{
    double *dy, *w, *x;
    int64_t dims[HN_MAX_RANK];
    hn_conv g;
    HN_TRY(read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, &g, dims));
    HN_TRY(hn_nn_load(a, 0, &dy));
    HN_TRY(hn_nn_load(a, 1, &x));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &w));
    hn_conv_run(HN_CONV_WEIGHT, &g, x, w, dy);
    hn_nn_store(a->out[0], w);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_value *dy = g->node->in[0], *x = g->node->in[1];
    int64_t dims[HN_MAX_RANK];
    hn_conv geo;
    if (!g->dy[0]) return HN_OK;
    HN_TRY(read(g->rw->graph->env, g->node, dy->type.rank, dy->type.dims, x->type.dims, &geo, dims));
    g->dx[0] = hn_conv_g_forward(g->rw, &geo, x, g->dy[0]);
    g->dx[1] = hn_conv_g_input(g->rw, &geo, dy, g->dy[0]);
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &n->out[0]->type;
    double taps = 1;
    for (int i = 1; i < w->rank; i++) taps *= (double)w->dims[i];
    cost->macs = hn_nn_elems(hn_node_in(n, 0)) * taps;
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(1, 10));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 2, 3));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(21, 32));
    hn_case(c, "stride, padding, groups");
    hn_case_int(c, "group", 2);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){3, 2});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 6, 5, 4), -1, 1);
    hn_case(c, "no convolution gives this shape");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){4});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 5), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}, {"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dW", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS, {"group", HN_ATTR_INT, false, "1", "number of channel groups"}, {0}};

const hn_op hn_op_hone_conv_grad_weight = {
    .name = "ConvGradWeight",
    .domain = "hone",
    .since = 1,
    .doc = "dW[m,c,k] = sum over n, o of X[n, g(m) C/group + c, o stride - pad + k dilation] dY[n,m,o]. "
           "dY = [1,10], X = [1,2,3], kernel_shape = [2]: dW = [21,32].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
