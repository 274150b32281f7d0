/* layers and QDQ insertion: what becomes integer in small graphs, which activations share parameters, and the text of
 * the inserted graph (test/optimize/golden/NAME.txt; HONE_GOLDEN=write writes them anew). labels: torture */
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
#include "optimize/observe.h"
#include "optimize/qdq.h"
#include "support/data.h"
#include "support/planrun.h"
#include "support/rig.h"

static const char *const net = "graph \"net\" opset 21 {\n"
                               "  input %x : f32[N,2,8,8]\n"
                               "  const %w1 : f32[4,2,3,3] = random 1\n"
                               "  const %b1 : f32[4] = [0.5, -0.5, 1.0, 0.0]\n"
                               "  const %w2 : f32[4,4,1,1] = random 2\n"
                               "  const %w3 : f32[8,3] = random 3\n"
                               "  const %shape : i64[2] = [-1, 8]\n"
                               "  %c1 = Conv(%x, %w1, %b1) {pads = [1, 1, 1, 1]} @ \"first\"\n"
                               "  %r1 = Relu(%c1)\n"
                               "  %c2 = Conv(%r1, %w2) @ \"second\"\n"
                               "  %s = Add(%c2, %r1) @ \"sum\"\n"
                               "  %r2 = Relu(%s)\n"
                               "  %cat = Concat(%r2, %r1) {axis = 1}\n"
                               "  %p = MaxPool(%cat) {kernel_shape = [2, 2], strides = [2, 2]}\n"
                               "  %g = GlobalAveragePool(%p)\n"
                               "  %f = Reshape(%g, %shape)\n"
                               "  %e = Exp(%f)\n"
                               "  %m = MatMul(%e, %w3) @ \"last\"\n"
                               "  %y = Softmax(%m)\n"
                               "  output %y\n"
                               "}\n";

static hn_env env;
static hn_arena arena;
static hn_layers l;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    return 0;
}

static void find(const char *text)
{
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!g) planrun_ok(&env, env.error.status);
    planrun_ok(&env, hn_graph_infer(g));
    planrun_ok(&env, hn_layers_find(&env, g, &l));
}

static hn_act *act(const char *name)
{
    for (size_t i = 0; i < l.nacts; i++)
        if (strcmp(l.act[i].name, name) == 0) return &l.act[i];
    return NULL;
}

static uint32_t group(const char *name)
{
    hn_act *a = act(name);
    assert_non_null(a);
    uint32_t i = (uint32_t)(a - l.act);
    while (l.act[i].group != i) i = l.act[i].group;
    return i;
}

static bool used(const char *name)
{
    hn_act *a = act(name);
    return a && a->used;
}

static void test_layers(void **state)
{
    (void)state;
    find(net);
    assert_int_equal(l.nlayers, 3);
    const hn_layer *a = &l.layer[0], *b = &l.layer[1], *c = &l.layer[2];
    assert_string_equal(a->name, "first");
    assert_string_equal(a->x->name, "x");
    assert_string_equal(a->y->name, "r1"); /* the Relu is absorbed */
    assert_true(!a->last && a->bias == 2 && a->out_axis == 0 && a->channels == 4 && a->params == 72 + 4);
    assert_string_equal(b->y->name, "c2");
    assert_true(!b->last && b->bias == -1 && b->params == 16);
    assert_string_equal(c->x->name, "e");
    assert_true(c->last && c->out_axis == 1 && c->channels == 3);
}

static void test_groups(void **state)
{
    (void)state;
    find(net);
    assert_null(act("c1")); /* only the Relu reads it */
    assert_null(act("s"));
    assert_int_equal(group("cat"), group("r1"));
    assert_int_equal(group("cat"), group("r2"));
    assert_int_equal(group("cat"), group("p")); /* MaxPool moves codes */
    assert_int_not_equal(group("cat"), group("g"));
    assert_int_equal(group("g"), group("f"));
    assert_int_not_equal(group("x"), group("r1"));
    assert_int_not_equal(group("c2"), group("r1"));
}

static void test_mark(void **state)
{
    (void)state;
    find(net);
    for (size_t i = 0; i < l.nacts; i++)
        assert_true(strcmp(l.act[i].name, "y") == 0 || strcmp(l.act[i].name, "m") == 0 || l.act[i].used);
    for (size_t i = 0; i < l.nlayers; i++) l.layer[i].on = false;
    hn_layers_mark(&l);
    for (size_t i = 0; i < l.nacts; i++) assert_false(l.act[i].used);
    l.layer[2].on = true;
    hn_layers_mark(&l);
    assert_true(used("e") && used("m") && !used("x") && !used("r1") && !used("cat"));
    l.layer[2].on = false;
    l.layer[0].on = true;
    hn_layers_mark(&l);
    assert_true(used("x") && used("r1") && !used("c2"));
    for (const hn_node *n = l.graph->first; n; n = n->next)
        if (hn_node_is(n, "Add")) assert_false(hn_layers_node_on(&l, n)); /* one of its inputs is float */
}

/* What an integer layer hands to float layers alone has no codes; what others read, or a layer further on, has. */
static void test_unread(void **state)
{
    (void)state;
    find("graph \"net\" opset 21 {\n"
         "  input %x : f32[N,2,8,8]\n"
         "  const %w : f32[2,2,1,1] = random 1\n"
         "  %a = Conv(%x, %w) @ \"a\"\n"
         "  %p = MaxPool(%a) {kernel_shape = [2, 2]}\n"
         "  %b = Conv(%p, %w) @ \"b\"\n"
         "  %c = Conv(%p, %w) @ \"c\"\n"
         "  %d = Mul(%b, %c)\n"
         "  %e = Conv(%d, %w) @ \"e\"\n"
         "  %y = Exp(%e)\n"
         "  output %y\n"
         "}\n");
    assert_int_equal(l.nlayers, 4);
    assert_true(used("a") && used("p") && used("b") && used("d"));
    l.layer[1].on = l.layer[2].on = false;
    hn_layers_mark(&l);
    assert_true(used("x") && !used("a") && !used("p") && !used("b") && used("d"));
    l.layer[2].on = true;
    hn_layers_mark(&l);
    assert_true(used("a") && used("p") && used("c")); /* c: what reads it is no layer */
}

static void ranges(void)
{
    for (size_t i = 0; i < l.nacts; i++) {
        hn_act *a = &l.act[i];
        a->lo = strcmp(a->name, "x") == 0 || strcmp(a->name, "c2") == 0 || strcmp(a->name, "m") == 0 ? -4 : 0;
        a->hi = 4;
        a->method = "minmax";
        hn_range_to_u8(a->lo, a->hi, &a->scale, &a->zero);
    }
}

/* Layers that lead to outputs alone, through tables and movers too, can keep their outputs in float. */
static void test_ends(void **state)
{
    (void)state;
    find("graph \"net\" opset 21 {\n"
         "  input %x : f32[N,2,8,8]\n"
         "  const %w : f32[2,2,1,1] = random 1\n"
         "  const %shape : i64[2] = [-1, 128]\n"
         "  %a = Conv(%x, %w) @ \"between\"\n"
         "  %b = Conv(%a, %w) @ \"both\"\n"
         "  %c = Conv(%b, %w) @ \"end\"\n"
         "  %s = Sigmoid(%c)\n"
         "  %y = Reshape(%s, %shape)\n"
         "  %d = Conv(%b, %w) @ \"summed\"\n"
         "  %z = Add(%d, %b)\n"
         "  output %y\n"
         "  output %b\n"
         "  %r = Relu(%a)\n"
         "  output %r\n"
         "  output %z\n"
         "}\n");
    static const char *const name[] = {"between", "both", "end", "summed"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(l.layer[i].name, name[i]);
        assert_int_equal(l.layer[i].last, i == 2);
    }
    assert_true(act("c")->used && act("s")->used && act("y")->used);
    assert_true(act("a")->used && act("r")->used); /* its input has another reader: not absorbed */
    l.layer[2].plain = true;
    hn_layers_mark(&l);
    assert_true(!act("c")->used && !act("s")->used && !act("y")->used && act("b")->used && act("d")->used);
}

static void golden(const char *name, const hn_qdq_options *q)
{
    hn_graph *g;
    hn_buf b = {0};
    char path[600];
    planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, q, &g));
    planrun_ok(&env, hn_graph_print(&env, g, HN_TEXT_HASH, &b));
    (void)snprintf(path, sizeof path, "%s/test/optimize/golden/%s.txt", hn_test_source(), name);
    const char *how = getenv("HONE_GOLDEN");
    if (how && strcmp(how, "write") == 0) planrun_ok(&env, hn_file_write(&env, path, b.data, b.size));
    hn_map m;
    planrun_ok(&env, hn_map_open(&env, path, &m));
    if (m.size != b.size || memcmp(m.data, b.data, b.size) != 0)
        fail_msg("%s differs:\n%s\nwanted:\n%.*s", path, hn_buf_str(&env, &b), (int)m.size, (const char *)m.data);
    hn_map_close(&m);
    hn_buf_fini(&env, &b);
}

static void test_golden(void **state)
{
    (void)state;
    find(net);
    ranges();
    hn_qdq_options q = {0};
    golden("all", &q);
    l.layer[1].on = l.layer[2].on = false;
    hn_layers_mark(&l);
    q.per_tensor = true;
    golden("first_per_tensor", &q);
    l.layer[0].bits = 7;
    golden("first_narrow_per_tensor", &q);
    l.layer[0].bits = 8;
    for (size_t i = 0; i < l.nlayers; i++) l.layer[i].on = true;
    hn_layers_mark(&l);
    uint32_t only = (uint32_t)(act("r1") - l.act);
    hn_qdq_options one = {.only = &only, .nonly = 1};
    golden("only", &one);
}

/* A bias of the layer without one appears when a shift asks for it. */
static void test_shift(void **state)
{
    (void)state;
    find(net);
    ranges();
    static const float s[4] = {1, -1, 2, 0};
    const float *shift[3] = {NULL, s, NULL};
    hn_qdq_options q = {.bias_shift = shift};
    hn_graph *g;
    planrun_ok(&env, hn_qdq_insert(&env, &arena, &l, &q, &g));
    const hn_node *conv = NULL;
    for (const hn_node *n = g->first; n; n = n->next)
        if (n->name && strcmp(n->name, "second") == 0) conv = n;
    assert_non_null(conv);
    assert_int_equal(conv->nin, 3);
    const hn_node *dq = conv->in[2]->producer;
    assert_true(hn_node_is(dq, "DequantizeLinear"));
    for (size_t k = 0; k < 4; k++) {
        double v = (double)hn_get_i64(dq->in[0]->data, k) * hn_get_f64(dq->in[1]->data, k);
        assert_true(v - (double)s[k] < 1e-3 && (double)s[k] - v < 1e-3);
    }
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    find("graph \"n\" opset 21 {\n  input %x : f32[2,3]\n  input %w : f32[3,2]\n  %y = MatMul(%x, %w)\n  output "
         "%y\n}\n");
    assert_int_equal(l.nlayers, 0); /* weights that come at run time are no layer */
}

static hn_status find_and_insert(hn_env *e)
{
    hn_arena a = {0};
    hn_layers y;
    hn_graph *q;
    hn_qdq_options o = {0};
    hn_graph *g = hn_graph_parse(e, &a, &hn_ops, net, strlen(net));
    hn_status st = g ? hn_graph_infer(g) : e->error.status;
    if (st == HN_OK) st = hn_layers_find(e, g, &y);
    for (size_t i = 0; st == HN_OK && i < y.nacts; i++) hn_range_to_u8(-1, 1, &y.act[i].scale, &y.act[i].zero);
    if (st == HN_OK) st = hn_qdq_insert(e, &a, &y, &o, &q);
    hn_arena_fini(e, &a);
    return st;
}

static void test_torture(void **state)
{
    (void)state;
    hn_rig rig;
    hn_env e;
    hn_rig_init(&rig, &e);
    bool done = false;
    HN_RIG_TORTURE(rig, e, done, 2000)
    {
        done = hn_rig_check(&rig, &e, find_and_insert(&e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_golden, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shift, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torture, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
