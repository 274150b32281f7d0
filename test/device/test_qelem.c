/* The small 8-bit drivers through their rows: quantise and back per tensor and axis, dynamic quantisation, QAdd and
 * QMul with broadcasting either way, QLut, QPool in both layouts; the reference's bytes on every instruction set and
 * thread count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "support/drive.h"

static void bytes(drive *d, hn_dtype t, bool constant, int rank, const int64_t *dims)
{
    hn_tensor *x = hn_arena_alloc(&d->env, &d->arena, sizeof *x);
    assert_non_null(x);
    assert_int_equal(hn_tensor_init(&d->env, &d->arena, x, t, rank, dims), HN_OK);
    for (size_t i = 0; i < hn_tensor_elems(x); i++) ((uint8_t *)x->data)[i] = (uint8_t)hn_rng_below(&d->rng, 256);
    drive_tensor(d, constant, x);
}

static void set(hn_node *n, const char *name, int64_t v)
{
    assert_int_equal(hn_node_set_int(n, name, v), HN_OK);
}

static void finish(drive *d, const char *must)
{
    drive_check(d, must, 0, 0);
    assert_false(d->unsuitable);
    assert_true(d->taken > 0);
    drive_end(d);
}

static void test_axis(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 24; i++) {
        drive d;
        drive_begin(&d, i);
        int64_t dims[3] = {3, 17 + (int64_t)i, 9}, len = dims[i % 3];
        hn_dtype t = i % 2 ? HN_I8 : HN_U8;
        bool single = i % 4 == 0, back = i >= 12;
        if (back)
            bytes(&d, t, false, 3, dims);
        else
            drive_rand(&d, false, 3, dims, -40, 40);
        drive_rand(&d, i % 5 == 0, single ? 0 : 1, &len, 0.1, 0.3);
        if (i % 6) bytes(&d, t, true, single ? 0 : 1, &len);
        hn_node *n = drive_node(&d, back ? "DequantizeLinear" : "QuantizeLinear", 1);
        set(n, "axis", (int64_t)(i % 3));
        finish(&d, back ? "dequantize" : "quantize");
    }
}

static void test_dynamic(void **state)
{
    (void)state;
    const double ranges[][2] = {{-3, 5}, {1, 4}, {-7, -2}, {0, 0}};
    for (uint64_t i = 0; i < 8; i++) {
        drive d;
        drive_begin(&d, i);
        int64_t dims[2] = {1 + (int64_t)(i % 3) * 300, 211};
        drive_rand(&d, false, 2, dims, ranges[i % 4][0], ranges[i % 4][1]);
        drive_node(&d, "DynamicQuantizeLinear", 3);
        finish(&d, "dynamic_quantize");
    }
}

static void test_binary(void **state)
{
    (void)state;
    const struct {
        int ra, rb;
        int64_t a[4], b[4];
    } shapes[] = {{4, 4, {2, 5, 7, 19}, {2, 5, 7, 19}},
                  {4, 1, {2, 5, 7, 19}, {19}},
                  {1, 4, {19}, {2, 5, 7, 19}},
                  {4, 4, {2, 5, 7, 19}, {2, 1, 1, 19}},
                  {4, 4, {2, 1, 1, 19}, {2, 5, 7, 19}},
                  {4, 4, {2, 19, 5, 7}, {2, 19, 1, 1}},
                  {4, 0, {2, 5, 7, 19}, {0}},
                  {0, 4, {0}, {2, 5, 7, 19}},
                  {3, 3, {4, 1, 6}, {1, 5, 6}},
                  {3, 3, {4, 1, 6}, {1, 5, 1}},
                  {3, 3, {1, 200, 300}, {1, 200, 300}},
                  {3, 3, {1, 4, 1}, {3, 1, 8}},
                  {4, 4, {3, 57, 61, 8}, {3, 1, 1, 8}},
                  {4, 4, {1, 1, 1, 200}, {2, 23, 29, 200}},
                  {4, 4, {2, 50, 9, 19}, {2, 50, 1, 19}},
                  {4, 3, {2, 1, 130, 33}, {5, 130, 33}},
                  {4, 4, {2, 3, 5, 2100}, {2, 1, 1, 2100}},
                  {4, 2, {2, 3, 5, 5000}, {1, 5000}}};
    for (uint64_t i = 0; i < 2 * HN_COUNT(shapes); i++) {
        size_t s = i / 2;
        drive d;
        bool add = i % 2;
        hn_dtype t = s % 2 ? HN_I8 : HN_U8;
        drive_begin(&d, i);
        bytes(&d, t, false, shapes[s].ra, shapes[s].a);
        bytes(&d, s % 3 ? HN_I8 : HN_U8, false, shapes[s].rb, shapes[s].b);
        hn_node *n = drive_node(&d, add ? "hone.QAdd" : "hone.QMul", 1);
        set(n, "a_zp", t == HN_I8 ? -9 : 130);
        set(n, "b_zp", s % 3 ? 4 : 77);
        set(n, "y_zp", t == HN_I8 ? 3 : 100);
        set(n, "y_lo", t == HN_I8 ? -128 : 2);
        set(n, "y_hi", t == HN_I8 ? 120 : 255);
        if (add) assert_int_equal(hn_node_set_float(n, "b_scale", 0.3712), HN_OK);
        assert_int_equal(hn_node_set_float(n, add ? "a_scale" : "scale", add ? 0.71 : 0.0123), HN_OK);
        finish(&d, "qbinary");
    }
}

static void test_lut(void **state)
{
    (void)state;
    for (int64_t i = 1; i < 4; i++) {
        drive d;
        drive_begin(&d, (uint64_t)i);
        bytes(&d, i % 2 ? HN_I8 : HN_U8, false, 2, (const int64_t[]){i * 301, 117});
        bytes(&d, HN_U8, i % 2, 1, (const int64_t[]){256});
        drive_node(&d, "hone.QLut", 1);
        finish(&d, "qlut");
    }
}

static void test_pool(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 32; i++) {
        drive d;
        drive_begin(&d, i);
        bool max = i % 2, nhwc = i % 4 < 2, one = i % 8 == 5;
        int64_t c = 1 + (int64_t)(i * 13 % 70), k = 1 + (int64_t)(i % 3), pad = k > 1 && i % 3 == 2;
        hn_dtype t = i % 3 ? HN_I8 : HN_U8;
        int64_t dims[4] = {2, c, 11, 9};
        if (one) dims[2] = 30;
        if (nhwc) dims[1] = dims[2], dims[2] = one ? c : dims[3], dims[3] = c;
        bytes(&d, t, false, one ? 3 : 4, dims);
        hn_node *n = drive_node(&d, "hone.QPool", 1);
        assert_int_equal(hn_node_set_string(n, "mode", max ? "max" : "average"), HN_OK);
        const int64_t kernel[2] = {i == 8 ? 11 : k, i == 8 ? 9 : k}, stride[2] = {1 + (int64_t)(i % 2), 2},
                      pads[4] = {pad, pad, pad, pad};
        size_t spatial = one ? 1 : 2;
        assert_int_equal(hn_node_set_ints(n, "kernel_shape", kernel, spatial), HN_OK);
        assert_int_equal(hn_node_set_ints(n, "strides", stride, spatial), HN_OK);
        assert_int_equal(hn_node_set_ints(n, "pads", pads, 2 * spatial), HN_OK);
        set(n, "layout", nhwc);
        set(n, "count_include_pad", i % 5 == 0);
        set(n, "x_zp", t == HN_I8 ? -4 : 131);
        set(n, "y_zp", t == HN_I8 ? 7 : 120);
        set(n, "y_lo", t == HN_I8 ? -128 : 0);
        set(n, "y_hi", t == HN_I8 ? 127 : 250);
        assert_int_equal(hn_node_set_float(n, "m", 1.37), HN_OK);
        finish(&d, "qpool");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_axis), cmocka_unit_test(test_dynamic),
                                       cmocka_unit_test(test_binary), cmocka_unit_test(test_lut),
                                       cmocka_unit_test(test_pool)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
