/* cases: ONNX's own operator cases, run through the reference kernels. labels: slow
 *
 * Passes, deviations, refusals and failures are counted apart: an op or type without a row is a refusal that must name
 * what is missing; anything else that is not equal to the expected output fails the test. HONE_TEST_CASE=name runs one,
 * with details. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/model.h"
#include "formats/onnx_value.h"
#include "support/data.h"
#include "support/oprun.h"
#include "support/refrun.h"

/* Cases whose expected outputs no implementation can hit, each with its reason. */
static const struct {
    const char *name, *why;
} left_out[] = {
    {"test_bernoulli", "random numbers"},
    {"test_bernoulli_double", "random numbers"},
    {"test_bernoulli_double_expanded", "random numbers"},
    {"test_bernoulli_expanded", "random numbers"},
    {"test_bernoulli_seed", "random numbers"},
    {"test_bernoulli_seed_expanded", "random numbers"},
};

/* A row that is lost, or refuses more than before, shows here. */
enum { FEWEST_EQUAL = 1358 };

typedef enum verdict { PASSED, LEFT_OUT, REFUSED, FAILED } verdict;

static bool random_case(const char *name)
{
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        if (!strcmp(left_out[i].name, name)) return true;
    return false;
}

static verdict judge(hn_status st)
{
    return st == HN_OK ? PASSED : st == HN_UNSUPPORTED ? REFUSED : FAILED;
}

static hn_status load(hn_env *env, hn_arena *arena, const char *dir, const char *what, size_t i, const hn_type *type,
                      hn_tensor **out)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s_%zu.pb", dir, what, i);
    *out = hn_arena_alloc(env, arena, sizeof **out);
    return *out ? hn_onnx_value_load(env, arena, path, type, *out) : HN_NOMEM;
}

/* The shapes and values at hand go in as if a user had bound them. */
static hn_status run_set(hn_env *env, hn_arena *arena, const hn_model *m, const char *dir, char *why, size_t bytes)
{
    const hn_graph *g = m->graph;
    const hn_tensor **in = hn_arena_array(env, arena, g->nin, sizeof *in);
    const hn_tensor **out = hn_arena_array(env, arena, g->nout, sizeof *out);
    if (!in || !out) return HN_NOMEM;
    for (size_t i = 0; i < g->nin; i++) {
        hn_tensor *t;
        HN_TRY(load(env, arena, dir, "input", i, &g->in[i]->type, &t));
        in[i] = t;
    }
    HN_TRY(hn_refrun(env, arena, g, in, out));
    for (size_t i = 0; i < g->nout; i++) {
        hn_tensor *want;
        char a[100], b[100];
        HN_TRY(load(env, arena, dir, "output", i, &g->out[i]->type, &want));
        double rtol = want->dtype == HN_F16 ? 2e-3 : want->dtype == HN_BF16 ? 1e-2 : 1e-3;
        double over = hn_tensor_excess(out[i], want, rtol, want->dtype == HN_F16 ? 1e-4 : 1e-6);
        if (over == 0) continue;
        hn_tensor_describe(out[i], a, sizeof a);
        hn_tensor_describe(want, b, sizeof b);
        snprintf(why, bytes, "output %zu: %s, expected %s, off by %g", i, a, b, over);
        return HN_BUG;
    }
    return HN_OK;
}

static verdict run_case(const char *dir, char *why, size_t bytes)
{
    char path[1100];
    hn_env env;
    hn_model *m = NULL;
    verdict v;
    hn_env_init(&env);
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    hn_status st = hn_model_open(&env, path, NULL, &m);
    v = judge(st);
    for (int k = 0; v == PASSED && k < 8; k++) {
        hn_arena arena = {0};
        snprintf(path, sizeof path, "%s/test_data_set_%d", dir, k);
        DIR *d = opendir(path);
        if (!d) break;
        closedir(d);
        why[0] = 0;
        v = judge(run_set(&env, &arena, m, path, why, bytes));
        hn_arena_fini(&env, &arena);
    }
    if (v != PASSED && (v == REFUSED || !why[0])) snprintf(why, bytes, "%s", env.error.text);
    hn_model_close(&env, m);
    return v;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_suite(const char *root, const char *suite, size_t *equal, size_t *failed)
{
    const char *only = getenv("HONE_TEST_CASE"), *list = getenv("HONE_TEST_LIST");
    char path[1000], why[600];
    char **names = NULL;
    size_t n = 0, count[4] = {0};
    snprintf(path, sizeof path, "%s/%s", root, suite);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        names = realloc(names, (n + 1) * sizeof *names);
        assert_non_null(names);
        names[n] = strdup(e->d_name);
        assert_non_null(names[n++]);
    }
    closedir(d);
    qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        if (!only || !strcmp(only, names[i])) {
            why[0] = 0;
            snprintf(path, sizeof path, "%s/%s/%s", root, suite, names[i]);
            verdict v = random_case(names[i]) ? LEFT_OUT : run_case(path, why, sizeof why);
            count[v]++;
            if (v == FAILED) print_message("FAILED %s: %s\n", names[i], why);
            if (v == REFUSED && (only || list)) print_message("refused %s: %s\n", names[i], why);
        }
        free(names[i]);
    }
    free(names);
    print_message("%s: %zu cases, %zu equal, %zu refused, %zu random, %zu failed\n", suite, n, count[PASSED],
                  count[REFUSED], count[LEFT_OUT], count[FAILED]);
    *equal += count[PASSED];
    *failed += count[FAILED];
}

static void test_onnx_cases(void **state)
{
    static const char *const suites[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
    char archive[1000], tmp[500], command[1700];
    size_t equal = 0, failed = 0;
    (void)state;
    const char *unpacked = getenv("HONE_ONNX_CASES");
    hn_test_need_data("onnx-node/cases.tar.zst", archive, sizeof archive);
    if (!unpacked) {
        hn_test_tmpdir(tmp, sizeof tmp);
        snprintf(command, sizeof command, "tar --zstd -xf '%s' -C '%s' 2>/dev/null", archive, tmp);
        if (system(command) != 0) {
            hn_test_rmdir(tmp);
            print_message("SKIP onnx-node: tar with zstd is needed\n");
            skip();
        }
    }
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        run_suite(unpacked ? unpacked : tmp, suites[i], &equal, &failed);
    if (!unpacked) hn_test_rmdir(tmp);
    assert_int_equal(failed, 0);
    if (!getenv("HONE_TEST_CASE")) assert_true(equal >= FEWEST_EQUAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_onnx_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
