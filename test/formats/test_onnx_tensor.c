/* onnx_tensor: every element type through every encoding it may have, wrong sizes, external and sparse data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "formats/onnx_tensor.h"
#include "formats/pb.h"
#include "support/data.h"
#include "support/rig.h"

static void head(hn_env *env, hn_buf *b, hn_dtype t, int rank, const int64_t *dims)
{
    for (int d = 0; d < rank; d++) hn_pb_put_int(env, b, 1, dims[d]);
    hn_pb_put_int(env, b, 2, (int64_t)t);
    hn_pb_put_str(env, b, 8, "t");
}

static hn_status parse(hn_env *env, hn_arena *a, const hn_buf *b, hn_tensor *t)
{
    const char *name = NULL;
    hn_cursor c = hn_cursor_make(b->data, b->size);
    hn_status st = hn_onnx_tensor_read(env, a, &c, NULL, t, &name);
    if (st == HN_OK) assert_string_equal(name, "t");
    return st;
}

/* Writes raw, reads, compares bytes; then every prefix of the file must fail or give a tensor. */
static void raw_round_trip(void **state)
{
    (void)state;
    for (int t = 1; t < HN_DTYPES; t++) {
        if (t == HN_STRING) continue;
        hn_env env;
        hn_arena a = {0};
        hn_buf b = {0};
        hn_tensor in, out;
        hn_env_init(&env);
        assert_int_equal(hn_tensor_init(&env, &a, &in, (hn_dtype)t, 2, (int64_t[]){3, 3}), HN_OK);
        for (size_t i = 0; i < in.bytes; i++) ((uint8_t *)in.data)[i] = t == HN_BOOL ? i & 1 : (uint8_t)(i * 37 + 1);
        hn_onnx_tensor_write(&env, &b, &in, "t");
        assert_int_equal(parse(&env, &a, &b, &out), HN_OK);
        assert_true(out.dtype == in.dtype && hn_tensor_same_shape(&in, &out) && out.bytes == in.bytes);
        assert_memory_equal(out.data, in.data, in.bytes);
        for (size_t n = 0; n < b.size; n++) {
            hn_buf cut = b;
            cut.size = n;
            hn_status st = parse(&env, &a, &cut, &out);
            assert_int_not_equal(st, HN_OK);
            assert_true(env.error.text[0] != '\0');
            hn_error_clear(&env);
        }
        hn_buf_fini(&env, &b);
        hn_arena_fini(&env, &a);
    }
}

/* Values in a typed list: field, how many numbers an element takes, and what element 1 must be. */
static void typed(hn_dtype t, uint32_t field, hn_pb_wire wire, bool packed, const uint64_t *v, size_t count,
                  int64_t elems, double want1)
{
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_tensor out;
    hn_env_init(&env);
    head(&env, &b, t, 1, &elems);
    size_t mark = packed ? hn_pb_begin(&env, &b, field) : 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[10];
        size_t n = 0;
        if (wire == HN_PB_VARINT) {
            uint64_t x = v[i];
            for (; x >= 0x80; x >>= 7) bytes[n++] = (uint8_t)(x | 0x80);
            bytes[n++] = (uint8_t)x;
        } else {
            n = wire == HN_PB_FIXED32 ? 4 : 8;
            memcpy(bytes, &v[i], n);
        }
        uint8_t tag = (uint8_t)(field << 3 | (uint32_t)wire);
        if (!packed) hn_buf_append(&env, &b, &tag, 1);
        hn_buf_append(&env, &b, bytes, n);
    }
    if (packed) hn_pb_end(&env, &b, mark);
    if (parse(&env, &a, &b, &out) != HN_OK) fail_msg("%s: %s", hn_dtype_name(t), env.error.text);
    assert_int_equal(out.dtype, t);
    if (t != HN_C64 && t != HN_C128)
        assert_true(hn_get_f64(&out, 1) == want1);
    else if (t == HN_C64)
        assert_true(((float *)out.data)[2] == (float)want1);
    else
        assert_true(((double *)out.data)[2] == want1);
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &a);
}

static uint64_t f32_bits(float f)
{
    uint32_t v;
    memcpy(&v, &f, 4);
    return v;
}

static uint64_t f64_bits(double f)
{
    uint64_t v;
    memcpy(&v, &f, 8);
    return v;
}

static void typed_lists(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        const uint64_t small[] = {1, 2, 3}, minus[] = {1, (uint64_t)-5, 3};
        const uint64_t floats[] = {f32_bits(1), f32_bits(2.5f), f32_bits(-1), f32_bits(4)};
        const uint64_t doubles[] = {f64_bits(1), f64_bits(2.5), f64_bits(-1), f64_bits(4)};
        typed(HN_F32, 4, HN_PB_FIXED32, packed, floats, 4, 4, 2.5);
        typed(HN_C64, 4, HN_PB_FIXED32, packed, floats, 4, 2, -1);
        typed(HN_F64, 10, HN_PB_FIXED64, packed, doubles, 4, 4, 2.5);
        typed(HN_C128, 10, HN_PB_FIXED64, packed, doubles, 4, 2, -1);
        typed(HN_I32, 5, HN_PB_VARINT, packed, minus, 3, 3, -5);
        typed(HN_I16, 5, HN_PB_VARINT, packed, minus, 3, 3, -5);
        typed(HN_I8, 5, HN_PB_VARINT, packed, minus, 3, 3, -5);
        typed(HN_U8, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 250, 7}, 3, 3, 250);
        typed(HN_U16, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 65000, 7}, 3, 3, 65000);
        typed(HN_BOOL, 5, HN_PB_VARINT, packed, small, 3, 3, 1);
        typed(HN_F16, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x3e00, 0}, 3, 3, 1.5);
        typed(HN_BF16, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x3fc0, 0}, 3, 3, 1.5);
        typed(HN_F8E4M3FN, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x3c, 0}, 3, 3, 1.5);
        typed(HN_F8E5M2, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x3e, 0}, 3, 3, 1.5);
        typed(HN_I64, 7, HN_PB_VARINT, packed, minus, 3, 3, -5);
        typed(HN_U64, 11, HN_PB_VARINT, packed, small, 3, 3, 2);
        typed(HN_U32, 11, HN_PB_VARINT, packed, small, 3, 3, 2);
        typed(HN_I4, 5, HN_PB_VARINT, packed, (uint64_t[]){0xd2, 0x01}, 2, 3, -3);
        typed(HN_U4, 5, HN_PB_VARINT, packed, (uint64_t[]){0xd2, 0x01}, 2, 3, 13);
        typed(HN_F4E2M1, 5, HN_PB_VARINT, packed, (uint64_t[]){0x32, 0x01}, 2, 3, 1.5);
        typed(HN_F6E2M3, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x2c, 0, 31, 1}, 5, 5, -1.5);
        typed(HN_F6E3M2, 5, HN_PB_VARINT, packed, (uint64_t[]){0, 0x2e, 0, 31, 1}, 5, 5, -1.5);
        typed(HN_I2, 5, HN_PB_VARINT, packed, (uint64_t[]){0x0d, 0x01}, 2, 5, -1);
        typed(HN_U2, 5, HN_PB_VARINT, packed, (uint64_t[]){0x0d, 0x01}, 2, 5, 3);
    }
}

static void strings(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_tensor out;
    int64_t two = 2;
    hn_env_init(&env);
    head(&env, &b, HN_STRING, 1, &two);
    hn_pb_put_str(&env, &b, 6, "a");
    hn_pb_put_str(&env, &b, 6, "");
    assert_int_equal(parse(&env, &a, &b, &out), HN_OK);
    const hn_str *s = out.data;
    assert_true(s[0].size == 1 && s[0].data[0] == 'a' && s[1].size == 0);
    hn_buf again = {0};
    hn_tensor twice;
    hn_onnx_tensor_write(&env, &again, &out, "t");
    assert_int_equal(parse(&env, &a, &again, &twice), HN_OK);
    assert_true(hn_tensor_equal(&out, &twice));
    hn_buf_fini(&env, &b);
    hn_buf_fini(&env, &again);
    hn_arena_fini(&env, &a);
}

static void refused(void (*fill)(hn_env *, hn_buf *), hn_status want, const char *says)
{
    hn_rig rig;
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_tensor out;
    hn_rig_init(&rig, &env);
    fill(&env, &b);
    hn_status st = parse(&env, &a, &b, &out);
    if (st != want || strstr(env.error.text, says) == NULL) fail_msg("got %d: %s", st, env.error.text);
    assert_true(rig.peak_bytes < 1 << 20);
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &a);
    assert_int_equal(rig.live, 0);
}

static void few_raw(hn_env *env, hn_buf *b)
{
    head(env, b, HN_F32, 2, (int64_t[]){2, 3});
    hn_pb_put_bytes(env, b, 9, "12345678", 8);
}
static void few_typed(hn_env *env, hn_buf *b)
{
    head(env, b, HN_I32, 1, (int64_t[]){1000000000});
    hn_pb_put_int(env, b, 5, 1);
}
static void huge(hn_env *env, hn_buf *b)
{
    head(env, b, HN_F32, 3, (int64_t[]){INT64_C(1) << 40, INT64_C(1) << 40, 4});
    hn_pb_put_bytes(env, b, 9, "1234", 4);
}
static void negative(hn_env *env, hn_buf *b)
{
    head(env, b, HN_F32, 1, (int64_t[]){-3});
}
static void no_type(hn_env *env, hn_buf *b)
{
    hn_pb_put_int(env, b, 1, 3);
}
static void odd_type(hn_env *env, hn_buf *b)
{
    hn_pb_put_int(env, b, 2, 99);
}
static void later_type(hn_env *env, hn_buf *b)
{
    hn_pb_put_int(env, b, 2, 29);
}
static void nine_dims(hn_env *env, hn_buf *b)
{
    for (int i = 0; i < 9; i++) hn_pb_put_int(env, b, 1, 1);
}
static void too_wide(hn_env *env, hn_buf *b)
{
    head(env, b, HN_U8, 1, (int64_t[]){1});
    hn_pb_put_int(env, b, 5, 256);
}
static void segment(hn_env *env, hn_buf *b)
{
    size_t mark = hn_pb_begin(env, b, 3);
    hn_pb_end(env, b, mark);
}
static void external_here(hn_env *env, hn_buf *b)
{
    hn_tensor t = {.dtype = HN_F32, .rank = 1, .dims = {2}, .bytes = 8};
    hn_onnx_tensor_write_external(env, b, &t, "t", "w.bin", 0);
}
static void wrong(void **state)
{
    (void)state;
    refused(few_raw, HN_INPUT, "f32[2,3] needs 24 bytes of data, but 8 are given");
    refused(few_typed, HN_INPUT, "the shape needs 1000000000 values, but 1 are given");
    refused(huge, HN_LIMIT, "overflows");
    refused(negative, HN_INPUT, "dim 0 is -3");
    refused(no_type, HN_INPUT, "no element type");
    refused(odd_type, HN_INPUT, "element type 99");
    refused(later_type, HN_INPUT, "element type 29");
    refused(nine_dims, HN_UNSUPPORTED, "more than 8 dims");
    refused(too_wide, HN_INPUT, "value 256");
    refused(segment, HN_UNSUPPORTED, "segments");
    refused(external_here, HN_INPUT, "in another file");
}

static hn_status external(const char *dir, const char *location, uint64_t offset, hn_tensor *out, hn_env *env,
                          hn_arena *a)
{
    hn_buf b = {0};
    const char *name;
    hn_tensor t = {.dtype = HN_F32, .rank = 1, .dims = {2}, .bytes = 8};
    hn_onnx_tensor_write_external(env, &b, &t, "t", location, offset);
    hn_cursor c = hn_cursor_make(b.data, b.size);
    hn_status st = hn_onnx_tensor_read(env, a, &c, dir, out, &name);
    hn_buf_fini(env, &b);
    return st;
}

static void external_files(void **state)
{
    (void)state;
    static const char *const bad[] = {"../w.bin", "/etc/passwd", "a/../../w.bin", "", "..", "a\\..\\w.bin"};
    hn_env env;
    hn_arena a = {0};
    hn_tensor out;
    char dir[256], path[300];
    hn_env_init(&env);
    hn_test_tmpdir(dir, sizeof dir);
    (void)snprintf(path, sizeof path, "%s/w.bin", dir);
    float v[4] = {1, 2, 3, 4};
    assert_int_equal(hn_file_write(&env, path, v, sizeof v), HN_OK);
    assert_int_equal(external(dir, "w.bin", 4, &out, &env, &a), HN_OK);
    assert_true(hn_get_f64(&out, 0) == 2 && hn_get_f64(&out, 1) == 3);
    assert_int_equal(external(dir, "w.bin", 12, &out, &env, &a), HN_INPUT);
    assert_non_null(strstr(env.error.text, "8 bytes from 12 lie outside"));
    hn_error_clear(&env);
    assert_int_equal(external(dir, "w.bin", UINT64_MAX - 2, &out, &env, &a), HN_INPUT);
    hn_error_clear(&env);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(external(dir, bad[i], 0, &out, &env, &a), HN_INPUT);
        assert_non_null(strstr(env.error.text, "not a path below"));
        hn_error_clear(&env);
    }
    assert_int_not_equal(external(dir, "absent.bin", 0, &out, &env, &a), HN_OK);
    hn_error_clear(&env);
    /* A file that is one tensor. */
    (void)snprintf(path, sizeof path, "%s/input_0.pb", dir);
    hn_tensor t = {.dtype = HN_F32, .rank = 1, .dims = {4}, .data = v, .bytes = sizeof v};
    const char *name;
    assert_int_equal(hn_onnx_tensor_save(&env, &t, "in", path), HN_OK);
    assert_int_equal(hn_onnx_tensor_load(&env, &a, path, &out, &name), HN_OK);
    assert_string_equal(name, "in");
    assert_true(hn_tensor_equal(&t, &out));
    hn_arena_fini(&env, &a);
    hn_test_rmdir(dir);
}

static void sparse(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_env_init(&env);
    for (int flat = 0; flat < 2; flat++) {
        for (int64_t last = 5; last < 7; last++) {
            hn_buf b = {0};
            hn_tensor out;
            const char *name;
            float v[2] = {7, 8};
            int64_t pairs[4] = {0, 1, 1, last - 3}, at[2] = {1, last};
            hn_tensor values = {.dtype = HN_F32, .rank = 1, .dims = {2}, .data = v, .bytes = 8};
            hn_tensor full = {.dtype = HN_I64, .rank = 2, .dims = {2, 2}, .data = pairs, .bytes = 32};
            hn_tensor one = {.dtype = HN_I64, .rank = 1, .dims = {2}, .data = at, .bytes = 16};
            size_t mark = hn_pb_begin(&env, &b, 1);
            hn_onnx_tensor_write(&env, &b, &values, "s");
            hn_pb_end(&env, &b, mark);
            mark = hn_pb_begin(&env, &b, 2);
            hn_onnx_tensor_write(&env, &b, flat ? &one : &full, NULL);
            hn_pb_end(&env, &b, mark);
            hn_pb_put_ints(&env, &b, 3, (int64_t[]){2, 3}, 2);
            hn_cursor c = hn_cursor_make(b.data, b.size);
            hn_onnx_source src = {0};
            hn_status st = hn_onnx_sparse_parse(&env, &a, &c, &src, &out, &name);
            if (last == 5) {
                assert_int_equal(st, HN_OK);
                assert_string_equal(name, "s");
                const float want[6] = {0, 7, 0, 0, 0, 8};
                assert_memory_equal(out.data, want, sizeof want);
            } else {
                assert_int_equal(st, HN_INPUT);
                hn_error_clear(&env);
            }
            src.max_dense_bytes = 23;
            c = hn_cursor_make(b.data, b.size);
            assert_int_equal(hn_onnx_sparse_parse(&env, &a, &c, &src, &out, &name), HN_LIMIT);
            hn_error_clear(&env);
            hn_buf_fini(&env, &b);
        }
    }
    hn_arena_fini(&env, &a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_round_trip), cmocka_unit_test(typed_lists),    cmocka_unit_test(strings),
        cmocka_unit_test(wrong),          cmocka_unit_test(external_files), cmocka_unit_test(sparse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
