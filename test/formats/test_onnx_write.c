/* onnx_write: import, export, import gives the same text; choice of opset; names; external data; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "formats/onnx_write.h"
#include "ir/rewrite.h"
#include "ops/ops.h"
#include "support/data.h"
#include "support/onnx_build.h"
#include "support/rig.h"

static void fails(hn_env *env)
{
    char text[2048];
    hn_error_format(&env->error, text, sizeof text);
    fail_msg("%s", text);
}

static hn_model *open_ok(hn_env *env, const void *data, size_t size)
{
    hn_model *m = NULL;
    if (hn_model_open_bytes(env, "m.onnx", data, size, NULL, &m) != HN_OK) fails(env);
    return m;
}

/* Text of both graphs, but for the opset of the file, must be the same. */
static void same_text(hn_env *env, hn_graph *a, hn_graph *b)
{
    hn_buf ta = {0}, tb = {0};
    b->opset = a->opset;
    assert_int_equal(hn_graph_print(env, a, HN_TEXT_FULL, &ta), HN_OK);
    assert_int_equal(hn_graph_print(env, b, HN_TEXT_FULL, &tb), HN_OK);
    assert_string_equal(hn_buf_str(env, &ta), hn_buf_str(env, &tb));
    hn_buf_fini(env, &ta);
    hn_buf_fini(env, &tb);
}

static void round_trip(void **state)
{
    (void)state;
    for (int64_t opset = 0; opset <= 28; opset += opset == 0 ? 13 : 1) {
        hn_env env;
        hn_ob o;
        hn_buf out = {0};
        hn_env_init(&env);
        hn_ob_sample(&o, &env);
        hn_model *m = open_ok(&env, o.b.data, o.b.size);
        hn_onnx_write_options w = {.opset = opset, .meta = m->meta, .nmeta = m->nmeta, .producer_version = "1"};
        if (hn_onnx_write_bytes(&env, m->graph, &w, &out) != HN_OK) fails(&env);
        hn_model *again = open_ok(&env, out.data, out.size);
        assert_int_equal(hn_model_opset(again, ""), opset == 0 ? 21 : opset);
        assert_string_equal(again->producer, "hone");
        assert_string_equal(again->producer_version, "1");
        assert_string_equal(hn_model_meta(again, "preprocess"), "torch");
        same_text(&env, m->graph, again->graph);
        /* The constant that graph and region share is in the file once. */
        size_t found = 0;
        const float first[2] = {1, -2};
        for (size_t i = 0; i + 8 <= out.size; i++) found += memcmp(out.data + i, first, 8) == 0;
        assert_int_equal(found, 1);
        hn_model_close(&env, again);
        hn_model_close(&env, m);
        hn_buf_fini(&env, &out);
        hn_ob_fini(&o);
    }
}

static hn_graph *graph_with_input(hn_env *env, hn_arena *a, hn_value **x)
{
    hn_type t = hn_type_tensor(HN_F32, 2, (int64_t[]){4, 3});
    hn_graph *g = hn_graph_new(env, a, &hn_ops, "made");
    assert_non_null(g);
    *x = hn_graph_input(g, "x", &t);
    assert_non_null(*x);
    return g;
}

static void names_are_made(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_buf out = {0};
    hn_value *x;
    hn_env_init(&env);
    hn_graph *g = graph_with_input(&env, &a, &x);
    hn_rw rw = hn_rw_at(g, NULL);
    /* No names at all, one output given twice, the input given out as well. */
    hn_value *y = hn_rw_2(&rw, "Add", hn_rw_1(&rw, "Relu", x), hn_rw_scalar(&rw, HN_F32, 2));
    assert_non_null(y);
    assert_int_equal(hn_graph_output(g, y), HN_OK);
    assert_int_equal(hn_graph_output(g, y), HN_OK);
    if (hn_onnx_write_bytes(&env, g, NULL, &out) != HN_OK) fails(&env);
    hn_model *m = open_ok(&env, out.data, out.size);
    assert_int_equal(m->graph->nnodes, 3);
    assert_int_equal(m->graph->nout, 2);
    assert_string_not_equal(m->graph->out[0]->name, m->graph->out[1]->name);
    hn_model_close(&env, m);
    hn_buf_fini(&env, &out);
    hn_arena_fini(&env, &a);
}

static hn_status write_one(hn_env *env, const char *op, const hn_rw_attr *attrs, int64_t opset, hn_buf *out)
{
    hn_arena a = {0};
    hn_value *x;
    hn_graph *g = graph_with_input(env, &a, &x);
    hn_rw rw = hn_rw_at(g, NULL);
    hn_value *in[2] = {x, strncmp(op, "Reduce", 6) == 0 ? hn_rw_ints(&rw, (int64_t[]){1}, 1) : NULL};
    hn_node *n = hn_rw_node(&rw, op, in[1] == NULL ? 1 : 2, in, strcmp(op, "Split") == 0 ? 2 : 1, attrs);
    if (n == NULL) fails(env);
    assert_int_equal(hn_graph_output(g, n->out[0]), HN_OK);
    hn_onnx_write_options w = {.opset = opset};
    hn_status st = hn_onnx_write_bytes(env, g, &w, out);
    hn_arena_fini(env, &a);
    return st;
}

static void says(hn_env *env, hn_buf *out, hn_status st, hn_status want, const char *part)
{
    assert_int_equal(st, want);
    if (strstr(env->error.text, part) == NULL) fail_msg("%s", env->error.text);
    hn_error_clear(env);
    hn_buf_fini(env, out);
    *out = (hn_buf){0};
}

static void opsets(void **state)
{
    (void)state;
    hn_env env;
    hn_buf out = {0};
    hn_env_init(&env);
    const hn_rw_attr split0[] = {HN_A_INT("axis", 0), HN_A_INT("num_outputs", 2), {0}};
    const hn_rw_attr split1[] = {HN_A_INT("axis", 1), HN_A_INT("num_outputs", 2), {0}};
    const hn_rw_attr allow0[] = {HN_A_INT("keepdims", 0), HN_A_INT("noop_with_empty_axes", 0), {0}};
    const hn_rw_attr allow1[] = {HN_A_INT("keepdims", 0), HN_A_INT("noop_with_empty_axes", 1), {0}};
    /* Axes become an attribute below 18, and an attribute that says its default is left out. */
    for (int64_t opset = 13; opset < 20; opset++) {
        assert_int_equal(write_one(&env, "ReduceMean", allow0, opset, &out), HN_OK);
        hn_model *m = open_ok(&env, out.data, out.size);
        assert_true(hn_get_i64(hn_node_const(m->graph->first, 1), 0) == 1);
        hn_model_close(&env, m);
        hn_buf_fini(&env, &out);
        out = (hn_buf){0};
    }
    says(&env, &out, write_one(&env, "ReduceMean", allow1, 17, &out), HN_UNSUPPORTED, "needs opset 18");
    says(&env, &out, write_one(&env, "Mish", NULL, 17, &out), HN_UNSUPPORTED, "needs opset 18");
    says(&env, &out, write_one(&env, "Relu", NULL, 12, &out), HN_UNSUPPORTED, "only 13 to 28");
    says(&env, &out, write_one(&env, "Relu", NULL, 29, &out), HN_UNSUPPORTED, "only 13 to 28");
    says(&env, &out, write_one(&env, "Split", split1, 13, &out), HN_UNSUPPORTED, "uneven");
    assert_int_equal(write_one(&env, "Split", split0, 13, &out), HN_OK);
    hn_model *m = open_ok(&env, out.data, out.size);
    assert_int_equal(hn_attr_int(m->graph->first, "num_outputs", 0), 2);
    hn_model_close(&env, m);
    hn_buf_fini(&env, &out);
    out = (hn_buf){0};
    /* Above 21 only where it must be. */
    assert_int_equal(write_one(&env, "Swish", NULL, 0, &out), HN_OK);
    m = open_ok(&env, out.data, out.size);
    assert_int_equal(hn_model_opset(m, ""), 24);
    hn_model_close(&env, m);
    hn_buf_fini(&env, &out);
}

/* What newer sets allow and older ones do not: a window beyond the input left out, an element type that came late. */
static void late_changes(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        static const int64_t want[3] = {22, 21, 28};
        hn_env env;
        hn_ob o;
        hn_buf out = {0};
        hn_env_init(&env);
        hn_ob_model(&o, &env, 28);
        hn_ob_in(&o, "x", k == 2 ? HN_F64 : HN_F32, 4, (int64_t[]){1, 1, k == 1 ? 3 : 2, 3});
        hn_ob_node_open(&o, k == 2 ? "Celu" : "MaxPool", "x", "y");
        if (k < 2) {
            hn_ob_int(&o, "ceil_mode", 1);
            hn_ob_ints(&o, "kernel_shape", 2, (int64_t[]){1, 1});
            hn_ob_ints(&o, "strides", 2, (int64_t[]){2, 2});
        }
        hn_ob_close(&o);
        hn_ob_out(&o, "y");
        hn_ob_close_all(&o);
        hn_model *m = open_ok(&env, o.b.data, o.b.size);
        if (hn_onnx_write_bytes(&env, m->graph, NULL, &out) != HN_OK) fails(&env);
        hn_model *again = open_ok(&env, out.data, out.size);
        assert_int_equal(hn_model_opset(again, ""), want[k]);
        hn_model_close(&env, again);
        hn_model_close(&env, m);
        hn_buf_fini(&env, &out);
        hn_ob_fini(&o);
    }
}

static void own_ops(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_buf out = {0};
    hn_value *x;
    static const hn_port port = {.name = "x", .types = HN_T_ALL};
    static const hn_op own = {
        .name = "Thing", .domain = "hone", .flags = HN_OP_INTERNAL, .in = &port, .nin = 1, .out = &port, .nout = 1};
    hn_env_init(&env);
    hn_graph *g = graph_with_input(&env, &a, &x);
    hn_node *n = hn_node_new(g, NULL, &own, "mine", 1, &x, 1);
    assert_non_null(n);
    assert_int_equal(hn_graph_output(g, n->out[0]), HN_OK);
    says(&env, &out, hn_onnx_write_bytes(&env, g, NULL, &out), HN_UNSUPPORTED,
         "node \"mine\" (hone.Thing) has no ONNX operator");
    hn_arena_fini(&env, &a);
}

static void external(void **state)
{
    (void)state;
    hn_env env;
    hn_arena a = {0};
    hn_value *x;
    char dir[256], path[300], data[300];
    hn_env_init(&env);
    hn_test_tmpdir(dir, sizeof dir);
    (void)snprintf(path, sizeof path, "%s/m.onnx", dir);
    (void)snprintf(data, sizeof data, "%s/m.onnx.data", dir);
    hn_graph *g = graph_with_input(&env, &a, &x);
    hn_rw rw = hn_rw_at(g, NULL);
    hn_tensor *t[2];
    hn_value *y = x;
    for (int i = 0; i < 2; i++) {
        hn_value *w = hn_rw_const_new(&rw, HN_F32, 2, (int64_t[]){i == 0 ? 3 : 1000, 1000}, &t[i]);
        for (size_t k = 0; w != NULL && k < hn_tensor_elems(t[i]); k++) hn_set_f64(t[i], k, (double)k + i);
        y = hn_rw_2(&rw, "MatMul", y, w);
    }
    y = hn_rw_2(&rw, "Mul", y, hn_rw_scalar(&rw, HN_F32, 3));
    assert_non_null(y);
    assert_int_equal(hn_graph_output(g, y), HN_OK);
    hn_onnx_write_options w = {.external_bytes = 4096};
    if (hn_onnx_write(&env, g, &w, path) != HN_OK) fails(&env);
    assert_true(hn_path_is_file(data));
    hn_model *m = NULL;
    if (hn_model_open(&env, path, NULL, &m) != HN_OK) fails(&env);
    assert_true(m->file_bytes < 4096);
    assert_int_equal(strlen(hn_model_sha256(m)), 64);
    const hn_node *n = m->graph->first;
    for (int i = 0; i < 2; i++, n = n->next) {
        assert_true(hn_tensor_equal(hn_node_const(n, 1), t[i]));
        assert_int_equal((uintptr_t)hn_node_const(n, 1)->data % 4096, 0); /* mapped, not copied */
    }
    hn_model_close(&env, m);
    /* The data file is gone: the message names it. */
    assert_int_equal(remove(data), 0);
    assert_int_not_equal(hn_model_open(&env, path, NULL, &m), HN_OK);
    char text[2048];
    hn_error_format(&env.error, text, sizeof text);
    assert_non_null(strstr(text, "m.onnx.data"));
    hn_arena_fini(&env, &a);
    hn_test_rmdir(dir);
}

static hn_status write_again(hn_env *env, const hn_graph *g)
{
    hn_buf out = {0};
    hn_status st = hn_onnx_write_bytes(env, g, NULL, &out);
    hn_buf_fini(env, &out);
    return st;
}

static void torture(void **state)
{
    (void)state;
    hn_env own, env;
    hn_ob o;
    hn_rig rig;
    bool over = false;
    hn_env_init(&own);
    hn_ob_sample(&o, &own);
    hn_model *m = open_ok(&own, o.b.data, o.b.size);
    hn_rig_init(&rig, &env);
    HN_RIG_TORTURE(rig, env, over, 1000)
    {
        over = hn_rig_check(&rig, &env, write_again(&env, m->graph));
    }
    hn_model_close(&own, m);
    hn_ob_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(names_are_made), cmocka_unit_test(opsets),
        cmocka_unit_test(own_ops),    cmocka_unit_test(late_changes),   cmocka_unit_test(external),
        cmocka_unit_test(torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
