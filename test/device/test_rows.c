/* Every case of every row through every driver that takes it. Each runs twice: with inputs as the case gives them, and
 * with everything but input 0 constant, which is what drivers that pack weights want. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/cases.h"
#include "ops/ops.h"
#include "support/drive.h"

typedef struct counts {
    size_t compared, drivers, skipped;
} counts;

static void run_case(const hn_op *op, const hn_case_row *row, bool constant, counts *n)
{
    drive d;
    char name[96];
    drive_begin(&d, 1);
    for (size_t i = 0; i < row->nin && i < DRIVE_PORTS; i++) {
        if (row->in[i] == NULL)
            drive_absent(&d);
        else
            drive_tensor(&d, row->constant[i] || (constant && i > 0), row->in[i]);
    }
    snprintf(name, sizeof name, "%s%s%s", op->domain, op->domain[0] ? "." : "", op->name);
    drive_node(&d, name, row->nout > 0 ? row->nout : (size_t)op->nout);
    d.node->attrs = row->attrs;
    double rtol = op->rtol > 0 ? op->rtol : 1e-4, atol = op->atol > 0 ? op->atol : 1e-5;
    drive_check(&d, NULL, rtol, atol);
    n->skipped += d.unsuitable;
    n->compared += d.taken > 0;
    n->drivers += d.taken;
    drive_end(&d);
}

static void cases_match_the_reference(void **state)
{
    (void)state;
    counts n = {0};
    for (size_t i = 0; i < hn_ops.count; i++) {
        const hn_op *op = hn_ops.rows[i];
        if (op->cases == NULL || op->ref == NULL) continue;
        hn_env env;
        hn_env_init(&env);
        hn_arena arena = {0};
        hn_cases cases = {.env = &env, .arena = &arena, .op = op, .seed = 5};
        assert_int_equal(op->cases(&cases), HN_OK);
        for (const hn_case_row *row = cases.first; row != NULL; row = row->next) {
            if ((row->flags & HN_CASE_FAILS) != 0) continue;
            run_case(op, row, false, &n);
            run_case(op, row, true, &n);
        }
        hn_arena_fini(&env, &arena);
    }
    printf("%zu cases compared, %zu runs of drivers, %zu without known types\n", n.compared, n.drivers, n.skipped);
    assert_true(n.compared > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases_match_the_reference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
