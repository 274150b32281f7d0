/* lib_chain: see the header. */
#include "ops/lib_chain.h"

enum { SIZE_MOST = 1 << 24 };

static hn_status read_stage(hn_env *env, const hn_node *node, size_t i, const int64_t *in, const int64_t *w,
                            hn_chain_stage *s)
{
    const int64_t *strides, *pads;
    const double *alpha, *beta;
    size_t nstrides = hn_attr_ints(node, "strides", &strides), npads = hn_attr_ints(node, "pads", &pads),
           nalpha = hn_attr_floats(node, "act_alpha", &alpha), nbeta = hn_attr_floats(node, "act_beta", &beta);
    const hn_attr *act = hn_node_attr(node, "act");
    s->cout = w[0];
    s->group = w[1] == s->cin ? 1 : s->cin;
    if (s->cin < 1 || w[0] < 1 || (s->group > 1 && (w[1] != 1 || w[0] != s->cin)) ||
        (s->group == 1 && w[2] * w[3] != 1))
        return hn_op_fail(env, node, "weights %zu fit neither a 1 x 1 nor a depthwise convolution of %lld channels", i,
                          (long long)s->cin);
    for (size_t d = 0; d < 2; d++) {
        s->in[d] = in[d];
        s->k[d] = w[2 + d];
        s->s[d] = 2 * i + d < nstrides ? strides[2 * i + d] : 1;
        s->lo[d] = 4 * i + d < npads ? pads[4 * i + d] : 0;
        s->hi[d] = 4 * i + 2 + d < npads ? pads[4 * i + 2 + d] : 0;
        bool fits = s->k[d] >= 1 && s->k[d] < SIZE_MOST && s->s[d] >= 1 && s->lo[d] >= 0 && s->hi[d] >= 0 &&
                    s->lo[d] < SIZE_MOST && s->hi[d] < SIZE_MOST && s->in[d] < SIZE_MOST;
        int64_t room = fits ? s->in[d] + s->lo[d] + s->hi[d] - s->k[d] : -1;
        if (room < 0) return hn_op_fail(env, node, "the window of stage %zu does not fit its image", i);
        s->out[d] = room / s->s[d] + 1;
    }
    s->act = act != NULL && i < act->count ? act->u.strings[i] : (hn_str){"", 0};
    s->alpha = i < nalpha ? alpha[i] : 0;
    s->beta = i < nbeta ? beta[i] : 0;
    return HN_OK;
}

hn_status hn_chain_read(hn_env *env, const hn_node *node, const int64_t *x, const int64_t *const *w, size_t count,
                        hn_chain *c)
{
    *c = (hn_chain){.batch = x[0], .count = count, .act_first = hn_attr_int(node, "act_first", 0) != 0};
    int64_t channels = x[3];
    const int64_t *size = x + 1;
    for (size_t i = 0; i < count; i++) {
        c->stage[i].cin = channels;
        HN_TRY(read_stage(env, node, i, size, w[i], &c->stage[i]));
        channels = c->stage[i].cout;
        size = c->stage[i].out;
    }
    const int64_t *pool;
    size_t given = hn_attr_ints(node, "pool", &pool);
    for (size_t d = 0; d < 2; d++) {
        c->pool[d] = d < given ? pool[d] : 1;
        if (given > 2 || c->pool[d] < 1 || c->pool[d] > size[d])
            return hn_op_fail(env, node, "the window of the pool does not fit its image");
        c->out[d] = size[d] / c->pool[d];
    }
    return HN_OK;
}

hn_status hn_chain_of(hn_env *env, const hn_node *node, hn_chain *c)
{
    const int64_t *w[HN_CHAIN_MOST];
    size_t count = (node->nin - hn_chain_weights(0)) / 2;
    for (size_t i = 0; i < count; i++) w[i] = node->in[hn_chain_weights(i)]->type.dims;
    return hn_chain_read(env, node, node->in[0]->type.dims, w, count, c);
}
