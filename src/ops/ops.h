/* ops: the door of the op table. One file per row; the table is generated from the folder, sorted by domain and name.
 */
#ifndef HN_OPS_OPS_H
#define HN_OPS_OPS_H

#include "base/buf.h"
#include "ir/op.h"

extern const hn_op_table hn_ops;

/* The row's cost, or the default that ir/op.h states. Types of the node's values are fully known. */
void hn_op_cost(const hn_node *node, hn_cost *cost);

/* The row's shard rule, or the default that ir/op.h states, checked against the types: every axis that is cut has the
 * same size. out[nout] and *sizes as in hn_shard. */
bool hn_op_shard(const hn_node *node, const int *in, int *out, uint32_t *sizes);

/* The table as Markdown: docs/ops.md. */
hn_status hn_ops_doc(hn_env *env, const hn_op_table *ops, hn_buf *out) HN_MUST_CHECK;

#endif
