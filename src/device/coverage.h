/* coverage: which row runs where, as a table: the second part of docs/ops.md. */
#ifndef HN_DEVICE_COVERAGE_H
#define HN_DEVICE_COVERAGE_H

#include "base/buf.h"
#include "ir/op.h"

/* Markdown: each row of the table with its operator set, element types, the drivers that lower it, and the reason where
 * something is missing. */
hn_status hn_device_coverage(hn_env *env, const hn_op_table *ops, hn_buf *out) HN_MUST_CHECK;

#endif
