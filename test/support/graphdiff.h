/* graphdiff: a graph by the reference kernels against the same graph through the passes, the planner and the kernels of
 * one instruction set. Numbers may differ by rounding: what is more than that is judged by runs of the reference with
 * noise of the size of rounding on every intermediate value, so that an element which noise alone can move (a tie, a
 * step of a quantiser, a cancelled sum) is no difference. */
#ifndef HN_TEST_SUPPORT_GRAPHDIFF_H
#define HN_TEST_SUPPORT_GRAPHDIFF_H

#include "ir/graph.h"

typedef enum hn_diff_kind {
    HN_DIFF_NONE,
    HN_DIFF_NOISE, /* differs, but no more than rounding explains */
    HN_DIFF_WRONG,
    HN_DIFF_REFUSED /* the passes, the planner or the run failed */
} hn_diff_kind;

typedef struct hn_diff {
    hn_diff_kind kind;
    size_t output, element;
    double got, want, allowed;
    char text[512];
} hn_diff;

/* want: g->nout tensors by the reference, or NULL to compute them. */
hn_diff hn_diff_graph(hn_env *env, const hn_graph *g, const hn_tensor *const *in, uint64_t isa);
/* The smallest part of g found that still differs: values in its middle become inputs. In the arena. */
hn_graph *hn_diff_minimise(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in, uint64_t isa,
                           const hn_tensor ***small_in);

#endif
