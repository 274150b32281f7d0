/* case_table: cases of verify that get a tolerance of their own, each with its reason. A text file, one case a line:
 * name, rtol, atol and reason, separated by tabs; empty lines and lines that begin with '#' are passed over. */
#ifndef HN_API_CASE_TABLE_H
#define HN_API_CASE_TABLE_H

#include "base/arena.h"

typedef struct hn_case_row {
    const char *name, *reason;
    double rtol, atol;
} hn_case_row;

typedef struct hn_case_table {
    const hn_case_row *row;
    size_t count;
} hn_case_table;

/* Rows live in the arena. A row without a reason, and a case with two rows, are HN_INPUT. */
hn_status hn_case_table_read(hn_env *env, hn_arena *arena, const char *path, hn_case_table *out) HN_MUST_CHECK;
const hn_case_row *hn_case_table_find(const hn_case_table *t, const char *name); /* NULL when there is none */

#endif
