/* lib_slots: blocks of work that each need scratch of their own, while there is scratch for a few at a time. */
#ifndef HN_DEVICE_CPU_LIB_SLOTS_H
#define HN_DEVICE_CPU_LIB_SLOTS_H

#include "base/pool.h"

enum { HN_SLOTS = 16 }; /* parts of scratch: most threads that work at a time */

/* One block, with part `slot` of scratch. What it does follows from `block` alone. */
typedef void hn_block_fn(void *ctx, size_t slot, size_t block);

/* Blocks 0 .. blocks - 1, on slots <= HN_SLOTS parts of scratch. Every worker takes blocks of its own share first, then
 * of the others'. */
void hn_slots_run(hn_pool *pool, size_t slots, size_t blocks, hn_block_fn *fn, void *ctx);

#endif
