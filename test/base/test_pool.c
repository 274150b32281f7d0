/* pool: every task once, any thread count, the caller takes part, denormals survive on every thread. labels: threads
 * torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "support/rig.h"

typedef struct sums {
    int seen[1000];
    float tiny[1000];
    volatile float start;
} sums;

static void one(void *ctx, size_t task)
{
    sums *s = ctx;
    s->seen[task]++;
    s->tiny[task] = s->start * 0.5F; /* denormal: flushed to zero when the mode were wrong */
}

static void every_task_once(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t threads = 0; threads <= 5; threads++) {
        hn_pool *pool = NULL;
        assert_int_equal(hn_pool_new(&env, threads, &pool), HN_OK);
        if (threads > 0) assert_int_equal(hn_pool_threads(pool), threads);
        assert_true(hn_pool_threads(pool) >= 1);
        for (size_t n = 0; n <= 1000; n = n * 3 + 1) {
            sums s;
            memset(&s, 0, sizeof s);
            s.start = 1.2e-38F;
            hn_pool_run(pool, n, one, &s);
            for (size_t i = 0; i < 1000; i++) {
                assert_int_equal(s.seen[i], i < n);
                assert_true((s.tiny[i] != 0) == (i < n));
            }
        }
        hn_pool_free(&env, pool);
    }
}

typedef struct tally {
    size_t done[7];
    size_t run;
    bool stale;
} tally;

static void count(void *ctx, size_t task)
{
    tally *t = ctx;
    if (t->done[task] != t->run) t->stale = true; /* a helper of an earlier run, or a task done twice */
    t->done[task]++;
}

/* Helpers meet runs that begin, end and follow each other at any moment, spinning and asleep. */
static void runs_in_a_row(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t threads = 2; threads <= 4; threads++) {
        hn_pool *pool = NULL;
        assert_int_equal(hn_pool_new(&env, threads, &pool), HN_OK);
        tally t = {{0}, 0, false};
        for (; t.run < 5000; t.run++) {
            hn_pool_run(pool, 2 + t.run % 6, count, &t);
            for (size_t i = 2 + t.run % 6; i < 7; i++) t.done[i]++;
            uint64_t pause = t.run % 1000 == 999 ? hn_clock_ns() + 200000 : 0;
            while (hn_clock_ns() < pause) continue; /* long enough for helpers to go to sleep */
        }
        for (size_t i = 0; i < 7; i++) assert_int_equal(t.done[i], 5000);
        assert_false(t.stale);
        hn_pool_free(&env, pool);
    }
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_pool *pool = NULL;
    assert_int_equal(hn_pool_new(&env, (size_t)1 << 20, &pool), HN_LIMIT);
    assert_null(pool);
}

typedef struct order {
    size_t next;
    bool in_order;
} order;

static void note(void *ctx, size_t task)
{
    order *o = ctx;
    if (task != o->next) o->in_order = false;
    o->next++;
}

static void no_pool_is_serial(void **state)
{
    (void)state;
    order o = {0, true};
    hn_pool_run(NULL, 50, note, &o);
    assert_int_equal(o.next, 50);
    assert_true(o.in_order);
    assert_int_equal(hn_pool_threads(NULL), 1);
    hn_env env;
    hn_env_init(&env);
    hn_pool_free(&env, NULL);
}

static hn_status open_and_close(hn_env *env)
{
    hn_pool *pool;
    HN_TRY(hn_pool_new(env, 2, &pool));
    hn_pool_free(env, pool);
    return HN_OK;
}

static void torture(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 10)
    {
        done = hn_rig_check(&rig, &env, open_and_close(&env));
    }
    assert_true(rig.requests > 0);
}

static void clock_moves_on(void **state)
{
    (void)state;
    uint64_t a = hn_clock_ns();
    uint64_t b = hn_clock_ns();
    assert_true(a > 0 && b >= a);
    assert_true(hn_process_peak_rss_bytes() > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_task_once),
                                       cmocka_unit_test(runs_in_a_row),
                                       cmocka_unit_test(too_many_threads_are_refused),
                                       cmocka_unit_test(no_pool_is_serial),
                                       cmocka_unit_test(torture),
                                       cmocka_unit_test(clock_moves_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
