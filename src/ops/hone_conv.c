/* hone.Conv: Conv with explicit padding, a layout, an activation and a residual input: what the fusion passes make. */
#include "ops/lib_act.h"
#include "ops/lib_conv.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *r = hn_nn_type(c, 3);
    hn_act act;
    c->out[0].dtype = c->in[0]->dtype;
    HN_TRY(hn_act_read(c->env, c->node, &act));
    HN_TRY(hn_conv_infer(c, 0, 1, 2));
    if (!r || r->rank < 0 || c->out[0].rank < 0) return HN_OK;
    if (r->rank != c->out[0].rank) return hn_op_fail(c->env, c->node, "R has rank %d, Y %d", r->rank, c->out[0].rank);
    for (int i = 0; i < r->rank; i++) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of R and Y", r->dims[i], c->out[0].dims[i], &c->out[0].dims[i]));
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *r, *y, *first;
    bool nhwc = hn_attr_int(a->node, "layout", 0) == 1, in_nhwc = hn_attr_int(a->node, "in_layout", nhwc) == 1;
    bool act_first = hn_attr_int(a->node, "act_first", 0) != 0;
    hn_conv g;
    hn_act act;
    HN_TRY(hn_act_read(a->env, a->node, &act));
    HN_TRY(hn_conv_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, a->in[1]->dims, in_nhwc, &g));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 2, &b));
    HN_TRY(hn_nn_load(a, 3, &r));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(g.w.out, g.w.n), m = (size_t)g.cout;
    if (in_nhwc) {
        HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[0]), &first));
        hn_conv_swap_layout(x, first, (size_t)g.batch, (size_t)g.cin, hn_window_elems(g.w.in, g.w.n), true);
        x = first;
    }
    HN_TRY(hn_nn_new(a, n, &y));
    hn_conv_run(HN_CONV_FORWARD, &g, x, w, y);
    if (nhwc) {
        HN_TRY(hn_nn_new(a, n, &first));
        hn_conv_swap_layout(y, first, (size_t)g.batch, m, plane, false);
        y = first;
    }
    for (size_t i = 0; i < n; i++) {
        double v = y[i] + (b ? b[nhwc ? i % m : i / plane % m] : 0);
        if (r && !act_first) v += r[i];
        v = act.fn(v, act.alpha, act.beta);
        if (r && act_first) v += r[i];
        y[i] = v;
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    static const char *const acts[] = {"",          "Relu", "LeakyRelu", "Sigmoid",  "Tanh", "HardSigmoid",
                                       "HardSwish", "Silu", "Gelu",      "GeluTanh", "Elu"};
    hn_case(c, "example");
    hn_case_string(c, "act", "Relu");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(-4));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(0, 1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(0, 2));
    for (size_t i = 0; i < HN_COUNT(acts); i++) {
        hn_case(c, acts[i][0] ? acts[i] : "no activation");
        hn_case_string(c, "act", acts[i]);
        hn_case_float(c, "act_alpha", 0.2);
        hn_case_float(c, "act_beta", 0.4);
        hn_case_ints(c, "strides", 2, (const int64_t[]){2, 1});
        hn_case_ints(c, "pads", 4, (const int64_t[]){1, 0, 0, 1});
        hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 5, 4), -1, 1);
        hn_case_rand(c, HN_F32, HN_DIMS(4, 3, 3, 2), -1, 1);
        hn_case_rand(c, HN_F32, HN_DIMS(4), -1, 1);
    }
    hn_case(c, "channels last, clip, residual after it");
    hn_case_int(c, "layout", 1);
    hn_case_int(c, "group", 2);
    hn_case_string(c, "act", "Clip");
    hn_case_float(c, "act_alpha", -0.25);
    hn_case_float(c, "act_beta", 0.5);
    hn_case_int(c, "act_first", 1);
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 3, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(6, 2, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(6), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 3, 6), -1, 1);
    hn_case(c, "channels first in, channels last out");
    hn_case_int(c, "layout", 1);
    hn_case_int(c, "in_layout", 0);
    hn_case_string(c, "act", "Relu");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 5, 4), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2, 2), -1, 1);
    hn_case(c, "channels last, depthwise");
    hn_case_int(c, "layout", 1);
    hn_case_int(c, "group", 5);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4, 4, 5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 1, 3, 3), -1, 1);
    hn_case(c, "unknown activation");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "act", "Relu7");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"W", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', true},
                             {"R", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    HN_WINDOW_ATTRS,
    {"group", HN_ATTR_INT, false, "1", "number of channel groups"},
    {"layout", HN_ATTR_INT, false, "0",
     "of X, R and Y: 0 channels first, 1 channels last; W is always [M, C/group, k...]"},
    {"in_layout", HN_ATTR_INT, false, NULL, "of X alone; default: layout"},
    HN_ACT_ATTRS,
    {0}};

const hn_op hn_op_hone_conv = {
    .name = "Conv",
    .domain = "hone",
    .since = 1,
    .doc = "Y = act(Conv(X, W) + B + R), or act(Conv(X, W) + B) + R with act_first. "
           "X = [1,2,3], W = [1,1], B = -4, R = [0,1], act Relu: Y = relu([3,5] - 4 + [0,1]) = [0,2].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = hn_conv_cost,
    .shard = hn_shard_residual,
    .cases = cases,
    .quant = "compute",
};
