/* round: codes of weights whose errors make up for each other over the inputs of a layer, instead of the nearest code
 * of each weight. Source: GPTQ (Frantar et al., 2022), which is Babai's nearest plane (1986) in the metric of the
 * inputs' second moments. */
#ifndef HN_OPTIMIZE_ROUND_H
#define HN_OPTIMIZE_ROUND_H

#include "optimize/qdq.h"

/* Second moments of what a channel's weights are multiplied with, in the order of the product: taps, then input
 * channels. Only those between neighbours are kept: errors make up for each other within blocks of `block`. */
typedef struct hn_moments {
    const hn_layer *layer;
    hn_weight_view view;
    size_t depth, block, width; /* width: of a row of `square` */
    size_t rows;                /* seen */
    double *sum;                /* depth */
    float *square;              /* block after block; the upper half counts */
    float *rowful;              /* rows on their way */
} hn_moments;

/* Convolutions without groups and matrix products. */
bool hn_moments_possible(const hn_layer *y);
size_t hn_moments_bytes(const hn_layer *y);
hn_status hn_moments_open(hn_env *env, hn_arena *arena, const hn_layer *y, hn_moments *out) HN_MUST_CHECK;
/* Up to `most` rows of an input of the layer, evenly spread. x: f32, as in the graph. */
hn_status hn_moments_add(hn_env *env, hn_moments *m, const hn_tensor *x, size_t most) HN_MUST_CHECK;

/* Codes in the weight's layout for the layer's scales, bits and pairs; NULL where the moments say nothing. A layer with
 * a bias has its mean error corrected there, so that only the moments about the mean count. */
hn_status hn_round_weights(hn_env *env, hn_arena *arena, const hn_moments *m, bool per_tensor,
                           const int8_t **codes) HN_MUST_CHECK;

#endif
