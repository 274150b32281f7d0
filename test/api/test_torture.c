/* torture: the jobs of the public API with one allocation refused: each of the first 300, then a sample of the rest. A
 * refusal is a clean HONE_NOMEM with a message; no block is left, none is damaged. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "support/data.h"
#include "support/rig.h"

enum { EVERY = 300, SAMPLE = 100 };

static char model[512], dir[256];

typedef hone_status job(hone_env *e);

static hone_status finish(hone_status st, hone_record **rec)
{
    if (st != HONE_OK) assert_null(*rec);
    hone_record_free(*rec);
    return st;
}

static hone_status open_and_run(hone_env *e)
{
    static float image[24 * 24];
    hone_session *s = NULL;
    hone_tensor out, in = {.dtype = 1, .rank = 4, .dims = {1, 1, 24, 24}, .data = image, .bytes = sizeof image};
    hone_status st = hone_session_open(e, model, &s);
    if (st == HONE_OK) st = hone_session_run(e, s, &in, &out);
    hone_session_close(e, s);
    return st;
}

static hone_status run_twice(hone_env *e)
{
    /* A refused run leaves the session usable. */
    static float image[24 * 24];
    hone_session *s = NULL;
    hone_tensor out, in = {.dtype = 1, .rank = 4, .dims = {1, 1, 24, 24}, .data = image, .bytes = sizeof image};
    hone_status st = hone_session_open(e, model, &s);
    if (st != HONE_OK) return st;
    st = hone_session_run(e, s, &in, &out);
    if (st == HONE_NOMEM) {
        assert_int_equal(hone_session_run(e, s, &in, &out), HONE_OK);
        (void)hn_fail(&e->env, HN_NOMEM, "the first run was refused");
    }
    hone_session_close(e, s);
    return st;
}

static hone_status inspect(hone_env *e)
{
    hone_record *rec = NULL;
    hone_inspect_options o = {.ops = true, .text = true, .compiled = true};
    return finish(hone_inspect(e, model, &o, &rec), &rec);
}

static hone_status eval(hone_env *e)
{
    hone_record *rec = NULL;
    hone_eval_options o = {.data = {.data = "glyph:6"}, .batch = 4};
    return finish(hone_eval(e, model, &o, &rec), &rec);
}

static hone_status verify(hone_env *e)
{
    hone_record *rec = NULL;
    hone_verify_options o = {.a = model, .b = model, .bit_exact = true};
    return finish(hone_verify(e, &o, &rec), &rec);
}

static hone_status explain(hone_env *e)
{
    hone_record *rec = NULL;
    return finish(hone_explain(e, model, NULL, &rec), &rec);
}

static hone_status export_plan(hone_env *e)
{
    hone_record *rec = NULL;
    hone_export_options o = {.to = "plan", .out = dir};
    return finish(hone_export(e, model, &o, &rec), &rec);
}

static hone_status export_onnx(hone_env *e)
{
    hone_record *rec = NULL;
    hone_export_options o = {.to = "onnx", .out = dir};
    return finish(hone_export(e, model, &o, &rec), &rec);
}

/* The whole job: calibration, search, test, timing, writing. */
static hone_status optimize(hone_env *e)
{
    hone_record *rec = NULL;
    hone_optimize_options o = {.out = dir,
                               .goal = "size",
                               .time_budget_s = 2, /* short timings */
                               .calib = 8,
                               .data = {.data = "glyph:48"},
                               .eval = {.data = "glyph:16:1:1.35:test"}};
    return finish(hone_optimize(e, model, &o, &rec), &rec);
}

/* One round; true when nothing was refused. */
static bool round_of(const char *name, job *run, size_t fail_at, size_t *requests)
{
    hone_env *e = NULL;
    hone_env_options o = {.threads = 1};
    hn_rig rig;
    hn_env ignored;
    assert_int_equal(hone_env_new(&o, &e), HONE_OK);
    hn_rig_init(&rig, &ignored);
    rig.fail_at = fail_at;
    e->env.alloc = ignored.alloc;
    hone_status st = run(e);
    const char *text = hone_env_message(e);
    bool refused = rig.refused > 0;
    if (st != (refused ? HONE_NOMEM : HONE_OK) || (refused && !text[0]))
        fail_msg("%s, allocation %zu: status %s: %s", name, fail_at, hn_status_name((hn_status)st), text);
    if (rig.live || rig.damaged)
        fail_msg("%s, allocation %zu: %zu blocks left, %zu damaged", name, fail_at, rig.live, rig.damaged);
    *requests = rig.requests;
    hone_env_free(e);
    return !refused;
}

static void torture(const char *name, job *run)
{
    size_t total, ignored;
    snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    assert_true(round_of(name, run, 0, &total));
    for (size_t at = 1; at <= total;) {
        (void)round_of(name, run, at, &ignored);
        size_t step = total > EVERY ? (total - EVERY) / SAMPLE + 1 : 1;
        at += at < EVERY ? 1 : step;
    }
    printf("%s: %zu allocations\n", name, total);
    fflush(stdout);
}

static void session_torture(void **state)
{
    (void)state;
    torture("open and run", open_and_run);
    torture("run twice", run_twice);
}

static void inspect_torture(void **state)
{
    (void)state;
    torture("inspect", inspect);
    torture("explain", explain);
}

static void eval_torture(void **state)
{
    (void)state;
    torture("eval", eval);
}

static void verify_torture(void **state)
{
    (void)state;
    torture("verify", verify);
}

static void export_torture(void **state)
{
    (void)state;
    hn_test_tmpdir(dir, sizeof dir);
    torture("export to a plan", export_plan);
    torture("export to ONNX", export_onnx);
    hn_test_rmdir(dir);
}

/* Too long to refuse each allocation: a sample spread over the whole job, the first hundred densely. */
static void optimize_torture(void **state)
{
    (void)state;
    enum { POINTS = 30 };
    size_t total, ignored;
    hn_test_tmpdir(dir, sizeof dir);
    snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    assert_true(round_of("optimize", optimize, 0, &total));
    for (size_t at = 1; at < 100 && at <= total; at += 17) (void)round_of("optimize", optimize, at, &ignored);
    for (size_t k = 0; k < POINTS; k++)
        (void)round_of("optimize", optimize, 100 + k * (total - 100) / POINTS, &ignored);
    printf("optimize: %zu allocations\n", total);
    hn_test_rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_torture), cmocka_unit_test(inspect_torture), cmocka_unit_test(eval_torture),
        cmocka_unit_test(verify_torture),  cmocka_unit_test(export_torture),  cmocka_unit_test(optimize_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
