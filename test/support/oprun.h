/* oprun: runs a graph with the reference kernels, one node after the other. Types are inferred again from the values at
 * hand, and the result of every node is checked against them, so running a graph also tests its rows. No control flow.
 */
#ifndef HN_TEST_SUPPORT_OPRUN_H
#define HN_TEST_SUPPORT_OPRUN_H

#include "ir/graph.h"
#include "ir/op.h"

/* out[i] are in the arena. in[i] NULL is allowed where input i is unused. */
hn_status hn_oprun(hn_env *env, hn_arena *arena, hn_graph *g, const hn_tensor *const *in,
                   hn_tensor **out) HN_MUST_CHECK;
/* One node on the given values: infers, allocates the outputs in the arena, runs the row's ref. */
hn_status hn_oprun_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in,
                        hn_tensor **out) HN_MUST_CHECK;
/* The largest difference beyond rtol * |want| + atol, NaN equal to NaN, infinities by sign; 0 when all agree. Other
 * dtype or shape: infinity. Strings must be equal. */
double hn_tensor_excess(const hn_tensor *got, const hn_tensor *want, double rtol, double atol);

#endif
