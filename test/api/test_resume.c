/* resume: an optimize job that is killed goes on from its state and writes the same model; a state that belongs to
 * something else is refused with the reason; a broken one is an error, not a crash. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "hone/hone.h"
#include "optimize/journal.h"
#include "support/data.h"

static char root[256], model[600];

static int setup(void **state)
{
    (void)state;
    hn_test_tmpdir(root, sizeof root);
    (void)snprintf(model, sizeof model, "%s/models/glyph20.onnx", hn_test_source());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_test_rmdir(root);
    return 0;
}

static hone_status optimize(const char *out, const char *goal, const char *data, bool resume, char *message,
                            size_t bytes)
{
    hone_env *env;
    hone_record *record;
    hone_env_options eo = {.threads = 1};
    hone_optimize_options o = {.out = out, .goal = goal, .resume = resume, .data = {.data = data}};
    if (hone_env_new(&eo, &env) != HONE_OK) return HONE_NOMEM;
    hone_status st = hone_optimize(env, model, &o, &record);
    if (message) (void)snprintf(message, bytes, "%s", hone_env_message(env));
    hone_record_free(record);
    hone_env_free(env);
    return st;
}

static void must(const char *out, const char *goal, bool resume)
{
    char message[2048];
    hone_status st = optimize(out, goal, "glyph:600", resume, message, sizeof message);
    if (st != HONE_OK) fail_msg("%s", message);
}

static char *in(char *dst, const char *dir, const char *name)
{
    (void)snprintf(dst, 600, "%s/%s", dir, name);
    return dst;
}

/* Start, wait for the first state, kill. The child must not reach cmocka's own ends. */
static void run_and_kill(const char *out, const char *goal)
{
    char state[600], path[600];
    in(state, out, "state/search.json");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        _exit((int)optimize(out, goal, "glyph:600", false, NULL, 0));
    }
    for (int i = 0; i < 60000 && !hn_path_is_file(state); i++) {
        const struct timespec wait = {.tv_nsec = 1000000};
        (void)nanosleep(&wait, NULL);
    }
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(hn_path_is_file(state));
    if (WIFSIGNALED(status)) assert_false(hn_path_is_file(in(path, out, "report.json")));
}

static void same_file(const char *a, const char *b, const char *name)
{
    hn_env env;
    hn_map x, y;
    char path[600];
    hn_env_init(&env);
    assert_int_equal(hn_map_open(&env, in(path, a, name), &x), HN_OK);
    assert_int_equal(hn_map_open(&env, in(path, b, name), &y), HN_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    hn_map_close(&x);
    hn_map_close(&y);
}

/* Without timings a search is a function of its inputs, so the killed one must end where the undisturbed one does. */
static void test_killed_search(void **state)
{
    (void)state;
    char whole[300], killed[300];
    (void)snprintf(whole, sizeof whole, "%s/whole", root);
    (void)snprintf(killed, sizeof killed, "%s/killed", root);
    must(whole, "size", false);
    run_and_kill(killed, "size");
    must(killed, "size", true);
    same_file(whole, killed, "model.onnx");
}

static void copy_state(const char *from, const char *to)
{
    hn_env env;
    hn_map m;
    char path[600];
    hn_env_init(&env);
    assert_int_equal(hn_dir_make(&env, in(path, to, "state")), HN_OK);
    assert_int_equal(hn_map_open(&env, in(path, from, "state/search.json"), &m), HN_OK);
    assert_int_equal(hn_file_write(&env, in(path, to, "state/search.json"), m.data, m.size), HN_OK);
    hn_map_close(&m);
}

/* With timings, what was measured is in the state: whoever goes on from it takes the same decisions. */
static void test_timings_are_kept(void **state)
{
    (void)state;
    char first[300], second[300];
    (void)snprintf(first, sizeof first, "%s/first", root);
    (void)snprintf(second, sizeof second, "%s/second", root);
    run_and_kill(first, "latency");
    must(first, "latency", true);
    copy_state(first, second);
    must(second, "latency", true);
    same_file(first, second, "model.onnx");
    same_file(first, second, "state/search.json"); /* no timing was taken anew */
}

static void refused(const char *out, const char *goal, const char *data, const char *words)
{
    char message[2048];
    assert_int_equal(optimize(out, goal, data, true, message, sizeof message), HONE_INPUT);
    if (!strstr(message, words)) fail_msg("\"%s\" does not say \"%s\"", message, words);
}

static void test_refusals(void **state)
{
    (void)state;
    hn_env env;
    char out[300], path[600];
    hn_env_init(&env);
    (void)snprintf(out, sizeof out, "%s/other", root);
    must(out, "size", false);
    refused(out, "size", "glyph:500", "is for another data: \"glyph:600, 600 samples");
    refused(out, "latency", "glyph:600", "is for another set of options");
    in(path, out, "state/search.json");
    assert_int_equal(hn_file_write(&env, path, "{\"format\": 1", 12), HN_OK);
    refused(out, "size", "glyph:600", "while resuming");
    assert_int_equal(hn_file_write(&env, path, "{\"format\": 9}", 13), HN_OK);
    refused(out, "size", "glyph:600", "is no state that this build can go on from");
    (void)remove(path);
    must(out, "size", true); /* nothing to go on from: from the start */
}

static void test_journal(void **state)
{
    (void)state;
    hn_env env;
    hn_journal j = {0};
    double v[2] = {1, 2}, out[2];
    bool taken;
    hn_env_init(&env);
    assert_int_equal(hn_journal_take(&env, NULL, HN_JOURNAL_LOSS, 1, out, &taken), HN_OK);
    assert_false(taken);
    assert_true(hn_journal_late(&env, NULL, true));
    assert_false(hn_journal_late(&env, &j, false));
    assert_int_equal(hn_journal_put(&env, &j, HN_JOURNAL_TIME, 2, v), HN_OK);
    assert_false(hn_journal_late(&env, &j, false));
    assert_true(hn_journal_late(&env, &j, true)); /* the third question */
    assert_true(hn_journal_late(&env, &j, false));
    j.at = 0; /* again, on a machine that is never late */
    j.late = false;
    j.late_asked = 0;
    assert_false(hn_journal_late(&env, &j, false));
    assert_int_equal(hn_journal_take(&env, &j, HN_JOURNAL_TIME, 2, out, &taken), HN_OK);
    assert_true(taken && out[0] == 1 && out[1] == 2);
    assert_false(hn_journal_late(&env, &j, false));
    assert_true(hn_journal_late(&env, &j, false));
    assert_int_equal(hn_journal_take(&env, &j, HN_JOURNAL_LOSS, 1, out, &taken), HN_OK);
    assert_false(taken);
    j.at = 0;
    assert_int_equal(hn_journal_take(&env, &j, HN_JOURNAL_LOSS, 2, out, &taken), HN_INPUT);
    hn_error_clear(&env);
    assert_int_equal(hn_journal_take(&env, &j, HN_JOURNAL_TIME, 1, out, &taken), HN_INPUT);
    hn_journal_fini(&env, &j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_search, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timings_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test(test_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
