/* pool: a fixed set of worker threads. Work is cut by shape into n tasks; task i always does the same work, whichever
 * thread takes it, so results do not depend on the thread count. The caller takes part in the work. */
#ifndef HN_BASE_POOL_H
#define HN_BASE_POOL_H

#include "base/env.h"

typedef struct hn_pool hn_pool;
typedef void hn_task_fn(void *ctx, size_t task);

/* threads >= 1; 0 means one per usable core. */
hn_status hn_pool_new(hn_env *env, size_t threads, hn_pool **out) HN_MUST_CHECK;
void hn_pool_free(hn_env *env, hn_pool *pool);
size_t hn_pool_threads(const hn_pool *pool); /* NULL: 1 */
/* Run fn(ctx, 0..n-1) and wait. NULL pool or n == 1: on the caller, in order. Not re-entrant. */
void hn_pool_run(hn_pool *pool, size_t n, hn_task_fn *fn, void *ctx);

#endif
