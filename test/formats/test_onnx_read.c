/* onnx_read: graphs, names, captures, functions, unsupported operators, damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "formats/model.h"
#include "support/onnx_build.h"
#include "support/rig.h"

static hn_model *open_ok(hn_env *env, hn_ob *o)
{
    hn_model *m = NULL;
    hn_ob_close_all(o);
    if (hn_model_open_bytes(env, "m.onnx", o->b.data, o->b.size, NULL, &m) != HN_OK) {
        char text[2048];
        hn_error_format(&env->error, text, sizeof text);
        fail_msg("%s", text);
    }
    return m;
}

static void done(hn_env *env, hn_model *m, hn_ob *o)
{
    hn_model_close(env, m);
    hn_ob_fini(o);
}

/* Opens, wants this status and every one of the texts (separated by '|') in the whole message. */
static void open_fails(hn_env *env, hn_ob *o, hn_status want, const char *says)
{
    hn_model *m = NULL;
    char text[2048], part[128];
    hn_ob_close_all(o);
    hn_status st = hn_model_open_bytes(env, "m.onnx", o->b.data, o->b.size, NULL, &m);
    hn_error_format(&env->error, text, sizeof text);
    if (st != want) fail_msg("status %d, wanted %d: %s", st, want, text);
    assert_null(m);
    for (const char *p = says; *p != '\0';) {
        size_t n = strcspn(p, "|");
        (void)snprintf(part, sizeof part, "%.*s", (int)n, p);
        if (strstr(text, part) == NULL) fail_msg("\"%s\" is not in: %s", part, text);
        p += n + (p[n] == '|');
    }
    hn_ob_fini(o);
    hn_error_clear(env);
}

static void begin(hn_ob *o, hn_env *env, int64_t opset)
{
    hn_env_init(env);
    hn_ob_model(o, env, opset);
    hn_ob_in(o, "x", HN_F32, 2, (int64_t[]){-2, 3});
}

static void constants(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    static const float w[3] = {1, 2, 3};
    begin(&o, &env, 13);
    hn_ob_in(&o, "w", HN_F32, 1, (int64_t[]){3}); /* an old file lists constants among the inputs */
    hn_ob_f32(&o, "w", 1, (int64_t[]){3}, w);
    hn_ob_f32(&o, "unused", 1, (int64_t[]){3}, w);
    hn_ob_node_open(&o, "Constant", "", "k");
    hn_ob_float(&o, "value_float", 2.5f);
    hn_ob_close(&o);
    hn_ob_node(&o, "Add", "x,w", "a");
    hn_ob_node(&o, "Mul", "a,k", "y");
    hn_ob_out(&o, "y");
    hn_model *m = open_ok(&env, &o);
    assert_int_equal(m->graph->nin, 1);
    assert_int_equal(m->graph->nnodes, 2);
    const hn_node *add = m->graph->first, *mul = add->next;
    assert_memory_equal(hn_node_const(add, 1)->data, w, sizeof w);
    assert_string_equal(add->in[1]->name, "w");
    assert_true(hn_get_f64(hn_node_const(mul, 1), 0) == 2.5 && hn_node_const(mul, 1)->rank == 0);
    assert_int_equal(mul->out[0]->type.rank, 2);
    assert_int_equal(mul->out[0]->type.dims[1], 3);
    assert_string_equal(hn_graph_symbol_name(m->graph, mul->out[0]->type.dims[0]), "N");
    assert_int_equal(m->graph->opset, 13);
    assert_int_equal(hn_model_opset(m, ""), 13);
    assert_int_equal(m->file_bytes, o.b.size);
    done(&env, m, &o);
}

static void captures(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    hn_env_init(&env);
    hn_ob_sample(&o, &env);
    hn_model *m = open_ok(&env, &o);
    const hn_node *n = m->graph->first->next;
    assert_true(hn_node_is(n, "If"));
    assert_int_equal(n->ncaptures, 1);
    assert_int_equal(n->nin, 2);
    assert_string_equal(n->in[1]->name, "h");
    assert_int_equal(n->nregions, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(n->regions[i]->nin, 1);
        assert_string_equal(n->regions[i]->in[0]->name, "h");
        assert_ptr_equal(n->regions[i]->parent, m->graph);
    }
    assert_string_equal(n->regions[0]->name, "then_branch");
    /* The outer constant is a constant of the region, with the same bytes, and no capture. */
    const hn_tensor *outer = hn_node_const(m->graph->first, 1), *inner = hn_node_const(n->regions[1]->first, 1);
    assert_non_null(outer);
    assert_ptr_equal(outer, inner);
    assert_string_equal(hn_model_meta(m, "preprocess"), "torch");
    assert_null(hn_model_meta(m, "absent"));
    assert_int_equal(hn_model_meta_set(&env, m, "preprocess", "tf"), HN_OK);
    assert_int_equal(hn_model_meta_set(&env, m, "more", "1"), HN_OK);
    assert_string_equal(hn_model_meta(m, "preprocess"), "tf");
    assert_string_equal(hn_model_meta(m, "more"), "1");
    done(&env, m, &o);
}

/* FunctionProto F(a, b) = LeakyRelu(a, alpha) + b with alpha from the call or 0.5. */
static void function(hn_ob *o, const char *calls)
{
    hn_env *env = o->env;
    hn_ob_close_all(o);
    hn_ob_open(o, 25);
    hn_pb_put_str(env, &o->b, 1, "F");
    hn_pb_put_str(env, &o->b, 10, "my");
    hn_pb_put_str(env, &o->b, 4, "a");
    hn_pb_put_str(env, &o->b, 4, "b");
    hn_pb_put_str(env, &o->b, 5, "out");
    hn_ob_open(o, 9);
    hn_pb_put_int(env, &o->b, 2, 13);
    hn_ob_close(o);
    hn_ob_open(o, 11);
    hn_pb_put_str(env, &o->b, 1, "alpha");
    hn_pb_put_float(env, &o->b, 2, 0.5f);
    hn_pb_put_int(env, &o->b, 20, 1);
    hn_ob_close(o);
    hn_ob_open(o, 7);
    hn_pb_put_str(env, &o->b, 1, "a");
    hn_pb_put_str(env, &o->b, 2, "t");
    hn_pb_put_str(env, &o->b, 4, "LeakyRelu");
    hn_ob_ref(o, "alpha", "alpha", 1);
    hn_ob_close(o);
    hn_ob_open(o, 7);
    hn_pb_put_str(env, &o->b, 1, "t");
    hn_pb_put_str(env, &o->b, 1, "b");
    hn_pb_put_str(env, &o->b, 2, "out");
    hn_pb_put_str(env, &o->b, 4, calls);
    if (strcmp(calls, "Add") != 0) hn_pb_put_str(env, &o->b, 7, "my");
    hn_ob_close(o);
    hn_ob_close(o);
}

static void functions(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    begin(&o, &env, 13);
    for (int i = 0; i < 2; i++) {
        hn_ob_node_open(&o, "F", i == 0 ? "x,x" : "y,x", i == 0 ? "y" : "z");
        hn_pb_put_str(&env, &o.b, 7, "my");
        hn_pb_put_str(&env, &o.b, 3, "call");
        if (i == 1) hn_ob_float(&o, "alpha", 0.25f);
        hn_ob_close(&o);
    }
    hn_ob_out(&o, "z");
    function(&o, "Add");
    hn_model *m = open_ok(&env, &o);
    assert_int_equal(m->graph->nnodes, 4);
    const hn_node *n = m->graph->first;
    assert_true(hn_node_is(n, "LeakyRelu") && hn_attr_float(n, "alpha", 0) == 0.5);
    assert_string_equal(n->out[0]->name, "call/t");
    assert_string_equal(n->next->out[0]->name, "y");
    n = n->next->next;
    assert_true(hn_attr_float(n, "alpha", 0) == 0.25);
    assert_string_not_equal(n->out[0]->name, "call/t");
    assert_string_equal(n->next->out[0]->name, "z");
    done(&env, m, &o);
    begin(&o, &env, 13);
    hn_ob_node_open(&o, "F", "x,x", "y");
    hn_pb_put_str(&env, &o.b, 7, "my");
    hn_ob_close(&o);
    hn_ob_out(&o, "y");
    function(&o, "F");
    open_fails(&env, &o, HN_INPUT, "calls itself|node \"y\" (F)");
}

static void unsupported(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    begin(&o, &env, 13);
    hn_ob_node(&o, "Relu", "x", "a");
    hn_ob_node_open(&o, "Foo", "a", "b");
    hn_pb_put_str(&env, &o.b, 7, "com.acme");
    hn_pb_put_str(&env, &o.b, 3, "first");
    hn_ob_close(&o);
    hn_ob_node(&o, "Bar", "b", "c");
    hn_ob_node(&o, "Bar", "c", "d");
    hn_ob_out(&o, "d");
    open_fails(
        &env, &o, HN_UNSUPPORTED,
        "operator Foo of domain com.acme, opset 1|node \"first\", at byte|2 further nodes, also of Bar|in m.onnx");
    begin(&o, &env, 29);
    open_fails(&env, &o, HN_UNSUPPORTED, "opset 29 is newer than 28");
    begin(&o, &env, 0);
    open_fails(&env, &o, HN_INPUT, "opset version 0");
    begin(&o, &env, 13);
    hn_ob_node_open(&o, "Relu", "x", "a");
    hn_ob_int(&o, "sideways", 1);
    hn_ob_close(&o);
    hn_ob_out(&o, "a");
    open_fails(&env, &o, HN_UNSUPPORTED, "attribute sideways of Relu|node \"a\" (Relu), in m.onnx at byte");
}

static void wrong_names(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    begin(&o, &env, 13);
    hn_ob_node(&o, "Relu", "nowhere", "y");
    hn_ob_out(&o, "y");
    open_fails(&env, &o, HN_INPUT, "\"nowhere\" is used but|node \"y\" (Relu), in m.onnx at byte");
    begin(&o, &env, 13);
    hn_ob_node(&o, "Relu", "x", "y");
    hn_ob_node(&o, "Relu", "x", "y");
    hn_ob_out(&o, "y");
    open_fails(&env, &o, HN_INPUT, "\"y\" is defined twice");
    begin(&o, &env, 13);
    hn_ob_node(&o, "Relu", "x", "x");
    hn_ob_out(&o, "x");
    open_fails(&env, &o, HN_INPUT, "\"x\" is defined twice");
    begin(&o, &env, 13);
    hn_ob_node(&o, "Relu", "x", "y");
    hn_ob_out(&o, "z");
    open_fails(&env, &o, HN_INPUT, "graph output \"z\"");
    begin(&o, &env, 13);
    hn_ob_in(&o, "free", HN_NONE, -1, NULL);
    open_fails(&env, &o, HN_INPUT, "\"free\" has no type");
    begin(&o, &env, 13);
    hn_ob_node(&o, "Conv", "x,x", "y");
    hn_ob_out(&o, "y");
    open_fails(&env, &o, HN_INPUT, "node \"y\" (Conv), in m.onnx at byte");
}

static void wrong_files(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    hn_model *m = NULL;
    static const struct {
        const char *bytes;
        size_t size;
        hn_status st;
        const char *says;
    } files[] = {{"GGUF\3\0\0\0", 8, HN_UNSUPPORTED, "a GGUF file"},
                 {"\x1c\0\0\0TFL3\0\0", 10, HN_UNSUPPORTED, "TensorFlow Lite"},
                 {"PK\3\4----", 8, HN_UNSUPPORTED, "zip"},
                 {"\x10\0\0\0\0\0\0\0{\"a\":{}}      ", 22, HN_UNSUPPORTED, "safetensors"},
                 {"\x80\2}q\0.", 6, HN_UNSUPPORTED, "pickle"},
                 {"version https://git-lfs.github.com/spec/v1\n", 43, HN_INPUT, "LFS"},
                 {"v", 1, HN_INPUT, "a text file"},
                 {"", 0, HN_INPUT, "empty file"},
                 {"\xff\xfe\0\1\2", 5, HN_INPUT, "unknown kind"}};
    hn_env_init(&env);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char text[1024];
        char *exact = malloc(files[i].size + (files[i].size == 0));
        memcpy(exact, files[i].bytes, files[i].size);
        assert_int_equal(hn_model_open_bytes(&env, "f", exact, files[i].size, NULL, &m), files[i].st);
        free(exact);
        hn_error_format(&env.error, text, sizeof text);
        if (strstr(text, files[i].says) == NULL) fail_msg("%s", text);
        hn_error_clear(&env);
    }
    begin(&o, &env, 13);
    hn_ob_value(&o, 11, "n", HN_F32, 1, (int64_t[]){INT64_MIN});
    hn_ob_out(&o, "x");
    hn_model *ok = open_ok(&env, &o); /* INT64_MIN is the builder's free dim */
    assert_int_equal(ok->graph->nin, 2);
    done(&env, ok, &o);
    begin(&o, &env, 13);
    hn_ob_open(&o, 11);
    hn_pb_put_str(&env, &o.b, 1, "n");
    for (uint32_t i = 0; i < 4; i++) hn_ob_open(&o, (uint32_t[]){2, 1, 2, 1}[i]);
    hn_pb_put_int(&env, &o.b, 1, -1);
    open_fails(&env, &o, HN_INPUT, "dim_value is -1|input \"n\"");
}

static void nesting(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    /* The builder has 32 marks; each level takes three. Nesting beyond the limit comes from a lower limit. */
    for (int depth = 2; depth < 9; depth++) {
        begin(&o, &env, 13);
        hn_ob_in(&o, "c", HN_BOOL, 0, NULL);
        for (int i = 0; i < depth; i++) {
            hn_ob_node_open(&o, "If", "c", "y");
            hn_ob_graph(&o, "then_branch");
        }
        hn_ob_close_all(&o);
        hn_model *m = NULL;
        hn_model_options limit = {.max_depth = 3};
        hn_status st = hn_model_open_bytes(&env, "m", o.b.data, o.b.size, &limit, &m);
        assert_int_not_equal(st, HN_OK);
        if (depth == 8) assert_int_equal(st, HN_LIMIT);
        hn_error_clear(&env);
        hn_ob_fini(&o);
    }
}

static void every_prefix(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    hn_rig rig;
    hn_env_init(&env);
    hn_ob_sample(&o, &env);
    size_t opened = 0;
    for (size_t n = 0; n < o.b.size; n++) {
        /* Exactly n bytes, so that a sanitizer sees the first one read too far. */
        char *cut = malloc(n == 0 ? 1 : n);
        hn_env e;
        hn_model *m = NULL;
        hn_rig_init(&rig, &e);
        memcpy(cut, o.b.data, n);
        hn_status st = hn_model_open_bytes(&e, "cut", cut, n, NULL, &m);
        assert_true(st == HN_OK || e.error.text[0] != '\0');
        assert_true(st != HN_BUG);
        opened += st == HN_OK;
        hn_model_close(&e, m);
        assert_int_equal(rig.live, 0);
        free(cut);
    }
    /* A file may end where a field of the model ends: after the graph. */
    assert_true(opened <= 1);
    hn_ob_fini(&o);
}

static void mutations(void **state)
{
    (void)state;
    hn_env env;
    hn_ob o;
    hn_rng r;
    hn_env_init(&env);
    hn_ob_sample(&o, &env);
    hn_rng_init(&r, 7, 0);
    size_t opened = 0;
    char *bytes = malloc(o.b.size);
    for (int i = 0; i < 20000; i++) {
        hn_env e;
        hn_rig rig;
        hn_model *m = NULL;
        memcpy(bytes, o.b.data, o.b.size);
        for (uint64_t k = 0, many = 1 + hn_rng_below(&r, 3); k < many; k++)
            bytes[hn_rng_below(&r, o.b.size)] = (char)hn_rng_u64(&r);
        hn_rig_init(&rig, &e);
        hn_status st = hn_model_open_bytes(&e, "mutant", bytes, o.b.size, NULL, &m);
        if (st == HN_BUG || (st != HN_OK && e.error.text[0] == '\0')) fail_msg("mutant %d: %s", i, e.error.text);
        if (st == HN_OK) assert_int_equal(hn_graph_verify(&e, m->graph), HN_OK);
        opened += st == HN_OK;
        hn_model_close(&e, m);
        assert_int_equal(rig.live, 0);
        assert_true(rig.peak_bytes < 4 << 20);
    }
    assert_true(opened > 100); /* changed weights and names are still models */
    free(bytes);
    hn_ob_fini(&o);
}

static hn_status open_close(hn_env *env, const hn_ob *o)
{
    hn_model *m = NULL;
    hn_status st = hn_model_open_bytes(env, "m", o->b.data, o->b.size, NULL, &m);
    hn_model_close(env, m);
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
    hn_rig_init(&rig, &env);
    HN_RIG_TORTURE(rig, env, over, 1000)
    {
        over = hn_rig_check(&rig, &env, open_close(&env, &o));
    }
    hn_ob_fini(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants),   cmocka_unit_test(captures),     cmocka_unit_test(functions),
        cmocka_unit_test(unsupported), cmocka_unit_test(wrong_names),  cmocka_unit_test(wrong_files),
        cmocka_unit_test(nesting),     cmocka_unit_test(every_prefix), cmocka_unit_test(mutations),
        cmocka_unit_test(torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
