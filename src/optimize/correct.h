/* correct: biases that make up for the mean error of rounded weights. Source: data-free quantisation through weight
 * equalisation and bias correction (Nagel et al., 2019). */
#ifndef HN_OPTIMIZE_CORRECT_H
#define HN_OPTIMIZE_CORRECT_H

#include "optimize/observe.h"

/* shift[i][c] = -sum over inputs of (Wq - W) * E[x], per layer; entries are NULL where the input's channel means are
 * not known. `hist` is per activation of `l`. */
hn_status hn_bias_shift(hn_env *env, hn_arena *arena, const hn_layers *l, const hn_hist *hist, bool per_tensor,
                        const float ***shift) HN_MUST_CHECK;

#endif
