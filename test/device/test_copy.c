/* copy, concat, pad, gather and resize_nearest beyond the rows' own cases: every permutation of four dims at every
 * element size, negative steps, crops, indices out of range, every rule of nearest in both layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/drive.h"

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static hn_tensor *typed(drive *d, hn_dtype t, int rank, const int64_t *dims)
{
    hn_tensor *x = hn_arena_alloc(&d->env, &d->arena, sizeof *x);
    assert_non_null(x);
    ok(hn_tensor_init(&d->env, &d->arena, x, t, rank, dims));
    for (size_t i = 0; i < hn_tensor_elems(x); i++) hn_set_i64(x, i, (int64_t)(hn_rng_u64(&d->rng) % 251));
    return x;
}

static void ints(drive *d, size_t n, const int64_t *v)
{
    int64_t dims[1] = {(int64_t)n};
    hn_tensor *x = typed(d, HN_I64, 1, dims);
    memcpy(x->data, v, n * sizeof *v);
    drive_tensor(d, true, x);
}

static void permutations_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_F16, HN_F32, HN_I64};
    for (int64_t code = 0; code < 256; code++) {
        int64_t perm[4] = {code & 3, code >> 2 & 3, code >> 4 & 3, code >> 6};
        if ((1 << perm[0] | 1 << perm[1] | 1 << perm[2] | 1 << perm[3]) != 15) continue;
        for (size_t t = 0; t < 4; t++) {
            drive d;
            drive_begin(&d, (uint64_t)code);
            drive_tensor(&d, false, typed(&d, TYPES[t], DRIVE_DIMS(3, 17, 5, 19)));
            hn_node *n = drive_node(&d, "Transpose", 1);
            ok(hn_node_set_ints(n, "perm", perm, 4));
            drive_check(&d, "copy", 0, 0);
            drive_end(&d);
        }
    }
}

static void large_planes_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_F32};
    for (size_t t = 0; t < 2; t++) {
        drive d;
        drive_begin(&d, 1);
        drive_tensor(&d, false, typed(&d, TYPES[t], DRIVE_DIMS(2, 130, 37, 41)));
        hn_node *n = drive_node(&d, "Transpose", 1);
        ok(hn_node_set_ints(n, "perm", (const int64_t[]){0, 2, 3, 1}, 4));
        drive_check(&d, "copy", 0, 0);
        drive_end(&d);
    }
}

static void slices_match(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    drive_tensor(&d, false, typed(&d, HN_F32, DRIVE_DIMS(4, 9, 11)));
    ints(&d, 3, (const int64_t[]){-1, 2, 100});
    ints(&d, 3, (const int64_t[]){INT64_MIN, 9, -9});
    ints(&d, 3, (const int64_t[]){0, 1, -1});
    ints(&d, 3, (const int64_t[]){-1, 3, -2});
    drive_node(&d, "Slice", 1);
    drive_check(&d, "copy", 0, 0);
    drive_end(&d);
}

/* Runs of every short length, in columns that end inside a task and outside one. */
static void short_runs_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_F32};
    for (int64_t width = 1; width <= 17; width++)
        for (size_t t = 0; t < 4; t++) {
            drive d;
            drive_begin(&d, (uint64_t)width);
            drive_tensor(&d, false, typed(&d, TYPES[t / 2], DRIVE_DIMS(3, t % 2 ? 9001 : 7, 2, 19)));
            ints(&d, 3, (const int64_t[]){1, 1, 1});
            ints(&d, 3, (const int64_t[]){3, t % 2 ? 9000 : 7, 1 + width});
            ints(&d, 3, (const int64_t[]){0, 1, 3});
            drive_node(&d, "Slice", 1);
            drive_check(&d, "copy", 0, 0);
            drive_end(&d);
        }
}

/* Every second element of rows of every short length. */
static void shuffles_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_F16, HN_F32};
    for (int64_t width = 1; width <= 70; width++)
        for (size_t t = 0; t < 6; t++) {
            drive d;
            drive_begin(&d, (uint64_t)width);
            drive_tensor(&d, false, typed(&d, TYPES[t / 2], DRIVE_DIMS(3, width + 3)));
            ints(&d, 1, (const int64_t[]){t % 2});
            ints(&d, 1, (const int64_t[]){width + (t % 2 && width > 1)});
            ints(&d, 1, (const int64_t[]){1});
            ints(&d, 1, (const int64_t[]){2});
            drive_node(&d, "Slice", 1);
            drive_check(&d, "copy", 0, 0);
            drive_end(&d);
        }
}

static void short_parts_match(void **state)
{
    (void)state;
    for (int64_t width = 1; width <= 67; width++)
        for (int split = 0; split < 2; split++) {
            drive d;
            drive_begin(&d, (uint64_t)width);
            if (split) {
                drive_tensor(&d, false, typed(&d, HN_U8, DRIVE_DIMS(5, 31, width + 3)));
                ints(&d, 2, (const int64_t[]){width, 3});
            } else {
                drive_tensor(&d, false, typed(&d, HN_F32, DRIVE_DIMS(5, 31, width)));
                drive_tensor(&d, false, typed(&d, HN_F32, DRIVE_DIMS(5, 31, 3)));
            }
            hn_node *n = drive_node(&d, split ? "Split" : "Concat", split ? 2 : 1);
            ok(hn_node_set_int(n, "axis", -1));
            drive_check(&d, "concat", 0, 0);
            assert_false(d.unsuitable);
            drive_end(&d);
        }
}

static void pads_match(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    drive_tensor(&d, false, typed(&d, HN_F32, DRIVE_DIMS(4, 9, 11)));
    ints(&d, 6, (const int64_t[]){1, -2, 0, 0, 3, -4});
    drive_tensor(&d, false, typed(&d, HN_F32, 0, NULL));
    drive_node(&d, "Pad", 1);
    drive_check(&d, "pad", 0, 0);
    drive_end(&d);
}

static void nearest_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_I8, HN_F16, HN_F32, HN_I64, HN_C128};
    static const char *const COORDINATES[] = {"half_pixel",           "asymmetric",         "align_corners",
                                              "half_pixel_symmetric", "pytorch_half_pixel", "tf_crop_and_resize"};
    static const char *const NEAREST[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
    static const double SCALES[][4] = {{1, 1, 2, 2}, {1, 2, 2, 1}, {1, 0.6, 1.7, 1}, {1, 1, 2, 0.5},
                                       {1, 2, 1, 3}, {2, 1, 1, 1}, {1, 1, 1, 2},     {3, 1, 2, 1.3}};
    for (size_t i = 0; i < 6 * 4 * 8 * 2; i++) {
        const double *scale = SCALES[i % 8];
        const char *coordinates = COORDINATES[i / 8 % 6];
        drive d;
        drive_begin(&d, i);
        drive_tensor(&d, false, typed(&d, TYPES[i % 7 % 6], DRIVE_DIMS(2, 9, 7, i < 192 ? 5 : 75)));
        hn_tensor *roi = typed(&d, HN_F32, 1, (const int64_t[]){8}), *s = typed(&d, HN_F32, 1, (const int64_t[]){4});
        for (size_t k = 0; k < 8; k++) hn_set_f64(roi, k, k < 4 ? (k == i % 4 ? -0.3 : 0) : k == 5 ? 1.2 : 1);
        for (size_t k = 0; k < 4; k++) hn_set_f64(s, k, scale[k]);
        drive_tensor(&d, true, roi);
        drive_tensor(&d, true, s);
        hn_node *n = drive_node(&d, "Resize", 1);
        ok(hn_node_set_string(n, "mode", "nearest"));
        ok(hn_node_set_string(n, "coordinate_transformation_mode", coordinates));
        ok(hn_node_set_string(n, "nearest_mode", NEAREST[i / 48 % 4]));
        ok(hn_node_set_float(n, "extrapolation_value", 77));
        drive_check(&d, "resize_nearest", 0, 0);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void folded_pads_match(void **state)
{
    (void)state;
    static const hn_dtype TYPES[] = {HN_U8, HN_F16, HN_F32, HN_I64};
    static const char *const MODES[] = {"reflect", "edge", "wrap"};
    static const int64_t PADS[][6] = {
        {0, 0, 5, 0, 0, 3}, {1, 2, 0, 2, 0, 9}, {-1, 3, -2, 2, -1, 30}, {0, 4, -12, 0, 1, 4}, {2, 0, 25, -3, 1, -24}};
    for (size_t i = 0; i < 4 * 3 * 5; i++) {
        drive d;
        drive_begin(&d, i);
        drive_tensor(&d, false, typed(&d, TYPES[i % 4], DRIVE_DIMS(3, 4, 11)));
        ints(&d, 6, PADS[i / 12]);
        hn_node *n = drive_node(&d, "Pad", 1);
        ok(hn_node_set_string(n, "mode", MODES[i / 4 % 3]));
        drive_check(&d, "pad_fold", 0, 0);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void bad_index_is_an_input_error(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    drive_tensor(&d, false, typed(&d, HN_F32, DRIVE_DIMS(4, 3)));
    ints(&d, 2, (const int64_t[]){-4, 4});
    hn_node *n = drive_node(&d, "Gather", 1);
    ok(hn_node_infer(n));
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = n, .isa = 0};
    const hn_driver *driver;
    ok(hn_device_lower(&c, &driver, NULL, NULL));
    assert_non_null(driver);
    float out[6] = {0};
    void *ptr[3] = {d.data[0]->data, d.data[1]->data, out};
    hn_run r = {.env = &d.env, .ptr = ptr, .params = c.params, .kernels = c.kernels};
    assert_int_equal(driver->run(&r), HN_INPUT);
    assert_non_null(strstr(d.env.error.text, "index 4 at position 1"));
    drive_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutations_match), cmocka_unit_test(large_planes_match),
        cmocka_unit_test(slices_match),       cmocka_unit_test(pads_match),
        cmocka_unit_test(short_runs_match),   cmocka_unit_test(short_parts_match),
        cmocka_unit_test(folded_pads_match),  cmocka_unit_test(nearest_match),
        cmocka_unit_test(shuffles_match),     cmocka_unit_test(bad_index_is_an_input_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
