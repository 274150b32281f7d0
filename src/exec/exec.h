/* exec: runs a plan. The plan is shared and read-only; an instance holds everything that a run changes. After the first
 * run with given shapes a run allocates nothing. */
#ifndef HN_EXEC_EXEC_H
#define HN_EXEC_EXEC_H

#include "plan/plan.h"

typedef struct hn_instance hn_instance;

hn_status hn_instance_new(hn_env *env, const hn_plan *plan, hn_instance **out) HN_MUST_CHECK;
void hn_instance_free(hn_env *env, hn_instance *inst);

/* in[i]: borrowed views with exactly the planned dtype and dims. out[i]: filled with views on memory owned by the
 * instance, valid until the next run. */
hn_status hn_instance_run(hn_env *env, hn_instance *inst, const hn_tensor *const *in, hn_tensor *out) HN_MUST_CHECK;

/* Profile: nanoseconds per step, summed over `runs` since reset. */
void hn_instance_profile(hn_instance *inst, bool on);
const uint64_t *hn_instance_step_ns(const hn_instance *inst, uint64_t *runs);
size_t hn_instance_bytes(const hn_instance *inst);

/* For what lives as long as the instance, on the pages of its memory. */
hn_arena *hn_instance_arena(hn_instance *inst);

#endif
