/* autodiff: reverse accumulation. Gradients are ordinary nodes at the end of the graph, built by the rows' own
 * builders. */
#ifndef HN_PASSES_AUTODIFF_H
#define HN_PASSES_AUTODIFF_H

#include "ir/rewrite.h"

/* grad[i] becomes d loss / d wrt[i], with the type of wrt[i]; zeros where loss does not depend on it. loss must have
 * one element and a float dtype, and every type of the graph must be known. wrt may be inputs, constants or inner
 * values of g. HN_UNSUPPORTED names the node on the way from wrt to loss that has no gradient, and why. Existing nodes
 * are not changed; where a row is differentiated through its decomposition, the decomposition's nodes are added before
 * it. On failure the nodes added so far stay, unused. */
hn_status hn_autodiff(hn_env *env, hn_graph *g, hn_value *loss, size_t n, hn_value *const *wrt,
                      hn_value **grad) HN_MUST_CHECK;

#endif
