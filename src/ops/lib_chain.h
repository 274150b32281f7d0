/* lib_chain: what a hone.ConvChain node says, read once for inference, reference, cost and drivers. */
#ifndef HN_OPS_LIB_CHAIN_H
#define HN_OPS_LIB_CHAIN_H

#include "ops/lib_conv.h"

enum { HN_CHAIN_MOST = 3 }; /* stages */

/* A 1 x 1 convolution of all channels, or a depthwise one. Pairs are rows, columns. */
typedef struct hn_chain_stage {
    int64_t cin, cout, group, k[2], s[2], lo[2], hi[2], in[2], out[2];
    hn_str act;
    double alpha, beta;
} hn_chain_stage;

typedef struct hn_chain {
    int64_t batch;
    size_t count;
    hn_chain_stage stage[HN_CHAIN_MOST];
    bool act_first;          /* of the last stage */
    int64_t pool[2], out[2]; /* windows of the pool at the end, 1 x 1 where there is none; image after it */
} hn_chain;

/* Inputs of the node: X, R, then weights and bias of each stage. */
static inline size_t hn_chain_weights(size_t stage)
{
    return 2 + 2 * stage;
}

/* x: dims of X, [N, H, W, C]; w[i]: dims of the weights of stage i, [M, C or 1, kh, kw]. All known. */
hn_status hn_chain_read(hn_env *env, const hn_node *node, const int64_t *x, const int64_t *const *w, size_t count,
                        hn_chain *c) HN_MUST_CHECK;
/* The same from a node whose types are known. */
hn_status hn_chain_of(hn_env *env, const hn_node *node, hn_chain *c) HN_MUST_CHECK;

#endif
