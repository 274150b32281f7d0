/* compare: tolerances signed and counted, NaN and infinities on one side or both, integers exact, top classes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "optimize/compare.h"

static hn_tensor of(hn_dtype dtype, int64_t rows, int64_t cols, void *data)
{
    hn_tensor t = {.dtype = dtype, .rank = 2, .dims = {rows, cols}, .data = data};
    t.bytes = (size_t)(rows * cols) * hn_dtype_bits(dtype) / 8;
    return t;
}

static hn_compare floats(float *got, float *want, int64_t n, double rtol, double atol)
{
    hn_tensor a = of(HN_F32, 1, n, got), b = of(HN_F32, 1, n, want);
    return hn_compare_tensors(&a, &b, rtol, atol);
}

static void test_tolerance(void **state)
{
    (void)state;
    float want[] = {1, -2, 0, 100}, got[] = {1.5f, -2, 0.25f, 101};
    hn_compare c = floats(got, want, 4, 0, 0.5);
    assert_true(c.same_type);
    assert_int_equal(c.wrong, 1);
    assert_int_equal(c.worst, 3);
    assert_true(c.max_abs == 1 && fabs(c.max_rel - 0.5) < 1e-12);
    c = floats(got, want, 4, 0.01, 0.5);
    assert_int_equal(c.wrong, 0);
    float negative[] = {-1, 2, 0, -100};
    c = floats(negative, want, 4, 1e-3, 1e-3);
    assert_int_equal(c.wrong, 3); /* signs count */
}

static void test_strange(void **state)
{
    (void)state;
    float inf = INFINITY, nan = NAN;
    float a[] = {nan, inf, -inf, 1}, same[] = {nan, inf, -inf, 1};
    assert_int_equal(floats(a, same, 4, 0, 0).wrong, 0);
    float b[] = {1, inf, inf, 1};
    hn_compare c = floats(a, b, 4, 10, 10);
    assert_int_equal(c.wrong, 2); /* NaN on one side; infinities of unlike sign */
    float d[] = {nan, 1e30f, -inf, nan};
    c = floats(d, a, 4, 10, 10);
    assert_int_equal(c.wrong, 2);
    assert_true(isfinite(c.max_abs) && isfinite(c.max_rel));
}

static void test_kinds(void **state)
{
    (void)state;
    int32_t x[] = {1, 2, INT32_MIN}, y[] = {1, 3, INT32_MAX};
    hn_tensor a = of(HN_I32, 1, 3, x), b = of(HN_I32, 1, 3, y);
    hn_compare c = hn_compare_tensors(&a, &b, 100, 100);
    assert_int_equal(c.wrong, 2); /* integers are exact whatever the tolerance */
    assert_int_equal(c.worst, 1);
    hn_tensor f = of(HN_F32, 1, 3, x), r = of(HN_I32, 3, 1, x);
    assert_false(hn_compare_tensors(&f, &a, 0, 0).same_type);
    assert_false(hn_compare_tensors(&r, &a, 0, 0).same_type);
    hn_str s[] = {{"a", 1}, {"bc", 2}}, t[] = {{"a", 1}, {"bd", 2}};
    hn_tensor sa = {.dtype = HN_STRING, .rank = 1, .dims = {2}, .data = s}, sb = sa;
    sb.data = t;
    assert_int_equal(hn_compare_tensors(&sa, &sb, 0, 0).wrong, 1);
    float z[] = {1, 2, 3, 4}, w[] = {1, 2, 3, 5};
    hn_tensor ca = {.dtype = HN_C64, .rank = 1, .dims = {2}, .data = z, .bytes = 16}, cb = ca;
    cb.data = w;
    assert_int_equal(hn_compare_tensors(&ca, &cb, 0, 0.5).wrong, 1);
    hn_tensor none = {.dtype = HN_F32, .rank = 2, .dims = {0, 3}};
    c = hn_compare_tensors(&none, &none, 0, 0);
    assert_true(c.same_type && c.n == 0 && c.wrong == 0);
}

static void test_tops(void **state)
{
    (void)state;
    float x[] = {0, 1, 2, 5, 4, 3, 1, 1, 0}, y[] = {0, 3, 2, 5, 4, 3, 1, 1, 0};
    hn_tensor a = of(HN_F32, 3, 3, x), b = of(HN_F32, 3, 3, y);
    hn_compare c = hn_compare_tensors(&a, &b, 0, 0);
    assert_int_equal(c.rows, 3);
    assert_int_equal(c.rows_same_top, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tolerance), cmocka_unit_test(test_strange),
                                       cmocka_unit_test(test_kinds), cmocka_unit_test(test_tops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
