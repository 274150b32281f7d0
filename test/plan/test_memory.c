/* memory placement: random lifetimes against a checker of our own, known optima, determinism, refusals. labels: torture
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "plan/plan_priv.h"
#include "support/rig.h"

enum { MOST = 160 };

static size_t live_peak(const hn_block *b, size_t n, uint32_t steps)
{
    size_t peak = 0;
    for (uint32_t s = 0; s < steps; s++) {
        size_t live = 0;
        for (size_t i = 0; i < n; i++) live += b[i].first <= s && s <= b[i].last ? b[i].bytes : 0;
        peak = hn_max_size(peak, live);
    }
    return peak;
}

static void check_layout(const hn_block *b, size_t n, size_t arena)
{
    size_t top = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(b[i].offset % HN_PLAN_ALIGN, 0);
        top = hn_max_size(top, b[i].offset + b[i].bytes);
        for (size_t j = i + 1; j < n; j++) {
            bool together = b[i].first <= b[j].last && b[j].first <= b[i].last;
            bool apart = b[i].offset + b[i].bytes <= b[j].offset || b[j].offset + b[j].bytes <= b[i].offset;
            if (together && !apart) fail_msg("blocks %zu and %zu overlap", i, j);
        }
    }
    assert_int_equal(arena, top);
}

static size_t random_blocks(hn_rng *rng, hn_block *b, uint32_t *steps)
{
    size_t n = 1 + (size_t)hn_rng_below(rng, MOST);
    *steps = 1 + (uint32_t)hn_rng_below(rng, 60);
    for (size_t i = 0; i < n; i++) {
        uint32_t first = (uint32_t)hn_rng_below(rng, *steps), span = (uint32_t)hn_rng_below(rng, 8);
        b[i] = (hn_block){.bytes = HN_PLAN_ALIGN * (1 + (size_t)hn_rng_below(rng, 1 + hn_rng_below(rng, 500))),
                          .first = first,
                          .last = first + span < *steps ? first + span : *steps - 1,
                          .offset = 12345};
    }
    return n;
}

static void test_random_lifetimes(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_rng rng;
    hn_rng_init(&rng, 11, 0);
    for (int round = 0; round < 60; round++) {
        hn_block b[MOST], again[MOST];
        uint32_t steps;
        size_t n = random_blocks(&rng, b, &steps), arena, bound, arena2, bound2;
        memcpy(again, b, sizeof b);
        assert_int_equal(hn_memory_place(&env, b, n, &arena, &bound), HN_OK);
        check_layout(b, n, arena);
        assert_int_equal(bound, live_peak(b, n, steps));
        assert_true(arena >= bound);
        assert_true((double)arena <= 1.25 * (double)bound);
        assert_int_equal(hn_memory_place(&env, again, n, &arena2, &bound2), HN_OK);
        assert_int_equal(arena, arena2);
        for (size_t i = 0; i < n; i++) assert_int_equal(b[i].offset, again[i].offset);
    }
}

/* Chains as networks have them: two neighbours live at a time, with a skip connection now and then. */
static void test_chains_meet_the_bound(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_rng rng;
    hn_rng_init(&rng, 5, 0);
    size_t tight = 0;
    for (int round = 0; round < 40; round++) {
        hn_block b[64];
        for (uint32_t i = 0; i < 64; i++) {
            b[i] = (hn_block){.bytes = HN_PLAN_ALIGN * (1 + (size_t)hn_rng_below(&rng, 64)), .first = i, .last = i + 1};
            if (i % 4 == 0) b[i].last = i + 4;
        }
        size_t arena, bound;
        assert_int_equal(hn_memory_place(&env, b, 64, &arena, &bound), HN_OK);
        check_layout(b, 64, arena);
        assert_true((double)arena <= 1.05 * (double)bound);
        tight += arena == bound;
    }
    assert_true(tight >= 30);
}

static void test_small_cases(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    size_t arena = 1, bound = 1;
    assert_int_equal(hn_memory_place(&env, NULL, 0, &arena, &bound), HN_OK);
    assert_int_equal(arena, 0);
    assert_int_equal(bound, 0);
    hn_block one = {.bytes = 64, .first = 3, .last = 9, .offset = 7};
    assert_int_equal(hn_memory_place(&env, &one, 1, &arena, &bound), HN_OK);
    assert_int_equal(one.offset, 0);
    assert_int_equal(arena, 64);
    hn_block touching[2] = {{.bytes = 64, .first = 0, .last = 1}, {.bytes = 128, .first = 1, .last = 2}};
    assert_int_equal(hn_memory_place(&env, touching, 2, &arena, &bound), HN_OK);
    assert_int_equal(arena, 192); /* both ends of a lifetime count */
    hn_block apart[2] = {{.bytes = 64, .first = 0, .last = 1}, {.bytes = 128, .first = 2, .last = 2}};
    assert_int_equal(hn_memory_place(&env, apart, 2, &arena, &bound), HN_OK);
    assert_int_equal(arena, 128);
}

static void test_refusals(void **state)
{
    (void)state;
    hn_rig rig;
    hn_env env;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 20)
    {
        hn_block b[3] = {{.bytes = 64, .last = 1}, {.bytes = 64, .last = 1}, {.bytes = 64, .last = 1}};
        size_t arena, bound;
        done = hn_rig_check(&rig, &env, hn_memory_place(&env, b, 3, &arena, &bound));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_lifetimes),
                                       cmocka_unit_test(test_chains_meet_the_bound), cmocka_unit_test(test_small_cases),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
