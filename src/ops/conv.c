/* Conv: the direct sum, with double accumulators. Its gradients are two bilinear rows of our own domain. */
#include "ops/lib_conv.h"

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    return hn_conv_infer(c, 0, 1, 2);
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *y;
    hn_conv g;
    HN_TRY(hn_conv_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, false, &g));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 2, &b));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(g.w.out, g.w.n);
    HN_TRY(hn_nn_new(a, n, &y));
    for (size_t i = 0; b && i < n; i++) y[i] = b[i / plane % (size_t)g.cout];
    hn_conv_run(HN_CONV_FORWARD, &g, x, w, y);
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_value *x = g->node->in[0], *w = g->node->in[1];
    hn_conv geo;
    if (!g->dy[0]) return HN_OK;
    HN_TRY(hn_conv_read(g->rw->graph->env, g->node, x->type.rank, x->type.dims, w->type.dims, false, &geo));
    g->dx[0] = hn_conv_g_input(g->rw, &geo, g->dy[0], g->node->in[1]);
    g->dx[1] = hn_conv_g_weight(g->rw, &geo, g->dy[0], g->node->in[0]);
    if (hn_node_in(g->node, 2)) g->dx[2] = hn_conv_g_bias(g->rw, g->dy[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3, 3), HN_VALS(1, 2, 3, 4, 5, 6, 7, 8, 9));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(1, 1, 1, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2, 2), HN_VALS(12, 16, 24, 28));
    hn_case(c, "bias, stride, padding");
    hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 1, 2});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -1, 1);
    hn_case(c, "no pixels");
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 0, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3, 3, 3), -1, 1);
    hn_case(c, "depthwise, dilated, same upper");
    hn_case_int(c, "group", 3);
    hn_case_ints(c, "dilations", 2, (const int64_t[]){2, 1});
    hn_case_string(c, "auto_pad", "SAME_UPPER");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 6, 5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(6, 1, 3, 2), -1, 1);
    hn_case(c, "one dim, same lower, stride 2");
    hn_case_string(c, "auto_pad", "SAME_LOWER");
    hn_case_ints(c, "strides", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 7), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 4), -1, 1);
    hn_case(c, "three dims, two groups");
    hn_case_int(c, "group", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 3, 4, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2, 3, 1), -1, 1);
    hn_case(c, "pointwise");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 5, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 5, 1, 1), -1, 1);
    hn_case(c, "empty batch");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case(c, "channels do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 2, 2), -1, 1);
    hn_case(c, "window larger than the image");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"W", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS, HN_WINDOW_AUTO, {"group", HN_ATTR_INT, false, "1", "number of channel groups"}, {0}};

const hn_op hn_op_conv = {
    .name = "Conv",
    .domain = "",
    .since = 22,
    .doc = "Y[n,m,o] = B[m] + sum over c,k of W[m,c,k] X[n, g(m) C/group + c, o stride - pad + k dilation], zero "
           "outside X. "
           "X = [[1,2,3],[4,5,6],[7,8,9]], W = [[1,1],[1,1]]: Y = [[12,16],[24,28]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_conv_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "compute",
};
