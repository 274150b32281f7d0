/* fastestdet: why test/cases.tsv gives this model a tolerance of its own. Its stored outputs come from a runtime that
 * fuses the Pad into the AveragePool behind it and then counts only the elements inside the input. The same change made
 * to the graph must give the stored outputs closely, and the graph as it is must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/case_table.h"
#include "base/io.h"
#include "optimize/compare.h"
#include "optimize/session.h"
#include "support/data.h"

typedef struct bench {
    hn_env env;
    hn_arena arena;
    hn_model *model;
    char dir[2048];
} bench;

static void must(bench *b, hn_status st)
{
    char text[2048];
    if (st == HN_OK) return;
    hn_error_format(&b->env.error, text, sizeof text);
    fail_msg("%s", text);
}

static void begin(bench *b)
{
    char path[4096];
    *b = (bench){0};
    hn_test_need_data("models/fastestdet", b->dir, sizeof b->dir);
    snprintf(path, sizeof path, "%s/model.onnx", b->dir);
    hn_env_init(&b->env);
    must(b, hn_model_open(&b->env, path, NULL, &b->model));
}

static void end(bench *b)
{
    hn_model_close(&b->env, b->model);
    hn_arena_fini(&b->env, &b->arena);
}

/* Pad(x) -> AveragePool becomes AveragePool(x, pads) without the padding in the mean; returns how many. */
static size_t fuse(bench *b, hn_graph *g)
{
    size_t changed = 0;
    for (hn_node *n = g->first; n; n = n->next) {
        if (!hn_node_is(n, "AveragePool")) continue;
        hn_node *pad = n->in[0]->producer;
        assert_non_null(pad);
        assert_true(hn_node_is(pad, "Pad"));
        const hn_tensor *t = hn_node_const(pad, 1);
        assert_non_null(t);
        assert_int_equal(hn_tensor_elems(t), 8);
        const int64_t *p = t->data;
        hn_node_input_set(n, 0, pad->in[0]);
        must(b, hn_node_set_ints(n, "pads", (const int64_t[]){p[2], p[3], p[6], p[7]}, 4));
        must(b, hn_node_set_int(n, "count_include_pad", 0));
        hn_node_remove(pad);
        changed++;
    }
    must(b, hn_graph_infer(g));
    return changed;
}

/* Elements that differ from stored set k beyond the tolerance; the largest difference in *most. */
static size_t differences(bench *b, const hn_graph *g, int k, double rtol, double atol, double *most)
{
    char path[4096];
    const char *name;
    hn_tensor in, want, got;
    const hn_tensor *refs[1] = {&in};
    hn_session *s = NULL;
    snprintf(path, sizeof path, "%s/test_data_set_%d/input_0.pb", b->dir, k);
    must(b, hn_onnx_tensor_load(&b->env, &b->arena, path, &in, &name));
    snprintf(path, sizeof path, "%s/test_data_set_%d/output_0.pb", b->dir, k);
    must(b, hn_onnx_tensor_load(&b->env, &b->arena, path, &want, &name));
    must(b, hn_session_new(&b->env, g, NULL, NULL, &s));
    must(b, hn_session_run(&b->env, s, refs, &got));
    hn_compare c = hn_compare_tensors(&got, &want, rtol, atol);
    assert_true(c.same_type);
    *most = c.max_abs;
    hn_session_close(&b->env, s);
    return c.wrong;
}

static void test_padding_left_out(void **state)
{
    bench b;
    (void)state;
    begin(&b);
    hn_graph *g = hn_graph_clone(&b.env, &b.arena, b.model->graph);
    assert_non_null(g);
    assert_int_equal(fuse(&b, g), 1);
    for (int k = 0; k < 2; k++) {
        double most;
        size_t wrong = differences(&b, g, k, 1e-3, 1e-4, &most);
        print_message("set %d without the padding in the mean: largest difference %.3g\n", k, most);
        if (wrong) fail_msg("set %d: %zu elements differ, by up to %g", k, wrong, most);
    }
    end(&b);
}

/* The row is needed, and no wider than it has to be. */
static void test_row_is_needed(void **state)
{
    bench b;
    char path[4096];
    hn_case_table table;
    double most, widest = 0;
    (void)state;
    begin(&b);
    snprintf(path, sizeof path, "%s/test/cases.tsv", hn_test_source());
    must(&b, hn_case_table_read(&b.env, &b.arena, path, &table));
    const hn_case_row *row = hn_case_table_find(&table, "fastestdet");
    assert_non_null(row);
    for (int k = 0; k < 2; k++) {
        assert_true(differences(&b, b.model->graph, k, 1e-3, 1e-4, &most) > 0);
        assert_int_equal(differences(&b, b.model->graph, k, row->rtol, row->atol, &most), 0);
        if (most > widest) widest = most;
    }
    assert_true(widest > 0.9 * row->atol);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_padding_left_out), cmocka_unit_test(test_row_is_needed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
