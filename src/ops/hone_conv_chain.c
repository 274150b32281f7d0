/* hone.ConvChain: 1 x 1 and depthwise convolutions in a row, channels last, whose intermediate images need not exist as
 * a whole. */
#include <stdio.h>
#include <string.h>

#include "ops/lib_act.h"
#include "ops/lib_chain.h"
#include "ops/lib_pool.h"

static hn_status infer(hn_infer *c)
{
    const int64_t *w[HN_CHAIN_MOST];
    hn_chain chain;
    c->out[0].dtype = c->in[0]->dtype;
    if (c->nin < hn_chain_weights(1) || c->nin % 2 != 0 || c->nin > hn_chain_weights(HN_CHAIN_MOST))
        return hn_op_fail(c->env, c->node, "%zu inputs; X, R and 1 to %d pairs of weights and bias are wanted", c->nin,
                          HN_CHAIN_MOST);
    size_t count = (c->nin - hn_chain_weights(0)) / 2;
    bool known;
    HN_TRY(hn_nn_rank(c, 0, 4, 4, &known));
    if (!hn_type_known(c->in[0])) return HN_OK;
    for (size_t i = 0; i < count; i++) {
        const hn_type *t = hn_nn_type(c, hn_chain_weights(i));
        if (t == NULL) return hn_op_fail(c->env, c->node, "weights %zu are missing", i);
        HN_TRY(hn_nn_rank(c, hn_chain_weights(i), 4, 4, &known));
        if (!hn_type_known(t)) return HN_OK;
        w[i] = t->dims;
    }
    HN_TRY(hn_chain_read(c->env, c->node, c->in[0]->dims, w, count, &chain));
    for (size_t i = 0; i < count; i++) {
        const hn_type *b = hn_nn_type(c, hn_chain_weights(i) + 1);
        if (b != NULL && b->rank >= 0)
            HN_TRY(hn_nn_same_dim(c->env, c->node, "bias and output channels", chain.stage[i].cout,
                                  b->rank == 1 ? b->dims[0] : -2, NULL));
    }
    const hn_chain_stage *last = &chain.stage[count - 1];
    c->out[0].rank = 4;
    memcpy(c->out[0].dims, (int64_t[]){chain.batch, chain.out[0], chain.out[1], last->cout}, 4 * sizeof(int64_t));
    const hn_type *r = hn_nn_type(c, 1);
    if (r == NULL || r->rank < 0) return HN_OK;
    if (r->rank != 4) return hn_op_fail(c->env, c->node, "R has rank %d, the last image 4", r->rank);
    const int64_t dims[] = {chain.batch, last->out[0], last->out[1], last->cout};
    for (int i = 0; i < 4; i++)
        HN_TRY(hn_nn_same_dim(c->env, c->node, "dims of R and the last image", r->dims[i], dims[i], NULL));
    return HN_OK;
}

static hn_status ref_stage(const hn_refargs *a, const hn_chain *chain, size_t i, double **image)
{
    const hn_chain_stage *s = &chain->stage[i];
    hn_conv g = {.batch = chain->batch, .cin = s->cin, .cout = s->cout, .group = s->group, .w = {.n = 2}};
    for (size_t d = 0; d < 2; d++) {
        g.w.in[d] = s->in[d];
        g.w.out[d] = s->out[d];
        g.w.k[d] = s->k[d];
        g.w.s[d] = s->s[d];
        g.w.d[d] = 1;
        g.w.lo[d] = s->lo[d];
        g.w.hi[d] = s->hi[d];
    }
    double *w, *b, *r = NULL, *first = NULL, *y;
    hn_act act;
    bool last = i + 1 == chain->count;
    size_t plane = hn_window_elems(s->out, 2), m = (size_t)s->cout, n = (size_t)chain->batch * m * plane;
    HN_TRY(hn_act_named(a->env, a->node, s->act, &act));
    HN_TRY(hn_nn_load(a, hn_chain_weights(i), &w));
    HN_TRY(hn_nn_load(a, hn_chain_weights(i) + 1, &b));
    if (last) HN_TRY(hn_nn_load(a, 1, &first));
    if (first != NULL) {
        HN_TRY(hn_nn_new(a, n, &r));
        hn_conv_swap_layout(first, r, (size_t)chain->batch, m, plane, true);
    }
    HN_TRY(hn_nn_new(a, n, &y));
    hn_conv_run(HN_CONV_FORWARD, &g, *image, w, y);
    for (size_t k = 0; k < n; k++) {
        double v = y[k] + (b != NULL ? b[k / plane % m] : 0);
        if (r != NULL && !chain->act_first) v += r[k];
        v = act.fn(v, s->alpha, s->beta);
        y[k] = r != NULL && chain->act_first ? v + r[k] : v;
    }
    *image = y;
    return HN_OK;
}

static hn_status ref_pool(const hn_refargs *a, const hn_chain *chain, double **image)
{
    const hn_chain_stage *last = &chain->stage[chain->count - 1];
    hn_window w = {.n = 2};
    for (size_t d = 0; d < 2; d++) {
        w.in[d] = last->out[d];
        w.out[d] = chain->out[d];
        w.k[d] = w.s[d] = chain->pool[d];
        w.d[d] = 1;
    }
    size_t in = hn_window_elems(w.in, 2), n = hn_window_elems(w.out, 2), planes = (size_t)(chain->batch * last->cout);
    double *y;
    int64_t *at = hn_arena_array(a->env, a->scratch, n + 1, sizeof *at);
    if (!at) return HN_NOMEM;
    HN_TRY(hn_nn_new(a, planes * n, &y));
    for (size_t p = 0; p < planes; p++) hn_pool_max(&w, *image + p * in, y + p * n, at);
    *image = y;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const int64_t *w[HN_CHAIN_MOST];
    double *x, *image, *y;
    hn_chain chain;
    size_t count = (a->nin - hn_chain_weights(0)) / 2;
    for (size_t i = 0; i < count; i++) w[i] = a->in[hn_chain_weights(i)]->dims;
    HN_TRY(hn_chain_read(a->env, a->node, a->in[0]->dims, w, count, &chain));
    HN_TRY(hn_nn_load(a, 0, &x));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->in[0]), &image));
    const hn_chain_stage *first = &chain.stage[0], *last = &chain.stage[count - 1];
    hn_conv_swap_layout(x, image, (size_t)chain.batch, (size_t)first->cin, hn_window_elems(first->in, 2), true);
    for (size_t i = 0; i < count; i++) HN_TRY(ref_stage(a, &chain, i, &image));
    if (chain.pool[0] * chain.pool[1] > 1) HN_TRY(ref_pool(a, &chain, &image));
    HN_TRY(hn_nn_new(a, hn_tensor_elems(a->out[0]), &y));
    hn_conv_swap_layout(image, y, (size_t)chain.batch, (size_t)last->cout, hn_window_elems(chain.out, 2), false);
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_chain chain;
    hn_env env = {0}; /* what inference has accepted is read again: nothing fails */
    if (hn_chain_of(&env, n, &chain) != HN_OK) return;
    for (size_t i = 0; i < chain.count; i++) {
        const hn_chain_stage *s = &chain.stage[i];
        cost->macs += (double)chain.batch * (double)s->out[0] * (double)s->out[1] * (double)s->cout *
                      (double)(s->cin / s->group) * (double)(s->k[0] * s->k[1]);
    }
    cost->flops = 2 * cost->macs;
    cost->bytes = hn_nn_bytes(n);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_chain chain;
    HN_TRY(hn_chain_of(rw->graph->env, node, &chain));
    hn_value *x = node->in[0];
    for (size_t i = 0; i < chain.count; i++) {
        const hn_chain_stage *s = &chain.stage[i];
        char act[32];
        (void)snprintf(act, sizeof act, "%.*s", (int)s->act.size, s->act.data == NULL ? "" : s->act.data);
        bool last = i + 1 == chain.count;
        int64_t pads[4] = {s->lo[0], s->lo[1], s->hi[0], s->hi[1]};
        const hn_rw_attr attrs[] = {HN_A_INTS("strides", s->s, 2),
                                    HN_A_INTS("pads", pads, 4),
                                    HN_A_INT("group", s->group),
                                    HN_A_INT("layout", 1),
                                    HN_A_STR("act", act),
                                    HN_A_FLOAT("act_alpha", s->alpha),
                                    HN_A_FLOAT("act_beta", s->beta),
                                    HN_A_INT("act_first", last && chain.act_first),
                                    {0}};
        hn_value *in[] = {x, node->in[hn_chain_weights(i)], node->in[hn_chain_weights(i) + 1],
                          last ? node->in[1] : NULL};
        x = hn_rw_op(rw, "hone.Conv", 4, in, attrs);
    }
    if (chain.pool[0] * chain.pool[1] > 1)
        x = hn_rw_op(rw, "hone.Pool", 1, &x,
                     (const hn_rw_attr[]){HN_A_INTS("kernel_shape", chain.pool, 2),
                                          HN_A_INTS("strides", chain.pool, 2),
                                          HN_A_STR("mode", "max"),
                                          HN_A_INT("layout", 1),
                                          {0}});
    out[0] = x;
    return hn_rw_status(rw);
}

static void stages(hn_cases *c, const char *name, int64_t stride, bool residual, bool pool)
{
    hn_case(c, name);
    if (pool) hn_case_ints(c, "pool", 2, (const int64_t[]){2, 3});
    hn_case_strings(c, "act", 3, (const hn_str[]){{"Relu", 4}, {"Clip", 4}, {"", 0}});
    hn_case_floats(c, "act_alpha", 3, (const double[]){0, -0.5, 0});
    hn_case_floats(c, "act_beta", 3, (const double[]){0, 0.75, 0});
    hn_case_ints(c, "strides", 6, (const int64_t[]){1, 1, stride, stride, 1, 1});
    hn_case_ints(c, "pads", 12, (const int64_t[]){0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 7, 6, 3), -1, 1);
    if (residual)
        hn_case_rand(c, HN_F32, HN_DIMS(2, (7 - 1) / stride + 1, (5 - 1) / stride + 1, 4), -1, 1);
    else
        hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 3, 1, 1), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(5, 1, 3, 3), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 5, 1, 1), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -1, 1);
}

static bool shard(hn_shard *s)
{
    return s->in[0] == 0 && hn_shard_with(s, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_strings(c, "act", 1, (const hn_str[]){{"Relu", 4}});
    hn_case_in(c, HN_F32, HN_DIMS(1, 2, 1, 2), HN_VALS(1, 2, 3, 4));
    hn_case_absent(c);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2, 1, 1), HN_VALS(1, 1, 1, -1));
    hn_case_absent(c);
    hn_case_in(c, HN_F32, HN_DIMS(2, 1, 2, 1), HN_VALS(1, 1, 1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 2), HN_VALS(10, 5));
    stages(c, "expand, depthwise, project", 1, false, false);
    stages(c, "expand, depthwise, project, residual", 1, true, false);
    stages(c, "stride 2", 2, true, false);
    stages(c, "residual and pool", 1, true, true);
    hn_case(c, "a pool larger than its image");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "pool", 2, (const int64_t[]){2, 4});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3, 4), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 4, 1, 1), -1, 1);
    hn_case_absent(c);
    hn_case(c, "weights of another kind");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3, 4), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(4, 4, 3, 3), -1, 1);
    hn_case_absent(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}, {"R", HN_T_FLOAT, 'T', true}, {"P", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"strides", HN_ATTR_INTS, false, NULL, "two of each stage; default 1"},
    {"pads", HN_ATTR_INTS, false, NULL, "four of each stage: begin of rows and columns, end of both; default 0"},
    {"act", HN_ATTR_STRINGS, false, NULL, "activation of each stage as in hone.Conv; default: none"},
    {"act_alpha", HN_ATTR_FLOATS, false, NULL, "of each stage; default 0"},
    {"act_beta", HN_ATTR_FLOATS, false, NULL, "of each stage; default 0"},
    {"act_first", HN_ATTR_INT, false, "0", "last stage: 0: Y = act(sum + R); 1: Y = act(sum) + R"},
    {"pool", HN_ATTR_INTS, false, NULL,
     "rows and columns of windows side by side, whose largest numbers are Y; default: none"},
    {0}};

const hn_op hn_op_hone_conv_chain = {
    .name = "ConvChain",
    .domain = "hone",
    .since = 1,
    .doc = "hone.Conv after hone.Conv, channels last, each a 1 x 1 or a depthwise convolution; P are weights and bias "
           "of each stage; R is added in the last; a pool may follow. "
           "X = [[1,2],[3,4]] (2 rows, 2 channels), W = [[1,1],[1,-1]] with act Relu, then windows of 2 rows with sums "
           "of both and bias [0,5]: [[3,0],[7,0]], Y = [10,5].",
    .flags = HN_OP_INTERNAL | HN_OP_VARIADIC,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = cost,
    .decompose = decompose,
    .shard = shard,
    .cases = cases,
    .quant = "compute",
};
