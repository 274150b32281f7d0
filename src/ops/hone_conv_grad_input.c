/* hone.ConvGradInput: the adjoint of Conv with respect to its input. Bilinear, so that its own gradients are
 * convolutions. */
#include "ops/lib_conv.h"

/* x dims from dY, W and the attribute input_shape; HN_INPUT when dY does not have the shape that Conv would give. */
static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *dy, const int64_t *w, hn_conv *g,
                      int64_t *x)
{
    const int64_t *spatial;
    size_t n = hn_attr_ints(node, "input_shape", &spatial);
    if (rank < 3 || n != (size_t)rank - 2)
        return hn_op_fail(env, node, "input_shape has %zu entries, %d needed", n, rank - 2);
    x[0] = dy[0];
    x[1] = w[1] < 0 ? -1 : hn_dim_mul(w[1], hn_attr_int(node, "group", 1));
    for (size_t i = 0; i < n; i++) x[2 + i] = spatial[i];
    HN_TRY(hn_conv_read(env, node, rank, x, w, false, g));
    HN_TRY(hn_nn_same_dim(env, node, "channels of dY and W", dy[1], g->cout, NULL));
    for (int i = 0; i < rank - 2; i++) HN_TRY(hn_nn_same_dim(env, node, "dims of dY", dy[2 + i], g->w.out[i], NULL));
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_conv g;
    c->out[0].dtype = c->in[0]->dtype;
    if (c->in[0]->rank < 0 || c->in[1]->rank < 0) return HN_OK;
    if (c->in[0]->rank != c->in[1]->rank) return hn_op_fail(c->env, c->node, "dY and W differ in rank");
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
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &x));
    hn_conv_run(HN_CONV_INPUT, &g, x, w, dy);
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    hn_value *dy = g->node->in[0], *w = g->node->in[1];
    int64_t dims[HN_MAX_RANK];
    hn_conv geo;
    if (!g->dy[0]) return HN_OK;
    HN_TRY(read(g->rw->graph->env, g->node, dy->type.rank, dy->type.dims, w->type.dims, &geo, dims));
    g->dx[0] = hn_conv_g_forward(g->rw, &geo, g->dy[0], w);
    g->dx[1] = hn_conv_g_weight(g->rw, &geo, dy, g->dy[0]);
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
    hn_case_ints(c, "input_shape", 2, (const int64_t[]){3, 3});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(1, 1, 1, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3, 3), HN_VALS(1, 3, 2, 4, 10, 6, 3, 7, 4));
    hn_case(c, "stride, padding, groups");
    hn_case_int(c, "group", 2);
    hn_case_ints(c, "input_shape", 2, (const int64_t[]){5, 4});
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3, 3, 2), -1, 1);
    hn_case(c, "no convolution gives this shape");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){9});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}, {"W", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS,
    {"group", HN_ATTR_INT, false, "1", "number of channel groups"},
    {"input_shape", HN_ATTR_INTS, true, NULL, "spatial sizes of the convolution's input"},
    {0}};

const hn_op hn_op_hone_conv_grad_input = {
    .name = "ConvGradInput",
    .domain = "hone",
    .since = 1,
    .doc = "dX[n,c,i] = sum of W[m,c,k] dY[n,m,o] over all m, o, k with i = o stride - pad + k dilation. "
           "dY = [[1,2],[3,4]], W = [[1,1],[1,1]], input_shape = [3,3]: dX = [[1,3,2],[4,10,6],[3,7,4]].",
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
