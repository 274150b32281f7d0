/* gemm_bf16 on shapes around its tiles and blocks: one row, rows that collide in cache, batches, odd depths, constant
 * and moving B, Gemm's forms, and that what it cannot take goes elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/drive.h"

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void bf16(drive *d, bool constant, int rank, const int64_t *dims)
{
    hn_tensor *t = hn_arena_alloc(&d->env, &d->arena, sizeof *t);
    assert_non_null(t);
    ok(hn_tensor_init(&d->env, &d->arena, t, HN_BF16, rank, dims));
    for (size_t i = 0; i < hn_tensor_elems(t); i++) hn_set_f64(t, i, 2 * hn_rng_unit(&d->rng) - 1);
    drive_tensor(d, constant, t);
}

static void sizes_match(void **state)
{
    (void)state;
    static const int64_t SIZES[][3] = {{1, 1, 1},      {1, 300, 70},    {4, 17, 33},   {9, 49, 17},
                                       {200, 16, 24},  {65, 48, 1},     {400, 33, 31}, {64, 32, 48},
                                       {12, 96, 2100}, {70, 520, 2048}, {97, 60, 601}, {100, 600, 40}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        for (int constant = 0; constant < 2; constant++) {
            int64_t m = SIZES[i][0], n = SIZES[i][1], k = SIZES[i][2];
            drive d;
            drive_begin(&d, i);
            bf16(&d, false, DRIVE_DIMS(m, k));
            bf16(&d, constant, DRIVE_DIMS(k, n));
            drive_node(&d, "MatMul", 1);
            drive_check(&d, "gemm_bf16", 1.0 / 128, 1e-4);
            drive_end(&d);
        }
    }
}

static void batches_match(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    bf16(&d, false, DRIVE_DIMS(2, 3, 1, 20, 25));
    bf16(&d, false, DRIVE_DIMS(3, 5, 25, 40));
    drive_node(&d, "MatMul", 1);
    drive_check(&d, "gemm_bf16", 1.0 / 128, 1e-4);
    drive_end(&d);
    drive_begin(&d, 2);
    bf16(&d, false, DRIVE_DIMS(3, 20, 24));
    bf16(&d, true, DRIVE_DIMS(24, 48));
    drive_node(&d, "MatMul", 1);
    drive_check(&d, "gemm_bf16", 1.0 / 128, 1e-4);
    drive_end(&d);
}

static void gemm_forms_match(void **state)
{
    (void)state;
    for (int form = 0; form < 16; form++) {
        bool tb = form & 1, constant = form & 2, row = form & 4, scaled = form & 8;
        drive d;
        drive_begin(&d, (uint64_t)form);
        bf16(&d, false, DRIVE_DIMS(10, 15));
        bf16(&d, constant, 2, tb ? (const int64_t[]){21, 15} : (const int64_t[]){15, 21});
        bf16(&d, constant, 1, row ? (const int64_t[]){21} : (const int64_t[]){1});
        hn_node *node = drive_node(&d, "Gemm", 1);
        ok(hn_node_set_int(node, "transB", tb));
        ok(hn_node_set_float(node, "beta", 2.0));
        if (scaled) ok(hn_node_set_float(node, "alpha", 0.5));
        drive_check(&d, constant && !scaled ? "gemm_bf16" : NULL, 1.0 / 128, 1e-4);
        if (!constant || scaled) assert_int_equal(d.taken, 0);
        drive_end(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_match),
        cmocka_unit_test(batches_match),
        cmocka_unit_test(gemm_forms_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
