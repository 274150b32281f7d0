/* buf: growth, sticky failure, the closing NUL. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "support/rig.h"

static void grows(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    hn_buf b = {0};
    assert_string_equal(hn_buf_str(&env, &b), "");
    for (int i = 0; i < 1000; i++) {
        hn_buf_puts(&env, &b, "ab");
        hn_buf_printf(&env, &b, "%03d", i);
        hn_buf_append(&env, &b, "\0", 1);
        assert_int_equal(b.size, (size_t)(i + 1) * 6);
        assert_int_equal(b.data[b.size], 0);
    }
    hn_buf_append(&env, &b, NULL, 0);
    hn_buf_printf(&env, &b, "%s", "");
    assert_int_equal(hn_buf_status(&b), HN_OK);
    assert_memory_equal(b.data + 6 * 999, "ab999\0", 6);
    hn_buf_fini(&env, &b);
    assert_int_equal(rig.live, 0);
    assert_int_equal(rig.damaged, 0);
    hn_buf_fini(&env, &b);
}

static void failure_sticks(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    hn_buf b = {0};
    hn_rig_arm(&rig, &env, 2);
    hn_buf_puts(&env, &b, "start");
    char big[4096];
    memset(big, 'y', sizeof big);
    hn_buf_append(&env, &b, big, sizeof big);
    assert_int_equal(hn_buf_status(&b), HN_NOMEM);
    size_t requests = rig.requests;
    hn_buf_puts(&env, &b, "x");
    hn_buf_printf(&env, &b, "%d", 1);
    assert_int_equal(rig.requests, requests);
    assert_string_equal(hn_buf_str(&env, &b), "");
    hn_buf_fini(&env, &b);
    assert_int_equal(rig.live, 0);
    hn_env_init(&env);
    hn_buf_puts(&env, &b, "x");
    hn_buf_append(&env, &b, big, SIZE_MAX);
    assert_int_equal(hn_buf_status(&b), HN_LIMIT);
    hn_buf_fini(&env, &b);
}

static hn_status fill(hn_env *env)
{
    hn_buf b = {0};
    for (int i = 0; i < 500; i++) hn_buf_printf(env, &b, "%d %s ", i, "word");
    hn_status st = hn_buf_status(&b);
    hn_buf_fini(env, &b);
    return st;
}

static void torture(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 100)
    {
        done = hn_rig_check(&rig, &env, fill(&env));
    }
    assert_true(rig.requests > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(grows), cmocka_unit_test(failure_sticks),
                                       cmocka_unit_test(torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
