/* graphs: random graphs by the reference kernels against the same graphs through all passes, on every instruction set.
 * HONE_GRAPHS sets how many, HONE_GRAPH_SEED the first seed; a difference prints its seed and the smallest part of the
 * graph that still differs. `HONE_GRAPHS=1 HONE_GRAPH_SEED=S` repeats one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device.h"
#include "support/graphdiff.h"
#include "support/graphgen.h"

static volatile uint64_t RUNNING;

static void crashed(int signal_number)
{
    char text[64] = "crash in graph with seed ", digits[24];
    size_t n = strlen(text), k = 0;
    uint64_t v = RUNNING;
    do digits[k++] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    while (k > 0) text[n++] = digits[--k];
    text[n++] = '\n';
    if (write(2, text, n) < 0) _exit(2);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

static void show(hn_env *env, const hn_graph *g, const hn_tensor *const *in)
{
    hn_buf text = {0};
    if (hn_graph_print(env, g, HN_TEXT_FULL, &text) == HN_OK)
        fprintf(stderr, "%.*s\n", (int)text.size, (char *)text.data);
    for (size_t i = 0; i < g->nin; i++) {
        fprintf(stderr, "  input %zu:", i);
        for (size_t k = 0, n = hn_tensor_elems(in[i]); k < n && k < 32; k++)
            fprintf(stderr, " %.9g", hn_get_f64(in[i], k));
        fprintf(stderr, "\n");
    }
    hn_buf_fini(env, &text);
}

static void report(hn_env *env, uint64_t seed, const char *isa, hn_diff_how how, const hn_gen *g, const hn_diff *d)
{
    hn_arena arena = {0};
    const hn_tensor **in = NULL;
    fprintf(stderr, "seed %llu, --isa %s%s: %s\n", (unsigned long long)seed, isa, how.symbols ? ", symbolic dims" : "",
            d->text);
    hn_graph *part = hn_diff_minimise(env, &arena, g->g, g->in, how, &in);
    if (part) {
        hn_diff small = hn_diff_graph(env, part, in, how);
        fprintf(stderr, "smallest part: %s\n", small.text);
    }
    show(env, part ? part : g->g, part ? in : g->in);
    hn_arena_fini(env, &arena);
}

typedef struct tally {
    uint64_t graphs, nodes, noise, wrong, refused;
} tally;

static void one(hn_env *env, uint64_t seed, size_t nisa, const char *const *name, const uint64_t *isa, tally *t)
{
    hn_arena arena = {0};
    hn_gen g;
    RUNNING = seed;
    if (hn_gen_graph(env, &arena, seed, 1 + seed % 12, &g) != HN_OK)
        fail_msg("seed %llu: %s", (unsigned long long)seed, env->error.text);
    t->graphs++;
    t->nodes += g.nodes;
    for (size_t k = 0; k < nisa; k++) {
        hn_diff_how how = {isa[k], seed % 3 == 0};
        hn_diff d = hn_diff_graph(env, g.g, g.in, how);
        t->noise += d.kind == HN_DIFF_NOISE;
        if (d.kind < HN_DIFF_WRONG) continue;
        if (d.kind == HN_DIFF_WRONG)
            t->wrong++;
        else
            t->refused++;
        report(env, seed, name[k], how, &g, &d);
        break;
    }
    hn_arena_fini(env, &arena);
}

static void test_graphs(void **state)
{
    static const char *const levels[] = {"generic", "avx2", "avx512", "auto"};
    const char *name[4];
    uint64_t isa[4], bits, count = setting("HONE_GRAPHS", 2000), first = setting("HONE_GRAPH_SEED", 1);
    uint64_t stop = setting("HONE_GRAPH_STOP", 5);
    size_t nisa = 0;
    hn_env env;
    hn_machine machine;
    tally t = {0};
    (void)state;
    hn_env_init(&env);
    hn_machine_read(&machine);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(hn_isa_parse(&env, levels[i], &bits), HN_OK);
        bits &= machine.isa;
        if (nisa > 0 && bits == isa[nisa - 1]) continue;
        name[nisa] = levels[i];
        isa[nisa++] = bits;
    }
    env.isa = machine.isa;
    assert_int_equal(hn_gen_begin(&env), HN_OK);
    signal(SIGSEGV, crashed);
    signal(SIGABRT, crashed);
    signal(SIGFPE, crashed);
    for (uint64_t k = 0; k < count && t.wrong + t.refused < stop; k++) {
        one(&env, first + k, nisa, name, isa, &t);
        if (count > 100000 && k % 20000 == 19999)
            fprintf(stderr, "%llu graphs, %llu nodes\n", (unsigned long long)t.graphs, (unsigned long long)t.nodes);
    }
    hn_gen_done();
    fprintf(stderr, "%llu graphs, %llu nodes, %zu instruction sets: %llu wrong, %llu refused, %llu within noise\n",
            (unsigned long long)t.graphs, (unsigned long long)t.nodes, nisa, (unsigned long long)t.wrong,
            (unsigned long long)t.refused, (unsigned long long)t.noise);
    assert_int_equal(t.wrong + t.refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_graphs)};
    return cmocka_run_group_tests_name("graphs", tests, NULL, NULL);
}
