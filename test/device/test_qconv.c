/* hone.QConv, hone.QGemm, MatMulInteger and ConvInteger through their drivers: the reference's bytes on every
 * instruction set and thread count, over layouts, signs, zero points, residuals, groups, depthwise, few channels, and
 * pads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/drive.h"

typedef struct conv {
    int64_t n, c, h, w, m, kh, kw, group;
    int64_t stride, dilation, pad, pad_end;
    int64_t layout, in_layout, x_zp, w_zp, y_dtype;
    hn_dtype x, wt, r;
    bool bias;
    int residual; /* 0: none, 1: like Y, 2: one number for each channel */
    bool per_channel, one_dim;
} conv;

static size_t taken;

static hn_tensor *bytes(drive *d, hn_dtype t, bool constant, int rank, const int64_t *dims)
{
    hn_tensor *x = hn_arena_alloc(&d->env, &d->arena, sizeof *x);
    assert_non_null(x);
    assert_int_equal(hn_tensor_init(&d->env, &d->arena, x, t, rank, dims), HN_OK);
    bool extremes = hn_rng_below(&d->rng, 4) == 0;
    for (size_t i = 0; i < hn_tensor_elems(x); i++) {
        static const uint8_t odd[] = {0, 127, 128, 255};
        ((uint8_t *)x->data)[i] = extremes ? odd[hn_rng_below(&d->rng, 4)] : (uint8_t)hn_rng_below(&d->rng, 256);
    }
    drive_tensor(d, constant, x);
    return x;
}

/* Constant weights: of any kind, or as training leaves them, small against the largest. */
static void weights(drive *d, hn_dtype t, int64_t zp, int rank, const int64_t *dims)
{
    hn_tensor *w = bytes(d, t, true, rank, dims);
    if (hn_rng_below(&d->rng, 2) == 0) return;
    int64_t low = t == HN_I8 ? -128 : 0;
    for (size_t i = 0; i < hn_tensor_elems(w); i++) {
        int64_t v = zp - 24;
        for (int k = 0; k < 4; k++) v += (int64_t)hn_rng_below(&d->rng, 13);
        if (hn_rng_below(&d->rng, 300) == 0) v = low + (int64_t)hn_rng_below(&d->rng, 2) * 255;
        hn_set_i64(w, i, v < low ? low : v > low + 255 ? low + 255 : v);
    }
}

static void scales(drive *d, int64_t n, int64_t depth)
{
    hn_tensor *m = drive_rand(d, true, 1, &n, 0.001, 0.004);
    for (size_t i = 0; i < hn_tensor_elems(m); i++) hn_set_f64(m, i, hn_get_f64(m, i) * 20 / sqrt((double)depth) / 10);
}

static void biases(drive *d, int64_t n)
{
    hn_tensor *b = hn_arena_alloc(&d->env, &d->arena, sizeof *b);
    assert_non_null(b);
    assert_int_equal(hn_tensor_init(&d->env, &d->arena, b, HN_I32, 1, &n), HN_OK);
    for (size_t i = 0; i < hn_tensor_elems(b); i++) hn_set_i64(b, i, (int64_t)hn_rng_below(&d->rng, 40000) - 20000);
    drive_tensor(d, true, b);
}

static void set(drive *d, hn_node *n, const char *name, int64_t v)
{
    (void)d;
    assert_int_equal(hn_node_set_int(n, name, v), HN_OK);
}

static void tail(drive *d, hn_node *n, int64_t y_dtype, hn_dtype r, bool residual)
{
    bool s = y_dtype == HN_I8;
    int64_t up = s ? -128 : 0;
    set(d, n, "y_dtype", y_dtype);
    if (y_dtype == HN_F32 && hn_rng_below(&d->rng, 2)) assert_int_equal(hn_node_set_float(n, "f_lo", 0), HN_OK);
    if (y_dtype == HN_F32 && hn_rng_below(&d->rng, 2)) assert_int_equal(hn_node_set_float(n, "f_hi", 1.5), HN_OK);
    set(d, n, "t_zp", residual ? 5 : 120 + up);
    set(d, n, "t_lo", residual ? -100 : (int64_t)hn_rng_below(&d->rng, 100) + up);
    set(d, n, "t_hi", residual ? 127 : 255 - (int64_t)hn_rng_below(&d->rng, 100) + up);
    if (!residual) return;
    set(d, n, "r_zp", r == HN_I8 ? -3 : 130);
    set(d, n, "y_zp", 100 + up);
    set(d, n, "y_lo", 4 + up);
    set(d, n, "y_hi", 250 + up);
    assert_int_equal(hn_node_set_float(n, "t_scale", 0.8125), HN_OK);
    assert_int_equal(hn_node_set_float(n, "r_scale", 0.6180339), HN_OK);
}

static void dims_of(const conv *s, bool nhwc, int64_t c, int64_t h, int64_t w, int64_t *dims)
{
    int at = 0;
    dims[at++] = s->n;
    if (!nhwc) dims[at++] = c;
    if (!s->one_dim) dims[at++] = h;
    dims[at++] = w;
    if (nhwc) dims[at++] = c;
}

static int64_t out_size(int64_t in, int64_t k, const conv *s)
{
    return (in + s->pad + s->pad_end - ((k - 1) * s->dilation + 1)) / s->stride + 1;
}

static void run_conv(const conv *s, uint64_t seed, const char *must)
{
    drive d;
    int64_t dims[4], wd[4] = {s->m, s->c / s->group, s->kh, s->kw};
    int rank = s->one_dim ? 3 : 4;
    drive_begin(&d, seed);
    if (s->one_dim) wd[2] = s->kw;
    dims_of(s, s->in_layout == 1, s->c, s->h, s->w, dims);
    bytes(&d, s->x, false, rank, dims);
    weights(&d, s->wt, s->w_zp, rank, wd);
    scales(&d, s->per_channel ? s->m : 1, s->c / s->group * s->kh * s->kw);
    if (s->bias)
        biases(&d, s->m);
    else
        drive_absent(&d);
    if (s->residual) {
        dims_of(s, s->layout == 1, s->m, s->one_dim ? 1 : out_size(s->h, s->kh, s), out_size(s->w, s->kw, s), dims);
        const bool whole = s->residual == 1;
        bytes(&d, s->r, !whole, whole ? rank : 1, whole ? dims : &s->m);
    }
    hn_node *n = drive_node(&d, "hone.QConv", 1);
    int64_t two[2] = {s->stride, s->stride}, dil[2] = {s->dilation, s->dilation};
    int64_t pads[4] = {s->pad, s->pad, s->pad_end, s->pad_end};
    if (s->one_dim) pads[1] = s->pad_end;
    size_t spatial = s->one_dim ? 1 : 2;
    assert_int_equal(hn_node_set_ints(n, "strides", two, spatial), HN_OK);
    assert_int_equal(hn_node_set_ints(n, "dilations", dil, spatial), HN_OK);
    assert_int_equal(hn_node_set_ints(n, "pads", pads, 2 * spatial), HN_OK);
    set(&d, n, "group", s->group);
    set(&d, n, "layout", s->layout);
    set(&d, n, "in_layout", s->in_layout);
    set(&d, n, "x_zp", s->x_zp);
    set(&d, n, "w_zp", s->w_zp);
    tail(&d, n, s->y_dtype, s->r, s->residual);
    drive_check(&d, must, 0, 0);
    assert_false(d.unsuitable && must != NULL);
    taken += d.taken;
    drive_end(&d);
}

static void test_conv_shapes(void **state)
{
    (void)state;
    const conv shapes[] = {
        {1, 32, 6, 5, 24, 1, 1, 1, 1, 1, 0, 0, 1, 1, 128, 0, HN_U8, HN_U8, HN_I8, HN_U8, true, false, true, false},
        {2, 16, 9, 7, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, -5, 0, HN_I8, HN_I8, HN_I8, HN_I8, true, true, true, false},
        {1, 3, 17, 15, 32, 3, 3, 1, 2, 1, 0, 1, 1, 0, 114, 0, HN_U8, HN_U8, HN_I8, HN_U8, true, false, true, false},
        {2, 3, 14, 14, 8, 7, 7, 1, 2, 1, 3, 3, 1, 1, 3, 0, HN_I8, HN_U8, HN_I8, HN_U8, true, false, false, false},
        {1, 1, 12, 20, 64, 10, 4, 1, 2, 1, 4, 5, 1, 1, 83, 0, HN_I8, HN_I8, HN_I8, HN_I8, true, false, true, false},
        {2, 5, 8, 8, 70, 3, 3, 1, 1, 2, 2, 2, 0, 0, 10, 77, HN_U8, HN_U8, HN_U8, HN_I8, true, true, true, false},
        {2, 48, 7, 7, 100, 1, 1, 1, 2, 1, 0, 0, 0, 0, 0, -3, HN_F32, HN_U8, HN_I8, HN_U8, false, false, false, false},
        {1, 12, 6, 6, 20, 3, 3, 4, 1, 1, 1, 1, 1, 1, 9, 200, HN_U8, HN_U8, HN_U8, HN_U8, true, true, true, false},
        {3, 10, 1, 30, 17, 1, 5, 1, 1, 2, 3, 1, 1, 1, 1, 0, HN_U8, HN_U8, HN_I8, HN_U8, true, false, true, true},
        {3, 10, 1, 30, 17, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, HN_U8, HN_I8, HN_I8, HN_U8, true, true, true, true},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) run_conv(&shapes[i], i, "qconv");
}

static void test_depthwise(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 28; i++) {
        conv s = {.n = 2,
                  .h = 9,
                  .w = 11,
                  .kh = 3,
                  .kw = 3,
                  .stride = 1 + (int64_t)(i % 2),
                  .dilation = 1,
                  .pad = 1,
                  .pad_end = 1};
        s.c = s.m = s.group = (const int64_t[]){16, 32, 24, 64, 96, 144, 3, 70}[i % 8];
        if (i % 5 == 0) s.kh = s.kw = 5, s.pad = 2, s.dilation = 2;
        s.layout = s.in_layout = i % 4 != 3;
        s.x = i % 3 ? HN_U8 : HN_I8;
        s.wt = i % 7 ? HN_I8 : HN_U8;
        /* Differences to the zero point that take one, two and three bytes. */
        s.w_zp = i % 7 ? 0 : (const int64_t[]){128, 0, 100, 255}[i / 7];
        if (i % 7 == 3) s.w_zp = (const int64_t[]){-128, 127, 60, 0}[i / 7];
        s.x_zp = 17;
        s.r = HN_U8;
        s.y_dtype = i % 2 ? HN_U8 : HN_I8;
        s.residual = i % 3 == 1;
        s.bias = s.per_channel = true;
        run_conv(&s, 100 + i, "qdwconv");
    }
}

/* A residual of one number for each channel: products, windows, layouts, groups, one channel a group. */
static void test_residual_of_channel(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        conv s = {.n = 1 + (int64_t)(i % 3), .h = 5, .w = 7, .stride = 1, .dilation = 1, .group = 1};
        s.c = (const int64_t[]){16, 64, 5, 12}[i % 4];
        s.m = (const int64_t[]){16, 4, 33, 12, 70}[i % 5];
        s.kh = s.kw = i % 3 == 2 ? 3 : 1;
        s.pad = s.pad_end = s.kh / 2;
        if (i % 7 == 3) s.m = s.group = s.c;
        s.layout = i % 4 != 1, s.in_layout = i % 6 != 5;
        s.x = i % 5 ? HN_U8 : HN_I8, s.wt = HN_I8, s.r = i % 2 ? HN_U8 : HN_I8;
        s.x_zp = 7, s.y_dtype = s.r;
        s.one_dim = i % 11 == 10;
        if (s.one_dim) s.kh = s.h = 1;
        s.bias = i % 3 != 1, s.residual = 2, s.per_channel = true;
        run_conv(&s, 700 + i, "qconv");
    }
}

/* Windows and channels that do not fill what kernels do at a time. */
static void test_depthwise_windows(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 36; i++) {
        conv s = {.n = 1 + (int64_t)(i % 2), .h = 21, .w = 37, .layout = 1, .in_layout = 1, .x_zp = 9};
        s.c = s.m = s.group = (const int64_t[]){2, 4, 10, 40, 8, 5, 12, 20, 88}[i % 9];
        s.kh = (const int64_t[]){5, 7, 3, 5}[i % 4], s.kw = i % 5 == 4 ? 1 : s.kh;
        s.stride = 1 + (int64_t)(i / 2 % 2), s.dilation = i % 7 == 6 ? 3 : 1;
        s.pad = s.kh / 2, s.pad_end = (int64_t)(i % 3);
        s.x = i % 3 ? HN_U8 : HN_I8, s.wt = HN_I8;
        s.r = HN_U8, s.residual = i % 5 == 1;
        s.y_dtype = i % 4 ? HN_U8 : HN_I8;
        s.bias = s.per_channel = i % 6 > 0;
        run_conv(&s, 600 + i, "qdwconv");
    }
}

/* Channels first to channels last with few channels: strips, phases, pads beyond the image, many groups; every other
 * one has a shape that the driver leaves to others. */
static void test_rows(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 36; i++) {
        conv s = {.n = 1 + (int64_t)(i % 2), .h = 11, .w = (const int64_t[]){33, 70, 129, 64, 200, 35}[i % 6]};
        s.kh = s.kw = (const int64_t[]){3, 3, 5, 2, 7}[i % 5];
        s.stride = 1 + (int64_t)(i % 3);
        s.dilation = i % 7 == 3 ? 2 : 1;
        s.pad = (int64_t)(i % 4), s.pad_end = (int64_t)(i % 3);
        if (i == 11) s.h = 60;
        s.c = (const int64_t[]){3, 1, 2, 3, 4}[i * 7 % 5];
        s.m = (const int64_t[]){8, 16, 32, 64, 5, 24, 19}[i % 7];
        s.group = 1;
        s.layout = 1;
        s.x = i % 2 ? HN_U8 : HN_I8;
        s.wt = i % 3 ? HN_I8 : HN_U8;
        s.w_zp = i % 3 ? 0 : (const int64_t[]){128, 0, 90, 255}[i / 3 % 4];
        s.x_zp = i % 2 ? 114 : -3;
        s.y_dtype = i % 6 == 5 ? HN_F32 : i % 4 < 2 ? HN_U8 : HN_I8;
        s.bias = i % 5 != 0, s.per_channel = i % 4 != 1;
        run_conv(&s, 300 + i, NULL);
    }
    /* Shapes that it takes wherever there is a kernel: strides that kernels step over or not, odd and even windows,
     * taps that are neighbours or not. */
    hn_machine m;
    hn_machine_read(&m);
    for (uint64_t i = 0; i < 24; i++) {
        conv s = {.n = 1 + (int64_t)(i % 2), .c = 3, .h = 20, .w = 130 * (1 + (int64_t)(i % 3)), .m = 24, .kh = 3};
        s.kw = 2 + (int64_t)(i / 3 % 4), s.stride = 1 + (int64_t)(i % 3), s.dilation = 1 + (int64_t)(i % 5 == 4);
        s.pad = (int64_t)(i % 4), s.pad_end = (int64_t)(i % 3), s.group = s.layout = 1;
        s.x = i % 2 ? HN_U8 : HN_I8, s.wt = i % 4 < 2 ? HN_I8 : HN_U8;
        s.x_zp = i % 2 ? 255 : -128, s.w_zp = i % 4 < 2 ? (int64_t)(i % 3) * -64 : 255 - (int64_t)(i % 3) * 127;
        const bool floats = m.isa & HN_ISA_VNNI && i % 4 == 3;
        s.y_dtype = floats ? HN_F32 : i % 3 ? HN_U8 : HN_I8;
        s.bias = s.per_channel = true;
        run_conv(&s, 350 + i, m.isa & HN_ISA_AVX2 ? "qconv_rows" : "qconv");
    }
}

static void test_conv_random(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 5, 5);
    for (uint64_t i = 0; i < 60; i++) {
        conv s = {.n = 1 + (int64_t)hn_rng_below(&rng, 3), .h = 5 + (int64_t)hn_rng_below(&rng, 9)};
        s.w = 5 + (int64_t)hn_rng_below(&rng, 9);
        s.group = hn_rng_below(&rng, 5) ? 1 : 2;
        s.c = s.group * (1 + (int64_t)hn_rng_below(&rng, 20));
        s.m = s.group * (1 + (int64_t)hn_rng_below(&rng, 70));
        s.kh = 1 + (int64_t)hn_rng_below(&rng, 3), s.kw = 1 + (int64_t)hn_rng_below(&rng, 3);
        s.stride = 1 + (int64_t)hn_rng_below(&rng, 2);
        s.dilation = 1 + (int64_t)hn_rng_below(&rng, 2);
        s.pad = (int64_t)hn_rng_below(&rng, 3), s.pad_end = (int64_t)hn_rng_below(&rng, 3);
        s.layout = (int64_t)hn_rng_below(&rng, 2);
        s.in_layout = hn_rng_below(&rng, 4) ? s.layout : 1 - s.layout;
        s.x = hn_rng_below(&rng, 2) ? HN_U8 : HN_I8;
        s.wt = hn_rng_below(&rng, 3) ? HN_I8 : HN_U8;
        s.r = hn_rng_below(&rng, 2) ? HN_U8 : HN_I8;
        s.x_zp = (int64_t)hn_rng_below(&rng, 256) - (s.x == HN_I8 ? 128 : 0);
        s.w_zp = hn_rng_below(&rng, 3) ? 0 : (int64_t)hn_rng_below(&rng, 256) - (s.wt == HN_I8 ? 128 : 0);
        s.residual = hn_rng_below(&rng, 2);
        s.y_dtype = hn_rng_below(&rng, 2) ? HN_U8 : hn_rng_below(&rng, 2) || s.residual ? HN_I8 : HN_F32;
        s.bias = hn_rng_below(&rng, 2);
        s.per_channel = hn_rng_below(&rng, 2);
        s.one_dim = hn_rng_below(&rng, 4) == 0;
        if (s.one_dim) s.h = s.kh = 1;
        run_conv(&s, 1000 + i, "qconv");
    }
}

/* 3 x 3 windows of stride 1, channels last: bytes by 16 or 36 products of words a tile. */
static void test_fewer_multiplications(void **state)
{
    (void)state;
    hn_machine m;
    hn_machine_read(&m);
    for (uint64_t i = 0; i < 54; i++) {
        conv s = {.n = 1 + (int64_t)(i % 3), .h = 1 + (int64_t)(i % 9), .w = 1 + (int64_t)(i * 5 % 9)};
        s.kh = s.kw = 3, s.stride = s.dilation = s.group = 1, s.layout = s.in_layout = 1;
        s.pad = i % 2 || s.h < 3 || s.w < 3, s.pad_end = i % 4 < 2 || s.h < 3 || s.w < 3;
        s.c = (const int64_t[]){16, 32, 64, 24, 17, 96}[i / 9], s.m = (const int64_t[]){16, 33, 136, 40}[i % 4];
        s.x = i % 2 ? HN_U8 : HN_I8;
        s.wt = i % 5 ? HN_I8 : HN_U8;
        s.w_zp = i % 5 ? 0 : (const int64_t[]){128, 0, 255}[i / 5 % 3];
        s.x_zp = (const int64_t[]){0, 128, 255}[i % 3] - (i % 2 ? 0 : 128);
        s.r = i % 4 ? HN_U8 : HN_I8;
        s.y_dtype = i % 3 ? HN_U8 : HN_I8;
        s.residual = i % 5 == 1;
        s.bias = i % 7 != 0, s.per_channel = i % 4 != 1;
        /* Fewer tiles or channels may be left to the direct sum. */
        bool clear = s.h > 6 && s.w > 6 && s.c % 16 == 0 && s.m != 33;
        run_conv(&s, 400 + i, clear && !(m.isa & HN_ISA_VNNI) ? "qwino" : NULL);
    }
    for (uint64_t i = 0; i < 12; i++) { /* that are larger: also where there are */
        conv s = {.n = 1 + (int64_t)(i % 2), .h = 21 + (int64_t)(i % 5), .w = 36 - (int64_t)(i % 3)};
        s.kh = s.kw = 3, s.stride = s.dilation = s.group = 1, s.layout = s.in_layout = 1, s.pad = s.pad_end = 1;
        s.c = (const int64_t[]){32, 48, 64}[i % 3], s.m = (const int64_t[]){48, 64, 96, 16}[i % 4];
        s.x = i % 2 ? HN_U8 : HN_I8, s.wt = HN_I8, s.x_zp = i % 2 ? 3 : -128;
        s.r = i % 4 < 2 ? HN_U8 : HN_I8, s.y_dtype = i % 3 ? HN_U8 : HN_I8;
        s.residual = i % 5 == 1, s.bias = s.per_channel = true;
        if (!s.residual && i % 4 == 2) s.y_dtype = HN_F32;
        run_conv(&s, 460 + i, "qwino");
    }
}

static const char *refusal(const conv *s, int64_t bias)
{
    static char reason[160];
    drive d;
    drive_begin(&d, 5);
    bytes(&d, HN_U8, false, 4, (const int64_t[]){s->n, s->h, s->w, s->c});
    bytes(&d, HN_I8, true, 4, (const int64_t[]){s->m, s->c, s->kh, s->kw});
    scales(&d, s->m, s->c * 9);
    biases(&d, s->m);
    hn_set_i64(d.in[3]->data, 3, bias);
    hn_node *n = drive_node(&d, "hone.QConv", 1);
    assert_int_equal(hn_node_set_ints(n, "strides", (const int64_t[]){s->stride, s->stride}, 2), HN_OK);
    set(&d, n, "layout", s->layout);
    set(&d, n, "y_dtype", HN_U8);
    assert_int_equal(hn_node_infer(n), HN_OK);
    hn_machine m = {.isa = HN_ISA_AVX2 | (s->group ? 0 : HN_ISA_AVX512 | HN_ISA_VNNI)};
    hn_lower c = {.env = &d.env, .arena = &d.arena, .node = n, .machine = &m, .isa = m.isa};
    assert_int_equal(hn_driver_find("qwino")->lower(&c), HN_OK);
    if (c.refused)
        snprintf(reason, sizeof reason, "%s", c.reason);
    else
        snprintf(reason, sizeof reason, "taken, tiles of %u", (unsigned)c.kernels[0]->variant);
    drive_end(&d);
    return reason;
}

static void test_reasons(void **state)
{
    (void)state;
    const conv fits = {
        .n = 1, .h = 10, .w = 10, .c = 16, .m = 16, .kh = 3, .kw = 3, .stride = 1, .layout = 1, .group = 1};
    conv s = fits;
    hn_machine m;
    hn_machine_read(&m);
    if (m.isa & HN_ISA_AVX2) assert_string_equal(refusal(&s, 1 << 23), "taken, tiles of 4");
    assert_string_equal(refusal(&s, 1 << 25), "taken, tiles of 2");
    assert_string_equal(refusal(&s, -(1 << 25)), "taken, tiles of 2");
    assert_string_equal(refusal(&s, 1 << 28), "taken, tiles of 2");
    assert_string_equal(refusal(&s, 1 << 29), "a sum or a scale may leave the range that is exact");
    assert_string_equal(refusal(&s, -(1 << 29)), "a sum or a scale may leave the range that is exact");
    s.group = 0, s.h = s.w = 7; /* there are products of bytes */
    assert_string_equal(refusal(&s, 0), "the direct sum takes less time for this shape");
    s.h = s.w = 34;
    if (m.isa & HN_ISA_AVX2) assert_string_equal(refusal(&s, 0), "taken, tiles of 4");
    assert_string_equal(refusal(&s, 1 << 25), "a sum or a scale may leave the range that is exact");
    s = fits, s.stride = 2;
    assert_string_equal(refusal(&s, 0), "strides or dilations");
    s = fits, s.kw = 2;
    assert_string_equal(refusal(&s, 0), "the window is not 3 x 3");
    s = fits, s.c = 4;
    assert_string_equal(refusal(&s, 0), "fewer than 8 channels");
    s = fits, s.h = s.w = 3;
    assert_string_equal(refusal(&s, 0), "the direct sum takes less time for this shape");
    s = fits, s.layout = 0, s.h = s.c;
    assert_string_equal(refusal(&s, 0), "channels come first");
}

static void run_gemm(uint64_t seed, int64_t m, int64_t k, int64_t n, bool trans, bool residual, int64_t y_dtype)
{
    drive d;
    drive_begin(&d, seed);
    bool s = seed % 2;
    bytes(&d, s ? HN_I8 : HN_U8, false, 3, (const int64_t[]){2, m, k});
    const int64_t wd[2] = {trans ? n : k, trans ? k : n};
    weights(&d, seed % 3 ? HN_I8 : HN_U8, seed % 3 ? 0 : 100, 2, wd);
    scales(&d, seed % 2 ? n : 1, k);
    biases(&d, n);
    if (residual) bytes(&d, HN_I8, false, 3, (const int64_t[]){2, m, n});
    hn_node *node = drive_node(&d, "hone.QGemm", 1);
    set(&d, node, "trans_b", trans);
    set(&d, node, "x_zp", s ? -7 : 131);
    set(&d, node, "w_zp", seed % 3 ? 0 : 100);
    tail(&d, node, y_dtype, HN_I8, residual);
    drive_check(&d, "qgemm", 0, 0);
    taken += d.taken;
    drive_end(&d);
}

static void test_gemm(void **state)
{
    (void)state;
    const int64_t types[] = {HN_U8, HN_I8, HN_F32};
    for (uint64_t i = 0; i < 30; i++) {
        int64_t y = types[i % 3];
        run_gemm(i, 1 + (int64_t)(i * i % 23), 1 + (int64_t)(i * 37 % 150), 1 + (int64_t)(i * 53 % 170), i % 2,
                 y != HN_F32 && i % 4 < 2, y);
    }
    run_gemm(50, 300, 64, 200, true, true, HN_U8);
    run_gemm(51, 1, 640, 1000, true, false, HN_I8);
    for (uint64_t i = 0; i < 6; i++)
        run_gemm(60 + i, 2 + 20 * (int64_t)i, 1021 + 7 * (int64_t)i, 40, false, i % 2, types[i % 2]);
}

static void test_integer_rows(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 8; i++) {
        drive d;
        drive_begin(&d, 70 + i);
        bytes(&d, i % 2 ? HN_I8 : HN_U8, false, 2, (const int64_t[]){7, 33});
        bytes(&d, i % 4 < 2 ? HN_I8 : HN_U8, true, 2, (const int64_t[]){33, 50});
        bytes(&d, i % 2 ? HN_I8 : HN_U8, true, 0, NULL);
        bytes(&d, i % 4 < 2 ? HN_I8 : HN_U8, true, 0, NULL);
        drive_node(&d, "MatMulInteger", 1);
        drive_check(&d, "qgemm", 0, 0);
        taken += d.taken;
        drive_end(&d);
        drive_begin(&d, 80 + i);
        bytes(&d, i % 2 ? HN_I8 : HN_U8, false, 4, (const int64_t[]){2, 6, 7, 8});
        bytes(&d, i % 4 < 2 ? HN_I8 : HN_U8, true, 4, (const int64_t[]){20, 6, 3, 2});
        bytes(&d, i % 2 ? HN_I8 : HN_U8, true, 0, NULL);
        bytes(&d, i % 4 < 2 ? HN_I8 : HN_U8, true, 0, NULL);
        drive_node(&d, "ConvInteger", 1);
        drive_check(&d, "qconv", 0, 0);
        taken += d.taken;
        drive_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conv_shapes),
                                       cmocka_unit_test(test_depthwise),
                                       cmocka_unit_test(test_depthwise_windows),
                                       cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_residual_of_channel),
                                       cmocka_unit_test(test_conv_random),
                                       cmocka_unit_test(test_fewer_multiplications),
                                       cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_gemm),
                                       cmocka_unit_test(test_integer_rows)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 || taken == 0;
}
