/* binary_f32, deconv_f32, deconv_block_f32, resize_f32, pool_f32, norm_f32 and clip_int on shapes larger than the rows'
 * own cases.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "support/drive.h"

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void deconvolutions_match(void **state)
{
    (void)state;
    static const int64_t FORMS[][9] = {
        {1, 3, 1, 1, 0, 0, 0, 1, 18}, {2, 2, 2, 2, 0, 0, 0, 1, 18}, {3, 3, 2, 1, 1, 1, 1, 2, 18},
        {4, 2, 3, 2, 2, 0, 0, 3, 18}, {2, 2, 2, 1, 0, 0, 0, 1, 18}, {3, 2, 3, 1, 0, 0, 1, 1, 5},
        {2, 2, 2, 1, 0, 0, 0, 1, 1},  {3, 2, 2, 1, 0, 1, 0, 1, 7},  {3, 3, 2, 1, 1, 0, 0, 1, 1}};
    for (size_t i = 0; i < HN_COUNT(FORMS); i++) {
        const int64_t *f = FORMS[i]; /* kh kw s d pad_lo pad_hi extra group, output channels of a group */
        drive d;
        drive_begin(&d, i);
        drive_rand(&d, false, DRIVE_DIMS(2, 6, 7, 5), -1, 1);
        drive_rand(&d, true, DRIVE_DIMS(6, f[8], f[0], f[1]), -1, 1);
        drive_rand(&d, true, DRIVE_DIMS(f[8] * f[7]), -1, 1);
        hn_node *n = drive_node(&d, "ConvTranspose", 1);
        ok(hn_node_set_ints(n, "strides", (const int64_t[]){f[2], f[2]}, 2));
        ok(hn_node_set_ints(n, "dilations", (const int64_t[]){f[3], f[3]}, 2));
        ok(hn_node_set_ints(n, "pads", (const int64_t[]){f[4], f[4], f[5], f[5]}, 4));
        ok(hn_node_set_ints(n, "output_padding", (const int64_t[]){f[6], f[6]}, 2));
        ok(hn_node_set_int(n, "group", f[7]));
        drive_check(&d, "deconv_f32", 1e-4, 1e-5);
        drive_end(&d);
    }
}

static void blocks_match(void **state)
{
    (void)state;
    static const int64_t FORMS[][7] = {/* n h w c m kh kw */
                                       {2, 5, 7, 9, 3, 2, 2},
                                       {1, 3, 40, 24, 24, 2, 2},
                                       {1, 6, 33, 24, 1, 2, 2},
                                       {3, 1, 1, 5, 20, 3, 4},
                                       {1, 2, 70, 17, 5, 1, 3}};
    static const char *const ACTS[] = {"Relu", "Sigmoid", ""};
    for (size_t i = 0; i < HN_COUNT(FORMS); i++) {
        const int64_t *f = FORMS[i];
        drive d;
        drive_begin(&d, i);
        drive_rand(&d, false, DRIVE_DIMS(f[0], f[1], f[2], f[3]), -1, 1);
        drive_rand(&d, true, DRIVE_DIMS(f[3], f[4], f[5], f[6]), -1, 1);
        if (i != 3) drive_rand(&d, true, DRIVE_DIMS(f[4]), -1, 1);
        hn_node *n = drive_node(&d, "hone.Deconv", 1);
        ok(hn_node_set_int(n, "layout", 1));
        ok(hn_node_set_string(n, "act", ACTS[i % 3]));
        drive_check(&d, "deconv_block_f32", 1e-4, 1e-5);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void integers_are_clipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        drive d;
        drive_begin(&d, i);
        hn_dtype type = i % 2 ? HN_I64 : HN_I32;
        hn_tensor x, lo, hi;
        ok(hn_tensor_init(&d.env, &d.arena, &x, type, 2, (const int64_t[]){3, 7001}));
        ok(hn_tensor_init(&d.env, &d.arena, &lo, type, 0, NULL));
        ok(hn_tensor_init(&d.env, &d.arena, &hi, type, 0, NULL));
        for (size_t k = 0; k < hn_tensor_elems(&x); k++) hn_set_f64(&x, k, (double)(k * 7919 % 601) - 300);
        hn_set_f64(&x, 9, i % 2 ? -9e18 : -2147483648.0);
        hn_set_f64(&lo, 0, -20);
        hn_set_f64(&hi, 0, i < 3 ? 211 : -30);
        drive_tensor(&d, false, &x);
        drive_tensor(&d, true, &lo);
        if (i != 2) drive_tensor(&d, true, &hi);
        drive_node(&d, "Clip", 1);
        drive_check(&d, "clip_int", 0, 0);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void resizes_match(void **state)
{
    (void)state;
    static const char *const MODES[] = {"nearest", "linear", "cubic"};
    static const float SCALES[][4] = {{1, 1, 2, 2}, {1, 1, 0.6f, 1.7f}, {1, 2, 0.5f, 1}, {1, 1, 3, 3}};
    for (size_t i = 0; i < 12; i++) {
        drive d;
        drive_begin(&d, i);
        drive_rand(&d, false, DRIVE_DIMS(2, 3, 11, 14), -1, 1);
        drive_absent(&d);
        hn_tensor *s = drive_rand(&d, true, DRIVE_DIMS(4), 1, 2);
        memcpy(s->data, SCALES[i / 3], sizeof SCALES[0]);
        hn_node *n = drive_node(&d, "Resize", 1);
        ok(hn_node_set_string(n, "mode", MODES[i % 3]));
        ok(hn_node_set_string(n, "coordinate_transformation_mode", i % 2 ? "align_corners" : "half_pixel"));
        drive_check(&d, i % 3 ? "resize_f32" : "resize_nearest", 1e-4, 1e-5);
        drive_end(&d);
    }
}

static void pools_match(void **state)
{
    (void)state;
    for (int form = 0; form < 32; form++) {
        bool max = form & 1, last = form & 2, ceil = form & 4, include = form & 8;
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, 4, last ? (const int64_t[]){3, 13, 11, 70} : (const int64_t[]){3, 70, 13, 11}, -1, 1);
        hn_node *n = drive_node(&d, form & 16 ? "hone.Pool" : max ? "MaxPool" : "AveragePool", 1);
        if (form & 16) {
            ok(hn_node_set_string(n, "mode", max ? "max" : "average"));
            ok(hn_node_set_int(n, "layout", last));
        }
        ok(hn_node_set_ints(n, "kernel_shape", (const int64_t[]){3, 2}, 2));
        ok(hn_node_set_ints(n, "strides", (const int64_t[]){2, 3}, 2));
        ok(hn_node_set_ints(n, "pads", (const int64_t[]){1, 0, 1, 1}, 4));
        ok(hn_node_set_int(n, "ceil_mode", ceil));
        if (!max) ok(hn_node_set_int(n, "count_include_pad", include));
        drive_check(&d, "pool_f32", 1e-5, 1e-6);
        drive_end(&d);
    }
}

/* Windows that are whole and ones that the padding cuts, channels in whole vectors and not. */
static void square_pools_match(void **state)
{
    (void)state;
    for (int form = 0; form < 16; form++) {
        int64_t k = form & 1 ? 2 : 3, step = form & 2 ? 1 : 2, pad = form & 4 ? 1 : 0;
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, 4, (const int64_t[]){2, 9, 12, form & 8 ? 48 : 20}, -1, 1);
        hn_node *n = drive_node(&d, "hone.Pool", 1);
        ok(hn_node_set_string(n, "mode", "max"));
        ok(hn_node_set_int(n, "layout", 1));
        ok(hn_node_set_ints(n, "kernel_shape", (const int64_t[]){k, k}, 2));
        ok(hn_node_set_ints(n, "strides", (const int64_t[]){step, step}, 2));
        ok(hn_node_set_ints(n, "pads", (const int64_t[]){pad, pad, pad, pad}, 4));
        drive_check(&d, "pool_f32", 0, 0);
        drive_end(&d);
    }
}

static void norms_match(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, DRIVE_DIMS(5, 7, 6, 17), 2, 4);
        drive_rand(&d, true, 2, (const int64_t[]){6, 17}, -1, 1);
        if (form & 1) drive_rand(&d, true, 2, (const int64_t[]){6, 17}, -1, 1);
        hn_node *n = drive_node(&d, "LayerNormalization", form & 2 ? 3 : 1);
        ok(hn_node_set_int(n, "axis", 2));
        drive_check(&d, "norm_f32", 1e-4, 1e-4);
        drive_end(&d);
    }
}

/* Rows of every short length against many rows, on either side, below a dim that both walk, in place and not. */
static void repeated_rows_match(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"Mul", "Sub", "Div", "PRelu"};
    static const int64_t WIDTH[] = {1, 2, 8, 15, 16, 24, 63, 255, 256, 257};
    for (size_t i = 0; i < HN_COUNT(WIDTH); i++)
        for (int form = 0; form < 6; form++) {
            int64_t rows = form < 3 ? 37 : 9001 / WIDTH[i] + 70;
            drive d;
            drive_begin(&d, i);
            if (form % 3 == 0) drive_rand(&d, false, DRIVE_DIMS(2, 1, WIDTH[i]), 1, 2);
            drive_rand(&d, false, DRIVE_DIMS(2, rows, WIDTH[i]), 1, 2);
            if (form % 3 == 1) drive_rand(&d, false, DRIVE_DIMS(2, 1, WIDTH[i]), 1, 2);
            if (form % 3 == 2) drive_rand(&d, false, DRIVE_DIMS(WIDTH[i]), 1, 2);
            drive_node(&d, NAMES[form % 3 == 0 ? i % 3 : i % 4], 1);
            drive_check(&d, "binary_f32", 1e-6, 1e-6);
            assert_false(d.unsuitable);
            drive_end(&d);
        }
}

/* Columns so wide that their rows go a few at a time, with rows on either side of a full group. */
static void wide_columns_match(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceL1"};
    static const int64_t ROWS[] = {1, 15, 16, 17, 32, 53};
    for (size_t i = 0; i < HN_COUNT(NAMES) * HN_COUNT(ROWS); i++) {
        drive d;
        drive_begin(&d, i);
        hn_tensor *x = drive_rand(&d, false, DRIVE_DIMS(2, ROWS[i / HN_COUNT(NAMES)], i % 2 ? 300 : 129), -1, 1);
        if (i % 5 == 2) ((float *)x->data)[7] = NAN;
        hn_tensor *axes = hn_arena_alloc(&d.env, &d.arena, sizeof *axes);
        assert_non_null(axes);
        ok(hn_tensor_init(&d.env, &d.arena, axes, HN_I64, 1, (int64_t[]){1}));
        hn_set_i64(axes, 0, 1);
        drive_tensor(&d, true, axes);
        drive_node(&d, NAMES[i % HN_COUNT(NAMES)], 1);
        drive_check(&d, "reduce_f32", 1e-5, 1e-5);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_rows_match),  cmocka_unit_test(wide_columns_match),
        cmocka_unit_test(deconvolutions_match), cmocka_unit_test(resizes_match),
        cmocka_unit_test(integers_are_clipped), cmocka_unit_test(blocks_match),
        cmocka_unit_test(pools_match),          cmocka_unit_test(square_pools_match),
        cmocka_unit_test(norms_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
