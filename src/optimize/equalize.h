/* equalize: channels that use their codes alike. Dividing a channel where layers make it, and multiplying the weights
 * that read it, changes nothing in float; in INT8, where a tensor has one scale, the narrow channels gain digits.
 * Sources: cross-layer equalisation (Nagel et al., 2019); moving ranges between activations and weights (Xiao et al.,
 * 2023).
 *
 * A channel is followed from the layers that make it (Conv, Gemm, MatMul of rank 2) through all that gives a multiple
 * when it is given one - Relu, pooling, Resize, Concat, sums of two activations, products with a gate or a constant -
 * to the layers that read it. Channels that are added up are one. Where anything else makes or reads it, a graph input
 * or output too, it stays as it is. */
#ifndef HN_OPTIMIZE_EQUALIZE_H
#define HN_OPTIMIZE_EQUALIZE_H

#include "optimize/observe.h"

/* In place; l->graph gets constants of its own. hist, per activation: each set of values that share channels goes as
 * far from weights that reach equally far to activations that do, or nowhere, as promises the least error by the steps
 * of their codes; weights have a scale for each result. `hist` does not fit afterwards. NULL, for one scale a weight:
 * the weights that make and those that read a channel reach equally far. *channels counts those that were free to
 * change. A Clip's upper bound is kept: a channel may be multiplied by more than 1 where calibration saw no value near
 * it, and is then cut off a fifth beyond what was seen. */
hn_status hn_equalize(hn_env *env, hn_layers *l, const hn_hist *hist, size_t *channels) HN_MUST_CHECK;

#endif
