/* formats: small BMP, PNM and TIFF files written out by hand; each of them cut or damaged is refused or gives a picture
 * of the size it says. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/rng.h"
#include "base/size.h"
#include "image/image.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define LE4(v)     (v) & 255, (v) >> 8 & 255, (v) >> 16 & 255, (v) >> 24 & 255
#define BMP(size, bits, coding, colours, ...)                                                              \
    BYTES('B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, LE4(size), 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, bits, 0, \
          LE4(coding), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, LE4(colours), 0, 0, 0, 0, __VA_ARGS__)
#define TAG(tag, value) (tag) & 255, (tag) >> 8, 3, 0, 1, 0, 0, 0, (value)&255, (value) >> 8, 0, 0
/* Two gray pixels beside each other, two rows, one strip that starts at byte 86. */
#define TIFF(coding, bytes, ...)                                                                                    \
    BYTES('I', 'I', 42, 0, 8, 0, 0, 0, 6, 0, TAG(256, 2), TAG(257, 2), TAG(258, 8), TAG(259, coding), TAG(273, 86), \
          TAG(279, bytes), 0, 0, 0, 0, __VA_ARGS__)

typedef struct picture {
    const char *name;
    const uint8_t *data;
    size_t size;
    int channels;
    uint8_t pixels[12];
} picture;

static const picture pictures[] = {
    {"BMP of 24 bits, lower row first",
     BMP(54, 24, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0),
     3,
     {9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4}},
    {"BMP with a palette of 1 bit",
     BMP(62, 1, 0, 2, 0, 0, 0, 0, 30, 20, 10, 0, 0x40, 0, 0, 0, 0x80, 0, 0, 0),
     3,
     {10, 20, 30, 0, 0, 0, 0, 0, 0, 10, 20, 30}},
    {"BMP of runs: two of colour 1; then one each, written out",
     BMP(62, 8, 1, 2, 0, 0, 0, 0, 3, 2, 1, 0, 2, 1, 0, 0, 1, 0, 1, 1, 0, 1),
     3,
     {0, 0, 0, 1, 2, 3, 1, 2, 3, 1, 2, 3}},
    {"PNM as text",
     BYTES('P', '2', '\n', '#', 'x', '\n', '2', ' ', '2', ' ', '5', '\n', '0', ' ', '5', ' ', '1', ' ', '2'),
     1,
     {0, 255, 51, 102}},
    {"PNM of bits", BYTES('P', '4', ' ', '2', ' ', '2', '\n', 0x40, 0x80), 1, {255, 0, 0, 255}},
    {"TIFF as it is", TIFF(1, 4, 1, 2, 3, 4), 1, {1, 2, 3, 4}},
    {"TIFF of packed runs", TIFF(32773, 4, 0xfe, 9, 0, 4), 1, {9, 9, 9, 4}},
    /* 9 bits each: clear, 7, 258 (7 7), 7, end */
    {"TIFF by LZW", TIFF(5, 6, 0x80, 0x01, 0xe0, 0x40, 0x78, 0x08), 1, {7, 7, 7, 7}},
    {"WebP without loss",
     BYTES(82, 73, 70, 70, 58, 0, 0, 0, 87, 69, 66, 80, 86, 80, 56, 76, 45, 0, 0, 0, 47, 1, 64, 0, 0, 31, 64, 144, 109,
           27, 218, 118, 205, 19, 100, 219, 108, 187, 63, 212, 205, 8, 178, 109, 67, 219, 78, 243, 249, 143, 220, 109,
           182, 249, 15, 100, 3, 148, 169, 194, 38, 162, 255, 177, 3, 0),
     3,
     {1, 2, 3, 4, 5, 6, 200, 100, 50, 7, 8, 9}},
    {"JPEG 2000 code stream",
     BYTES(255, 79, 255, 81, 0, 47, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0,
           0, 0, 0, 0, 0, 0, 0, 3, 7, 1, 1, 7, 1, 1, 7, 1, 1, 255, 82, 0, 12, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1, 255, 92, 0,
           7, 64, 64, 72, 72, 80, 255, 100, 0, 37, 0, 1, 67, 114, 101, 97, 116, 101, 100, 32, 98, 121, 32, 79, 112, 101,
           110, 74, 80, 69, 71, 32, 118, 101, 114, 115, 105, 111, 110, 32, 50, 46, 53, 46, 52, 255, 144, 0, 10, 0, 0, 0,
           0, 0, 74, 0, 1, 255, 147, 207, 180, 8, 6, 231, 207, 180, 8, 8, 147, 207, 180, 8, 8, 47, 199, 218, 5, 31, 104,
           20, 126, 0, 64, 6, 127, 1, 199, 8, 159, 195, 234, 2, 135, 212, 5, 15, 180, 8, 5, 203, 1, 195, 6, 127, 193,
           243, 130, 131, 231, 5, 7, 212, 4, 6, 191, 1, 207, 5, 203, 255, 217),
     3,
     {1, 2, 3, 4, 5, 6, 200, 100, 50, 7, 8, 9}},
    {"JPEG 2000 file, gray",
     BYTES(0, 0, 0, 12, 106, 80, 32, 32, 13, 10, 135, 10, 0, 0, 0, 20, 102, 116, 121, 112, 106, 112, 50, 32, 0, 0, 0, 0,
           106, 112, 50, 32, 0, 0, 0, 45, 106, 112, 50, 104, 0, 0, 0, 22, 105, 104, 100, 114, 0, 0, 0, 2, 0, 0, 0, 2, 0,
           1, 7, 7, 0, 0, 0, 0, 0, 15, 99, 111, 108, 114, 1, 0, 0, 0, 0, 0, 17, 0, 0, 0, 142, 106, 112, 50, 99, 255, 79,
           255, 81, 0, 41, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0,
           0, 0, 0, 0, 1, 7, 1, 1, 255, 82, 0, 12, 0, 0, 0, 1, 0, 1, 4, 4, 0, 1, 255, 92, 0, 7, 64, 64, 72, 72, 80, 255,
           100, 0, 37, 0, 1, 67, 114, 101, 97, 116, 101, 100, 32, 98, 121, 32, 79, 112, 101, 110, 74, 80, 69, 71, 32,
           118, 101, 114, 115, 105, 111, 110, 32, 50, 46, 53, 46, 52, 255, 144, 0, 10, 0, 0, 0, 0, 0, 25, 0, 1, 255,
           147, 128, 199, 218, 5, 63, 0, 32, 2, 223, 2, 223, 255, 217),
     1,
     {0, 85, 170, 255}},
};

static void test_pixels(void **state)
{
    (void)state;
    const picture *p = pictures;
    for (size_t i = 0; i < HN_COUNT(pictures); i++) {
        hn_env env;
        hn_arena a = {0};
        hn_image im, size;
        hn_env_init(&env);
        if (hn_image_decode(&env, &a, p[i].data, p[i].size, 0, &im) != HN_OK)
            fail_msg("%s: %s", p[i].name, env.error.text);
        assert_int_equal(im.width, 2);
        assert_int_equal(im.height, 2);
        assert_int_equal(im.channels, p[i].channels);
        for (size_t k = 0; k < 4 * (size_t)im.channels; k++)
            if (im.pixels[k] != p[i].pixels[k])
                fail_msg("%s: byte %zu is %d, not %d", p[i].name, k, im.pixels[k], p[i].pixels[k]);
        assert_int_equal(hn_image_measure(&env, p[i].data, p[i].size, 0, &size), HN_OK);
        assert_true(size.width == 2 && size.height == 2 && size.pixels == NULL);
        assert_int_equal(hn_image_decode(&env, &a, p[i].data, p[i].size, 3, &im), HN_LIMIT);
        hn_arena_fini(&env, &a);
    }
}

static void try_bytes(const uint8_t *data, size_t n)
{
    hn_env env;
    hn_arena a = {0};
    hn_image im;
    hn_env_init(&env);
    hn_status st = hn_image_decode(&env, &a, data, n, 1 << 16, &im);
    if (st == HN_OK)
        assert_true(im.width > 0 && (size_t)im.width * (size_t)im.height <= 1 << 16);
    else
        assert_true(st == HN_INPUT || st == HN_UNSUPPORTED || st == HN_LIMIT);
    hn_arena_fini(&env, &a);
}

static void test_damage(void **state)
{
    (void)state;
    const picture *p = pictures;
    for (size_t i = 0; i < HN_COUNT(pictures); i++) {
        hn_rng rng;
        hn_rng_init(&rng, 5, i);
        hn_env env;
        hn_env_init(&env);
        for (size_t n = 0; n < p[i].size; n++) {
            /* A block of its own, so that a checker sees reads beyond it. */
            uint8_t *cut = hn_alloc(&env, n + 1);
            assert_non_null(cut);
            memcpy(cut, p[i].data, n);
            try_bytes(cut, n);
            hn_free(&env, cut);
        }
        for (int k = 0; k < 3000; k++) {
            uint8_t copy[256];
            assert_true(p[i].size <= sizeof copy);
            memcpy(copy, p[i].data, p[i].size);
            for (uint64_t m = 1 + hn_rng_below(&rng, 3); m > 0; m--)
                copy[2 + hn_rng_below(&rng, p[i].size - 2)] = (uint8_t)hn_rng_below(&rng, 256);
            try_bytes(copy, p[i].size);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_image im;
    hn_env_init(&env);
    assert_int_equal(hn_image_decode(&env, &a, "GIF89a", 6, 0, &im), HN_UNSUPPORTED);
    assert_non_null(strstr(env.error.text, "GIF"));
    hn_arena_fini(&env, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
