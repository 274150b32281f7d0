/* arena: alignment, zeroing also after reset, no overlap, overflow, refusal. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "support/rig.h"

static void blocks_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env); /* fresh memory is not zero here */
    hn_arena a = {0};
    for (int round = 0; round < 3; round++) {
        unsigned char *blocks[400];
        size_t sizes[400];
        for (size_t i = 0; i < 400; i++) {
            size_t align = i % 3 == 0 ? 64 : 16;
            sizes[i] = i * 37 % 701 + (i % 50 == 0 ? 40000 : 0);
            bool raw = i % 6 == 3;
            blocks[i] = raw           ? hn_arena_raw(&env, &a, sizes[i])
                        : align == 64 ? hn_arena_alloc_aligned(&env, &a, sizes[i], 64)
                                      : hn_arena_alloc(&env, &a, sizes[i]);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % align, 0);
            for (size_t k = 0; k < sizes[i] && !raw; k++) assert_int_equal(blocks[i][k], 0);
            memset(blocks[i], (int)(i % 255 + 1), sizes[i]);
        }
        for (size_t i = 0; i < 400; i++)
            for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(blocks[i][k], i % 255 + 1);
        assert_true(a.used_bytes > 400 * 300);
        hn_arena_reset(&env, &a);
        assert_int_equal(a.used_bytes, 0);
        assert_int_equal(rig.live, 1);
    }
    hn_arena_fini(&env, &a);
    assert_int_equal(rig.live, 0);
    assert_int_equal(rig.damaged, 0);
    assert_non_null(hn_arena_alloc(&env, &a, 0)); /* ready again */
    hn_arena_fini(&env, &a);
    hn_arena_fini(&env, &a);
    hn_arena_reset(&env, &a);
}

/* Requests that fit in the first chunk to the byte, or miss by a few; the rig guards both ends of the chunk. */
static void the_last_bytes_of_a_chunk(void **state)
{
    (void)state;
    for (size_t slack = 0; slack <= 96; slack++) {
        hn_env env;
        hn_rig rig;
        hn_rig_init(&rig, &env);
        hn_arena a = {0};
        unsigned char *p = hn_arena_alloc(&env, &a, ((size_t)1 << 12) - slack);
        unsigned char *q = hn_arena_alloc(&env, &a, 48);
        assert_true(p != NULL && q != NULL);
        memset(p, 1, ((size_t)1 << 12) - slack);
        memset(q, 2, 48);
        assert_int_equal(p[0], 1);
        hn_arena_fini(&env, &a);
        assert_int_equal(rig.damaged, 0);
    }
}

/* What is asked for after a block with room before it lies in that room, then elsewhere, and never in the block. */
static void a_block_behind_room(void **state)
{
    (void)state;
    for (size_t before = 0; before < 2; before++) {
        hn_env env;
        hn_rig rig;
        hn_rig_init(&rig, &env);
        hn_arena a = {0};
        unsigned char *first = before ? hn_arena_alloc(&env, &a, 100) : NULL, *p;
        size_t used = a.used_bytes;
        unsigned char *block = hn_arena_raw_behind(&env, &a, 1000, 9999);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_in_range(a.used_bytes - used, 9999, 9999 + 64);
        memset(block, 7, 9999);
        for (int i = 0; i < 4; i++) {
            p = hn_arena_alloc(&env, &a, 256);
            assert_non_null(p);
            assert_int_equal(block - p, 1024 - 256 * i);
            memset(p, 8, 256);
        }
        p = hn_arena_alloc(&env, &a, 1);
        assert_true(p != NULL && (p < block - 1024 || p >= block + 9999));
        *p = 8;
        for (size_t i = 0; i < 9999; i++) assert_int_equal(block[i], 7);
        assert_true(first == NULL || first[0] == 0);
        hn_arena_fini(&env, &a);
        assert_int_equal(rig.damaged, 0);
        assert_int_equal(rig.live, 0);
    }
}

static void sizes_that_overflow(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    assert_null(hn_arena_array(&env, &a, SIZE_MAX / 2, 3));
    assert_int_equal(env.error.status, HN_LIMIT);
    hn_error_clear(&env);
    assert_null(hn_arena_alloc(&env, &a, SIZE_MAX));
    assert_int_equal(env.error.status, HN_LIMIT);
    hn_error_clear(&env);
    assert_null(hn_arena_alloc(&env, &a, SIZE_MAX / 2));
    assert_int_equal(env.error.status, HN_NOMEM);
    hn_error_clear(&env);
    assert_null(hn_arena_strndup(&env, &a, "x", SIZE_MAX));
    assert_int_equal(env.error.status, HN_LIMIT);
    for (size_t front = SIZE_MAX; front > SIZE_MAX - 128; front--) {
        hn_error_clear(&env);
        assert_null(hn_arena_raw_behind(&env, &a, front, 64));
        assert_int_equal(env.error.status, HN_LIMIT);
    }
    hn_arena_fini(&env, &a);
}

static void strings(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    assert_string_equal(hn_arena_strdup(&env, &a, "hello"), "hello");
    assert_string_equal(hn_arena_strndup(&env, &a, "hello", 2), "he");
    assert_string_equal(hn_arena_strndup(&env, &a, NULL, 0), "");
    char *s = hn_arena_printf(&env, &a, "%s-%05d-%100s", "k", 42, "x");
    assert_int_equal(strlen(s), 108);
    assert_memory_equal(s, "k-00042-  ", 10);
    hn_arena_fini(&env, &a);
}

static hn_status many(hn_env *env)
{
    hn_arena a = {0};
    hn_status st = HN_OK;
    for (int i = 0; i < 30 && st == HN_OK; i++) {
        if (hn_arena_array(env, &a, 3000, 7) == NULL) st = env->error.status;
        if (st == HN_OK && hn_arena_printf(env, &a, "%d", i) == NULL) st = env->error.status;
    }
    hn_arena_fini(env, &a);
    return st;
}

static void torture(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 1000)
    {
        done = hn_rig_check(&rig, &env, many(&env));
    }
    assert_true(rig.requests > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_are_aligned_zeroed_and_apart),
                                       cmocka_unit_test(the_last_bytes_of_a_chunk),
                                       cmocka_unit_test(a_block_behind_room),
                                       cmocka_unit_test(sizes_that_overflow),
                                       cmocka_unit_test(strings),
                                       cmocka_unit_test(torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
