/* refrun: runs a graph with the reference kernels alone, If, Loop and Scan included: what passes and devices are
 * compared with. */
#ifndef HN_TEST_SUPPORT_REFRUN_H
#define HN_TEST_SUPPORT_REFRUN_H

#include "ir/op.h"

/* in: g->nin tensors; out: g->nout tensors in the arena (or the inputs' and constants' own). */
hn_status hn_refrun(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in,
                    const hn_tensor **out) HN_MUST_CHECK;
/* One node, regions included. */
hn_status hn_refrun_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in,
                         hn_tensor **out) HN_MUST_CHECK;
/* A tensor of the type (unknown and symbolic dims become `dim`) with values that suit it: normal for floats, small for
 * integers, the whole range for 8 bits. */
hn_tensor *hn_refrun_random(hn_env *env, hn_arena *arena, const hn_type *t, int64_t dim, uint64_t seed);
/* Largest difference in units of tolerance * (1 + |b|); NaN equals NaN, other shapes and dtypes give infinity.
 * From a tolerance of 1e-3 on, 8-bit integers may differ by one. */
double hn_refrun_distance(const hn_tensor *a, const hn_tensor *b, double tolerance);

#endif
