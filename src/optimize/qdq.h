/* qdq: writes a choice of integer layers into a graph as QuantizeLinear and DequantizeLinear nodes, in plain ONNX.
 *
 * Activations: u8, one scale and zero point each. Weights: i8, symmetric, of the layer's bits, one scale per output
 * channel (or one per tensor). Biases: i32 with scale s_x * s_w. Every runtime that knows QDQ reads the result the same
 * way. */
#ifndef HN_OPTIMIZE_QDQ_H
#define HN_OPTIMIZE_QDQ_H

#include "optimize/layers.h"

typedef struct hn_qdq_options {
    bool per_tensor;                /* weights */
    const float *const *bias_shift; /* per layer: added to the float bias per channel, or NULL entries; NULL: none */
    const uint32_t *only;           /* when set: quantise just these activations (no weights), for measuring ranges */
    size_t nonly;
} hn_qdq_options;

/* A new graph in `arena` from l->graph and the present l->layer[].on and l->act[].scale/zero. Types are inferred. */
hn_status hn_qdq_insert(hn_env *env, hn_arena *arena, const hn_layers *l, const hn_qdq_options *options,
                        hn_graph **out) HN_MUST_CHECK;

/* The most that two codes of one sign may come to so that their products with bytes always fit 16 bits: 255 * 128 =
 * 32640. */
enum { HN_WEIGHT_PAIR = 128 };
/* The largest code of weights of so many bits. 8: 127. 7: 64, of which two always fit. Codes are symmetric, so 7 bits
 * are -64 to 64. */
static inline int hn_weight_most(int bits)
{
    return bits == 7 ? 64 : 127;
}

/* How a weight lies: output channel o, input channel c (of its group), tap t at o * so + c * si + t * st. */
typedef struct hn_weight_view {
    const float *w;
    size_t out, in, taps, groups;
    size_t so, si, st; /* strides in elements */
} hn_weight_view;
/* Of one group. axis: of the output channels; 1 only for matrices. */
hn_weight_view hn_weight_view_of(const hn_tensor *w, int axis);
/* The weights of a layer in all its groups; false: they do not divide into them. */
bool hn_layer_view(const hn_layer *y, hn_weight_view *out);
/* Weight k of an output channel in the order in which products read them: taps, then input channels. */
static inline size_t hn_weight_at(const hn_weight_view *v, size_t o, size_t k)
{
    return o * v->so + k % v->in * v->si + k / v->in * v->st;
}

/* Symmetric i8 scales of a weight along `axis` (or one): max|w| / most; a channel of zeros gets 1. `scale` holds
 * channels floats. */
void hn_weight_scales(const hn_tensor *w, int axis, bool per_tensor, int most, float *scale);
/* The scales of a layer. With 8 bits and `pairs` they are as wide as neighbours of one sign, as the product reads them
 * (taps, then input channels), need: their codes come to at most 128. */
void hn_layer_scales(const hn_layer *y, const hn_tensor *w, bool per_tensor, float *scale);
/* Code of w[i] under scale s: round half to even, clamp to [-most, most]. */
int8_t hn_weight_code(float w, float scale, int most);

#endif
