/* lib_layout: how each kind of node is written channels last. */
#ifndef HN_PASSES_LIB_LAYOUT_H
#define HN_PASSES_LIB_LAYOUT_H

#include "passes/lib_match.h"

typedef struct hn_layout {
    hn_env *env;
    hn_graph *graph;
    hn_rw rw;
    uint32_t ids;    /* values and nodes below this id were there at the start */
    hn_value **nhwc; /* by value id: the twin */
} hn_layout;

extern const int64_t hn_layout_to[4];   /* perm from NCHW to NHWC */
extern const int64_t hn_layout_back[4]; /* and back */

/* The axes a reduction (or Slice, Pad: input `port` as axes) works on as flags in NCHW; false when they are not
 * constant. None: all. */
bool hn_layout_axes(const hn_node *n, size_t port, bool flag[4]);
/* Emit n's twin; made[i] is NHWC where the output is 4-D, else as it was. */
hn_status hn_layout_build(hn_layout *l, hn_node *n, hn_value **made) HN_MUST_CHECK;

#endif
