/* size: overflow at the exact edges, for every helper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/size.h"

static void unsigned_edges(void **state)
{
    (void)state;
    size_t out = 77;
    assert_true(hn_size_mul(SIZE_MAX, 1, &out) && out == SIZE_MAX);
    assert_true(hn_size_mul(SIZE_MAX / 2, 2, &out) && out == SIZE_MAX - 1);
    out = 77;
    assert_false(hn_size_mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(hn_size_mul((size_t)1 << 32, (size_t)1 << 32, &out));
    assert_false(hn_size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 77);
    assert_true(hn_size_mul(0, SIZE_MAX, &out) && out == 0);
    assert_true(hn_size_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
}

static void signed_edges(void **state)
{
    (void)state;
    int64_t out = 77;
    assert_false(hn_i64_mul(INT64_MIN, -1, &out));
    assert_false(hn_i64_mul(INT64_MAX, 2, &out));
    assert_false(hn_i64_add(INT64_MAX, 1, &out));
    assert_false(hn_i64_add(INT64_MIN, -1, &out));
    assert_int_equal(out, 77);
    assert_true(hn_i64_mul(INT64_MIN, 1, &out) && out == INT64_MIN);
    assert_true(hn_i64_mul(-3, 5, &out) && out == -15);
    assert_true(hn_i64_add(INT64_MIN, INT64_MAX, &out) && out == -1);
}

static void rounding(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        size_t up = hn_align_up(n, 64);
        assert_true(up >= n && up % 64 == 0 && up < n + 64);
        for (size_t d = 1; d < 9; d++)
            assert_true(hn_div_up(n, d) * d >= n && (n == 0 || (hn_div_up(n, d) - 1) * d < n));
    }
    assert_int_equal(hn_min_size(2, 3), 2);
    assert_int_equal(hn_max_size(2, 3), 3);
    int array[5];
    assert_int_equal(HN_COUNT(array), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unsigned_edges), cmocka_unit_test(signed_edges),
                                       cmocka_unit_test(rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
