/* attention_f32: layouts, grouped heads, masks and causality over shapes that cross its tiles and blocks, against the
 * reference row. */
#include <math.h>
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

typedef struct form {
    int64_t batch, heads, kv_heads, queries, keys, size, v_size;
    bool flat, causal;
    int mask; /* rank, 0: none */
} form;

static void side(drive *d, const form *f, int64_t heads, int64_t steps, int64_t size)
{
    if (f->flat)
        drive_rand(d, false, DRIVE_DIMS(f->batch, steps, heads * size), -2, 2);
    else
        drive_rand(d, false, DRIVE_DIMS(f->batch, heads, steps, size), -2, 2);
}

static void check(const form *f)
{
    drive d;
    drive_begin(&d, 5);
    side(&d, f, f->heads, f->queries, f->size);
    side(&d, f, f->kv_heads, f->keys, f->size);
    side(&d, f, f->kv_heads, f->keys, f->v_size);
    const int64_t dims[] = {f->batch, f->mask == 4 ? f->heads : 1, f->queries, f->keys};
    if (f->mask) {
        hn_tensor *m = drive_rand(&d, true, f->mask, dims + 4 - f->mask, -1, 1);
        for (size_t i = 0; i < hn_tensor_elems(m); i += 5) ((float *)m->data)[i] = -INFINITY;
    }
    hn_node *n = drive_node(&d, "Attention", 1);
    if (f->flat) {
        ok(hn_node_set_int(n, "q_num_heads", f->heads));
        ok(hn_node_set_int(n, "kv_num_heads", f->kv_heads));
    }
    ok(hn_node_set_int(n, "is_causal", f->causal));
    ok(hn_node_set_float(n, "scale", 0.7));
    double tolerance =
        f->size > 32 ? 1e-4 : 1e-5; /* long sums of scores, whose errors the exponential takes as they are */
    drive_check(&d, "attention_f32", tolerance, tolerance);
    assert_false(d.unsuitable);
    drive_end(&d);
}

static void shapes_match(void **state)
{
    (void)state;
    static const int64_t STEPS[][2] = {{1, 1}, {1, 70}, {3, 5}, {16, 16}, {17, 65}, {33, 129}, {65, 63}, {11, 11}};
    for (size_t i = 0; i < 8; i++)
        for (int k = 0; k < 16; k++) {
            form f = {.batch = 2, .heads = 4, .kv_heads = k & 1 ? 2 : 4, .queries = STEPS[i][0], .keys = STEPS[i][1]};
            f.size = k & 2 ? 3 : 16;
            f.v_size = k & 4 ? 17 : 8;
            f.flat = (k & 8) != 0;
            f.causal = (k + (int)i) % 3 == 0;
            f.mask = (k + (int)i) % 5;
            if (f.mask == 1) f.mask = 2;
            check(&f);
        }
}

/* Work for several tasks, and the largest heads. */
static void large_shapes_match(void **state)
{
    (void)state;
    check(&(form){1, 6, 6, 100, 100, 64, 64, true, true, 0});
    check(&(form){1, 2, 1, 40, 90, 256, 256, false, false, 3});
}

/* Scores far apart from block to block move the running maximum; a later one of +inf leaves NaN, none at all 0. */
static void extremes_match(void **state)
{
    (void)state;
    enum { KEYS = 200 };
    for (int k = 0; k < 4; k++) {
        drive d;
        drive_begin(&d, 9);
        drive_rand(&d, false, DRIVE_DIMS(1, 1, 3, 2), 1, 2);
        hn_tensor *key = drive_rand(&d, false, DRIVE_DIMS(1, 1, KEYS, 2), -1, 1);
        drive_rand(&d, false, DRIVE_DIMS(1, 1, KEYS, 2), -1, 1);
        hn_tensor *m = drive_rand(&d, true, DRIVE_DIMS(3, KEYS), 0, 1);
        for (int i = 0; i < KEYS * 2; i++) ((float *)key->data)[i] *= (float)(k == 1 ? KEYS - i : i);
        for (int i = 0; k == 2 && i < KEYS; i++) ((float *)m->data)[i] = -INFINITY;
        for (int i = 0; k == 3 && i < 150; i++) ((float *)m->data)[i] = -INFINITY;
        drive_node(&d, "Attention", 1);
        drive_check(&d, "attention_f32", 2e-5, 2e-5);
        assert_false(d.unsuitable);
        drive_end(&d);
    }
}

static void what_it_does_not_know_is_refused(void **state)
{
    (void)state;
    static const char *const WHY[] = {"softcap", "window", "heads of more than"};
    for (int k = 0; k < 3; k++) {
        drive d;
        drive_begin(&d, 1);
        for (int i = 0; i < 3; i++) drive_rand(&d, false, DRIVE_DIMS(1, 1, 2, k == 2 ? 257 : 2), -1, 1);
        hn_node *n = drive_node(&d, "Attention", 1);
        if (k == 0) ok(hn_node_set_float(n, "softcap", 1));
        if (k == 1) ok(hn_node_set_int(n, "left_window_size", 1));
        ok(hn_node_infer(n));
        hn_lower c = {.env = &d.env, .arena = &d.arena, .node = n, .isa = 0};
        const hn_driver *driver;
        ok(hn_device_lower(&c, &driver, NULL, NULL));
        assert_null(driver);
        assert_non_null(strstr(c.reason, WHY[k]));
        drive_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_match),
        cmocka_unit_test(large_shapes_match),
        cmocka_unit_test(extremes_match),
        cmocka_unit_test(what_it_does_not_know_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
