/* gradient: a part of a graph cut out as a region, and the pass that differentiates it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ir/rewrite.h"
#include "ops/ops.h"
#include "passes/pass.h"
#include "support/oprun.h"

typedef struct bench {
    hn_env env;
    hn_arena arena;
    hn_graph *g;
    hn_rw rw;
} bench;

static void begin(bench *b)
{
    memset(b, 0, sizeof *b);
    hn_env_init(&b->env);
    b->g = hn_graph_new(&b->env, &b->arena, &hn_ops, "g");
    assert_non_null(b->g);
    b->rw = hn_rw_at(b->g, NULL);
}

static hn_value *vector(bench *b, const char *name)
{
    hn_type t = hn_type_tensor(HN_F32, 1, (int64_t[]){2});
    hn_value *v = hn_graph_input(b->g, name, &t);
    assert_non_null(v);
    return v;
}

/* The node that the reader makes: y differentiated with respect to from[0..nx), at the values `at`. */
static hn_node *gradient(bench *b, size_t n, hn_value *const *from, hn_value *y, hn_value *const *at, size_t nx)
{
    hn_graph *region;
    hn_value **captures, *in[8];
    size_t ncaptures;
    assert_int_equal(hn_region_extract(b->g, n, from, y, &region, &captures, &ncaptures), HN_OK);
    assert_true(n + ncaptures <= 8);
    memcpy(in, at, n * sizeof *in);
    memcpy(in + n, captures, ncaptures * sizeof *in);
    const hn_op *row = hn_op_find(&hn_ops, "ai.onnx.preview.training", "Gradient");
    assert_non_null(row);
    hn_node *node = hn_node_new(b->g, NULL, row, "gradient", n + ncaptures, in, nx);
    assert_non_null(node);
    node->ncaptures = ncaptures;
    assert_int_equal(hn_node_regions(node, 1, &region), HN_OK);
    assert_int_equal(hn_node_infer(node), HN_OK);
    return node;
}

static void expect(bench *b, size_t nin, const double in[][2], size_t nout, const double out[][2])
{
    const hn_tensor *given[4];
    hn_tensor *got[4] = {NULL};
    size_t changes = 0;
    assert_int_equal(hn_graph_infer(b->g), HN_OK);
    assert_int_equal(hn_pass_run(&b->env, b->g, "gradient", &changes), HN_OK);
    assert_true(changes > 0);
    for (const hn_node *n = b->g->first; n; n = n->next) assert_string_not_equal(n->op->name, "Gradient");
    for (size_t i = 0; i < nin; i++) {
        hn_tensor *t = hn_arena_alloc(&b->env, &b->arena, sizeof *t);
        assert_non_null(t);
        assert_int_equal(hn_tensor_init(&b->env, &b->arena, t, HN_F32, 1, (int64_t[]){2}), HN_OK);
        for (size_t k = 0; k < 2; k++) hn_set_f64(t, k, in[i][k]);
        given[i] = t;
    }
    assert_int_equal(hn_oprun(&b->env, &b->arena, b->g, given, got), HN_OK);
    for (size_t i = 0; i < nout; i++)
        for (size_t k = 0; k < 2; k++) assert_float_equal(hn_get_f64(got[i], k), out[i][k], 1e-5);
    hn_arena_fini(&b->env, &b->arena);
}

/* y = x x z: the second derivative goes through the first. */
static void test_second_order(void **state)
{
    bench b;
    (void)state;
    begin(&b);
    hn_value *x = vector(&b, "x"), *z = vector(&b, "z");
    hn_value *y = hn_rw_2(&b.rw, "Mul", hn_rw_2(&b.rw, "Mul", x, x), z);
    hn_node *first = gradient(&b, 1, &x, y, &x, 1);
    hn_node *second = gradient(&b, 1, &x, first->out[0], &x, 1);
    assert_int_equal(hn_graph_output(b.g, first->out[0]), HN_OK);
    assert_int_equal(hn_graph_output(b.g, second->out[0]), HN_OK);
    expect(&b, 2, (const double[][2]){{1, 2}, {5, 7}}, 2, (const double[][2]){{10, 28}, {10, 14}});
}

/* With respect to an inner value, at another point; z is captured. */
static void test_inner_value(void **state)
{
    bench b;
    (void)state;
    begin(&b);
    hn_value *x = vector(&b, "x"), *z = vector(&b, "z"), *at = vector(&b, "at");
    hn_value *h = hn_rw_2(&b.rw, "Add", x, z);
    hn_value *y = hn_rw_2(&b.rw, "Mul", hn_rw_2(&b.rw, "Mul", h, h), z);
    hn_node *n = gradient(&b, 1, &h, y, &at, 1);
    assert_int_equal(n->ncaptures, 1);
    assert_int_equal(hn_graph_output(b.g, n->out[0]), HN_OK);
    expect(&b, 3, (const double[][2]){{9, 9}, {5, 7}, {2, 3}}, 1, (const double[][2]){{20, 42}});
}

/* What y does not depend on has the derivative zero. */
static void test_independent(void **state)
{
    bench b;
    (void)state;
    begin(&b);
    hn_value *v[] = {vector(&b, "x"), vector(&b, "z")};
    hn_node *n = gradient(&b, 2, v, hn_rw_1(&b.rw, "Neg", v[0]), v, 2);
    assert_int_equal(hn_graph_output(b.g, n->out[0]), HN_OK);
    assert_int_equal(hn_graph_output(b.g, n->out[1]), HN_OK);
    expect(&b, 2, (const double[][2]){{1, 2}, {5, 7}}, 2, (const double[][2]){{-1, -1}, {0, 0}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_second_order), cmocka_unit_test(test_inner_value),
                                       cmocka_unit_test(test_independent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
