/* lib_channels: products that sum over channels, which of their weights are zero, and weights with fewer channels. */
#ifndef HN_PASSES_LIB_CHANNELS_H
#define HN_PASSES_LIB_CHANNELS_H

#include "passes/lib_match.h"

/* A constant, or one that DequantizeLinear makes. */
typedef struct hn_weights {
    const hn_tensor *t;
    const hn_node *dq; /* or NULL */
    int axis;          /* along which dq has scales, or -1 for one scale */
} hn_weights;

/* Conv without groups or depthwise (one result a channel), Gemm, MatMul; weights are of rank 2 or more. */
typedef struct hn_product {
    hn_weights w;
    hn_value *bias;        /* one number a result, or NULL */
    int in_axis, out_axis; /* of the weights; depthwise has one axis, out_axis */
    int x_axis, y_axis;    /* of input 0 and of the result */
    bool depthwise;
} hn_product;

/* By result and by channel of the input: whether all weights are zero. Depthwise ones have no columns. */
typedef struct hn_product_sums {
    bool *row, *column;
    double *bias; /* what is added to the sums */
} hn_product_sums;

/* False when n is something else, or its weights or bias are not constant. */
bool hn_product_read(const hn_node *n, hn_product *p);
/* The weights as floats, in the arena where they are not floats. */
const float *hn_product_weights(hn_env *env, hn_arena *arena, const hn_product *p);
/* Weights below 2^-40 of the largest one for the same result, or of its bias, are taken for zeros unless numerics are
 * strict: what they add is lost in rounding as long as no input is 2^16 times as large as others. */
hn_status hn_product_look(hn_env *env, hn_arena *arena, const hn_node *n, const hn_product *p, const float *weights,
                          hn_product_sums *s) HN_MUST_CHECK;
/* What results lie between when channels lie between low and high, rounding and padding with zeros included. */
void hn_product_bounds(const hn_product *p, const float *weights, const hn_product_sums *s, const double *low,
                       const double *high, double *y_low, double *y_high);
/* The weights v with the indices keep[kept] of `axis` alone; NULL after a failure. */
hn_value *hn_weights_pick(hn_rw *rw, hn_value *v, int axis, const int64_t *keep, int64_t kept);

#endif
