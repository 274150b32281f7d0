/* lib_forest_read: what the two readers of forests share. */
#ifndef HN_OPS_LIB_FOREST_READ_H
#define HN_OPS_LIB_FOREST_READ_H

#include "ops/lib_forest.h"

/* Cycles, depth, features and targets; sets depth and features. */
hn_status hn_forest_check(hn_env *env, hn_arena *arena, const hn_node *n, hn_forest *f) HN_MUST_CHECK;
/* A list of `want` integers; NULL where it is absent and not needed. */
hn_status hn_forest_list(hn_env *env, const hn_node *n, const char *name, size_t want, bool needed,
                         const int64_t **out) HN_MUST_CHECK;
hn_status hn_forest_id(hn_env *env, const hn_node *n, const char *name, int64_t v, int32_t *out) HN_MUST_CHECK;

#endif
