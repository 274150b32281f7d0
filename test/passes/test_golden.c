/* goldens: test/passes/golden/PASS/NAME.in.txt through the pass gives NAME.out.txt, twice the same, and computes the
 * same on random inputs with the reference kernels. A first line "# tolerance X" widens the comparison, "# pipeline"
 * takes the folder's name for a pipeline. HONE_GOLDEN=write writes the .out.txt files anew, HONE_GOLDEN_ONLY=TEXT runs
 * the pairs whose path holds TEXT. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/io.h"
#include "ops/ops.h"
#include "passes/pass.h"
#include "support/data.h"
#include "support/refrun.h"

enum { MOST = 16 };

typedef struct job {
    hn_env env;
    hn_arena arena;
    char *text;
    double tolerance;
    size_t cases;
} job;

static char *load(job *j, const char *path, size_t *bytes)
{
    hn_map m;
    if (!hn_path_is_file(path)) return NULL;
    assert_int_equal(hn_map_open(&j->env, path, &m), HN_OK);
    char *s = hn_arena_strndup(&j->env, &j->arena, m.size > 0 ? (const char *)m.data : "", m.size);
    *bytes = m.size;
    hn_map_close(&m);
    return s;
}

static hn_graph *parse(job *j, const char *path, size_t bytes)
{
    hn_graph *g = hn_graph_parse(&j->env, &j->arena, &hn_ops, j->text, bytes);
    if (g == NULL || hn_graph_infer(g) != HN_OK) fail_msg("%s: %s", path, j->env.error.text);
    return g;
}

static void apply(job *j, const char *pass, const char *path, hn_graph *g)
{
    char message[2048];
    hn_status st;
    if (strcmp(pass, "clean") == 0)
        st = hn_pipeline_run(&j->env, g, hn_pipeline_clean);
    else if (strcmp(pass, "compile") == 0)
        st = hn_pipeline_run(&j->env, g, hn_pipeline_compile);
    else
        st = hn_pass_run(&j->env, g, pass, NULL);
    hn_error_format(&j->env.error, message, sizeof(message));
    if (st != HN_OK) fail_msg("%s: %s", path, message);
}

static void compute(job *j, const char *path, const hn_graph *before, const hn_graph *after)
{
    const hn_tensor *in[MOST], *want[MOST], *got[MOST];
    assert_true(before->nin <= MOST && before->nout <= MOST);
    assert_int_equal(before->nin, after->nin);
    assert_int_equal(before->nout, after->nout);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        for (size_t i = 0; i < before->nin; ++i)
            in[i] = hn_refrun_random(&j->env, &j->arena, &before->in[i]->type, 3, seed + 10 * i);
        if (hn_refrun(&j->env, &j->arena, before, in, want) != HN_OK ||
            hn_refrun(&j->env, &j->arena, after, in, got) != HN_OK)
            fail_msg("%s: %s", path, j->env.error.text);
        for (size_t i = 0; i < before->nout; ++i) {
            double d = hn_refrun_distance(got[i], want[i], j->tolerance);
            if (!(d <= 1)) fail_msg("%s: output %zu is %g tolerances away, seed %d", path, i, d, (int)seed);
            if (before->out[i]->name != NULL) assert_string_equal(before->out[i]->name, after->out[i]->name);
        }
    }
}

static void check_case(job *j, const char *pass, const char *path)
{
    char out_path[4096];
    size_t bytes = 0, want_bytes = 0;
    hn_buf b = {0}, again = {0};
    j->text = load(j, path, &bytes);
    assert_non_null(j->text);
    j->tolerance = 1e-5;
    if (strncmp(j->text, "# tolerance ", 12) == 0) j->tolerance = strtod(j->text + 12, NULL);
    hn_graph *before = parse(j, path, bytes), *after = parse(j, path, bytes), *second = parse(j, path, bytes);
    apply(j, pass, path, after);
    apply(j, pass, path, second);
    assert_int_equal(hn_graph_print(&j->env, after, HN_TEXT_HASH, &b), HN_OK);
    assert_int_equal(hn_graph_print(&j->env, second, HN_TEXT_HASH, &again), HN_OK);
    if (strcmp(hn_buf_str(&j->env, &b), again.data) != 0) fail_msg("%s: two runs give two graphs", path);
    compute(j, path, before, after);
    (void)snprintf(out_path, sizeof(out_path), "%.*s.out.txt", (int)(strlen(path) - strlen(".in.txt")), path);
    const char *how = getenv("HONE_GOLDEN");
    if (how != NULL && strcmp(how, "write") == 0)
        assert_int_equal(hn_file_write(&j->env, out_path, b.data, b.size), HN_OK);
    const char *want = load(j, out_path, &want_bytes);
    if (want == NULL) fail_msg("%s is missing: run with HONE_GOLDEN=write and read what it writes", out_path);
    if (strcmp(want, b.data) != 0) fail_msg("%s differs:\n%s\nwanted:\n%s", out_path, b.data, want);
    hn_buf_fini(&j->env, &b);
    hn_buf_fini(&j->env, &again);
    j->cases++;
}

static void test_goldens(void **state)
{
    (void)state;
    char root[2048];
    job j = {0};
    hn_env_init(&j.env);
    (void)snprintf(root, sizeof(root), "%s/test/passes/golden", hn_test_source());
    const char *only = getenv("HONE_GOLDEN_ONLY");
    char **passes, **names;
    size_t npasses, nnames;
    assert_int_equal(hn_dir_list(&j.env, &j.arena, root, &passes, &npasses), HN_OK);
    for (size_t p = 0; p < npasses; ++p) {
        char *dir = hn_path_join(&j.env, &j.arena, root, passes[p]);
        assert_int_equal(hn_dir_list(&j.env, &j.arena, dir, &names, &nnames), HN_OK);
        for (size_t i = 0; i < nnames; ++i) {
            size_t n = strlen(names[i]);
            if (n < 8 || strcmp(names[i] + n - 7, ".in.txt") != 0) continue;
            if (only != NULL && strstr(hn_path_join(&j.env, &j.arena, dir, names[i]), only) == NULL) continue;
            check_case(&j, passes[p], hn_path_join(&j.env, &j.arena, dir, names[i]));
        }
    }
    print_message("%zu pairs\n", j.cases);
    assert_true(j.cases >= 10 || only != NULL);
    hn_arena_fini(&j.env, &j.arena);
}

/* Every pass has at least one pair. */
static void test_every_pass_has_a_golden(void **state)
{
    (void)state;
    for (size_t i = 0; i < hn_pass_count; ++i) {
        char dir[2048];
        (void)snprintf(dir, sizeof(dir), "%s/test/passes/golden/%s", hn_test_source(), hn_pass_rows[i]->name);
        if (!hn_path_is_dir(dir)) fail_msg("pass %s has no golden", hn_pass_rows[i]->name);
        assert_true(strlen(hn_pass_rows[i]->doc) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goldens), cmocka_unit_test(test_every_pass_has_a_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
