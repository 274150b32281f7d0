/* dtype: the table against facts stated anew here, names there and back, byte counts at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tensor/tensor.h"

static void names_there_and_back(void **state)
{
    (void)state;
    for (int t = 1; t < HN_DTYPES; t++) {
        const char *name = hn_dtype_name((hn_dtype)t);
        assert_string_not_equal(name, "?");
        assert_int_equal(hn_dtype_parse(name, strlen(name)), t);
        assert_int_equal(hn_dtype_parse(name, strlen(name) - 1) == (hn_dtype)t, 0);
        assert_true(hn_dtype_valid(t));
        assert_true(hn_dtype_bits((hn_dtype)t) > 0);
    }
    assert_string_equal(hn_dtype_name(HN_NONE), "?");
    assert_string_equal(hn_dtype_name((hn_dtype)1000), "?");
    assert_int_equal(hn_dtype_parse("f33", 3), HN_NONE);
    assert_int_equal(hn_dtype_parse("", 0), HN_NONE);
    assert_false(hn_dtype_valid(0));
    assert_false(hn_dtype_valid(-1));
    assert_false(hn_dtype_valid(HN_DTYPES));
    assert_false(hn_dtype_valid(INT64_C(1) << 32 | 1));
}

static void sets_agree_with_kinds(void **state)
{
    (void)state;
    for (int i = 1; i < HN_DTYPES; i++) {
        hn_dtype t = (hn_dtype)i;
        bool in_float = (HN_BIT(t) & (HN_T_FLOAT | HN_T_F8)) != 0 || (HN_BIT(t) & HN_T_MX) != 0;
        bool in_int = (HN_BIT(t) & (HN_T_INT | HN_T_SUB)) != 0 && !(HN_BIT(t) & HN_T_MX);
        assert_int_equal(hn_dtype_is_float(t), in_float);
        assert_int_equal(hn_dtype_is_int(t), in_int);
        assert_true((HN_BIT(t) & HN_T_ALL) != 0);
        assert_int_equal(hn_dtype_bits(t) < 8, (HN_BIT(t) & HN_T_SUB) != 0);
        if (HN_BIT(t) & HN_T_UINT) assert_false(hn_dtype_is_signed(t));
        if (HN_BIT(t) & (HN_T_SINT | HN_T_FLOAT)) assert_true(hn_dtype_is_signed(t));
    }
    assert_int_equal(HN_T_ALL & HN_BIT(HN_NONE), 0);
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        hn_dtype t;
        int64_t min, max;
    } rows[] = {{HN_U8, 0, 255},         {HN_I8, -128, 127},
                {HN_U16, 0, 65535},      {HN_I16, -32768, 32767},
                {HN_U32, 0, UINT32_MAX}, {HN_I32, INT32_MIN, INT32_MAX},
                {HN_U64, 0, INT64_MAX},  {HN_I64, INT64_MIN, INT64_MAX},
                {HN_U4, 0, 15},          {HN_I4, -8, 7},
                {HN_U2, 0, 3},           {HN_I2, -2, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(hn_dtype_int_min(rows[i].t) == rows[i].min);
        assert_true(hn_dtype_int_max(rows[i].t) == rows[i].max);
    }
}

static void byte_counts(void **state)
{
    (void)state;
    size_t n = 5;
    assert_true(hn_dtype_bytes(HN_I4, 5, &n) && n == 3);
    assert_true(hn_dtype_bytes(HN_U2, 5, &n) && n == 2);
    assert_true(hn_dtype_bytes(HN_U2, 0, &n) && n == 0);
    assert_true(hn_dtype_bytes(HN_I2, SIZE_MAX, &n) && n == SIZE_MAX / 4 + 1);
    assert_true(hn_dtype_bytes(HN_C128, 3, &n) && n == 48);
    assert_true(hn_dtype_bytes(HN_STRING, 3, &n) && n == 3 * sizeof(hn_str));
    assert_false(hn_dtype_bytes(HN_F32, SIZE_MAX / 4 + 1, &n));
    assert_false(hn_dtype_bytes(HN_NONE, 1, &n));
    assert_int_equal(n, 3 * sizeof(hn_str));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_there_and_back), cmocka_unit_test(sets_agree_with_kinds),
                                       cmocka_unit_test(ranges), cmocka_unit_test(byte_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
