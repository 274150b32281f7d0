/* pool: pthreadpool behind our door. Its flags stay 0, so denormals are computed as IEEE 754 says on every thread. */
#include "base/pool.h"

#include <pthreadpool.h>

#if defined(__SANITIZE_THREAD__)
#define HN_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HN_TSAN 1
#endif
#endif

struct hn_pool {
    pthreadpool_t threads;
};

hn_status hn_pool_new(hn_env *env, size_t threads, hn_pool **out)
{
    *out = NULL;
    hn_pool *p = hn_zalloc(env, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->threads = pthreadpool_create(threads);
    if (p->threads == NULL) {
        hn_free(env, p);
        return hn_fail(env, HN_NOMEM, "cannot start %zu threads: the system refused", threads);
    }
    *out = p;
    return HN_OK;
}

void hn_pool_free(hn_env *env, hn_pool *pool)
{
    if (pool == NULL) return;
    pthreadpool_destroy(pool->threads);
    hn_free(env, pool);
}

size_t hn_pool_threads(const hn_pool *pool)
{
    return pool == NULL ? 1 : pthreadpool_get_threads_count(pool->threads);
}

#ifdef HN_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);

typedef struct traced {
    hn_task_fn *fn;
    void *ctx;
    uint64_t returned; /* address only */
} traced;

/* pthreadpool's own synchronisation is not instrumented; two addresses in `traced` stand for it. The call happens
 * before every task and every task before the return; tasks stay unordered among themselves, so their races show. */
static void run_traced(void *arg, size_t task)
{
    traced *t = arg;
    __tsan_acquire(t);
    t->fn(t->ctx, task);
    __tsan_release(&t->returned);
}
#endif

void hn_pool_run(hn_pool *pool, size_t n, hn_task_fn *fn, void *ctx)
{
    if (pool == NULL || n <= 1) {
        for (size_t i = 0; i < n; i++) fn(ctx, i);
        return;
    }
#ifdef HN_TSAN
    traced t = {fn, ctx, 0};
    __tsan_release(&t);
    pthreadpool_parallelize_1d(pool->threads, run_traced, &t, n, 0);
    __tsan_acquire(&t.returned);
#else
    pthreadpool_parallelize_1d(pool->threads, fn, ctx, n, 0);
#endif
}
