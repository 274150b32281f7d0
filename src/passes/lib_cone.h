/* lib_cone: a scalar function as a piece of graph: elementwise nodes between one source and a root, with single-element
 * constants. Such a piece can be evaluated on any tensor, which is how tables are made and functions are recognised by
 * their values. */
#ifndef HN_PASSES_LIB_CONE_H
#define HN_PASSES_LIB_CONE_H

#include "passes/lib_match.h"

enum { HN_CONE_NODES = 24 };

typedef struct hn_cone {
    hn_node *nodes[HN_CONE_NODES]; /* root first, each after all that read it */
    size_t count;
    bool rows;
    hn_value *root, *source; /* source: the one value the root is a function of, NULL while there are several */
} hn_cone;

void hn_cone_start(hn_cone *c, hn_value *root, bool rows); /* no nodes; source is root */
/* Take one more node in; false when that is not possible. */
bool hn_cone_grow(hn_cone *c);
/* The root for source = x; in the arena. */
hn_status hn_cone_eval(hn_env *env, hn_arena *arena, const hn_cone *c, hn_tensor *x, hn_tensor **y) HN_MUST_CHECK;

#endif
