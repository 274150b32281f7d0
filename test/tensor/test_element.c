/* element: get and set through every dtype, saturation, one rounding only, packed neighbours untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"
#include "tensor/tensor.h"

enum { N = 13 };

typedef struct storage {
    _Alignas(64) uint8_t bytes[N * 16 + 1];
} storage;

static hn_tensor tensor(hn_dtype t, storage *s)
{
    hn_env env;
    hn_env_init(&env);
    hn_tensor x;
    size_t bytes = 0;
    assert_true(hn_dtype_bytes(t, N, &bytes));
    memset(s, 0x5a, sizeof *s);
    assert_int_equal(hn_tensor_view(&env, &x, t, 1, (int64_t[]){N}, s->bytes, bytes), HN_OK);
    return x;
}

/* Setting one element changes that element only. */
static void elements_are_apart(void **state)
{
    (void)state;
    for (int d = 1; d < HN_DTYPES; d++) {
        if (d == HN_STRING) continue;
        storage s;
        hn_tensor t = tensor((hn_dtype)d, &s);
        for (size_t i = 0; i < N; i++) hn_set_f64(&t, i, i % 2 == 0 ? 1.0 : 2.0);
        for (size_t i = 0; i < N; i++) {
            bool two = i % 2 == 1 && d != HN_BOOL && d != HN_I2;
            assert_true(hn_get_f64(&t, i) == (two ? 2.0 : 1.0));
            assert_int_equal(hn_get_i64(&t, i), two ? 2 : 1);
        }
        for (size_t i = 0; i < N; i++) {
            storage before = s;
            hn_set_i64(&t, i, 1);
            assert_int_equal(hn_get_i64(&t, i), 1);
            for (size_t k = 0; k < N; k++) {
                hn_tensor old = t;
                old.data = before.bytes;
                if (k != i) assert_true(hn_get_f64(&t, k) == hn_get_f64(&old, k));
            }
        }
        for (size_t i = t.bytes; i < sizeof s.bytes; i++) assert_int_equal(s.bytes[i], 0x5a);
    }
}

static void packed_order_is_low_bits_first(void **state)
{
    (void)state;
    storage s;
    hn_tensor t = tensor(HN_I4, &s);
    hn_set_i64(&t, 0, -1);
    hn_set_i64(&t, 1, 2);
    hn_set_i64(&t, 2, -8);
    assert_int_equal(s.bytes[0], 0x2f);
    assert_int_equal(s.bytes[1] & 15, 8);
    assert_int_equal(s.bytes[1] >> 4, 5);
    assert_int_equal(hn_get_i64(&t, 0), -1);
    assert_int_equal(hn_get_i64(&t, 2), -8);
    t = tensor(HN_U2, &s);
    for (size_t i = 0; i < 4; i++) hn_set_i64(&t, i, (int64_t)i);
    assert_int_equal(s.bytes[0], 0xe4);
    t = tensor(HN_I2, &s);
    s.bytes[0] = 0xe4;
    static const int64_t want[] = {0, 1, -2, -1};
    for (size_t i = 0; i < 4; i++) assert_int_equal(hn_get_i64(&t, i), want[i]);
    t = tensor(HN_F4E2M1, &s);
    s.bytes[0] = 0xf1;
    assert_true(hn_get_f64(&t, 0) == 0.5 && hn_get_f64(&t, 1) == -6.0);
    t = tensor(HN_F6E2M3, &s);
    for (size_t i = 0; i < 5; i++) hn_packed_set(t.data, 6, i, (unsigned)i * 13 + 1);
    /* Codes 1, 14, 27, 40, 53 as one stream of bits. */
    assert_int_equal(s.bytes[0], 1 | (14 & 3) << 6);
    assert_int_equal(s.bytes[1], 14 >> 2 | (27 & 15) << 4);
    assert_int_equal(s.bytes[2], 27 >> 4 | 40 << 2);
    assert_int_equal(s.bytes[3] & 63, 53);
    assert_true(hn_get_f64(&t, 2) == 5.5 && hn_get_f64(&t, 3) == -1);
}

static void integers_saturate(void **state)
{
    (void)state;
    static const hn_dtype types[] = {HN_U8, HN_I8, HN_U16, HN_I16, HN_U32, HN_I32, HN_I64, HN_U4, HN_I4, HN_U2, HN_I2};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        storage s;
        hn_tensor t = tensor(types[k], &s);
        int64_t min = hn_dtype_int_min(types[k]), max = hn_dtype_int_max(types[k]);
        static const double high[] = {1e30, INFINITY, 0x1p63};
        for (int i = 0; i < 3; i++) {
            hn_set_f64(&t, 1, high[i]);
            assert_int_equal(hn_get_i64(&t, 1), max);
            hn_set_f64(&t, 1, -high[i]);
            assert_int_equal(hn_get_i64(&t, 1), min);
        }
        hn_set_f64(&t, 1, NAN);
        assert_int_equal(hn_get_i64(&t, 1), 0);
        hn_set_f64(&t, 1, 0.99);
        assert_int_equal(hn_get_i64(&t, 1), 0);
        hn_set_f64(&t, 1, -1.99);
        assert_int_equal(hn_get_i64(&t, 1), min == 0 ? 0 : -1);
        hn_set_f64(&t, 1, (double)max / 2 + 0.75);
        assert_true(hn_get_i64(&t, 1) <= max);
    }
}

static void integers_wrap(void **state)
{
    (void)state;
    static const struct {
        hn_dtype t;
        int64_t in, out;
    } rows[] = {{HN_U8, 256 + 7, 7}, {HN_U8, -1, 255},  {HN_I8, 128, -128}, {HN_I16, 65535, -1},
                {HN_I4, 8, -8},      {HN_U4, -1, 15},   {HN_I2, 2, -2},     {HN_I32, INT64_C(1) << 31, INT32_MIN},
                {HN_U64, -1, -1},    {HN_BOOL, 256, 1}, {HN_BOOL, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        storage s;
        hn_tensor t = tensor(rows[i].t, &s);
        hn_set_i64(&t, 3, rows[i].in);
        assert_true(hn_get_i64(&t, 3) == rows[i].out);
    }
}

static void sixty_four_bits(void **state)
{
    (void)state;
    storage s;
    hn_tensor t = tensor(HN_U64, &s);
    hn_set_f64(&t, 0, 1.5e19);
    assert_true(hn_get_f64(&t, 0) == 1.5e19);
    hn_set_f64(&t, 0, 0x1p64);
    assert_true((uint64_t)hn_get_i64(&t, 0) == UINT64_MAX);
    hn_set_f64(&t, 0, -5);
    assert_true(hn_get_i64(&t, 0) == 0);
    t = tensor(HN_I64, &s);
    hn_set_i64(&t, 0, INT64_MAX);
    assert_true(hn_get_i64(&t, 0) == INT64_MAX);
    hn_set_f64(&t, 0, 9007199254740993.0);
    assert_true(hn_get_i64(&t, 0) == INT64_C(9007199254740992));
    t = tensor(HN_F64, &s);
    hn_set_f64(&t, 0, 1e300);
    assert_true(hn_get_i64(&t, 0) == INT64_MAX);
    hn_set_f64(&t, 0, -1e300);
    assert_true(hn_get_i64(&t, 0) == INT64_MIN);
    hn_set_f64(&t, 0, NAN);
    assert_true(hn_get_i64(&t, 0) == 0 && isnan(hn_get_f64(&t, 0)));
}

static void bool_is_zero_or_one(void **state)
{
    (void)state;
    storage s;
    hn_tensor t = tensor(HN_BOOL, &s);
    static const double in[] = {0.0, -0.0, 0.25, -3, INFINITY, NAN};
    for (size_t i = 0; i < 6; i++) {
        hn_set_f64(&t, i, in[i]);
        assert_int_equal(s.bytes[i], i >= 2);
    }
    s.bytes[0] = 200; /* any other byte from a file reads as 1 */
    assert_true(hn_get_f64(&t, 0) == 1.0 && hn_get_i64(&t, 0) == 1);
}

/* A double just above the middle of two neighbours: rounding it to float first would land on the middle and go to even.
 */
static void narrow_floats_round_once(void **state)
{
    (void)state;
    storage s;
    hn_tensor t = tensor(HN_F16, &s);
    for (int sign = -1; sign <= 1; sign += 2) {
        hn_set_f64(&t, 0, sign * (1 + 0x1p-11 + 0x1p-40));
        assert_true(hn_get_f64(&t, 0) == sign * (1 + 0x1p-10));
        hn_set_f64(&t, 0, sign * (1 + 3 * 0x1p-11 - 0x1p-40));
        assert_true(hn_get_f64(&t, 0) == sign * (1 + 0x1p-10));
        hn_set_f64(&t, 0, sign * (1 + 0x1p-11));
        assert_true(hn_get_f64(&t, 0) == sign);
        hn_set_f64(&t, 0, sign * 1e300);
        assert_true(hn_get_f64(&t, 0) == sign * (double)INFINITY);
        hn_set_f64(&t, 0, sign * 65519.999999999);
        assert_true(hn_get_f64(&t, 0) == sign * 65504.0);
        hn_set_f64(&t, 0, sign * (0x1p-25 + 0x1p-70));
        assert_true(hn_get_f64(&t, 0) == sign * 0x1p-24);
    }
    hn_set_f64(&t, 0, NAN);
    assert_true(isnan(hn_get_f64(&t, 0)));
    hn_set_f64(&t, 0, -1e-300);
    assert_true(hn_get_f64(&t, 0) == 0 && signbit(hn_get_f64(&t, 0)));
    t = tensor(HN_BF16, &s);
    hn_set_i64(&t, 0, (INT64_C(1) << 62) + (INT64_C(1) << 54) + 1); /* just above the middle, lost in double */
    assert_true(hn_get_f64(&t, 0) == 0x1p62 + 0x1p55);
    t = tensor(HN_F32, &s);
    hn_set_i64(&t, 0, (INT64_C(1) << 62) + (INT64_C(1) << 38) + 1);
    assert_true(hn_get_f64(&t, 0) == 0x1p62 + 0x1p39);
    hn_set_i64(&t, 0, INT64_MIN);
    assert_true(hn_get_f64(&t, 0) == -0x1p63);
    hn_set_f64(&t, 0, 1e300);
    assert_true(isinf(hn_get_f64(&t, 0)));
    t = tensor(HN_F8E4M3FN, &s);
    hn_set_f64(&t, 0, -1e9);
    assert_true(hn_get_f64(&t, 0) == -448.0); /* saturates */
}

static void whole_tensors(void **state)
{
    (void)state;
    for (int d = 1; d < HN_DTYPES; d++) {
        if (d == HN_STRING) continue;
        storage s;
        hn_tensor t = tensor((hn_dtype)d, &s);
        hn_rng r;
        hn_rng_init(&r, (uint64_t)d, 0);
        float in[N], out[N];
        for (size_t i = 0; i < N; i++) in[i] = (float)((hn_rng_unit(&r) - 0.5) * 20);
        in[0] = 1e20F;
        in[1] = NAN;
        hn_tensor_from_f32(&t, in);
        hn_tensor_to_f32(&t, out);
        for (size_t i = 0; i < N; i++) {
            storage one;
            hn_tensor u = tensor((hn_dtype)d, &one);
            hn_set_f64(&u, i, (double)in[i]);
            float want = (float)hn_get_f64(&u, i);
            assert_true(out[i] == want || (isnan(out[i]) && isnan(want)));
        }
    }
    storage s;
    hn_tensor t = tensor(HN_I64, &s);
    float out[N];
    for (size_t i = 0; i < N; i++) hn_set_i64(&t, i, (INT64_C(1) << 62) + (INT64_C(1) << 38) + 1);
    hn_tensor_to_f32(&t, out);
    assert_true(out[N - 1] == 0x1p62F + 0x1p39F);
}

static void complex_sets_the_real_part(void **state)
{
    (void)state;
    storage s;
    hn_tensor t = tensor(HN_C64, &s);
    hn_set_f64(&t, 1, 2.5);
    float pair[2];
    memcpy(pair, s.bytes + 8, sizeof pair);
    assert_true(pair[0] == 2.5F && pair[1] == 0.0F && hn_get_f64(&t, 1) == 2.5);
    t = tensor(HN_C128, &s);
    hn_set_i64(&t, 1, -3);
    assert_true(hn_get_i64(&t, 1) == -3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_apart),        cmocka_unit_test(packed_order_is_low_bits_first),
        cmocka_unit_test(integers_saturate),         cmocka_unit_test(integers_wrap),
        cmocka_unit_test(sixty_four_bits),           cmocka_unit_test(bool_is_zero_or_one),
        cmocka_unit_test(narrow_floats_round_once),  cmocka_unit_test(whole_tensors),
        cmocka_unit_test(complex_sets_the_real_part)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
