/* audio: values of each sample format, mixing, limits and broken files, on the small files of the fuzz corpus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/size.h"
#include "data/audio.h"
#include "support/data.h"

static void load(hn_env *env, const char *name, hn_map *map)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/wav/%s", hn_test_source(), name);
    assert_int_equal(hn_map_open(env, path, map), HN_OK);
}

static void values(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t frames;
        int rate;
        float want[4];
    } row[] = {
        {"mono16", 8, 8000, {0, 1 / 32768.f, -1 / 32768.f, 32767 / 32768.f}},
        {"stereo8", 8, 8000, {-7.5f / 128, -5.5f / 128, -3.5f / 128, -1.5f / 128}},
        {"float", 4, 8000, {0, 0.5f, -1, 2}},
        {"mono24", 10, 44100, {0x020100 / 8388608.f, 0x050403 / 8388608.f, 0x080706 / 8388608.f, 0x0b0a09 / 8388608.f}},
    };
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_arena a = {0};
        hn_map map;
        hn_tensor t;
        int rate = 0;
        load(&env, row[i].file, &map);
        if (hn_audio_decode(&env, &a, map.data, map.size, 0, &t, &rate) != HN_OK)
            fail_msg("%s: %s", row[i].file, env.error.text);
        assert_int_equal(t.dims[0], row[i].frames);
        assert_int_equal(rate, row[i].rate);
        for (size_t k = 0; k < 4; k++)
            if (((const float *)t.data)[k] != row[i].want[k])
                fail_msg("%s: value %zu is %.9g", row[i].file, k, (double)((const float *)t.data)[k]);
        assert_int_equal(hn_audio_decode(&env, &a, map.data, map.size, 8, &t, NULL), HN_LIMIT);
        hn_error_clear(&env);
        hn_map_close(&map);
        hn_arena_fini(&env, &a);
    }
}

static void broken(void **state)
{
    (void)state;
    hn_env env;
    hn_map map;
    hn_env_init(&env);
    load(&env, "mono16", &map);
    for (size_t n = 0; n <= map.size; n++) {
        hn_arena a = {0};
        hn_tensor t;
        hn_status st = hn_audio_decode(&env, &a, map.data, n, 0, &t, NULL);
        assert_true(st == HN_OK || st == HN_INPUT);
        assert_true(n != map.size || st == HN_OK);
        assert_true(n > 44 || st == HN_INPUT);
        hn_error_clear(&env);
        hn_arena_fini(&env, &a);
    }
    hn_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
