/* env: first error wins, frames and hints, formatting never overruns, memory is aligned. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/env.h"
#include "support/rig.h"

static void first_error_wins(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    assert_int_equal(env.error.status, HN_OK);
    assert_int_equal(hn_fail(&env, HN_INPUT, "bad %d", 7), HN_INPUT);
    assert_int_equal(hn_fail(&env, HN_BUG, "later"), HN_INPUT);
    assert_string_equal(env.error.text, "bad 7");
    hn_hint(&env, "try %s", "this");
    hn_hint(&env, "or that");
    assert_string_equal(env.error.hint, "try this");
    assert_int_equal(hn_context(&env, HN_INPUT, "tensor %s", "w"), HN_INPUT);
    assert_int_equal(hn_context(&env, HN_OK, "not on success"), HN_OK);
    assert_int_equal(hn_context(&env, HN_INPUT, "in model.onnx"), HN_INPUT);
    char text[256];
    hn_error_format(&env.error, text, sizeof text);
    assert_string_equal(text, "bad 7\ntensor w\nin model.onnx\nhint: try this");
    hn_error_clear(&env);
    assert_int_equal(env.error.status, HN_OK);
    hn_hint(&env, "no error, no hint");
    assert_string_equal(env.error.hint, "");
    hn_error_format(&env.error, text, sizeof text);
    assert_string_equal(text, "");
}

static void frames_are_bounded(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)hn_fail(&env, HN_IO, "%s", longer);
    assert_int_equal(strlen(env.error.text), sizeof env.error.text - 1);
    for (int i = 0; i < 2 * HN_ERROR_FRAMES; i++) (void)hn_context(&env, HN_IO, "%s", longer);
    assert_int_equal(env.error.frames, HN_ERROR_FRAMES);
    assert_int_equal(strlen(env.error.frame[HN_ERROR_FRAMES - 1]), sizeof env.error.frame[0] - 1);
}

static void format_stops_at_the_end(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    (void)hn_fail(&env, HN_IO, "abcdef");
    (void)hn_context(&env, HN_IO, "ghi");
    for (size_t n = 0; n <= 12; n++) {
        char text[16];
        memset(text, '#', sizeof text);
        hn_error_format(&env.error, text, n);
        for (size_t i = n; i < sizeof text; i++) assert_int_equal(text[i], '#');
        if (n > 0) {
            assert_int_equal(strlen(text), n - 1 < 10 ? n - 1 : 10);
            assert_memory_equal(text, "abcdef\nghi", strlen(text));
        }
    }
}

static void statuses_have_names(void **state)
{
    (void)state;
    for (int i = HN_OK; i <= HN_BUG; i++) assert_string_not_equal(hn_status_name((hn_status)i), "?");
    assert_string_equal(hn_status_name(HN_NOMEM), "nomem");
    assert_string_equal(hn_status_name((hn_status)99), "?");
}

typedef struct lines {
    int count;
    hn_log_level level;
    char last[64];
} lines;

static void keep_line(void *self, hn_log_level level, const char *line)
{
    lines *l = self;
    l->count++;
    l->level = level;
    strncpy(l->last, line, sizeof l->last - 1);
}

static void log_reaches_its_sink(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_log(&env, HN_LOG_INFO, "silent");
    lines l = {0};
    env.log = keep_line;
    env.log_self = &l;
    hn_log(&env, HN_LOG_WARN, "n=%d", 3);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.level, HN_LOG_WARN);
    assert_string_equal(l.last, "n=3");
}

static void memory_is_aligned(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *p = hn_zalloc(&env, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        hn_free(&env, p);
    }
    hn_free(&env, NULL);
}

static void refusal_is_nomem(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    assert_null(hn_alloc(&env, SIZE_MAX));
    assert_int_equal(env.error.status, HN_NOMEM);
    hn_rig rig;
    hn_rig_init(&rig, &env);
    hn_rig_arm(&rig, &env, 2);
    void *p = hn_alloc(&env, 10);
    assert_non_null(p);
    assert_null(hn_zalloc(&env, 10));
    assert_int_equal(env.error.status, HN_NOMEM);
    assert_int_equal(rig.live, 1);
    hn_free(&env, p);
    assert_int_equal(rig.live, 0);
    assert_int_equal(rig.damaged, 0);
}

/* The rig itself must see a write past the end. */
static void rig_sees_damage(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    for (int where = -1; where <= 10; where += 11) {
        volatile unsigned char *p = hn_alloc(&env, 10);
        assert_non_null(p);
        p[where] = 0;
        hn_free(&env, (void *)(uintptr_t)p);
    }
    assert_int_equal(rig.damaged, 2);
}

/* Large blocks, which the system is asked to back with large pages, hold what is written, whatever their size. */
static void whole_memory_keeps_its_bytes(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    static const size_t SIZES[] = {1, 4096, (size_t)2 << 20, ((size_t)5 << 20) + 3};
    for (size_t i = 0; i < 4; i++) {
        uint8_t *p = hn_alloc(&env, SIZES[i]);
        assert_non_null(p);
        memset(p, 7, SIZES[i]);
        for (size_t k = 0; k < SIZES[i]; k += 511) assert_int_equal(p[k], 7);
        assert_int_equal(p[SIZES[i] - 1], 7);
        hn_free(&env, p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_memory_keeps_its_bytes),
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(frames_are_bounded),
        cmocka_unit_test(format_stops_at_the_end),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(log_reaches_its_sink),
        cmocka_unit_test(memory_is_aligned),
        cmocka_unit_test(refusal_is_nomem),
        cmocka_unit_test(rig_sees_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
