/* gemm_f32 on shapes around its tiles and blocks: one row, many rows, batches, transposes, constant and moving B, every
 * form of Gemm's C. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device/cpu/lib_gemm.h"
#include "support/drive.h"
#include "support/guard.h"

static void ok(hn_status st)
{
    assert_int_equal(st, HN_OK);
}

static void sizes_match(void **state)
{
    (void)state;
    static const int64_t SIZES[][3] = {{1, 1, 1},      {1, 300, 70},   {4, 17, 33},    {8, 48, 16},    {9, 49, 17},
                                       {200, 16, 24},  {130, 100, 64}, {7, 64, 500},   {65, 48, 1},    {3, 1000, 40},
                                       {50, 2, 3},     {400, 33, 31},  {64, 32, 48},   {12, 96, 2100}, {70, 520, 1024},
                                       {97, 60, 2500}, {1, 90, 70},    {60, 900, 700}, {200, 40, 8}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        for (int constant = 0; constant < 2; constant++) {
            int64_t m = SIZES[i][0], n = SIZES[i][1], k = SIZES[i][2];
            drive d;
            drive_begin(&d, i);
            drive_rand(&d, false, DRIVE_DIMS(m, k), -1, 1);
            drive_rand(&d, constant, DRIVE_DIMS(k, n), -1, 1);
            drive_node(&d, "MatMul", 1);
            drive_check(&d, "gemm_f32", 1e-4, 1e-4);
            assert_true(d.taken > 0);
            drive_end(&d);
        }
    }
}

static void batches_match(void **state)
{
    (void)state;
    drive d;
    drive_begin(&d, 1);
    drive_rand(&d, false, DRIVE_DIMS(2, 3, 1, 20, 24), -1, 1);
    drive_rand(&d, false, DRIVE_DIMS(3, 5, 24, 40), -1, 1);
    drive_node(&d, "MatMul", 1);
    drive_check(&d, "gemm_f32", 1e-4, 1e-4);
    drive_end(&d);
    drive_begin(&d, 2);
    drive_rand(&d, false, DRIVE_DIMS(20, 24), -1, 1);
    drive_rand(&d, true, DRIVE_DIMS(3, 24, 48), -1, 1);
    drive_node(&d, "MatMul", 1);
    drive_check(&d, "gemm_f32", 1e-4, 1e-4);
    drive_end(&d);
}

static void gemm_forms_match(void **state)
{
    (void)state;
    static const int64_t C[][3] = {{1, 21, 0}, {2, 1, 21}, {2, 10, 21}, {1, 1, 0}, {0, 0, 0}, {2, 10, 1}};
    for (int form = 0; form < 48; form++) {
        int ta = form & 1, tb = form >> 1 & 1, constant = form >> 2 & 1, c = form / 8;
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, ta ? 2 : 2, ta ? (const int64_t[]){15, 10} : (const int64_t[]){10, 15}, -1, 1);
        drive_rand(&d, constant, 2, tb ? (const int64_t[]){21, 15} : (const int64_t[]){15, 21}, -1, 1);
        drive_rand(&d, constant, (int)C[c][0], C[c] + 1, -1, 1);
        hn_node *node = drive_node(&d, "Gemm", 1);
        ok(hn_node_set_int(node, "transA", ta));
        ok(hn_node_set_int(node, "transB", tb));
        ok(hn_node_set_float(node, "alpha", 0.5));
        ok(hn_node_set_float(node, "beta", constant && c < 2 ? 2.0 : 1.0));
        drive_check(&d, c <= 1 || c == 2 || (constant && c != 5) ? "gemm_f32" : NULL, 1e-4, 1e-5);
        drive_end(&d);
    }
}

/* Deep enough that the product goes over parts of its depth. */
static void deep_products_match(void **state)
{
    (void)state;
    for (int form = 0; form < 8; form++) {
        int64_t m = 70, n = 50, k = 2500;
        drive d;
        drive_begin(&d, (uint64_t)form);
        drive_rand(&d, false, DRIVE_DIMS(m, k), -1, 1);
        drive_rand(&d, form & 1, DRIVE_DIMS(k, n), -1, 1);
        drive_rand(&d, true, DRIVE_DIMS(n), -1, 1);
        if (form & 2) drive_rand(&d, false, DRIVE_DIMS(m, n), -1, 1);
        hn_node *node = drive_node(&d, "hone.Gemm", 1);
        ok(hn_node_set_string(node, "act", "Relu"));
        ok(hn_node_set_int(node, "act_first", form >> 2));
        drive_check(&d, "gemm_f32", 1e-4, 1e-3);
        drive_end(&d);
    }
}

/* Rows [at, at + m) of a product, with its taps read from rows of taps * k. */
static void product(const hn_kernel *kernel, const hn_gemm_plan *all, size_t at, size_t m, const float *a,
                    const float *b, const float *r, float *c)
{
    int32_t tap[4];
    for (size_t t = 0; t < all->taps; t++) tap[t] = (int32_t)(t * all->k);
    hn_gemm_plan plan = *all;
    hn_gemm_plan_rows(&plan, m);
    hn_gemm_job job = {.plan = &plan, .kernel = kernel, .a_stride = all->taps * all->k, .b = b, .c_stride = all->n};
    job.a = a + at * job.a_stride;
    job.tap = tap;
    job.c = c;
    job.ep = (hn_epilogue_f32){.residual = r + at * all->n, .residual_stride = all->n, .act = HN_ACT_RELU};
    hn_gemm_run(NULL, &job);
}

/* Blocks and parts of the depth follow the number of rows; the bytes of a row do not. */
static void a_row_does_not_see_the_others(void **state)
{
    (void)state;
    static const size_t SHAPES[][4] = {{200, 50, 1, 1000}, {100, 300, 1, 700}, {60, 200, 3, 300},
                                       {50, 40, 4, 620},   {200, 1200, 1, 33}, {130, 9, 1, 2000}};
    static const size_t PARTS[] = {1, 2, 7, 13, 47, 48};
    hn_rng rng;
    hn_rng_init(&rng, 4, 0);
    for (size_t s = 0; s < sizeof SHAPES / sizeof *SHAPES; s++)
        for (size_t i = 0; i < hn_kernel_count; i++) {
            const hn_kernel *kernel = hn_kernel_rows[i];
            if (!guard_runs(kernel, "gemm_f32")) continue;
            const size_t m = SHAPES[s][0], n = SHAPES[s][1], taps = SHAPES[s][2], k = SHAPES[s][3];
            hn_gemm_plan plan;
            hn_gemm_plan_init(&plan, kernel, 1, m, n, taps, k);
            guard a = guard_new(m * taps * k, 0), raw = guard_new(taps * k * n, 0), r = guard_new(m * n, 0);
            guard b = guard_new(hn_gemm_packed_floats(&plan), 0), want = guard_new(m * n, 0);
            guard_rand(&a, &rng, -1, 1);
            guard_rand(&raw, &rng, -1, 1);
            guard_rand(&r, &rng, -1, 1);
            hn_gemm_pack(&plan, b.p, raw.p, n, 1, 1.0f);
            product(kernel, &plan, 0, m, a.p, b.p, r.p, want.p);
            assert_true(guard_intact(&want));
            for (size_t j = 0; j < sizeof PARTS / sizeof *PARTS; j++) {
                guard got = guard_new(PARTS[j] * n, 0);
                const size_t at = (m - PARTS[j]) / 2;
                product(kernel, &plan, at, PARTS[j], a.p, b.p, r.p, got.p);
                assert_memory_equal(got.p, want.p + at * n, PARTS[j] * n * sizeof *got.p);
                assert_true(guard_intact(&got));
                guard_free(&got);
            }
            guard *all[] = {&a, &raw, &r, &b, &want};
            for (size_t j = 0; j < sizeof all / sizeof *all; j++) guard_free(all[j]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_match),
        cmocka_unit_test(batches_match),
        cmocka_unit_test(gemm_forms_match),
        cmocka_unit_test(deep_products_match),
        cmocka_unit_test(a_row_does_not_see_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
