/* chain: pointwise and depthwise convolutions in a row become one node whose intermediate images stay in cache. */
#include "ops/lib_chain.h"
#include "passes/lib_match.h"

/* An intermediate image of fewer bytes is not worth the trouble. Weights of more bytes would come anew with every band.
 */
enum { IMAGE_BYTES = 1 << 20, WEIGHT_BYTES = 128 << 10 };

/* A convolution that can be a stage: 1 x 1 or depthwise, channels last on both sides. */
static bool is_stage(const hn_node *n)
{
    if (!hn_node_is(n, "hone.Conv")) return false;
    const hn_tensor *w = hn_node_const(n, 1);
    const hn_value *b = hn_node_in(n, 2);
    const hn_type *x = &n->in[0]->type;
    const int64_t *v;
    if (w == NULL || w->dtype != HN_F32 || w->rank != 4 || x->rank != 4 || !hn_type_known(x)) return false;
    if (b != NULL && b->data == NULL) return false;
    if (hn_attr_int(n, "layout", 0) != 1 || hn_attr_int(n, "in_layout", 1) != 1) return false;
    int64_t group = hn_attr_int(n, "group", 1), c = x->dims[3];
    for (size_t i = 0, count = hn_attr_ints(n, "dilations", &v); i < count; i++)
        if (v[i] != 1) return false;
    if (group > 1) return group == c && w->dims[0] == c;
    if (w->dims[2] * w->dims[3] != 1) return false;
    for (size_t i = 0, count = hn_attr_ints(n, "strides", &v); i < count; i++)
        if (v[i] != 1) return false;
    for (size_t i = 0, count = hn_attr_ints(n, "pads", &v); i < count; i++)
        if (v[i] != 0) return false;
    return true;
}

static size_t pointwise_bytes(const hn_node *n)
{
    return hn_attr_int(n, "group", 1) > 1 ? 0 : hn_tensor_elems(n->in[1]->data) * sizeof(float);
}

/* The stage that n's result goes to, where the two are worth joining. */
static hn_node *next_stage(const hn_node *n)
{
    const hn_type *t = &n->out[0]->type;
    hn_node *user = hn_only_user(n->out[0]);
    if (user == NULL || hn_node_in(n, 3) != NULL || user->in[0] != n->out[0] || !is_stage(user)) return NULL;
    size_t image = (size_t)(t->dims[1] * t->dims[2] * t->dims[3]) * sizeof(float);
    if (image < IMAGE_BYTES || pointwise_bytes(n) + pointwise_bytes(user) > WEIGHT_BYTES) return NULL;
    return user;
}

/* The MaxPool that alone reads n, of windows side by side and no padding; NULL where it is another. */
static hn_node *pool_of(const hn_node *n)
{
    hn_node *p = hn_only_user(n->out[0]);
    const int64_t *v, *kernel, *strides;
    if (p == NULL || !hn_node_is(p, "hone.Pool") || !hn_attr_is(p, "mode", "max") || hn_attr_int(p, "layout", 0) != 1 ||
        hn_attr_ints(p, "kernel_shape", &kernel) != 2 || hn_attr_ints(p, "strides", &strides) != 2 ||
        !hn_type_known(&p->out[0]->type))
        return NULL;
    for (size_t i = 0, count = hn_attr_ints(p, "dilations", &v); i < count; i++)
        if (v[i] != 1) return NULL;
    for (size_t i = 0, count = hn_attr_ints(p, "pads", &v); i < count; i++)
        if (v[i] != 0) return NULL;
    for (int d = 0; d < 2; d++)
        if (strides[d] != kernel[d] || n->out[0]->type.dims[1 + d] / kernel[d] != p->out[0]->type.dims[1 + d])
            return NULL;
    return p;
}

static hn_status join(hn_pass_ctx *c, hn_node *const *stages, size_t count)
{
    hn_value *in[2 + 2 * HN_CHAIN_MOST] = {stages[0]->in[0], hn_node_in(stages[count - 1], 3)};
    int64_t strides[2 * HN_CHAIN_MOST], pads[4 * HN_CHAIN_MOST];
    double alpha[HN_CHAIN_MOST], beta[HN_CHAIN_MOST];
    hn_str act[HN_CHAIN_MOST];
    for (size_t i = 0; i < count; i++) {
        const hn_node *n = stages[i];
        const int64_t *v;
        in[hn_chain_weights(i)] = n->in[1];
        in[hn_chain_weights(i) + 1] = hn_node_in(n, 2);
        size_t given = hn_attr_ints(n, "strides", &v);
        for (size_t d = 0; d < 2; d++) strides[2 * i + d] = d < given ? v[d] : 1;
        given = hn_attr_ints(n, "pads", &v);
        for (size_t d = 0; d < 4; d++) pads[4 * i + d] = d < given ? v[d] : 0;
        act[i] = hn_attr_string(n, "act", "");
        alpha[i] = hn_attr_float(n, "act_alpha", 0);
        beta[i] = hn_attr_float(n, "act_beta", 0);
    }
    hn_node *last = stages[count - 1], *pool = pool_of(last), *end = pool != NULL ? pool : last;
    hn_rw rw = hn_rw_at(c->graph, end);
    rw.name = last->name;
    hn_rw_attr attrs[] = {HN_A_INTS("strides", strides, 2 * count),
                          HN_A_INTS("pads", pads, 4 * count),
                          HN_A_FLOATS("act_alpha", alpha, count),
                          HN_A_FLOATS("act_beta", beta, count),
                          HN_A_INT("act_first", hn_attr_int(last, "act_first", 0)),
                          {0},
                          {0}};
    const int64_t *window;
    if (pool != NULL && hn_attr_ints(pool, "kernel_shape", &window) == 2)
        attrs[5] = (hn_rw_attr)HN_A_INTS("pool", window, 2);
    hn_node *n = hn_rw_node(&rw, "hone.ConvChain", 2 + 2 * count, in, 1, attrs);
    HN_TRY(hn_rw_status(&rw));
    HN_TRY(hn_node_set_strings(n, "act", act, count));
    return hn_replace_first(c, &rw, end, n->out[0]);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        hn_node *stages[HN_CHAIN_MOST];
        size_t count = 0;
        next = n->next;
        if (n->nout != 1 || n->out[0] == NULL || n->out[0]->nuses == 0 || !is_stage(n)) continue;
        for (hn_node *m = n; m != NULL && count < HN_CHAIN_MOST; m = next_stage(m)) stages[count++] = m;
        if (count < 2) continue;
        HN_TRY(join(c, stages, count));
        next = n->next;
    }
    return HN_OK;
}

const hn_pass hn_pass_chain = {
    .name = "chain",
    .doc = "Pointwise and depthwise convolutions of channels-last images that follow each other, and a MaxPool behind "
           "them, become one hone.ConvChain where the images between them are too large for the cache.",
    .run = run,
};
