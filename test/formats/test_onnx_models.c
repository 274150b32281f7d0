/* onnx_models: every real model below HONE_DATA imports, infers and comes back from export with the same text; the
 * operators are those of its index line; five of them damaged in many ways give a clear error or a valid graph in
 * bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "formats/onnx_write.h"
#include "support/data.h"
#include "support/rig.h"

static void fails(const char *model, hn_env *env)
{
    char text[2048];
    hn_error_format(&env->error, text, sizeof text);
    fail_msg("%s: %s", model, text);
}

static size_t count_op(const hn_graph *g, const char *op)
{
    size_t n = 0;
    for (const hn_node *p = g->first; p != NULL; p = p->next) {
        n += strcmp(p->op->name, op) == 0;
        for (size_t i = 0; i < p->nregions; i++) n += count_op(p->regions[i], op);
    }
    return n;
}

/* "Add=9 Conv=19": each but Constant, which is no node any more. A conversion may add nodes. */
static void check_ops(const char *model, const hn_graph *g, char *list)
{
    char *save = NULL;
    for (char *p = strtok_r(list, " \n", &save); p != NULL; p = strtok_r(NULL, " \n", &save)) {
        char *eq = strchr(p, '=');
        if (eq == NULL) fail_msg("%s: bad index entry %s", model, p);
        *eq = '\0';
        if (strcmp(p, "Constant") == 0) continue;
        if (count_op(g, p) != (size_t)atoi(eq + 1)) fail_msg("%s: %zu %s, not %s", model, count_op(g, p), p, eq + 1);
    }
}

static void round_trip(const char *model, const char *path, char *ops)
{
    hn_env env;
    hn_model *m = NULL, *again = NULL;
    hn_buf out = {0}, a = {0}, b = {0};
    hn_env_init(&env);
    if (hn_model_open(&env, path, NULL, &m) != HN_OK) fails(model, &env);
    check_ops(model, m->graph, ops);
    for (size_t i = 0; i < m->graph->nout; i++)
        if (m->graph->out[i]->type.dtype == HN_NONE || m->graph->out[i]->type.rank < 0)
            fail_msg("%s: output %s has no inferred type", model, m->graph->out[i]->name);
    if (hn_onnx_write_bytes(&env, m->graph, NULL, &out) != HN_OK) fails(model, &env);
    if (hn_model_open_bytes(&env, "again", out.data, out.size, NULL, &again) != HN_OK) fails(model, &env);
    again->graph->opset = m->graph->opset;
    assert_int_equal(hn_graph_print(&env, m->graph, HN_TEXT_HASH, &a), HN_OK);
    assert_int_equal(hn_graph_print(&env, again->graph, HN_TEXT_HASH, &b), HN_OK);
    if (strcmp(hn_buf_str(&env, &a), hn_buf_str(&env, &b)) != 0) fail_msg("%s: text differs after export", model);
    hn_buf_fini(&env, &a);
    hn_buf_fini(&env, &b);
    hn_model_close(&env, again);
    hn_model_close(&env, m);
    hn_buf_fini(&env, &out);
}

static void all_models(void **state)
{
    (void)state;
    char path[512], line[8192];
    size_t models = 0;
    hn_test_need_data("models/index.tsv", path, sizeof path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f) != NULL) {
        char *column[10] = {line}, name[8300];
        size_t n = 1;
        for (char *p = line; *p != '\0' && n < 10; p++) {
            if (*p != '\t') continue;
            *p = '\0';
            column[n++] = p + 1;
        }
        assert_int_equal(n, 10);
        (void)snprintf(name, sizeof name, "models/%s/model.onnx", column[0]);
        if (!hn_test_data(name, path, sizeof path)) continue;
        round_trip(column[0], path, column[8]);
        models++;
    }
    (void)fclose(f);
    assert_true(models > 0);
}

static void *slurp(const char *path, size_t *size)
{
    hn_env env;
    hn_map map;
    hn_env_init(&env);
    assert_int_equal(hn_map_open(&env, path, &map), HN_OK);
    void *copy = malloc(map.size);
    assert_non_null(copy);
    memcpy(copy, map.data, map.size);
    *size = map.size;
    hn_map_close(&map);
    return copy;
}

/* Returns whether it opened. */
static bool survives(const char *model, const void *data, size_t size, size_t whole)
{
    hn_env env;
    hn_rig rig;
    hn_model *m = NULL;
    hn_rig_init(&rig, &env);
    hn_status st = hn_model_open_bytes(&env, "damaged.onnx", data, size, NULL, &m);
    if (st == HN_BUG || st == HN_NOMEM || (st != HN_OK && env.error.text[0] == '\0')) fails(model, &env);
    if (st == HN_OK) assert_int_equal(hn_graph_verify(&env, m->graph), HN_OK);
    hn_model_close(&env, m);
    assert_int_equal(rig.live, 0);
    assert_int_equal(rig.damaged, 0);
    /* Constants that are not aligned are copied; the rest is bounded by the structure of the file. */
    if (rig.peak_bytes > 16 * whole + (8 << 20))
        fail_msg("%s: %zu bytes for a file of %zu", model, rig.peak_bytes, size);
    return st == HN_OK;
}

static void damaged(void **state)
{
    (void)state;
    static const char *const names[] = {"mnist_8", "mlperf_tiny_kws_int8_qdq", "gpt_nano_sort", "silero_vad_16k",
                                        "ppocr_cls"};
    enum { CUTS = 200, MUTANTS = 2000 };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char path[512], name[128];
        size_t size = 0, opened = 0;
        hn_rng r;
        (void)snprintf(name, sizeof name, "models/%s/model.onnx", names[k]);
        hn_test_need_data(name, path, sizeof path);
        uint8_t *data = slurp(path, &size);
        for (size_t i = 0; i < CUTS; i++) {
            size_t n = size / CUTS * i;
            void *cut = malloc(n == 0 ? 1 : n);
            assert_non_null(cut);
            memcpy(cut, data, n);
            (void)survives(names[k], cut, n, size);
            free(cut);
        }
        hn_rng_init(&r, 11, k);
        for (size_t i = 0; i < MUTANTS; i++) {
            size_t at[4];
            uint8_t was[4];
            size_t many = 1 + (size_t)hn_rng_below(&r, 4);
            /* Half of the changes near the ends, where structure is; weights fill the rest. */
            for (size_t c = 0; c < many; c++) {
                size_t edge = size < 20000 ? size : 20000;
                uint64_t where = hn_rng_below(&r, 4);
                at[c] = (size_t)hn_rng_below(&r, where < 2 ? size : edge);
                if (where == 2) at[c] = size - 1 - at[c];
                was[c] = data[at[c]];
                data[at[c]] = (uint8_t)hn_rng_u64(&r);
            }
            opened += survives(names[k], data, size, size);
            while (many-- > 0) data[at[many]] = was[many];
        }
        assert_true(opened > 0 && opened < MUTANTS);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_models),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
