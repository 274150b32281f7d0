/* conv_f32, conv_few_f32, line_f32, wino_f32 and dwconv_f32 on shapes that cross every edge of their tiles: strides,
 * dilations, uneven padding, groups, both layouts, passes over several images, residual and activation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/drive.h"

typedef struct shape {
    int64_t n, c, h, w, m, kh, kw, sh, sw, dh, dw, pads[4], group;
    int layout, in_layout; /* in_layout < 0: as layout */
    const char *act;
    int residual, act_first;
    const char *must;
} shape;

static int64_t out_size(int64_t in, int64_t k, int64_t s, int64_t d, int64_t lo, int64_t hi)
{
    return (in + lo + hi - (k - 1) * d - 1) / s + 1;
}

static void image_dims(int64_t *dims, int last, int64_t n, int64_t c, int64_t h, int64_t w)
{
    dims[0] = n;
    dims[1] = last ? h : c;
    dims[2] = last ? w : h;
    dims[3] = last ? c : w;
}

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void check_within(const shape *s, uint64_t seed, bool constant, double tol)
{
    drive d;
    int64_t x[4], r[4], w[4] = {s->m, s->c / s->group, s->kh, s->kw};
    drive_begin(&d, seed);
    image_dims(x, s->in_layout < 0 ? s->layout : s->in_layout, s->n, s->c, s->h, s->w);
    image_dims(r, s->layout, s->n, s->m, out_size(s->h, s->kh, s->sh, s->dh, s->pads[0], s->pads[2]),
               out_size(s->w, s->kw, s->sw, s->dw, s->pads[1], s->pads[3]));
    drive_rand(&d, false, 4, x, -1, 1);
    drive_rand(&d, constant, 4, w, -1, 1);
    drive_rand(&d, constant, DRIVE_DIMS(s->m), -1, 1);
    if (s->residual) drive_rand(&d, false, 4, r, -1, 1);
    bool plain = s->act == NULL;
    hn_node *node = drive_node(&d, plain ? "Conv" : "hone.Conv", 1);
    ok(hn_node_set_ints(node, "strides", (const int64_t[]){s->sh, s->sw}, 2));
    ok(hn_node_set_ints(node, "dilations", (const int64_t[]){s->dh, s->dw}, 2));
    ok(hn_node_set_ints(node, "pads", s->pads, 4));
    ok(hn_node_set_int(node, "group", s->group));
    if (!plain) {
        ok(hn_node_set_int(node, "layout", s->layout));
        if (s->in_layout >= 0) ok(hn_node_set_int(node, "in_layout", s->in_layout));
        ok(hn_node_set_string(node, "act", s->act));
        ok(hn_node_set_float(node, "act_alpha", -0.3));
        ok(hn_node_set_float(node, "act_beta", 0.6));
        ok(hn_node_set_int(node, "act_first", s->act_first));
    }
    drive_check(&d, s->must, tol, tol);
    assert_false(d.unsuitable);
    assert_true(d.taken > 0);
    drive_end(&d);
}

static void check(const shape *s, uint64_t seed, bool constant)
{
    check_within(s, seed, constant, 1e-4);
}

static const shape CONVS[] = {
    {1, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Relu", 0, 0, "conv_f32"},
    {1, 16, 9, 7, 32, 3, 3, 2, 2, 1, 1, {1, 0, 0, 1}, 1, 1, -1, "", 1, 0, "conv_f32"},
    {2, 5, 7, 6, 50, 3, 2, 1, 1, 2, 2, {2, 1, 2, 1}, 1, 1, -1, "Clip", 1, 1, "conv_f32"},
    {1, 3, 17, 19, 24, 3, 3, 2, 2, 2, 2, {0, 0, 1, 1}, 1, 1, 0, "Clip", 0, 0, "conv_f32"},
    {3, 24, 6, 5, 72, 1, 1, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "HardSwish", 0, 0, "conv_f32"},
    {3, 24, 6, 5, 72, 1, 1, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 0, -1, "Silu", 1, 1, "conv_f32"},
    {2, 24, 7, 7, 20, 1, 1, 2, 2, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "Sigmoid", 1, 1, "conv_f32"},
    {2, 8, 6, 6, 12, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 4, 1, -1, "Relu", 1, 1, "conv_f32"},
    {2, 8, 6, 6, 12, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 2, 0, -1, "Gelu", 1, 0, "conv_f32"},
    {7, 6, 11, 13, 9, 5, 3, 3, 2, 1, 1, {4, 2, 0, 3}, 1, 0, -1, "Tanh", 0, 0, "conv_f32"},
    {40, 32, 6, 6, 17, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "LeakyRelu", 0, 0, "conv_f32"},
    {2, 3, 10, 12, 7, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 0, -1, NULL, 0, 0, "conv_f32"},
    {1, 5, 5, 5, 3, 5, 5, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "Elu", 0, 0, "conv_f32"},
    {1, 9, 4, 4, 130, 3, 3, 1, 1, 1, 1, {3, 3, 3, 3}, 1, 1, -1, "GeluTanh", 0, 0, "conv_f32"},
    {1, 600, 3, 3, 65, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "", 0, 0, "conv_f32"},
};

static const shape FEW[] = {
    {1, 3, 17, 19, 24, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}, 1, 1, 0, "Clip", 0, 0, "conv_few_f32"},
    {2, 3, 33, 41, 64, 3, 3, 2, 2, 1, 1, {0, 0, 0, 0}, 1, 1, 0, "Relu", 0, 0, "conv_few_f32"},
    {2, 1, 25, 10, 64, 10, 4, 2, 2, 1, 1, {4, 1, 5, 1}, 1, 1, -1, "Relu", 0, 0, "conv_few_f32"},
    {1, 3, 40, 52, 8, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "HardSwish", 0, 0, "conv_few_f32"},
    {1, 4, 9, 37, 130, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}, 1, 1, 0, "", 0, 0, "conv_few_f32"},
    {1, 1, 7, 141, 64, 3, 3, 1, 1, 1, 1, {0, 1, 1, 0}, 1, 1, -1, "Relu", 0, 0, "conv_few_f32"},
    {1, 3, 11, 1100, 17, 7, 7, 2, 2, 1, 1, {3, 3, 3, 3}, 1, 1, 0, "Silu", 0, 0, "conv_few_f32"},
    {1, 2, 9, 30, 12, 5, 1, 3, 3, 2, 2, {3, 4, 5, 6}, 1, 1, 0, "", 0, 0, "conv_few_f32"},
    {3, 3, 2, 2, 40, 3, 3, 1, 1, 1, 1, {2, 2, 2, 2}, 1, 1, 0, "Sigmoid", 0, 0, "conv_few_f32"},
    {1, 1, 40, 21, 5, 5, 5, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "Relu", 0, 0, "conv_few_f32"},
};

/* Tiles cut on every side, blocks of few and many tiles, several images, channels that fill no vector. */
static const shape WINOGRAD[] = {
    {1, 16, 32, 32, 16, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Relu", 1, 0, "wino_f32"},
    {3, 20, 15, 18, 40, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Clip", 1, 1, "wino_f32"},
    {1, 33, 14, 13, 70, 3, 3, 1, 1, 1, 1, {0, 2, 1, 0}, 1, 1, -1, "HardSwish", 0, 0, "wino_f32"},
    {2, 64, 6, 6, 64, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "", 1, 0, "wino_f32"},
    {5, 24, 4, 7, 33, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Silu", 1, 1, "wino_f32"},
    {1, 130, 19, 17, 17, 3, 3, 1, 1, 1, 1, {2, 2, 2, 2}, 1, 1, -1, "Elu", 1, 0, "wino_f32"},
    {1, 16, 61, 5, 16, 3, 3, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "LeakyRelu", 0, 0, "wino_f32"},
    {1, 16, 17, 25, 24, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Relu", 1, 1, "wino_f32"},
};

static const shape LINES[] = {
    {1, 40, 80, 1, 33, 5, 1, 1, 1, 1, 1, {0, 0, 0, 0}, 1, 1, -1, "Relu", 0, 0, "line_f32"},
    {2, 16, 1, 67, 16, 1, 5, 1, 1, 1, 1, {0, 2, 0, 2}, 1, 1, -1, "Clip", 1, 1, "line_f32"},
    {3, 65, 1, 300, 20, 1, 5, 1, 1, 1, 1, {0, 7, 0, 5}, 1, 1, -1, "Gelu", 1, 0, "line_f32"},
    {2, 17, 291, 1, 50, 5, 1, 1, 1, 1, 1, {0, 0, 3, 0}, 1, 1, -1, "", 1, 0, "line_f32"},
};

static const shape DEPTHWISE[] = {
    {1, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 16, 1, -1, "Relu", 0, 0, "dwconv_f32"},
    {1, 33, 15, 14, 33, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 33, 1, -1, "Clip", 1, 0, "dwconv_f32"},
    {2, 40, 13, 21, 40, 3, 3, 2, 2, 1, 1, {0, 0, 1, 1}, 40, 1, -1, "Clip", 1, 1, "dwconv_f32"},
    {2, 17, 9, 9, 17, 5, 5, 1, 1, 1, 1, {2, 2, 2, 2}, 17, 1, -1, "HardSwish", 1, 1, "dwconv_f32"},
    {1, 5, 12, 11, 5, 5, 3, 2, 3, 2, 3, {5, 4, 3, 2}, 5, 1, -1, "Silu", 0, 0, "dwconv_f32"},
    {2, 7, 6, 5, 7, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 7, 0, -1, "Relu", 1, 0, "dwconv_f32"},
    {2, 6, 7, 8, 12, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 6, 0, -1, NULL, 0, 0, "dwconv_f32"},
    {2, 6, 7, 8, 18, 3, 3, 2, 1, 1, 1, {1, 1, 1, 1}, 6, 1, -1, "", 0, 0, "dwconv_f32"},
    {1, 4, 2, 2, 4, 7, 7, 1, 1, 1, 1, {3, 3, 3, 3}, 4, 1, -1, "", 0, 0, "dwconv_f32"},
    {1, 4, 3, 3, 4, 1, 1, 1, 1, 1, 1, {4, 4, 4, 4}, 4, 1, -1, "", 0, 0, "dwconv_f32"},
    {1, 20, 3, 64, 20, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 20, 1, 0, "Relu", 0, 0, "dwconv_f32"},
};

static void convolutions_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CONVS / sizeof *CONVS; i++) {
        check(&CONVS[i], i, true);
        check(&CONVS[i], i, false);
    }
}

static void few_channels_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FEW / sizeof *FEW; i++) check(&FEW[i], 100 + i, true);
}

static void winograd_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WINOGRAD / sizeof *WINOGRAD; i++) check(&WINOGRAD[i], i, true);
}

static const char *driver_of(bool strict, int64_t channels, int64_t images, double *error)
{
    drive d;
    drive_begin(&d, 7);
    d.env.strict = strict;
    drive_rand(&d, false, DRIVE_DIMS(images, 16, 16, channels), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(32, channels, 3, 3), -1, 1);
    hn_node *node = drive_node(&d, "hone.Conv", 1);
    ok(hn_node_set_ints(node, "pads", (const int64_t[]){1, 1, 1, 1}, 4));
    ok(hn_node_set_int(node, "layout", 1));
    ok(hn_node_infer(node));
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = node, .isa = 0};
    const hn_driver *driver;
    ok(hn_device_lower(&c, &driver, NULL, NULL));
    *error = c.error;
    const char *name = driver->name;
    drive_end(&d);
    return name;
}

/* Side of the tile that a 3 x 3 convolution of h x h pixels is given; 0: the direct sum. */
static int tile_of(int64_t h, int64_t channels, int64_t m)
{
    drive d;
    drive_begin(&d, 8);
    drive_rand(&d, false, DRIVE_DIMS(1, h, h, channels), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(m, channels, 3, 3), -1, 1);
    hn_node *node = drive_node(&d, "hone.Conv", 1);
    ok(hn_node_set_ints(node, "pads", (const int64_t[]){1, 1, 1, 1}, 4));
    ok(hn_node_set_int(node, "layout", 1));
    ok(hn_node_infer(node));
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = node, .isa = 0};
    const hn_driver *driver;
    ok(hn_device_lower(&c, &driver, NULL, NULL));
    int tile = strcmp(driver->name, "wino_f32") == 0 ? c.kernels[0]->variant : 0;
    drive_end(&d);
    return tile;
}

/* Large images of many channels, others, weights that come from memory, one pixel. */
static void winograd_tiles_follow_the_shape(void **state)
{
    (void)state;
    assert_int_equal(tile_of(36, 128, 64), 6);
    assert_int_equal(tile_of(32, 16, 16), 4);
    assert_int_equal(tile_of(7, 400, 400), 2);
    assert_int_equal(tile_of(1, 64, 64), 0);
}

/* The largest tile rounds most. */
static void winograd_of_large_tiles_matches(void **state)
{
    (void)state;
    const shape s = {1, 128, 18, 17, 32, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}, 1, 1, -1, "Relu", 1, 1, "wino_f32"};
    check_within(&s, 9, true, 1e-3);
}

/* Strict numerics keep to the direct sum; so do few channels; the batch decides nothing. */
static void winograd_is_chosen_by_shape_and_numerics(void **state)
{
    (void)state;
    double error;
    assert_string_equal(driver_of(true, 32, 1, &error), "conv_f32");
    assert_true(error == 0);
    assert_string_equal(driver_of(false, 6, 1, &error), "conv_f32");
    assert_string_equal(driver_of(false, 32, 1, &error), "wino_f32");
    assert_true(error > 1e-7 && error < 2e-6);
    assert_string_equal(driver_of(false, 32, 9, &error), "wino_f32");
}

static void lines_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) check(&LINES[i], 200 + i, true);
}

static void depthwise_matches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof DEPTHWISE / sizeof *DEPTHWISE; i++) check(&DEPTHWISE[i], i, true);
}

static void one_dimension_matches(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 3);
    drive_rand(&d, false, DRIVE_DIMS(2, 5, 31), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(19, 5, 4), -1, 1);
    hn_node *node = drive_node(&d, "Conv", 1);
    ok(hn_node_set_ints(node, "pads", (const int64_t[]){2, 1}, 2));
    ok(hn_node_set_ints(node, "strides", (const int64_t[]){2}, 1));
    drive_check(&d, "conv_f32", 1e-4, 1e-5);
    drive_end(&d);
}

static void three_dimensions_are_refused(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 3);
    drive_rand(&d, false, DRIVE_DIMS(1, 2, 3, 3, 3), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(2, 2, 2, 2, 2), -1, 1);
    hn_node *node = drive_node(&d, "Conv", 1);
    ok(hn_node_infer(node));
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = node, .isa = 0};
    const hn_driver *driver;
    ok(hn_device_lower(&c, &driver, NULL, NULL));
    assert_null(driver);
    assert_string_equal(c.reason, "conv_f32: only one or two spatial dims have a kernel");
    drive_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_match),
        cmocka_unit_test(few_channels_match),
        cmocka_unit_test(winograd_matches),
        cmocka_unit_test(winograd_tiles_follow_the_shape),
        cmocka_unit_test(winograd_of_large_tiles_matches),
        cmocka_unit_test(winograd_is_chosen_by_shape_and_numerics),
        cmocka_unit_test(depthwise_matches),
        cmocka_unit_test(one_dimension_matches),
        cmocka_unit_test(three_dimensions_are_refused),
        cmocka_unit_test(convolutions_match),
        cmocka_unit_test(few_channels_match),
        cmocka_unit_test(lines_match),
        cmocka_unit_test(depthwise_matches),
        cmocka_unit_test(one_dimension_matches),
        cmocka_unit_test(three_dimensions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
