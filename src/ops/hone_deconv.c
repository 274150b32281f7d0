/* hone.Deconv: ConvTranspose of windows that lie side by side (strides equal the kernel, no padding), in either layout,
 * with an activation: every input pixel becomes a block of output pixels. */
#include "ops/lib_act.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *w = c->in[1], *b = hn_nn_type(c, 2);
    const bool last = hn_attr_int(c->node, "layout", 0) == 1;
    const int at = last ? 3 : 1, row = last ? 1 : 2; /* channels and rows among the dims of X and Y */
    bool x_known, w_known;
    hn_act act;
    HN_TRY(hn_act_read(c->env, c->node, &act));
    HN_TRY(hn_nn_rank(c, 0, 4, 4, &x_known));
    HN_TRY(hn_nn_rank(c, 1, 4, 4, &w_known));
    hn_type *y = &c->out[0];
    y->dtype = x->dtype;
    y->rank = 4;
    for (int i = 0; i < 4; i++) y->dims[i] = -1;
    if (x_known) y->dims[0] = x->dims[0];
    if (w_known) y->dims[at] = w->dims[1];
    if (x_known && w_known) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "channels of X and rows of W", x->dims[at], w->dims[0], NULL));
        for (int i = 0; i < 2; i++)
            y->dims[row + i] = w->dims[2 + i] < 0 ? -1 : hn_dim_mul(x->dims[row + i], w->dims[2 + i]);
    }
    if (b != NULL && b->rank >= 0) {
        bool known;
        HN_TRY(hn_nn_rank(c, 2, 1, 1, &known));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "bias and output channels", y->dims[at], b->dims[0], NULL));
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    double *x, *w, *b, *y;
    const bool last = hn_attr_int(a->node, "layout", 0) == 1;
    const int64_t *xd = a->in[0]->dims, *wd = a->in[1]->dims;
    const size_t c = (size_t)wd[0], m = (size_t)wd[1], kh = (size_t)wd[2], kw = (size_t)wd[3];
    const size_t h = (size_t)xd[last ? 1 : 2], wide = (size_t)xd[last ? 2 : 3], oh = h * kh, ow = wide * kw;
    hn_act act;
    HN_TRY(hn_act_read(a->env, a->node, &act));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_load(a, 1, &w));
    HN_TRY(hn_nn_load(a, 2, &b));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    for (size_t i = 0; i < hn_tensor_elems(a->out[0]); i++) {
        const size_t channel = last ? i % m : i / (oh * ow) % m,
                     pixel = last ? i / m : i % (oh * ow) + i / (m * oh * ow) * (oh * ow);
        const size_t ox = pixel % ow, oy = pixel / ow % oh, image = pixel / ow / oh, from = (oy / kh) * wide + ox / kw;
        double sum = b != NULL ? b[channel] : 0;
        for (size_t k = 0; k < c; k++) {
            const double v = x[last ? (image * h * wide + from) * c + k : (image * c + k) * h * wide + from];
            sum += v * w[((k * m + channel) * kh + oy % kh) * kw + ox % kw];
        }
        y[i] = act.fn(sum, act.alpha, act.beta);
    }
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const hn_type *w = &hn_node_in(n, 1)->type;
    cost->macs = hn_nn_elems(n->out[0]) * (double)w->dims[0];
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    static const char *const acts[] = {"Relu", "Sigmoid", "Clip"};
    hn_case(c, "example");
    hn_case_string(c, "act", "Relu");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(3, -1));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 4), HN_VALS(4, 0, 7, 0));
    for (int layout = 0; layout < 2; layout++)
        for (size_t i = 0; i < HN_COUNT(acts); i++) {
            hn_case(c, acts[i]);
            hn_case_int(c, "layout", layout);
            hn_case_string(c, "act", acts[i]);
            hn_case_float(c, "act_alpha", -0.25);
            hn_case_float(c, "act_beta", 0.5);
            if (layout == 0)
                hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4, 5), -1, 1);
            else
                hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 5, 3), -1, 1);
            hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 3, 2), -1, 1);
            hn_case_rand(c, HN_F32, HN_DIMS(2), -1, 1);
        }
    hn_case(c, "channels differ");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"X", HN_T_FLOAT, 'T', false}, {"W", HN_T_FLOAT, 'T', false}, {"B", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"layout", HN_ATTR_INT, false, "0", "of X and Y: 0 channels first, 1 channels last; W is always [C, M, kh, kw]"},
    HN_ACT_ATTRS,
    {0}};

const hn_op hn_op_hone_deconv = {
    .name = "Deconv",
    .domain = "hone",
    .since = 1,
    .doc =
        "Y = act(ConvTranspose(X, W) + B) with strides equal to W's kernel and no padding: every pixel of X becomes a "
        "block of Y. X = [1,2], W = [3,-1], B = 1, act Relu: Y = relu([3,-1,6,-2] + 1) = [4,0,7,0].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
