/* pass: the runner's own refusals, regions, and every allocation refused in turn.
 * labels: torture */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "ops/ops.h"
#include "passes/lib_cone.h"
#include "passes/pass.h"
#include "support/rig.h"

static const char *const network =
    "graph \"g\" opset 21 {\n"
    "  input %x : f32[1,3,6,6]\n"
    "  const %w : f32[4,3,3,3] = random 1\n"
    "  const %s : f32[4] = [1.0, 0.5, 2.0, -1.0]\n"
    "  const %v : f32[4] = [1.0, 0.25, 4.0, 0.5]\n"
    "  const %sx : f32[] = [0.05]\n"
    "  const %zx : u8[] = [128]\n"
    "  const %q : i8[3,4] = random 3\n"
    "  const %yes : bool[] = [1]\n"
    "  const %shape : i64[2] = [1, -1]\n"
    "  %1 = Conv(%x, %w) {pads = [1, 1, 1, 1]}\n"
    "  %2 = BatchNormalization(%1, %s, %s, %s, %v)\n"
    "  %3 = Sigmoid(%2)\n"
    "  %4 = Mul(%2, %3)\n"
    "  %5 = MaxPool(%4) {kernel_shape = [2, 2], strides = [2, 2]}\n"
    "  %6 = If(%yes, %5) captures 1 region \"t\" {\n    input %p : ?[*]\n    %7 = Neg(%p)\n    output %7\n  }"
    " region \"e\" {\n    input %p : ?[*]\n    output %p\n  }\n"
    "  %8 = GlobalAveragePool(%6)\n"
    "  %9 = Reshape(%8, %shape)\n"
    "  %10 = QuantizeLinear(%9, %sx, %zx)\n"
    "  %11 = DequantizeLinear(%10, %sx, %zx)\n"
    "  %12 = DequantizeLinear(%q, %sx)\n"
    "  %13 = Gemm(%11, %12) {transB = 1}\n"
    "  %y = QuantizeLinear(%13, %sx, %zx)\n"
    "  output %y\n}\n";

static hn_status whole_way(hn_env *env)
{
    hn_arena arena = {0};
    hn_status st = HN_NOMEM;
    hn_graph *g = hn_graph_parse(env, &arena, &hn_ops, network, strlen(network));
    if (g != NULL) st = hn_pipeline_run(env, g, hn_pipeline_compile);
    if (st == HN_OK) {
        assert_int_equal(g->nout, 1);
        assert_true(hn_node_is(g->out[0]->producer, "hone.QGemm"));
        assert_true(hn_node_is(g->first, "hone.Conv"));
        assert_true(hn_attr_is(g->first, "act", "Silu"));
    }
    hn_arena_fini(env, &arena);
    return st;
}

/* Eight of 16 channels have weights of this size, and no bias above zero. */
static hn_graph *thin_network(hn_env *env, hn_arena *arena, double small)
{
    static const char text[] =
        "graph \"g\" opset 21 { input %x : f32[1,2,4,4] const %w : f32[16,2,1,1] = random 1\n"
        "const %b : f32[16] = [-1.0,-1.0,-1.0,-1.0,-1.0,-1.0,-1.0,-1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0]\n"
        "const %d : f32[16,1,3,3] = random 2 const %v : f32[3,16,1,1] = random 3\n"
        "%1 = Conv(%x, %w, %b) %2 = Relu(%1) %3 = Conv(%2, %d) {group = 16, pads = [1, 1, 1, 1]} %4 = Tanh(%3)\n"
        "%5 = GlobalAveragePool(%4) %y = Conv(%5, %v) output %y }";
    hn_graph *g = hn_graph_parse(env, arena, &hn_ops, text, sizeof(text) - 1);
    for (size_t i = 0; g != NULL && i < 16; ++i) hn_set_f64(g->first->in[1]->data, i, small);
    return g;
}

static hn_status thin(hn_env *env, double small, size_t *changes)
{
    hn_arena arena = {0};
    hn_graph *g = thin_network(env, &arena, small);
    hn_status st = g == NULL ? HN_NOMEM : hn_graph_infer(g);
    if (st == HN_OK) st = hn_pass_run(env, g, "dead_channels", changes);
    if (st == HN_OK) {
        int64_t left = *changes > 0 ? 8 : 16;
        assert_int_equal(g->first->in[1]->type.dims[0], left);
        assert_int_equal(g->out[0]->producer->in[1]->type.dims[1], left);
    }
    hn_arena_fini(env, &arena);
    return st;
}

static void test_weights_too_small_to_be_felt(void **state)
{
    (void)state;
    static const struct {
        double small;
        bool strict;
        size_t changes;
    } cases[] = {{0, true, 8},      {1e-14, false, 8}, {1e-14, true, 0},
                 {1e-10, false, 0}, {NAN, false, 0},   {INFINITY, false, 0}};
    for (size_t i = 0; i < HN_COUNT(cases); ++i) {
        hn_env env;
        size_t changes;
        hn_env_init(&env);
        env.strict = cases[i].strict;
        assert_int_equal(thin(&env, cases[i].small, &changes), HN_OK);
        assert_int_equal(changes, cases[i].changes);
    }
}

static void torture(hn_status (*work)(hn_env *env))
{
    hn_rig rig;
    hn_env env;
    hn_rig_init(&rig, &env);
    bool done = false;
    HN_RIG_TORTURE(rig, env, done, 20000)
    {
        done = hn_rig_check(&rig, &env, work(&env));
    }
    assert_true(done);
}

static hn_status thin_once(hn_env *env)
{
    size_t changes;
    return thin(env, 0, &changes);
}

static void test_torture(void **state)
{
    (void)state;
    torture(whole_way);
    torture(thin_once);
}

static void test_unknown_pass(void **state)
{
    (void)state;
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, network, strlen(network));
    assert_non_null(g);
    assert_null(hn_pass_find("nonsense"));
    assert_int_equal(hn_pass_run(&env, g, "nonsense", NULL), HN_INPUT);
    assert_string_equal(env.error.text, "there is no pass nonsense");
    hn_arena_fini(&env, &arena);
}

static void test_pipelines_name_passes(void **state)
{
    (void)state;
    for (size_t i = 0; hn_pipeline_clean[i] != NULL; ++i) assert_non_null(hn_pass_find(hn_pipeline_clean[i]));
    for (size_t i = 0; hn_pipeline_compile[i] != NULL; ++i) assert_non_null(hn_pass_find(hn_pipeline_compile[i]));
}

/* Unknown dims: nothing fails, and the answer is the same graph in kind. */
static void test_unknown_dims_pass_through(void **state)
{
    (void)state;
    static const char text[] =
        "graph \"g\" opset 21 { input %x : f32[N,3,H,W] const %w : f32[4,3,3,3] = random 1\n"
        "%1 = Conv(%x, %w) {auto_pad = \"SAME_UPPER\"} %2 = Relu(%1) %3 = GlobalAveragePool(%2)\n"
        "%y = Flatten(%3) output %y }";
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, sizeof(text) - 1);
    assert_non_null(g);
    assert_int_equal(hn_pipeline_run(&env, g, hn_pipeline_clean), HN_OK);
    assert_int_equal(hn_pipeline_run(&env, g, hn_pipeline_compile), HN_OK);
    assert_int_equal(g->nnodes, 4);
    hn_arena_fini(&env, &arena);
}

static void test_folding_does_not_blow_up(void **state)
{
    (void)state;
    static const char text[] =
        "graph \"g\" opset 21 { const %x : f32[1] = [2.0] const %s : i64[3] = [1024, 1024, 4]\n"
        "const %t : i64[2] = [8, 8] %a = Expand(%x, %s) %b = Expand(%x, %t) output %a output %b }";
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, sizeof(text) - 1);
    assert_non_null(g);
    assert_int_equal(hn_pipeline_run(&env, g, hn_pipeline_clean), HN_OK);
    assert_true(hn_node_is(g->out[0]->producer, "Expand"));
    assert_false(hn_node_is(g->out[1]->producer, "Expand"));
    hn_arena_fini(&env, &arena);
}

static void test_cone_has_one_source(void **state)
{
    (void)state;
    static const char text[] =
        "graph \"g\" opset 21 { input %x : f32[4] input %z : f32[4] %1 = Exp(%x) %2 = Add(%1, %z) %3 = Mul(%1, %2)\n"
        "%4 = Neg(%x) %5 = Add(%4, %x) output %3 output %5 }";
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, sizeof(text) - 1);
    assert_non_null(g);
    assert_int_equal(hn_graph_infer(g), HN_OK);
    hn_cone c;
    hn_cone_start(&c, g->out[0], false);
    while (hn_cone_grow(&c)) assert_null(c.source);
    assert_int_equal(c.count, 3);
    hn_cone_start(&c, g->out[1], false);
    assert_true(hn_cone_grow(&c));
    assert_null(c.source);
    assert_true(hn_cone_grow(&c));
    assert_ptr_equal(c.source, g->in[0]);
    assert_false(hn_cone_grow(&c));
    hn_arena_fini(&env, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torture),
        cmocka_unit_test(test_weights_too_small_to_be_felt),
        cmocka_unit_test(test_unknown_pass),
        cmocka_unit_test(test_pipelines_name_passes),
        cmocka_unit_test(test_unknown_dims_pass_through),
        cmocka_unit_test(test_folding_does_not_blow_up),
        cmocka_unit_test(test_cone_has_one_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
