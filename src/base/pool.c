/* pool: helper threads that join a run only when they are there in time. The caller never waits for a helper that has
 * not begun, so a helper without a core costs nothing. Every thread takes tasks from its own share first, then from the
 * others', which keeps shares in the caches that hold them from step to step.
 *
 * `state` counts runs in its upper part; OPEN says that helpers may join, the low bits how many are inside. What
 * describes a run is written only while it is closed and nobody is inside. Threads keep the environment's
 * floating-point mode, so denormals are computed as IEEE 754 says. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"

#define OPEN   (UINT64_C(1) << 31)
#define INSIDE (OPEN - 1)
#define RUN    (UINT64_C(1) << 32)

enum { SPIN_NS = 50000, SPIN_CHECK = 64, MOST_THREADS = 4096 };

typedef struct share {
    _Alignas(64) atomic_size_t next;
    size_t end;
} share;

typedef struct helper {
    pthread_t thread;
    hn_pool *pool;
    size_t index;
} helper;

struct hn_pool {
    size_t threads; /* the caller's is number 0 */
    helper *helpers;
    size_t started;
    uint64_t spin_ns; /* 0 where threads would spin on each other's cores */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    hn_task_fn *fn;
    void *ctx;
    share *shares;
    _Alignas(64) _Atomic uint64_t state;
    atomic_size_t sleepers;
    atomic_bool stop;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(hn_pool *p, size_t own)
{
    for (size_t k = 0; k < p->threads; k++) {
        share *s = &p->shares[(own + k) % p->threads];
        while (atomic_load_explicit(&s->next, memory_order_relaxed) < s->end) {
            size_t task = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed);
            if (task >= s->end) break;
            p->fn(p->ctx, task);
        }
    }
}

/* Whether there is a run after number `last` that can be joined, or nothing more to wait for. */
static bool called(hn_pool *p, uint64_t last, uint64_t *state)
{
    *state = atomic_load(&p->state);
    return ((*state & OPEN) != 0 && *state / RUN != last) || atomic_load(&p->stop);
}

static void wait_for_call(hn_pool *p, uint64_t last, uint64_t *state)
{
    uint64_t begin = p->spin_ns > 0 ? hn_clock_ns() : 0;
    for (uint64_t i = 1; p->spin_ns > 0; i++) {
        if (called(p, last, state)) return;
        relax();
        if (i % SPIN_CHECK == 0 && hn_clock_ns() - begin > p->spin_ns) break;
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (!called(p, last, state)) pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *help(void *self)
{
    helper *h = self;
    hn_pool *p = h->pool;
    uint64_t last = 0, state;
    for (;;) {
        wait_for_call(p, last, &state);
        if (atomic_load(&p->stop)) return NULL;
        if (!atomic_compare_exchange_strong(&p->state, &state, state + 1)) continue;
        last = state / RUN;
        work(p, h->index);
        atomic_fetch_sub(&p->state, 1);
    }
}

static void call_all(hn_pool *p)
{
    if (atomic_load(&p->sleepers) == 0) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static size_t usable_cores(void)
{
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (size_t)CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}

/* Helpers take no signals: those are the host program's. */
static bool start(hn_pool *p)
{
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    for (; p->started + 1 < p->threads; p->started++) {
        helper *h = &p->helpers[p->started];
        *h = (helper){.pool = p, .index = p->started + 1};
        if (pthread_create(&h->thread, NULL, help, h) != 0) break;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return p->started + 1 == p->threads;
}

hn_status hn_pool_new(hn_env *env, size_t threads, hn_pool **out)
{
    *out = NULL;
    size_t cores = usable_cores();
    if (threads == 0) threads = cores;
    if (threads > MOST_THREADS) return hn_fail(env, HN_LIMIT, "%zu threads; at most %d", threads, MOST_THREADS);
    hn_pool *p = hn_zalloc(env, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->threads = threads;
    p->spin_ns = threads <= cores ? SPIN_NS : 0;
    bool locks = pthread_mutex_init(&p->lock, NULL) == 0 && pthread_cond_init(&p->wake, NULL) == 0;
    if (!locks) {
        hn_free(env, p);
        return hn_fail(env, HN_NOMEM, "cannot make a lock: the system refused");
    }
    p->helpers = hn_zalloc(env, threads * sizeof *p->helpers);
    p->shares = p->helpers == NULL ? NULL : hn_zalloc(env, threads * sizeof *p->shares);
    hn_status st = p->shares == NULL ? HN_NOMEM : HN_OK;
    if (st == HN_OK && !start(p)) st = hn_fail(env, HN_NOMEM, "cannot start %zu threads: the system refused", threads);
    if (st != HN_OK) {
        hn_pool_free(env, p);
        return st;
    }
    *out = p;
    return HN_OK;
}

void hn_pool_free(hn_env *env, hn_pool *pool)
{
    if (pool == NULL) return;
    atomic_store(&pool->stop, true);
    call_all(pool);
    for (size_t i = 0; i < pool->started; i++) (void)pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    hn_free(env, pool->helpers);
    hn_free(env, pool->shares);
    hn_free(env, pool);
}

size_t hn_pool_threads(const hn_pool *pool)
{
    return pool == NULL ? 1 : pool->threads;
}

/* Waits for helpers in the middle of a task; they may need this core for it. */
static void close_run(hn_pool *p)
{
    atomic_fetch_and(&p->state, ~OPEN);
    for (uint64_t i = 1; (atomic_load(&p->state) & INSIDE) != 0; i++) {
        relax();
        if (p->spin_ns == 0 || i % 4096 == 0) sched_yield();
    }
}

void hn_pool_run(hn_pool *pool, size_t n, hn_task_fn *fn, void *ctx)
{
    if (pool == NULL || n <= 1 || pool->threads == 1) {
        for (size_t i = 0; i < n; i++) fn(ctx, i);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    size_t each = n / pool->threads, rest = n % pool->threads, at = 0;
    for (size_t i = 0; i < pool->threads; i++) {
        atomic_store_explicit(&pool->shares[i].next, at, memory_order_relaxed);
        at += each + (i < rest);
        pool->shares[i].end = at;
    }
    uint64_t state = atomic_load_explicit(&pool->state, memory_order_relaxed);
    atomic_store(&pool->state, (state / RUN + 1) * RUN | OPEN);
    call_all(pool);
    work(pool, 0);
    close_run(pool);
}
