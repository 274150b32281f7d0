/* Blocks of work on slots of scratch; see the header. */
#include "device/cpu/lib_slots.h"

#include <stdatomic.h>

#include "base/size.h"

typedef struct job {
    hn_block_fn *fn;
    void *ctx;
    size_t blocks, workers;
    atomic_size_t next[HN_SLOTS];
} job;

static void worker(void *ctx, size_t slot)
{
    job *j = ctx;
    for (size_t k = 0; k < j->workers; k++) {
        const size_t share = (slot + k) % j->workers, end = j->blocks * (share + 1) / j->workers;
        for (;;) {
            const size_t i = atomic_fetch_add_explicit(&j->next[share], 1, memory_order_relaxed);
            if (i >= end) break;
            j->fn(j->ctx, slot, i);
        }
    }
}

void hn_slots_run(hn_pool *pool, size_t slots, size_t blocks, hn_block_fn *fn, void *ctx)
{
    job j = {.fn = fn, .ctx = ctx, .blocks = blocks, .workers = hn_min_size(hn_pool_threads(pool), slots)};
    for (size_t i = 0; i < j.workers; i++) atomic_init(&j.next[i], blocks * i / j.workers);
    hn_pool_run(pool, j.workers, worker, &j);
}
