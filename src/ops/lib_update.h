/* lib_update: what the optimiser steps of ai.onnx.preview.training share. Inputs are R (learning rate), T (step count)
 * and then, for n tensors, all X, all gradients and all states of each kind; outputs the new X and states in the same
 * order. */
#ifndef HN_OPS_LIB_UPDATE_H
#define HN_OPS_LIB_UPDATE_H

#include "ops/lib_nn.h"

enum { HN_UPDATE_LISTS = 4 }; /* most inputs per tensor: X, G and two states */

/* lists: inputs per tensor; outputs are one fewer. */
hn_status hn_infer_update(hn_infer *c, size_t lists) HN_MUST_CHECK;

/* v[0]: x, v[1]: g, v[2 ...]: states. Writes the new x and states to v[0], v[2] ... */
typedef void hn_update_fn(const void *self, double *v);
hn_status hn_ref_update(const hn_refargs *a, size_t lists, hn_update_fn *fn, const void *self) HN_MUST_CHECK;

void hn_cost_update(const hn_node *n, hn_cost *cost); /* two operations a number */

#define HN_UPDATE_TYPES   (HN_BIT(HN_F32) | HN_BIT(HN_F64))
#define HN_NO_UPDATE_GRAD "the step of an optimiser is not differentiated"

#endif
