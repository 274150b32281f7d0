/* The program from outside: exit codes, messages that name what is wrong, one JSON object for each command, and help,
 * man pages, completion and docs/commands.md from one table. Broken inputs are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "data/npy.h"
#include "report/report.h"
#include "report/sample.h"

typedef struct rig {
    hn_env env;
    hn_arena arena;
    char dir[64], hone[512], model[512];
    char *out, *err; /* of the last call */
} rig;

static rig g;

static int set_up(void **state)
{
    (void)state;
    const char *build = getenv("HONE_BUILD"), *source = getenv("HONE_SOURCE");
    memset(&g, 0, sizeof g);
    hn_env_init(&g.env);
    snprintf(g.hone, sizeof g.hone, "%s/hone", build ? build : ".");
    snprintf(g.model, sizeof g.model, "%s/models/glyph20.onnx", source ? source : ".");
    strcpy(g.dir, "/tmp/hone-cmd-XXXXXX");
    return mkdtemp(g.dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", g.dir);
    int rc = system(command);
    hn_arena_fini(&g.env, &g.arena);
    return rc;
}

static char *slurp(const char *path)
{
    hn_map m;
    assert_int_equal(hn_map_open(&g.env, path, &m), HN_OK);
    char *text = hn_arena_strndup(&g.env, &g.arena, m.data ? (const char *)m.data : "", m.size);
    hn_map_close(&m);
    assert_non_null(text);
    return text;
}

static const char *in_dir(const char *name)
{
    return hn_arena_printf(&g.env, &g.arena, "%s/%s", g.dir, name);
}

/* Exit code of `hone ARGS`; g.out and g.err hold what it said. */
static int hone(const char *fmt, ...)
{
    char args[4096], command[8192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "cd '%s' && '%s' %s >out 2>err", g.dir, g.hone, args);
    int rc = system(command);
    g.out = slurp(in_dir("out"));
    g.err = slurp(in_dir("err"));
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    assert_int_equal(hn_file_write(&g.env, in_dir(name), data, bytes), HN_OK);
}

static void write_npy(const char *name, int rank, const int64_t *dims, double fill)
{
    hn_tensor t;
    assert_int_equal(hn_tensor_init(&g.env, &g.arena, &t, HN_F32, rank, dims), HN_OK);
    for (size_t i = 0, n = hn_tensor_elems(&t); i < n; i++) hn_set_f64(&t, i, fill);
    assert_int_equal(hn_npy_save(&g.env, in_dir(name), &t), HN_OK);
}

static void write_good_input(void)
{
    static const int64_t dims[] = {1, 1, 24, 24};
    write_npy("x.npy", 4, dims, 0.25);
}

#define assert_says(text, part)                                               \
    do {                                                                      \
        if (!strstr(text, part)) fail_msg("no \"%s\" in \"%s\"", part, text); \
    } while (0)

static void usage_is_64(void **state)
{
    (void)state;
    assert_int_equal(hone(""), 64);
    assert_int_equal(hone("inspekt x"), 64);
    assert_says(g.err, "did you mean \"inspect\"?");
    assert_int_equal(hone("bench m.onnx --profil"), 64);
    assert_says(g.err, "did you mean --profile?");
    assert_int_equal(hone("bench m.onnx --batch"), 64);
    assert_says(g.err, "--batch needs a value");
    assert_int_equal(hone("bench m.onnx --batch two"), 64);
    assert_int_equal(hone("bench m.onnx --scenario fast"), 64);
    assert_says(g.err, "not one of single-stream");
    assert_int_equal(hone("bench"), 64);
    assert_int_equal(hone("inspect a b"), 64);
    assert_int_equal(hone("--version"), 0);
    assert_int_equal(hone("--help"), 0);
    assert_int_equal(hone("help nothing"), 64);
}

static void missing_files_are_3(void **state)
{
    (void)state;
    static const char *const calls[] = {"inspect gone.onnx",
                                        "run gone.onnx --input x.npy",
                                        "bench gone.onnx",
                                        "eval gone.onnx --data d",
                                        "verify gone.onnx gone.onnx",
                                        "explain gone.onnx",
                                        "export gone.onnx --out o",
                                        "report gone.onnx",
                                        "optimize gone.onnx --data glyph:600",
                                        "quantize gone.onnx --data glyph:600"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        assert_int_equal(hone("%s --quiet", calls[i]), 3);
        assert_says(g.err, "gone.onnx");
        assert_string_equal(g.out, "");
        assert_int_equal(hone("%s --json", calls[i]), 3);
        hn_rec *rec;
        assert_int_equal(hn_report_parse(&g.env, &g.arena, g.out, strlen(g.out), &rec), HN_OK);
        assert_says(hn_rec_text(rec, "error", ""), "gone.onnx");
    }
}

static void every_command_gives_one_object(void **state)
{
    (void)state;
    write_good_input();
    hn_buf b = {0};
    hn_recs r = {&g.env, &g.arena};
    assert_int_equal(hn_report_json(&g.env, sample_record(&r, "m"), 1, &b), HN_OK);
    write_file("report.json", b.data, b.size);
    hn_buf_fini(&g.env, &b);
    const char *m = g.model;
    const char *calls[] = {
        hn_arena_printf(&g.env, &g.arena, "inspect %s", m),
        hn_arena_printf(&g.env, &g.arena, "inspect %s --ops --text --compiled", m),
        hn_arena_printf(&g.env, &g.arena, "run %s --input x.npy --top 3 --out o", m),
        hn_arena_printf(&g.env, &g.arena, "bench %s --seconds 0.02 --profile --baseline %s --trace t.json", m, m),
        hn_arena_printf(&g.env, &g.arena, "bench %s --seconds 0.02 --scenario multi-stream", m),
        hn_arena_printf(&g.env, &g.arena, "bench %s --seconds 0.02 --scenario offline --batch 4", m),
        hn_arena_printf(&g.env, &g.arena, "bench %s --seconds 0.05 --scenario server --target-qps 200", m),
        hn_arena_printf(&g.env, &g.arena, "eval %s --data glyph:64", m),
        hn_arena_printf(&g.env, &g.arena, "optimize %s --data glyph:600 --max-drop 20 --out opt", m),
        hn_arena_printf(&g.env, &g.arena, "optimize %s --data glyph:600 --dry-run --out dry", m),
        hn_arena_printf(&g.env, &g.arena, "quantize %s --data glyph:600 --max-drop 20 --out qua", m),
        "report opt qua --html both.html",
        hn_arena_printf(&g.env, &g.arena, "verify %s %s --bit-exact", m, m),
        hn_arena_printf(&g.env, &g.arena, "explain %s", m),
        hn_arena_printf(&g.env, &g.arena, "export %s --to plan --out p --check", m),
        hn_arena_printf(&g.env, &g.arena, "export %s --to onnx --out p --check", m),
        "report . --html r.html --text r.txt --record r.json",
        "report . .",
    };
    static const char *const keys[] = {"hone", "kind", "machine.cpu", "isa", "threads", "seed"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        hn_rec *rec;
        int rc = hone("%s --json", calls[i]);
        if (rc != 0) fail_msg("hone %s --json: exit %d: %s", calls[i], rc, g.out);
        assert_int_equal(hn_report_parse(&g.env, &g.arena, g.out, strlen(g.out), &rec), HN_OK);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (!hn_rec_get(rec, keys[k])) fail_msg("hone %s --json: no %s", calls[i], keys[k]);
        assert_string_equal(g.err, "");
        assert_int_equal(hone("%s", calls[i]), 0); /* the form for people */
        assert_true(g.out[0] != 0);
    }
    hn_rec *trace;
    char *text = slurp(in_dir("t.json"));
    assert_int_equal(hn_report_parse(&g.env, &g.arena, text, strlen(text), &trace), HN_OK);
    assert_non_null(hn_rec_get(trace, "traceEvents.0.dur"));
    assert_true(hn_path_is_file(in_dir("o/output_0.npy")));
    assert_says(slurp(in_dir("r.html")), "</html>");
}

static void a_plan_runs_like_its_model(void **state)
{
    (void)state;
    write_good_input();
    assert_int_equal(hone("export %s --to plan --out p --check", g.model), 0);
    assert_int_equal(hone("run %s --input x.npy --out a", g.model), 0);
    assert_int_equal(hone("run p/model.hone --input x.npy --out b"), 0);
    assert_int_equal(
        system(hn_arena_printf(&g.env, &g.arena, "cmp -s %s/a/output_0.npy %s/b/output_0.npy", g.dir, g.dir)), 0);
    assert_int_equal(hone("inspect p/model.hone"), 0);
    assert_int_equal(hone("explain p/model.hone"), 0);
    assert_int_equal(hone("bench p/model.hone --batch 2"), 3);
    assert_says(g.err, "fixed first dimension of 1");
    assert_int_equal(hone("export p/model.hone --out q"), 3);
}

/* What is said of an output's numbers, against the file that holds them. */
static void run_sums_up_its_outputs(void **state)
{
    (void)state;
    static const int64_t dims[] = {1, 1, 24, 24};
    hn_rec *rec;
    hn_tensor t;
    write_good_input();
    assert_int_equal(hone("run %s --input x.npy --out a --json", g.model), 0);
    assert_int_equal(hn_report_parse(&g.env, &g.arena, g.out, strlen(g.out), &rec), HN_OK);
    assert_int_equal(hn_npy_load(&g.env, &g.arena, in_dir("a/output_0.npy"), &t), HN_OK);
    size_t n = hn_tensor_elems(&t);
    double lo = INFINITY, hi = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) {
        lo = fmin(lo, hn_get_f64(&t, i));
        hi = fmax(hi, hn_get_f64(&t, i));
        sum += hn_get_f64(&t, i);
    }
    assert_true(lo < hi);
    assert_true(fabs(hn_rec_num(rec, "outputs.0.min", NAN) - lo) <= 1e-6 * fabs(lo));
    assert_true(fabs(hn_rec_num(rec, "outputs.0.max", NAN) - hi) <= 1e-6 * fabs(hi));
    assert_true(fabs(hn_rec_num(rec, "outputs.0.mean", NAN) - sum / (double)n) <= 1e-6);
    assert_true(hn_rec_num(rec, "outputs.0.not_finite", NAN) == 0);
    write_npy("nan.npy", 4, dims, (double)NAN);
    assert_int_equal(hone("run %s --input nan.npy --out a --json", g.model), 0);
    assert_int_equal(hn_report_parse(&g.env, &g.arena, g.out, strlen(g.out), &rec), HN_OK);
    assert_int_equal(hn_npy_load(&g.env, &g.arena, in_dir("a/output_0.npy"), &t), HN_OK);
    size_t bad = 0;
    for (size_t i = 0; i < n; i++) bad += !isfinite(hn_get_f64(&t, i));
    assert_true(bad > 0);
    assert_true(hn_rec_num(rec, "outputs.0.not_finite", NAN) == (double)bad);
}

static void unknown_operators_are_4(void **state)
{
    (void)state;
    assert_int_equal(
        system(hn_arena_printf(&g.env, &g.arena, "LC_ALL=C sed 's/Relu/Rexu/g' '%s' > %s/odd.onnx", g.model, g.dir)),
        0);
    assert_int_equal(hone("bench odd.onnx"), 4);
    assert_says(g.err, "Rexu");
    assert_int_equal(hone("inspect odd.onnx"), 4);
    assert_int_equal(hone("inspect odd.onnx --ops"), 4);
    assert_says(g.out, "Rexu");
    assert_int_equal(hone("inspect odd.onnx --ops --json"), 4);
    hn_rec *rec;
    assert_int_equal(hn_report_parse(&g.env, &g.arena, g.out, strlen(g.out), &rec), HN_OK);
    assert_says(hn_rec_text(rec, "unsupported", ""), "Rexu");
}

static void broken_inputs_are_named(void **state)
{
    (void)state;
    static const int64_t wide[] = {1, 1, 24, 25}, flat[] = {576};
    write_npy("wide.npy", 4, wide, 0);
    write_npy("flat.npy", 1, flat, 0);
    write_file("text.onnx", "hello, this is no model\n", 24);
    write_file("empty.onnx", "", 0);
    write_file("cut.npy", "\x93NUMPY\x01", 7);
    assert_int_equal(mkdir(in_dir("none"), 0777), 0);
    assert_int_equal(hone("run %s --input wide.npy", g.model), 3);
    assert_says(g.err, "image");
    assert_int_equal(hone("run %s --input flat.npy", g.model), 3);
    assert_says(g.err, "image");
    assert_int_equal(hone("run %s --input cut.npy", g.model), 3);
    assert_says(g.err, "image");
    assert_int_equal(hone("run %s --input nope=wide.npy", g.model), 3);
    assert_says(g.err, "nope");
    assert_int_equal(hone("run %s", g.model), 3);
    assert_says(g.err, "--input image=FILE");
    assert_int_equal(hone("run %s --input none", g.model), 3);
    assert_says(g.err, "none");
    assert_int_equal(hone("eval %s --data none", g.model), 3);
    assert_says(g.err, "none");
    assert_int_equal(hone("eval %s", g.model), 3);
    assert_says(g.err, "--data");
    assert_int_equal(hone("verify --cases none"), 3);
    assert_says(g.err, "none");
    assert_int_equal(hone("inspect text.onnx"), 3);
    assert_says(g.err, "text.onnx");
    assert_int_equal(hone("inspect empty.onnx"), 3);
    assert_says(g.err, "empty.onnx");
    assert_int_equal(hone("bench %s --scenario server", g.model), 3);
    assert_says(g.err, "--target-qps");
    assert_int_equal(hone("export %s --to onnx-qdq --out q", g.model), 3);
    assert_says(g.err, "hone quantize");
    assert_int_equal(hone("explain %s --node nobody", g.model), 3);
    assert_says(g.err, "nobody");
    assert_int_equal(hone("bench %s --trace none/deeper/t.json --seconds 0.01", g.model), 3);
    assert_says(g.err, "none/deeper/t.json");
}

static void nan_in_the_data_is_said(void **state)
{
    (void)state;
    static const int64_t dims[] = {1, 1, 24, 24};
    write_npy("nan.npy", 4, dims, (double)NAN);
    assert_int_equal(hone("run %s --input nan.npy", g.model), 0);
    assert_says(g.err, "576 NaN or infinite values");
}

static void a_broken_report_names_the_key(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_dir("r"), 0777), 0);
    write_file("r/report.json", "{\"hone\": \"0.1.0\"}", 17);
    assert_int_equal(hone("report r"), 3);
    assert_says(g.err, "\"kind\"");
    write_file("r/report.json", "{\"hone\": ", 9);
    assert_int_equal(hone("report r"), 3);
    assert_says(g.err, "not valid JSON");
}

static void help_comes_from_one_table(void **state)
{
    (void)state;
    assert_int_equal(hone("help --markdown"), 0);
    const char *source = getenv("HONE_SOURCE");
    char *reference = slurp(hn_arena_printf(&g.env, &g.arena, "%s/docs/commands.md", source ? source : "."));
    if (strcmp(reference, g.out) != 0)
        fail_msg("docs/commands.md differs from what `hone help --markdown` prints; write it anew");
    static const char *const names[] = {"bench",   "eval",   "explain", "export", "help",
                                        "inspect", "report", "run",     "verify"};
    assert_int_equal(hone("help --completion"), 0);
    char *completion = g.out;
    write_file("completion", completion, strlen(completion));
    assert_int_equal(
        system(hn_arena_printf(&g.env, &g.arena, "! command -v bash >/dev/null || bash -n %s/completion", g.dir)), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_says(completion, names[i]);
        assert_says(reference, hn_arena_printf(&g.env, &g.arena, "## hone %s\n", names[i]));
        assert_int_equal(hone("help --man %s", names[i]), 0);
        assert_int_equal(strncmp(g.out, ".TH HONE", 8), 0);
        assert_says(g.out, ".SH EXIT STATUS");
        assert_int_equal(hone("%s --help", names[i]), 0);
        assert_says(g.out, "Common options");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(usage_is_64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_files_are_3, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_command_gives_one_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_runs_like_its_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(run_sums_up_its_outputs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_operators_are_4, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_inputs_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nan_in_the_data_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_report_names_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_comes_from_one_table, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
