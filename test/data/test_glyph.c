/* glyph: a sample depends on seed, difficulty and id only; pixels are pinned by hash, so that the example model and
 * published accuracies stay comparable on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "data/glyph.h"

static uint64_t hash_of(uint64_t first, uint64_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint64_t i = 0; i < n; i++) {
        float px[HN_GLYPH_PIXELS];
        unsigned char b[sizeof px];
        (void)hn_glyph_draw(HN_GLYPH_SEED, HN_GLYPH_HARD, first + i, px);
        memcpy(b, px, sizeof b);
        for (size_t k = 0; k < sizeof b; k++) h = (h ^ b[k]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static void pixels_are_pinned(void **state)
{
    (void)state;
    print_message("test 0x%016llx train 0x%016llx\n", (unsigned long long)hash_of(HN_GLYPH_TEST, 200),
                  (unsigned long long)hash_of(HN_GLYPH_TRAIN, 200));
    assert_true(hash_of(HN_GLYPH_TEST, 200) == UINT64_C(0x2f0e4e86d8e07c19));
    assert_true(hash_of(HN_GLYPH_TRAIN, 200) == UINT64_C(0x4608e8e9b1dc211e));
}

static void range_and_class(void **state)
{
    (void)state;
    static const double hard[] = {0, 1, 4, -1, 1e9};
    for (uint64_t i = 0; i < 2000; i++) {
        float px[HN_GLYPH_PIXELS], again[HN_GLYPH_PIXELS];
        uint64_t id = HN_GLYPH_CALIB + i;
        int label = hn_glyph_draw(3, hard[i % 5], id, px);
        assert_int_equal(label, id % HN_GLYPH_CLASSES);
        for (int k = 0; k < HN_GLYPH_PIXELS; k++) assert_true(px[k] >= 0 && px[k] <= 1);
        (void)hn_glyph_draw(3, hard[i % 5], id, again);
        assert_memory_equal(px, again, sizeof px);
        (void)hn_glyph_draw(4, hard[i % 5], id, again);
        assert_memory_not_equal(px, again, sizeof px);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_are_pinned), cmocka_unit_test(range_and_class)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
