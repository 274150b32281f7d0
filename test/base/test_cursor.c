/* cursor: every read at every distance from the end; a failed read moves nothing and names the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

static const uint8_t bytes[] = {0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88, 0x09};

static void little_endian(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(bytes, sizeof bytes);
    uint8_t a = 0;
    uint16_t b = 0;
    uint32_t d = 0;
    uint64_t e = 0;
    assert_int_equal(hn_cursor_u8(&env, &c, "a", &a), HN_OK);
    assert_int_equal(a, 0x01);
    assert_int_equal(hn_cursor_u16(&env, &c, "b", &b), HN_OK);
    assert_int_equal(b, 0x0382);
    assert_int_equal(hn_cursor_u32(&env, &c, "d", &d), HN_OK);
    assert_int_equal(d, 0x07860584);
    assert_int_equal(hn_cursor_left(&c), 2);
    c.pos = 1;
    assert_int_equal(hn_cursor_u64(&env, &c, "e", &e), HN_OK);
    assert_true(e == UINT64_C(0x0988078605840382));
    assert_true(hn_cursor_done(&c));
    c.pos = 0;
    assert_int_equal(hn_cursor_u32be(&env, &c, "d", &d), HN_OK);
    assert_int_equal(d, 0x01820384);
}

/* Kind k of read; the size it needs. */
static hn_status read_kind(hn_env *env, hn_cursor *c, int k, size_t *need)
{
    uint8_t a;
    uint16_t b;
    uint32_t d;
    uint64_t e;
    const uint8_t *p;
    hn_cursor sub;
    static const size_t needs[] = {1, 2, 4, 8, 4, 5, 6, 7};
    *need = needs[k];
    switch (k) {
    case 0: return hn_cursor_u8(env, c, "it", &a);
    case 1: return hn_cursor_u16(env, c, "it", &b);
    case 2: return hn_cursor_u32(env, c, "it", &d);
    case 3: return hn_cursor_u64(env, c, "it", &e);
    case 4: return hn_cursor_u32be(env, c, "it", &d);
    case 5: return hn_cursor_bytes(env, c, "it", 5, &p);
    case 6: return hn_cursor_skip(env, c, "it", 6);
    default: return hn_cursor_sub(env, c, "it", 7, &sub);
    }
}

static void every_short_read_fails(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        for (size_t size = 0; size <= 9; size++) {
            hn_env env;
            hn_env_init(&env);
            /* On the heap and exactly so long, for the sanitizer's sake. */
            uint8_t *data = malloc(size == 0 ? 1 : size);
            assert_non_null(data);
            memcpy(data, bytes, size);
            hn_cursor c = hn_cursor_make(data, size);
            size_t need;
            hn_status st = read_kind(&env, &c, k, &need);
            assert_int_equal(st, size >= need ? HN_OK : HN_INPUT);
            assert_int_equal(c.pos, size >= need ? need : 0);
            free(data);
        }
    }
}

static void message_names_the_byte(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(bytes, sizeof bytes);
    hn_cursor sub;
    c.base = 100;
    assert_int_equal(hn_cursor_skip(&env, &c, "head", 3), HN_OK);
    assert_int_equal(hn_cursor_sub(&env, &c, "body", 4, &sub), HN_OK);
    assert_int_equal(sub.size, 4);
    assert_int_equal(sub.base, 103);
    assert_int_equal(c.pos, 7);
    assert_int_equal(hn_cursor_skip(&env, &sub, "one", 1), HN_OK);
    uint64_t v;
    assert_int_equal(hn_cursor_u64(&env, &sub, "the length", &v), HN_INPUT);
    assert_string_equal(env.error.text, "cannot read the length: 8 bytes needed, 3 left at byte 104");
}

static void huge_lengths(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(bytes, sizeof bytes);
    c.pos = 4;
    const uint8_t *p;
    assert_int_equal(hn_cursor_bytes(&env, &c, "x", SIZE_MAX, &p), HN_INPUT);
    hn_error_clear(&env);
    assert_int_equal(hn_cursor_skip(&env, &c, "x", SIZE_MAX - 3), HN_INPUT);
    assert_int_equal(c.pos, 4);
    hn_error_clear(&env);
    hn_cursor none = hn_cursor_make(NULL, 0);
    assert_true(hn_cursor_done(&none));
    assert_int_equal(hn_cursor_bytes(&env, &none, "x", 0, &p), HN_OK);
    assert_non_null(p);
}

static void varints(void **state)
{
    (void)state;
    static const uint64_t values[] = {0,         1, 127, 128, 300, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX - 1,
                                      UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t code[10];
        size_t n = 0;
        for (uint64_t v = values[i]; n == 0 || v != 0; v >>= 7)
            code[n++] = (uint8_t)((v & 0x7f) | (v >> 7 != 0 ? 0x80 : 0));
        for (size_t cut = 0; cut <= n; cut++) {
            hn_env env;
            hn_env_init(&env);
            hn_cursor c = hn_cursor_make(code, cut);
            uint64_t got = 1234;
            hn_status st = hn_cursor_varint(&env, &c, "v", &got);
            assert_int_equal(st, cut == n ? HN_OK : HN_INPUT);
            assert_int_equal(c.pos, cut == n ? n : 0);
            assert_true(got == (cut == n ? values[i] : 1234));
        }
    }
}

static void varints_too_long(void **state)
{
    (void)state;
    static const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
    static const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t padded[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    hn_env env;
    hn_env_init(&env);
    uint64_t v = 7;
    hn_cursor c = hn_cursor_make(eleven, sizeof eleven);
    assert_int_equal(hn_cursor_varint(&env, &c, "v", &v), HN_INPUT);
    hn_error_clear(&env);
    c = hn_cursor_make(over, sizeof over);
    assert_int_equal(hn_cursor_varint(&env, &c, "v", &v), HN_INPUT);
    assert_int_equal(c.pos, 0);
    hn_error_clear(&env);
    c = hn_cursor_make(padded, sizeof padded);
    assert_int_equal(hn_cursor_varint(&env, &c, "v", &v), HN_OK);
    assert_true(v == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(little_endian),
                                       cmocka_unit_test(every_short_read_fails),
                                       cmocka_unit_test(message_names_the_byte),
                                       cmocka_unit_test(huge_lengths),
                                       cmocka_unit_test(varints),
                                       cmocka_unit_test(varints_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
