/* tensor: shapes, limits, views, copies, equality, strides, axes. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "support/rig.h"
#include "tensor/tensor.h"

static void init_computes_and_zeroes(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    hn_arena a = {0};
    for (int d = 1; d < HN_DTYPES; d++) {
        hn_tensor t;
        assert_int_equal(hn_tensor_init(&env, &a, &t, (hn_dtype)d, 3, (int64_t[]){2, 3, 5}), HN_OK);
        assert_int_equal(t.bytes, (30 * hn_dtype_bits((hn_dtype)d) + 7) / 8);
        assert_int_equal((uintptr_t)t.data % 64, 0);
        assert_int_equal(hn_tensor_elems(&t), 30);
        for (size_t i = 0; i < t.bytes; i++) assert_int_equal(((uint8_t *)t.data)[i], 0);
        memset(t.data, 0xff, t.bytes);
    }
    hn_tensor t;
    assert_int_equal(hn_tensor_init(&env, &a, &t, HN_F32, 0, NULL), HN_OK);
    assert_int_equal(t.bytes, 4);
    assert_int_equal(hn_tensor_elems(&t), 1);
    assert_int_equal(hn_tensor_init(&env, &a, &t, HN_F32, 2, (int64_t[]){0, 7}), HN_OK);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(hn_tensor_elems(&t), 0);
    assert_non_null(t.data);
    const float given[] = {1, -2, 3};
    assert_int_equal(hn_tensor_from(&env, &a, &t, HN_F32, 2, (int64_t[]){3, 1}, given), HN_OK);
    assert_int_equal((uintptr_t)t.data % 64, 0);
    assert_int_equal(t.dims[0], 3);
    assert_int_equal(t.bytes, sizeof given);
    assert_memory_equal(t.data, given, sizeof given);
    assert_int_equal(hn_tensor_from(&env, &a, &t, HN_F32, 1, (int64_t[]){0}, NULL), HN_OK);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(hn_tensor_from(&env, &a, &t, HN_F32, 1, (int64_t[]){-1}, given), HN_INPUT);
    hn_arena_fini(&env, &a);
    assert_int_equal(rig.damaged, 0);
}

static void bad_shapes(void **state)
{
    (void)state;
    static const struct {
        int dtype, rank;
        int64_t dims[9];
        hn_status want;
    } rows[] = {
        {HN_F32, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, HN_LIMIT},
        {HN_F32, -1, {0}, HN_INPUT},
        {HN_F32, 2, {3, -1}, HN_INPUT},
        {HN_F32, 1, {INT64_MIN}, HN_INPUT},
        {0, 1, {3}, HN_INPUT},
        {99, 1, {3}, HN_INPUT},
        {HN_U8, 1, {(INT64_C(1) << 40) + 1}, HN_LIMIT},
        {HN_F32, 1, {(INT64_C(1) << 38) + 1}, HN_LIMIT},
        {HN_U8, 2, {INT64_MAX, 2}, HN_LIMIT},
        {HN_U8, 3, {INT64_C(1) << 32, INT64_C(1) << 32, 1}, HN_LIMIT},
        {HN_U8, 3, {INT64_C(1) << 32, INT64_C(1) << 32, 0}, HN_LIMIT}, /* empty, yet its partial products overflow */
        {HN_U2, 2, {INT64_C(1) << 41, 0}, HN_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hn_env env;
        hn_env_init(&env);
        hn_arena a = {0};
        hn_tensor t;
        uint8_t byte = 0;
        assert_int_equal(hn_tensor_init(&env, &a, &t, (hn_dtype)rows[i].dtype, rows[i].rank, rows[i].dims),
                         rows[i].want);
        assert_true(env.error.text[0] != '\0');
        hn_error_clear(&env);
        assert_int_equal(hn_tensor_view(&env, &t, (hn_dtype)rows[i].dtype, rows[i].rank, rows[i].dims, &byte, 1),
                         rows[i].want);
        assert_null(a.head);
    }
}

static void dims_products(void **state)
{
    (void)state;
    size_t n = 5;
    assert_true(hn_dims_count(0, NULL, &n) && n == 1);
    assert_true(hn_dims_count(3, (int64_t[]){2, 3, 4}, &n) && n == 24);
    assert_true(hn_dims_count(2, (int64_t[]){0, INT64_MAX}, &n) && n == 0);
    assert_false(hn_dims_count(3, (int64_t[]){INT64_MAX, 0, 4}, &n));
    assert_false(hn_dims_count(2, (int64_t[]){INT64_MAX, 3}, &n));
    int64_t dims[] = {2, 3, 4, 5};
    assert_int_equal(hn_dims_elems(4, dims, 1, 3), 12);
    assert_int_equal(hn_dims_elems(4, dims, 2, 2), 1);
    assert_int_equal(hn_dims_elems(4, dims, 0, 4), 120);
}

static void views_need_the_right_bytes(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    uint8_t data[16] = {0};
    hn_tensor t;
    assert_int_equal(hn_tensor_view(&env, &t, HN_I4, 2, (int64_t[]){3, 3}, data, 5), HN_OK);
    assert_ptr_equal(t.data, data);
    assert_int_equal(hn_tensor_view(&env, &t, HN_F32, 2, (int64_t[]){3, 3}, data, 16), HN_INPUT);
    assert_string_equal(env.error.text, "cannot view 16 bytes as f32[3,3]: 36 bytes needed");
}

static void copies_are_deep(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena a = {0};
    char word[] = "abc";
    hn_str strings[2] = {{word, 3}, {NULL, 0}};
    hn_tensor t;
    hn_tensor *c;
    assert_int_equal(hn_tensor_view(&env, &t, HN_STRING, 1, (int64_t[]){2}, strings, sizeof strings), HN_OK);
    assert_int_equal(hn_tensor_copy(&env, &a, &t, &c), HN_OK);
    assert_true(hn_tensor_equal(&t, c));
    word[1] = 'X';
    assert_memory_equal(((hn_str *)c->data)[0].data, "abc", 3);
    assert_false(hn_tensor_equal(&t, c));
    float f[4] = {1, 2, 3, 4};
    assert_int_equal(hn_tensor_view(&env, &t, HN_F32, 2, (int64_t[]){2, 2}, f, sizeof f), HN_OK);
    assert_int_equal(hn_tensor_copy(&env, &a, &t, &c), HN_OK);
    assert_true(hn_tensor_equal(&t, c));
    f[3] = 5;
    assert_false(hn_tensor_equal(&t, c));
    hn_arena_fini(&env, &a);
}

static void equality(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    uint8_t x[2] = {0x21, 0xf3}, y[2] = {0x21, 0x03}, z[2] = {0x21, 0x04};
    hn_tensor a, b, c;
    assert_int_equal(hn_tensor_view(&env, &a, HN_U4, 1, (int64_t[]){3}, x, 2), HN_OK);
    assert_int_equal(hn_tensor_view(&env, &b, HN_U4, 1, (int64_t[]){3}, y, 2), HN_OK);
    assert_true(hn_tensor_equal(&a, &b)); /* only unused bits differ */
    assert_int_equal(hn_tensor_view(&env, &c, HN_U4, 1, (int64_t[]){3}, z, 2), HN_OK);
    assert_false(hn_tensor_equal(&a, &c));
    assert_int_equal(hn_tensor_view(&env, &c, HN_I4, 1, (int64_t[]){3}, x, 2), HN_OK);
    assert_false(hn_tensor_equal(&a, &c));
    assert_int_equal(hn_tensor_view(&env, &c, HN_U4, 2, (int64_t[]){3, 1}, x, 2), HN_OK);
    assert_false(hn_tensor_equal(&a, &c));
    assert_false(hn_tensor_same_shape(&a, &c));
    assert_true(hn_tensor_same_shape(&a, &b));
}

static void strides_axes_text(void **state)
{
    (void)state;
    int64_t strides[4];
    hn_strides(4, (int64_t[]){2, 3, 4, 5}, strides);
    static const int64_t want[] = {60, 20, 5, 1};
    assert_memory_equal(strides, want, sizeof want);
    for (int64_t axis = -6; axis <= 5; axis++) {
        int out = 77;
        bool ok = hn_axis(axis, 3, &out);
        assert_int_equal(ok, axis >= -3 && axis < 3);
        assert_int_equal(out, ok ? (axis + 3) % 3 : 77);
    }
    int out;
    assert_false(hn_axis(0, 0, &out));
    assert_false(hn_axis(INT64_MIN, 3, &out));
    hn_tensor t = {.dtype = HN_BF16, .rank = 3, .dims = {1, 3, 224}};
    char text[64];
    hn_tensor_describe(&t, text, sizeof text);
    assert_string_equal(text, "bf16[1,3,224]");
    hn_tensor_describe(&t, text, 5);
    assert_string_equal(text, "bf16");
    hn_tensor_describe(&t, text, 0);
    t.rank = HN_MAX_RANK;
    for (int i = 0; i < HN_MAX_RANK; i++) t.dims[i] = INT64_MIN;
    char longer[300];
    hn_tensor_describe(&t, longer, sizeof longer);
    assert_int_equal(strlen(longer), 6 + 8 * 20 + 7);
}

static hn_status work(hn_env *env)
{
    hn_arena a = {0};
    hn_tensor t, *c;
    hn_str s[3] = {{"one", 3}, {"two", 3}, {"", 0}};
    hn_status st = hn_tensor_init(env, &a, &t, HN_F32, 2, (int64_t[]){100, 100});
    if (st == HN_OK) st = hn_tensor_copy(env, &a, &t, &c);
    if (st == HN_OK) st = hn_tensor_view(env, &t, HN_STRING, 1, (int64_t[]){3}, s, sizeof s);
    if (st == HN_OK) st = hn_tensor_copy(env, &a, &t, &c);
    hn_arena_fini(env, &a);
    return st;
}

static void torture(void **state)
{
    (void)state;
    hn_env env;
    hn_rig rig;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 20)
    {
        done = hn_rig_check(&rig, &env, work(&env));
    }
    assert_true(rig.requests > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(init_computes_and_zeroes),
                                       cmocka_unit_test(bad_shapes),
                                       cmocka_unit_test(dims_products),
                                       cmocka_unit_test(views_need_the_right_bytes),
                                       cmocka_unit_test(copies_are_deep),
                                       cmocka_unit_test(equality),
                                       cmocka_unit_test(strides_axes_text),
                                       cmocka_unit_test(torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
