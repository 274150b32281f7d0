/* rig: an allocator for tests that counts live blocks, can refuse the Nth request, and finds writes outside a block.
 *
 * Torture: run an operation with every allocation refused in turn, until it succeeds without a refusal:
 *     bool done = false;
 *     HN_RIG_TORTURE(rig, env, done, 1000) { done = hn_rig_check(&rig, &env, operation(&env)); }
 * `operation` must release what it took; the check asserts the status, the message and that no block is left. */
#ifndef HN_TEST_SUPPORT_RIG_H
#define HN_TEST_SUPPORT_RIG_H

#include "base/env.h"

typedef struct hn_rig {
    size_t fail_at;     /* refuse the request with this number, counted from 1; 0: none */
    bool fail_after;    /* refuse all later ones too */
    size_t requests;    /* so far */
    size_t limit_bytes; /* refuse requests that bring live_bytes above; 0: none */
    size_t live;        /* blocks not yet freed */
    size_t live_bytes;
    size_t peak_bytes;
    size_t refused;
    size_t damaged; /* blocks whose guards were overwritten, seen at free */
} hn_rig;

/* Makes env ready (hn_env_init) with the rigged allocator. The rig may be used by one thread at a time. */
void hn_rig_init(hn_rig *rig, hn_env *env);
/* Fresh counters, the next refusal, a clear error. */
void hn_rig_arm(hn_rig *rig, hn_env *env, size_t fail_at);
/* After one torture round: asserts that nothing is left or damaged and that a refusal was reported as HN_NOMEM with a
 * message, and no refusal as HN_OK. Returns true when the operation saw no refusal, so the torture is over. */
bool hn_rig_check(hn_rig *rig, hn_env *env, hn_status got);

/* The statement runs for fail_at = 1, 2, ... until it sets `done` (a bool in scope); fails the test after `limit`
 * rounds. */
#define HN_RIG_TORTURE(rig, env, done, limit) \
    for (size_t hn_rig_round = 1; !(done) && hn_rig_next(&(rig), &(env), hn_rig_round, (limit)); hn_rig_round++)
bool hn_rig_next(hn_rig *rig, hn_env *env, size_t round, size_t limit);

#endif
