/* opcase: a row's cases as graphs. */
#ifndef HN_TEST_SUPPORT_OPCASE_H
#define HN_TEST_SUPPORT_OPCASE_H

#include "ops/cases.h"
#include "ops/ops.h"

typedef struct hn_opcase {
    hn_graph *g;
    hn_node *n;
    const hn_tensor *in[HN_CASE_PORTS]; /* of the node, in order */
    size_t nin;
} hn_opcase;

/* All cases of a row, in the arena. */
hn_status hn_opcases(hn_env *env, hn_arena *arena, const hn_op *op, hn_cases *out) HN_MUST_CHECK;
/* What a graph is told about the inputs: everything; symbols for dims but 1; symbols for 1 too; only ranks; nothing. */
typedef enum hn_told { HN_TOLD_ALL, HN_TOLD_SYMBOLS, HN_TOLD_HIDDEN, HN_TOLD_RANK, HN_TOLD_NOTHING } hn_told;
/* A graph of one node. Constant inputs are constants (but with NOTHING), the others inputs in order; outputs are not
 * set. in: values to use instead of the case's, or NULL. The node is neither checked nor inferred. */
hn_status hn_opcase_graph(hn_env *env, hn_arena *arena, const hn_op *op, const hn_case_row *c,
                          const hn_tensor *const *in, hn_told told, hn_opcase *out) HN_MUST_CHECK;
/* The node's values run through the row's own functions. */
hn_status hn_opcase_run(hn_env *env, hn_arena *arena, const hn_opcase *o, hn_tensor **out) HN_MUST_CHECK;
/* t with its values in another dtype; numbers become text where that is asked for. */
hn_status hn_tensor_convert(hn_env *env, hn_arena *arena, const hn_tensor *t, hn_dtype to,
                            hn_tensor **out) HN_MUST_CHECK;
const hn_port *hn_op_port(const hn_op *op, size_t i); /* of input i; the last one repeats */

#endif
