/* lib_loss: classes given as indices. What NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss share: input [N, C,
 * d...], target [N, d...], weight [C]; a target equal to ignore_index counts for nothing. */
#ifndef HN_OPS_LIB_LOSS_H
#define HN_OPS_LIB_LOSS_H

#include "ops/lib_nn.h"

/* Checks ranks, dims and the attribute reduction; out 0 becomes the type of the loss. */
hn_status hn_infer_loss(hn_infer *c) HN_MUST_CHECK;
/* Out 0 from log-probabilities, given as doubles in the layout of input 0. */
hn_status hn_ref_loss(const hn_refargs *a, const double *log_prob) HN_MUST_CHECK;

#endif
