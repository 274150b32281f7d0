/* rig: every block has a head with its size and guard bytes on both sides; the payload keeps the 64-byte alignment of
 * hn_allocator. */
#include "support/rig.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEAD_BYTES = 128, TAIL_BYTES = 64, GUARD = 0xa5, FRESH = 0xcd };

/* The block is HEAD_BYTES of {size, guard...}, the payload, TAIL_BYTES of guard. */
static void *rig_alloc(void *self, size_t bytes)
{
    hn_rig *r = self;
    r->requests++;
    if (r->fail_at != 0 && (r->requests == r->fail_at || (r->fail_after && r->requests > r->fail_at))) {
        r->refused++;
        return NULL;
    }
    if (bytes > SIZE_MAX / 2 || (r->limit_bytes && bytes > r->limit_bytes - r->live_bytes)) {
        r->refused++;
        return NULL;
    }
    size_t total = (HEAD_BYTES + bytes + TAIL_BYTES + 63) & ~(size_t)63;
    unsigned char *block = aligned_alloc(64, total);
    if (block == NULL) return NULL;
    memset(block, GUARD, HEAD_BYTES);
    memcpy(block, &bytes, sizeof bytes);
    memset(block + HEAD_BYTES, FRESH, bytes);
    memset(block + HEAD_BYTES + bytes, GUARD, total - HEAD_BYTES - bytes);
    r->live++;
    r->live_bytes += bytes;
    if (r->live_bytes > r->peak_bytes) r->peak_bytes = r->live_bytes;
    return block + HEAD_BYTES;
}

static void rig_free(void *self, void *ptr)
{
    hn_rig *r = self;
    unsigned char *block = (unsigned char *)ptr - HEAD_BYTES;
    size_t bytes;
    memcpy(&bytes, block, sizeof bytes);
    bool whole = true;
    for (size_t i = sizeof bytes; i < HEAD_BYTES; i++) whole = whole && block[i] == GUARD;
    for (size_t i = 0; i < TAIL_BYTES; i++) whole = whole && block[HEAD_BYTES + bytes + i] == GUARD;
    if (!whole) r->damaged++;
    r->live--;
    r->live_bytes -= bytes;
    memset(block, 0xdd, HEAD_BYTES + bytes); /* so that a use after free shows */
    free(block);
}

void hn_rig_init(hn_rig *rig, hn_env *env)
{
    memset(rig, 0, sizeof *rig);
    hn_env_init(env);
    env->alloc = (hn_allocator){rig_alloc, rig_free, rig};
}

void hn_rig_arm(hn_rig *rig, hn_env *env, size_t fail_at)
{
    bool after = rig->fail_after;
    size_t live = rig->live;
    size_t live_bytes = rig->live_bytes;
    memset(rig, 0, sizeof *rig);
    rig->fail_after = after;
    rig->fail_at = fail_at;
    rig->live = live;
    rig->live_bytes = live_bytes;
    hn_error_clear(env);
}

bool hn_rig_check(hn_rig *rig, hn_env *env, hn_status got)
{
    assert_int_equal(rig->live, 0);
    assert_int_equal(rig->damaged, 0);
    if (rig->refused == 0) {
        assert_int_equal(got, HN_OK);
        return true;
    }
    assert_int_equal(got, HN_NOMEM);
    assert_int_equal(env->error.status, HN_NOMEM);
    assert_true(env->error.text[0] != '\0');
    return false;
}

bool hn_rig_next(hn_rig *rig, hn_env *env, size_t round, size_t limit)
{
    if (round > limit) fail_msg("the operation still allocates after %zu rounds", limit);
    hn_rig_arm(rig, env, round);
    return true;
}
