/* lib_match: the questions that passes ask of a graph, and the clean-up they share. */
#ifndef HN_PASSES_LIB_MATCH_H
#define HN_PASSES_LIB_MATCH_H

#include "passes/pass.h"

/* The node that uses v when v has one use and is no graph output; else NULL. */
hn_node *hn_only_user(const hn_value *v);
/* v's producer when it is this op, else NULL. v may be NULL. */
hn_node *hn_made_by(const hn_value *v, const char *op);
/* A constant with one element, of any rank. */
bool hn_const_scalar(const hn_value *v, double *out);
/* A constant without infinities and NaN. */
bool hn_const_finite(const hn_value *v);
/* Every element of a constant equals x. Empty constants do not. */
bool hn_const_all(const hn_value *v, double x);
/* Small constant list of integers; returns false when not constant or longer than max. */
bool hn_const_ints(const hn_value *v, size_t max, int64_t *dst, size_t *count);
/* Constant that, broadcast to `rank` dims, varies along `axis` only and has there n elements or one: fills get[n]. */
bool hn_const_channel(const hn_value *v, int rank, int axis, int64_t n, double *dst);
/* Dims known and equal (symbols count), rank known. */
bool hn_dims_same(const hn_type *a, const hn_type *b);
/* Index of v among the two inputs of a binary node, -1 when neither. */
int hn_operand(const hn_node *n, const hn_value *v);
/* Float types that passes compute weights in. */
bool hn_is_real(const hn_value *v);

/* BatchNormalization with constant statistics over n channels as x * a + b; false when it is something else. */
bool hn_bn_affine(const hn_node *n, int64_t channels, double *a, double *b);

/* Replace n's first output by v (others must be unused) and count the change. Skips, changing nothing, when n is an
 * output's Identity that has to stay. */
hn_status hn_replace_first(hn_pass_ctx *c, hn_rw *rw, hn_node *n, hn_value *v) HN_MUST_CHECK;

/* Remove nodes whose outputs are unused, unused optional outputs and unused captures, in regions too. */
hn_status hn_dead_sweep(hn_graph *g, size_t *removed) HN_MUST_CHECK;

/* Run one node's row on real tensors: infer with their shapes and data, then the reference. out[i] come from the arena
 * (NULL for unused outputs). HN_UNSUPPORTED for control rows and for shapes that stay unknown. */
hn_status hn_eval_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in,
                       hn_tensor **out) HN_MUST_CHECK;

/* Constant folding; with `all`, rows that are kept otherwise are folded too. */
hn_status hn_fold(hn_pass_ctx *c, bool all) HN_MUST_CHECK;

#endif
