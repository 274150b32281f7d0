/* lib_nn: what the rows of neural-network ops share: plain double copies of tensors, so that a reference kernel is a
 * loop over arrays and works for every dtype, and small steps of type inference. A file that starts with lib_ holds no
 * row. */
#ifndef HN_OPS_LIB_NN_H
#define HN_OPS_LIB_NN_H

#include "ops/lib.h"

/* ---- reference kernels ---- */
/* Input i as n doubles in the scratch arena; *out is NULL when the input is absent. */
hn_status hn_nn_load(const hn_refargs *a, size_t i, double **out) HN_MUST_CHECK;
hn_status hn_nn_new(const hn_refargs *a, size_t count, double **out) HN_MUST_CHECK; /* zeroed */
void hn_nn_store(const hn_tensor *t, const double *v);
/* Integers above 2^53 would not survive a double. */
hn_status hn_nn_load_i64(const hn_refargs *a, size_t i, int64_t **out) HN_MUST_CHECK;
const hn_tensor *hn_nn_in(const hn_refargs *a, size_t i);  /* NULL: absent */
const hn_tensor *hn_nn_out(const hn_refargs *a, size_t i); /* NULL: unused */
/* Element i of a scalar-like input, or `otherwise` when the input is absent. */
double hn_nn_scalar(const hn_refargs *a, size_t input, double otherwise);

/* Row-major [outer, axis, inner] view of a tensor about one axis. */
typedef struct hn_nn_split {
    size_t outer, len, inner;
} hn_nn_split;
hn_nn_split hn_nn_split_at(const hn_tensor *t, int axis);

/* ---- inference ---- */
const hn_type *hn_nn_type(const hn_infer *c, size_t i); /* NULL: absent */
void hn_nn_like(hn_infer *c, size_t out, size_t in);    /* does nothing when the output is unused */
/* HN_INPUT unless input i has a rank in [min, max]; *known tells whether its rank is known at all. */
hn_status hn_nn_rank(const hn_infer *c, size_t i, int min, int max, bool *known) HN_MUST_CHECK;
/* Two dims that must agree: HN_INPUT when both are known and differ; *out (may be NULL) gets the more specific one. */
hn_status hn_nn_same_dim(hn_env *env, const hn_node *n, const char *what, int64_t a, int64_t b,
                         int64_t *out) HN_MUST_CHECK;

/* ---- cost ---- */
double hn_nn_bytes(const hn_node *n); /* inputs and outputs, each once */
double hn_nn_elems(const hn_value *v);
void hn_nn_cost_per_elem(const hn_node *n, hn_cost *cost, double flops_per_elem); /* of input 0 */

#endif
