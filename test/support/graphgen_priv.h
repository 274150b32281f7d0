/* graphgen_priv: what the makers of graphgen share. */
#ifndef HN_TEST_SUPPORT_GRAPHGEN_PRIV_H
#define HN_TEST_SUPPORT_GRAPHGEN_PRIV_H

#include "base/size.h"
#include "ir/rewrite.h"
#include "support/graphgen.h"

size_t hn_gen_below(hn_gen *g, size_t n); /* n > 0 */
bool hn_gen_chance(hn_gen *g, unsigned percent);
int64_t hn_gen_size(hn_gen *g, size_t narrow, size_t wide); /* from 1 to the first, in wide graphs to the second */
/* A random tensor; floats uniform in [lo, hi). NULL: out of memory. */
hn_tensor *hn_gen_tensor(hn_gen *g, hn_dtype dtype, int rank, const int64_t *dims, double lo, double hi);
hn_value *hn_gen_const(hn_gen *g, const hn_tensor *t);
hn_value *hn_gen_ints(hn_gen *g, size_t n, const int64_t *v);
hn_value *hn_gen_floats(hn_gen *g, size_t n, double lo, double hi); /* f32[n] constant */
hn_value *hn_gen_scalar(hn_gen *g, hn_dtype dtype, double v);
hn_value *hn_gen_input(hn_gen *g, const hn_tensor *t);
/* A value at hand with this dtype (NONE: any) and a rank in [min, max]; a fresh input or constant when there is none.
 */
hn_value *hn_gen_pick(hn_gen *g, hn_dtype dtype, int min, int max);
const hn_tensor *hn_gen_data(const hn_gen *g, const hn_value *v);
/* A node, checked, inferred and run; its outputs join the values at hand. NULL when it does not fit or its numbers grow
 * out of hand: then nothing has changed. attrs may be NULL. */
hn_node *hn_gen_node(hn_gen *g, const char *op, size_t nin, hn_value *const *in, size_t nout, const hn_rw_attr *attrs);
hn_value *hn_gen_op(hn_gen *g, const char *op, size_t nin, hn_value *const *in, const hn_rw_attr *attrs);

/* The end of hn_gen_node for a node that was made by hand: false when it is to be removed. */
bool hn_gen_settle(hn_gen *g, hn_node *n);

/* One step each: adds a node or a few. */
typedef void hn_gen_maker(hn_gen *g);
typedef struct hn_gen_row {
    hn_gen_maker *make;
    unsigned weight;
} hn_gen_row;
extern const hn_gen_row hn_gen_shapes[]; /* graphgen_shapes.c; ends with {0} */
extern const hn_gen_row hn_gen_nets[];   /* graphgen_nets.c; ends with {0} */
extern const hn_gen_row hn_gen_flows[];  /* graphgen_flows.c; ends with {0} */

#endif
