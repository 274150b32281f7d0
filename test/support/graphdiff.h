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

/* How the graph is compiled: for what instructions, and whether its input dims are symbols first, bound to numbers
 * between the two pipelines, as a session does it. */
typedef struct hn_diff_how {
    uint64_t isa;
    bool symbols;
} hn_diff_how;

hn_diff hn_diff_graph(hn_env *env, const hn_graph *g, const hn_tensor *const *in, hn_diff_how how);
/* The smallest part of g found that still differs: values in its middle become inputs. In the arena. */
hn_graph *hn_diff_minimise(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in, hn_diff_how how,
                           const hn_tensor ***small_in);

#endif
