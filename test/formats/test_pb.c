/* pb: the wire format, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/dict.h"
#include "formats/pb.h"

static void every_wire_type(void **state)
{
    (void)state;
    hn_env env;
    hn_buf b = {0};
    hn_env_init(&env);
    hn_pb_put_int(&env, &b, 1, -1);
    hn_pb_put_float(&env, &b, 2, 1.5f);
    hn_pb_put_str(&env, &b, 3, "abc");
    size_t mark = hn_pb_begin(&env, &b, 300);
    for (int i = 0; i < 100; i++) hn_pb_put_int(&env, &b, 1, i);
    hn_pb_end(&env, &b, mark);
    assert_int_equal(hn_buf_status(&b), HN_OK);
    /* 11 + 5 + 5 bytes, a tag of two, a length of two, 100 fields of two. */
    assert_int_equal(b.size, 11 + 5 + 5 + 2 + 2 + 200);
    hn_cursor c = hn_cursor_make(b.data, b.size);
    hn_pb_field f;
    bool more;
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_true(more && f.number == 1 && f.wire == HN_PB_VARINT && f.value == UINT64_MAX && f.at == 0);
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_true(more && f.number == 2 && f.wire == HN_PB_FIXED32 && f.value == 0x3fc00000 && f.at == 11);
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_true(more && f.bytes.size == 3 && memcmp(f.bytes.data, "abc", 3) == 0);
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_true(more && f.number == 300 && f.bytes.size == 200);
    hn_cursor inner = f.bytes;
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(hn_pb_next(&env, &inner, "m", &f, &more), HN_OK);
        assert_true(more && f.value == i);
    }
    assert_int_equal(hn_pb_next(&env, &inner, "m", &f, &more), HN_OK);
    assert_false(more);
    hn_buf_fini(&env, &b);
}

static void refuse(const char *bytes, size_t n, const char *says)
{
    hn_env env;
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(bytes, n);
    hn_pb_field f;
    bool more;
    assert_int_equal(hn_pb_next(&env, &c, "thing", &f, &more), HN_INPUT);
    assert_non_null(strstr(env.error.text, says));
}

static void wrong_bytes(void **state)
{
    (void)state;
    refuse("\x00\x01", 2, "field number 0");
    refuse("\x0b", 1, "wire type 3");
    refuse("\x0c", 1, "wire type 4");
    refuse("\x0a\x05xy", 4, "says 5 bytes, but 2 are left");
    refuse("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, "bytes, but 0 are left");
    refuse("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "thing");
    refuse("\x0d\x01\x02", 3, "thing");
    refuse("\x08", 1, "thing");
}

static void packed_or_not(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    /* field 1: packed 1, 300, then 2 alone */
    hn_cursor c = hn_cursor_make("\x0a\x03\x01\xac\x02\x08\x02", 7);
    hn_pb_field f;
    bool more;
    uint64_t v[2];
    size_t n = 0;
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_int_equal(hn_pb_count(&env, &f, HN_PB_VARINT, "m", &n), HN_OK);
    assert_int_equal(n, 2);
    assert_int_equal(hn_pb_scalars(&env, &f, HN_PB_VARINT, "m", v, 2, &n), HN_OK);
    assert_true(n == 2 && v[0] == 1 && v[1] == 300);
    assert_int_equal(hn_pb_next(&env, &c, "m", &f, &more), HN_OK);
    assert_int_equal(hn_pb_scalars(&env, &f, HN_PB_VARINT, "m", v, 2, &n), HN_OK);
    assert_true(n == 1 && v[0] == 2);
    hn_cursor odd = hn_cursor_make("\x0a\x05\x01\x02\x03\x04\x05", 7);
    assert_int_equal(hn_pb_next(&env, &odd, "m", &f, &more), HN_OK);
    assert_int_equal(hn_pb_count(&env, &f, HN_PB_FIXED32, "m", &n), HN_INPUT);
}

static void names(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    hn_dict d = {0};
    char keys[1000][8];
    hn_env_init(&env);
    for (size_t i = 0; i < 1000; i++) {
        keys[i][0] = (char)(i & 15);
        keys[i][1] = (char)(i >> 4);
        assert_int_equal(hn_dict_put(&env, &arena, &d, (hn_str){keys[i], 2}, keys[i]), HN_OK);
    }
    for (size_t i = 0; i < 1000; i++) assert_ptr_equal(hn_dict_get(&d, (hn_str){keys[i], 2}), keys[i & 0xfff]);
    assert_int_equal(d.count, 1000);
    assert_null(hn_dict_get(&d, hn_str_of("absent")));
    assert_int_equal(hn_dict_put(&env, &arena, &d, (hn_str){keys[0], 2}, &d), HN_OK);
    assert_ptr_equal(hn_dict_get(&d, (hn_str){keys[0], 2}), &d);
    assert_int_equal(d.count, 1000);
    hn_arena_fini(&env, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wire_type),
        cmocka_unit_test(wrong_bytes),
        cmocka_unit_test(packed_or_not),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
