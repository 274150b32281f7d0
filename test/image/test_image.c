/* image: decoding and resizing agree with Pillow to the byte (hashes of Pillow 13 results on small pictures), limits
 * and broken files are refused. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/size.h"
#include "image/image.h"
#include "support/data.h"
#include "support/rig.h"

static uint64_t fnv(const uint8_t *b, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * UINT64_C(0x100000001b3);
    return h;
}

static hn_image pattern(hn_env *env, hn_arena *a, int w, int h, int c)
{
    hn_image im = {hn_arena_array(env, a, (size_t)(w * h), (size_t)c), w, h, c};
    assert_non_null(im.pixels);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int k = 0; k < c; k++)
                im.pixels[(y * w + x) * c + k] = (uint8_t)(x * 37 + y * 91 + k * 53 + x * y % 17 * 11);
    return im;
}

static uint64_t image_hash(const hn_image *im)
{
    return fnv(im->pixels, (size_t)im->width * (size_t)im->height * (size_t)im->channels);
}

static void resize_matches_pillow(void **state)
{
    (void)state;
    static const struct {
        int w, h, to_w, to_h, c;
        uint64_t hash;
    } row[] = {
        {13, 9, 7, 5, 3, UINT64_C(0x21ad664b0e0b5d1e)},    {13, 9, 29, 31, 3, UINT64_C(0x8f45eadfb7b57d4f)},
        {64, 48, 10, 48, 3, UINT64_C(0xa5048bf0179a0f35)}, {5, 40, 5, 7, 1, UINT64_C(0x279c9e161cb679ea)},
        {100, 3, 3, 50, 1, UINT64_C(0x9937eeeb5ef89754)},  {33, 17, 32, 16, 3, UINT64_C(0x63b5ddbe81fa669f)},
    };
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(row); i++) {
        hn_image in = pattern(&env, &a, row[i].w, row[i].h, row[i].c), out;
        assert_int_equal(hn_image_resize(&env, &a, &in, row[i].to_w, row[i].to_h, &out), HN_OK);
        assert_int_equal(out.width, row[i].to_w);
        assert_int_equal(out.height, row[i].to_h);
        assert_true(image_hash(&out) == row[i].hash);
    }
    hn_image in = pattern(&env, &a, 6, 4, 3), gray, crop;
    assert_int_equal(hn_image_convert(&env, &a, &in, 1, &gray), HN_OK);
    assert_true(image_hash(&gray) == UINT64_C(0x38897b187c6cb64c));
    assert_int_equal(hn_image_crop(&env, &a, &in, 2, 1, 3, 2, &crop), HN_OK);
    assert_memory_equal(crop.pixels, in.pixels + (1 * 6 + 2) * 3, 9);
    assert_memory_equal(crop.pixels + 9, in.pixels + (2 * 6 + 2) * 3, 9);
    assert_int_equal(hn_image_crop(&env, &a, &in, 4, 1, 3, 2, &crop), HN_INPUT);
    hn_arena_fini(&env, &a);
}

typedef struct sample {
    const char *file;
    int channels;
    uint64_t hash;
} sample;
static const sample samples[] = {
    {"jpeg_rgb", 3, UINT64_C(0xc53c19a14a677f34)},  {"jpeg_gray", 1, UINT64_C(0x23131ee25e2e5842)},
    {"png_rgb", 3, UINT64_C(0x087c7e8e3f990052)},   {"png_rgba", 3, UINT64_C(0x087c7e8e3f990052)},
    {"png_pal", 3, UINT64_C(0x06da6f0e5a6f72c6)},   {"jpeg_cmyk", 3, UINT64_C(0xa0ad0d044cbeb48d)},
    {"jpeg_prog", 3, UINT64_C(0xbf5b085d7285aed0)}, {"png_bit", 1, UINT64_C(0x6b81b3375aec4f28)},
};

static void open_sample(hn_env *env, const char *name, hn_map *map)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/fuzz/corpus/image/%s", hn_test_source(), name);
    assert_int_equal(hn_map_open(env, path, map), HN_OK);
}

static void decode_matches_pillow(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(samples); i++) {
        hn_arena a = {0};
        hn_map map;
        hn_image im;
        open_sample(&env, samples[i].file, &map);
        assert_int_equal(hn_image_decode(&env, &a, map.data, map.size, 0, &im), HN_OK);
        assert_int_equal(im.width, 9);
        assert_int_equal(im.height, 7);
        assert_int_equal(im.channels, samples[i].channels);
        if (image_hash(&im) != samples[i].hash) fail_msg("%s differs from Pillow", samples[i].file);
        assert_int_equal(hn_image_decode(&env, &a, map.data, map.size, 62, &im), HN_LIMIT);
        assert_non_null(strstr(env.error.text, "9 x 7"));
        hn_error_clear(&env);
        hn_map_close(&map);
        hn_arena_fini(&env, &a);
    }
}

/* Every truncation fails or gives a whole picture (only the end marks may be missing); bit flips never do harm. */
static void broken_files(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    for (size_t i = 0; i < HN_COUNT(samples); i++) {
        hn_map map;
        open_sample(&env, samples[i].file, &map);
        for (size_t n = 0; n < map.size; n++) {
            hn_arena a = {0};
            hn_image im;
            uint8_t *copy = hn_alloc(&env, n ? n : 1);
            assert_non_null(copy);
            memcpy(copy, map.data, n);
            hn_status st = hn_image_decode(&env, &a, copy, n, 0, &im);
            assert_true(st == HN_INPUT || (st == HN_OK && n + 16 > map.size));
            assert_true(st == HN_OK || env.error.text[0] != '\0');
            hn_error_clear(&env);
            hn_arena_fini(&env, &a);
            hn_free(&env, copy);
        }
        uint8_t *copy = hn_alloc(&env, map.size);
        assert_non_null(copy);
        for (size_t bit = 0; bit < map.size * 8; bit += 3) {
            hn_arena a = {0};
            hn_image im;
            memcpy(copy, map.data, map.size);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            hn_status st = hn_image_decode(&env, &a, copy, map.size, 1 << 16, &im);
            assert_true(st == HN_OK || st == HN_INPUT || st == HN_LIMIT);
            hn_error_clear(&env);
            hn_arena_fini(&env, &a);
        }
        hn_free(&env, copy);
        hn_map_close(&map);
    }
}

static void allocation_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        hn_env env;
        hn_rig rig;
        hn_rig_init(&rig, &env);
        hn_map map;
        open_sample(&env, samples[i].file, &map);
        bool done = false;
        HN_RIG_TORTURE(rig, env, done, 100)
        {
            hn_arena a = {0};
            hn_image im;
            hn_status st = hn_image_decode(&env, &a, map.data, map.size, 0, &im);
            hn_arena_fini(&env, &a);
            done = hn_rig_check(&rig, &env, st);
        }
        hn_map_close(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize_matches_pillow),
        cmocka_unit_test(decode_matches_pillow),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
