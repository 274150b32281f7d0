/* plan_priv: between the files of the plan room. */
#ifndef HN_PLAN_PLAN_PRIV_H
#define HN_PLAN_PLAN_PRIV_H

#include "plan/plan.h"

enum { HN_PLAN_ALIGN = 64 };

/* One block of the arena: lives in steps [first, last], both included. */
typedef struct hn_block {
    size_t bytes; /* rounded up to HN_PLAN_ALIGN */
    uint32_t first, last;
    size_t offset; /* result */
} hn_block;

/* Choose offsets: greedy by size from several orders, then a bounded hill climb over the order. Deterministic. *arena
 * gets the highest end, *bound the largest sum of live bytes. */
hn_status hn_memory_place(hn_env *env, hn_block *blocks, size_t count, size_t *arena, size_t *bound) HN_MUST_CHECK;

/* in_type and out_type from the values and `slices`; HN_INPUT where a value has no rows that could be so many. */
hn_status hn_plan_types(hn_env *env, hn_plan *p) HN_MUST_CHECK;

#endif
