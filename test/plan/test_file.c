/* plan files: save, load and run give the same bytes; every cut, flipped bit and mutated table is refused, never run
 * into. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "kernels/kernel.h"
#include "ops/ops.h"
#include "support/data.h"
#include "support/planfile.h"
#include "support/planrun.h"
#include "support/rig.h"

static hn_env env;
static hn_arena arena;
static char dir[256], path[300];

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    hn_test_tmpdir(dir, sizeof dir);
    (void)snprintf(path, sizeof path, "%s/a.hone", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    hn_test_rmdir(dir);
    return 0;
}

/* The bytes of a saved plan, 64-byte aligned, in memory of their own so that a sanitizer sees each byte read too far.
 */
static uint8_t *saved(const char *name, bool compile, size_t *bytes)
{
    planrun r;
    hn_map map;
    planrun_must(&env, planrun_text(name), compile, &r);
    planrun_ok(&env, hn_plan_save(&env, r.plan, path));
    planrun_close(&r);
    planrun_ok(&env, hn_map_open(&env, path, &map));
    uint8_t *file = hn_alloc(&env, map.size);
    assert_non_null(file);
    memcpy(file, map.data, map.size);
    *bytes = map.size;
    hn_map_close(&map);
    return file;
}

static void test_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < planrun_graph_count; i++) {
        planrun r;
        hn_plan *p;
        planrun_must(&env, planrun_graphs[i].text, true, &r);
        planrun_ok(&env, hn_plan_save(&env, r.plan, path));
        planrun_ok(&env, hn_plan_load(&env, path, &hn_ops, &p));
        assert_int_equal(p->nsteps, r.plan->nsteps);
        assert_int_equal(p->arena_bytes, r.plan->arena_bytes);
        assert_int_equal((uintptr_t)p->constants % HN_PLAN_PAGE, 0);
        const hn_tensor **in = planrun_inputs(&env, &arena, p, 3);
        hn_tensor *want = planrun_once(&env, &arena, r.plan, in), *got = planrun_once(&env, &arena, p, in);
        for (size_t k = 0; k < p->nout; k++)
            if (!hn_tensor_equal(&got[k], &want[k])) fail_msg("%s: output %zu differs", planrun_graphs[i].name, k);
        /* What was loaded saves to the same file. */
        char again[310];
        hn_map a, b;
        (void)snprintf(again, sizeof again, "%s.again", path);
        planrun_ok(&env, hn_plan_save(&env, p, again));
        planrun_ok(&env, hn_map_open(&env, path, &a));
        planrun_ok(&env, hn_map_open(&env, again, &b));
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        hn_map_close(&a);
        hn_map_close(&b);
        hn_plan_free(&env, p);
        planrun_close(&r);
    }
}

static hn_status load(const uint8_t *file, size_t bytes)
{
    hn_plan *p = NULL;
    hn_error_clear(&env);
    hn_status st = hn_plan_load_bytes(&env, file, bytes, &hn_ops, &p);
    if (st == HN_OK && hn_plan_check(&env, p) != HN_OK) fail_msg("loads, but the checker says %s", env.error.text);
    assert_true((st == HN_OK) == (p != NULL));
    hn_plan_free(&env, p);
    return st;
}

static void refuse(const uint8_t *file, size_t bytes, const char *what, size_t where)
{
    hn_status st = load(file, bytes);
    if (st != HN_INPUT && st != HN_UNSUPPORTED) fail_msg("%s at %zu: %s", what, where, hn_status_name(st));
    assert_true(env.error.text[0] != '\0');
}

static void test_cut(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *file = saved("loop", true, &bytes);
    for (size_t n = 0; n < bytes; n += n < 4096 ? 1 : 64) {
        uint8_t *cut = aligned_alloc(64, (n + 63) / 64 * 64 + 64);
        assert_non_null(cut);
        memcpy(cut, file, n);
        refuse(cut, n, "cut", n);
        free(cut);
    }
    hn_free(&env, file);
}

/* A flip in the header or the tables is found by the checksum; one in the constants changes numbers only. */
static void test_flips(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *file = saved("cnn", true, &bytes);
    uint64_t tables, constants;
    memcpy(&tables, file + 24, sizeof tables);
    memcpy(&constants, file + 32, sizeof constants);
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    for (int i = 0; i < 2000; i++) {
        size_t at = (size_t)hn_rng_below(&rng, HN_PLAN_HEADER + tables);
        uint8_t bit = (uint8_t)(1 << hn_rng_below(&rng, 8));
        file[at] ^= bit;
        refuse(file, bytes, "flip", at);
        file[at] ^= bit;
    }
    file[constants] ^= 1;
    assert_int_equal(load(file, bytes), HN_OK);
    hn_free(&env, file);
}

static void mutate(uint8_t *file, size_t bytes, uint64_t tables, hn_rng *rng)
{
    static const uint32_t edges[] = {0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 64, 4096, 255};
    (void)bytes;
    for (uint64_t n = 1 + hn_rng_below(rng, 3); n > 0; n--) {
        size_t at = HN_PLAN_HEADER + (size_t)hn_rng_below(rng, tables - 4);
        if (hn_rng_below(rng, 2))
            file[at] ^= (uint8_t)(1 << hn_rng_below(rng, 8));
        else
            memcpy(file + at, &edges[hn_rng_below(rng, sizeof edges / sizeof *edges)], 4);
    }
}

/* With a checksum that fits, the bounds checks are all there is: nothing may be read or written out of place. */
static void test_mutated_tables(void **state)
{
    (void)state;
    size_t refused = 0;
    for (size_t g = 0; g < planrun_graph_count; g++) {
        size_t bytes;
        uint8_t *file = saved(planrun_graphs[g].name, true, &bytes), *copy = hn_alloc(&env, bytes);
        assert_non_null(copy);
        uint64_t tables;
        memcpy(&tables, file + 24, sizeof tables);
        hn_rng rng;
        hn_rng_init(&rng, 2, g);
        for (int i = 0; i < 1500; i++) {
            memcpy(copy, file, bytes);
            mutate(copy, bytes, tables, &rng);
            planfile_seal(copy, bytes);
            hn_status st = load(copy, bytes);
            if (st != HN_OK && st != HN_INPUT && st != HN_UNSUPPORTED && st != HN_LIMIT && st != HN_BUG)
                fail_msg("%s, mutation %d: %s: %s", planrun_graphs[g].name, i, hn_status_name(st), env.error.text);
            refused += st != HN_OK;
        }
        hn_free(&env, copy);
        hn_free(&env, file);
    }
    assert_true(refused > 2000);
}

static void expect(const uint8_t *file, size_t bytes, hn_status want, const char *text, const char *hint)
{
    assert_int_equal(load(file, bytes), want);
    assert_string_equal(env.error.text, text);
    if (hint) assert_string_equal(env.error.hint, hint);
}

static void test_messages(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *file = saved("chain", true, &bytes);
    assert_int_equal(load(file, bytes), HN_OK);
    file[0] = 'h';
    expect(file, bytes, HN_INPUT, "not a plan file: it does not start with \"HONEPLAN\"", NULL);
    file[0] = 'H';
    file[8] = 99;
    expect(file, bytes, HN_UNSUPPORTED, "plan file of version 99; this build reads version 6",
           "make it again from the model with `hone export M --to plan`");
    file[8] = HN_PLAN_VERSION;
    file[15] ^= 1;
    expect(file, bytes, HN_UNSUPPORTED, "plan file of another build of hone, with other kernels",
           "make it again from the model with `hone export M --to plan`");
    file[15] ^= 1;
    file[HN_PLAN_HEADER] ^= 1;
    expect(file, bytes, HN_INPUT, "plan file is damaged: the checksum of its tables differs", NULL);
    file[HN_PLAN_HEADER] ^= 1;
    char cut[128];
    (void)snprintf(cut, sizeof cut, "plan file is cut: %zu bytes of %zu", bytes - 1, bytes);
    expect(file, bytes - 1, HN_INPUT, cut, NULL);
    hn_free(&env, file);
}

static hn_plan *loaded(const uint8_t *file, size_t bytes)
{
    hn_plan *p;
    planrun_ok(&env, hn_plan_load_bytes(&env, file, bytes, &hn_ops, &p));
    return p;
}

static size_t offset_of(const uint8_t *file, size_t bytes, const void *in_file)
{
    size_t at = (size_t)((const uint8_t *)in_file - file);
    assert_true((uintptr_t)in_file >= (uintptr_t)file && at < bytes);
    return at;
}

/* Texts and arrays of a loaded plan are those of the file; a text without its end is refused. */
static void test_used_in_place(void **state)
{
    (void)state;
    size_t bytes, n;
    uint8_t *file = saved("cnn", true, &bytes);
    hn_plan *p = loaded(file, bytes);
    for (size_t s = 0; s < p->nsteps; s++) {
        const hn_step *st = &p->steps[s];
        assert_int_equal(st->kind, HN_STEP_DRIVER);
        assert_int_equal(offset_of(file, bytes, st->params) % HN_PLAN_UNIT, 0);
        assert_int_equal(offset_of(file, bytes, st->operands) % HN_PLAN_UNIT, 0);
        (void)offset_of(file, bytes, st->op);
    }
    n = strlen(p->steps[0].name);
    size_t end = offset_of(file, bytes, p->steps[0].name) + n;
    assert_true(n > 0);
    hn_plan_free(&env, p);
    file[end] = 'x';
    planfile_seal(file, bytes);
    assert_int_equal(load(file, bytes), HN_INPUT);
    assert_non_null(strstr(env.error.text, "no end of a step name"));
    hn_free(&env, file);
}

/* The name decides which driver and kernel it is, whatever row the file says. */
static void test_rows_elsewhere(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *file = saved("cnn", true, &bytes);
    hn_plan *p = loaded(file, bytes);
    size_t step = 0;
    while (step < p->nsteps && !p->steps[step].kernels[0]) step++;
    assert_true(step < p->nsteps);
    const hn_step *st = &p->steps[step];
    const char *name[2] = {st->driver->name, st->kernels[0]->name};
    uint32_t row, length;
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(name[i]), at = offset_of(file, bytes, st->op) + strlen(st->op);
        while (at + n < bytes && memcmp(file + at, name[i], n + 1) != 0) at++;
        assert_true(at + n < bytes);
        memcpy(&length, file + at - 4, sizeof length);
        memcpy(&row, file + at - 8, sizeof row);
        assert_int_equal(length, n);
        assert_string_equal(i == 0 ? hn_driver_rows[row]->name : hn_kernel_rows[row]->name, name[i]);
        row = i == 0 ? 1000000 : row ^ 1;
        memcpy(file + at - 8, &row, sizeof row);
    }
    planfile_seal(file, bytes);
    hn_plan *other = loaded(file, bytes);
    assert_ptr_equal(other->steps[step].driver, st->driver);
    assert_ptr_equal(other->steps[step].kernels[0], st->kernels[0]);
    hn_plan_free(&env, other);
    hn_plan_free(&env, p);
    hn_free(&env, file);
}

/* Kernels beyond the cap are refused whatever the isa field of the file says. */
static void test_isa(void **state)
{
    (void)state;
    planrun r;
    planrun_must(&env, planrun_text("cnn"), true, &r);
    uint64_t used = r.plan->isa;
    if (!used) {
        planrun_close(&r);
        skip();
    }
    r.plan->isa = 0;
    planrun_ok(&env, hn_plan_save(&env, r.plan, path));
    planrun_close(&r);
    uint64_t isa = env.isa;
    hn_plan *p;
    planrun_ok(&env, hn_isa_parse(&env, "generic", &env.isa));
    env.isa |= HN_ISA_CHOSEN;
    assert_int_equal(hn_plan_load(&env, path, &hn_ops, &p), HN_UNSUPPORTED);
    assert_non_null(strstr(env.error.text, "which this machine (or --isa) does not offer"));
    hn_error_clear(&env);
    env.isa = isa;
    planrun_ok(&env, hn_plan_load(&env, path, &hn_ops, &p));
    assert_int_equal(p->isa, used);
    hn_plan_free(&env, p);
}

/* A file of another kind is no error; one that is not there is. */
static void test_other_files(void **state)
{
    (void)state;
    static const char *const text[] = {"HONEPLA", "HONEPLAY and more", ""};
    hn_plan *p;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        planrun_ok(&env, hn_file_write(&env, path, text[i], strlen(text[i])));
        planrun_ok(&env, hn_plan_load(&env, path, &hn_ops, &p));
        assert_null(p);
    }
    planrun_ok(&env, hn_file_write(&env, path, "HONEPLAN", 8));
    assert_int_equal(hn_plan_load(&env, path, &hn_ops, &p), HN_INPUT);
    assert_null(p);
    hn_error_clear(&env);
    (void)remove(path);
    assert_int_equal(hn_plan_load(&env, path, &hn_ops, &p), HN_INPUT);
    assert_non_null(strstr(env.error.text, "cannot open"));
    hn_error_clear(&env);
}

static hn_status save_load_run(hn_env *e, const hn_plan *plan, const hn_tensor *const *in, hn_tensor *out)
{
    hn_plan *p = NULL;
    hn_instance *inst = NULL;
    hn_status st = hn_plan_save(e, plan, path);
    if (st == HN_OK) st = hn_plan_load(e, path, &hn_ops, &p);
    if (st == HN_OK) st = hn_instance_new(e, p, &inst);
    if (st == HN_OK) st = hn_instance_run(e, inst, in, out);
    hn_instance_free(e, inst);
    hn_plan_free(e, p);
    return st;
}

static void test_torture_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < planrun_graph_count; i++) {
        planrun r;
        planrun_must(&env, planrun_graphs[i].text, true, &r);
        const hn_tensor **in = planrun_inputs(&env, &arena, r.plan, 1);
        hn_tensor out[8];
        hn_rig rig;
        hn_env e;
        hn_rig_init(&rig, &e);
        bool done = false;
        HN_RIG_TORTURE(rig, e, done, 2000)
        {
            done = hn_rig_check(&rig, &e, save_load_run(&e, r.plan, in, out));
        }
        planrun_close(&r);
    }
}

/* Writes the files that fuzz/corpus/plan starts from: HONE_CORPUS=FOLDER. */
static void test_write_corpus(void **state)
{
    (void)state;
    const char *to = getenv("HONE_CORPUS");
    if (!to) return;
    for (size_t i = 0; i < planrun_graph_count; i++) {
        size_t bytes;
        char name[400];
        planrun_ok(&env, hn_isa_parse(&env, "generic", &env.isa));
        env.isa |= HN_ISA_CHOSEN;
        uint8_t *file = saved(planrun_graphs[i].name, i % 2 == 0, &bytes);
        uint64_t tables;
        memcpy(&tables, file + 24, sizeof tables);
        (void)snprintf(name, sizeof name, "%s/%s", to, planrun_graphs[i].name);
        planrun_ok(&env, hn_file_write(&env, name, file, HN_PLAN_HEADER + tables));
        hn_free(&env, file);
    }
    planrun r;
    hn_plan *p;
    hn_map map;
    char name[400];
    uint64_t tables;
    planrun_must(&env, planrun_text("cnn"), true, &r);
    hn_plan_options o = {.isa = env.isa, .slices = 3};
    planrun_ok(&env, hn_plan_build(&env, r.graph, &o, &p));
    planrun_ok(&env, hn_plan_save(&env, p, path));
    planrun_ok(&env, hn_map_open(&env, path, &map));
    memcpy(&tables, map.data + 24, sizeof tables);
    (void)snprintf(name, sizeof name, "%s/slices", to);
    planrun_ok(&env, hn_file_write(&env, name, map.data, HN_PLAN_HEADER + tables));
    hn_map_close(&map);
    hn_plan_free(&env, p);
    planrun_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mutated_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_used_in_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_isa, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torture_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_corpus, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
