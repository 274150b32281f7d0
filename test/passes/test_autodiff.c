/* autodiff: what the row tests cannot see - several uses, several outputs, dead branches, decompositions in a chain,
 * refusals. labels: torture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "ops/ops.h"
#include "passes/autodiff.h"
#include "support/oprun.h"
#include "support/rig.h"

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
    b->g = hn_graph_new(&b->env, &b->arena, &hn_ops, "net");
    assert_non_null(b->g);
    b->rw = hn_rw_at(b->g, NULL);
}

static void end(bench *b)
{
    hn_arena_fini(&b->env, &b->arena);
}

static hn_value *input(bench *b, const char *name, hn_dtype dtype, int64_t n)
{
    hn_type t = hn_type_tensor(dtype, 1, &n);
    hn_value *v = hn_graph_input(b->g, name, &t);
    assert_non_null(v);
    return v;
}

static hn_value *sum(bench *b, hn_value *v)
{
    return hn_rw_op(&b->rw, "ReduceSum", 1, &v, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
}

/* Runs the graph with one f64 input of n values; out[i][j] is element j of output i. */
static void run(bench *b, size_t n, double *x, size_t nout, const double *const *want)
{
    hn_tensor in, *out[4] = {NULL};
    const hn_tensor *args[] = {&in};
    int64_t dim = (int64_t)n;
    assert_int_equal(hn_tensor_view(&b->env, &in, HN_F64, 1, &dim, x, n * sizeof(double)), HN_OK);
    assert_int_equal(hn_graph_verify(&b->env, b->g), HN_OK);
    assert_int_equal(hn_oprun(&b->env, &b->arena, b->g, args, out), HN_OK);
    for (size_t i = 0; i < nout; i++)
        for (size_t j = 0; j < hn_tensor_elems(out[i]); j++)
            assert_float_equal(hn_get_f64(out[i], j), want[i][j], 1e-9);
}

/* loss = sum(x * x + x), so dx = 2x + 1; x has three uses. */
static void test_uses_add_up(void **state)
{
    bench b;
    hn_value *dx;
    double at[] = {1, -2, 0.5};
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 3);
    hn_value *loss = sum(&b, hn_rw_2(&b.rw, "Add", hn_rw_2(&b.rw, "Mul", x, x), x));
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 1, &x, &dx), HN_OK);
    assert_int_equal(hn_graph_output(b.g, dx), HN_OK);
    run(&b, 3, at, 1, (const double *const[]){(const double[]){3, -3, 2}});
    end(&b);
}

/* An inner value and a constant can be asked for; what the loss does not depend on gets zeros of its shape. */
static void test_inner_constant_and_zero(void **state)
{
    bench b;
    hn_value *grad[3];
    double at[] = {3, 4};
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 2);
    hn_value *c = hn_rw_const(&b.rw, HN_F64, 1, (const int64_t[]){2}, (const double[]){10, 20});
    hn_value *y = hn_rw_2(&b.rw, "Mul", x, c);
    hn_value *apart = hn_rw_1(&b.rw, "Exp", x);
    hn_value *loss = sum(&b, hn_rw_2(&b.rw, "Mul", y, y));
    hn_value *wrt[] = {y, c, apart};
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 3, wrt, grad), HN_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(hn_graph_output(b.g, grad[i]), HN_OK);
    run(&b, 2, at, 3,
        (const double *const[]){(const double[]){60, 160}, (const double[]){180, 640}, (const double[]){0, 0}});
    end(&b);
}

/* Only one piece of a Split reaches the loss. */
static void test_one_of_several_outputs(void **state)
{
    bench b;
    hn_value *dx;
    double at[] = {1, 2, 3, 4};
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 4);
    hn_value *in[] = {x, hn_rw_ints(&b.rw, (const int64_t[]){1, 3}, 2)};
    hn_node *split = hn_rw_node(&b.rw, "Split", 2, in, 2, NULL);
    assert_non_null(split);
    hn_value *loss = sum(&b, hn_rw_1(&b.rw, "Neg", split->out[1]));
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 1, &x, &dx), HN_OK);
    assert_int_equal(hn_graph_output(b.g, dx), HN_OK);
    run(&b, 4, at, 1, (const double *const[]){(const double[]){0, -1, -1, -1}});
    end(&b);
}

/* Gelu and ReduceL2 are differentiated through what they decompose into; the nodes themselves stay. */
static void test_decompositions(void **state)
{
    bench b;
    hn_value *dx;
    double at[] = {0.3, -1.2}, want[2], norm = 0, y[2];
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 2);
    hn_value *gelu = hn_rw_1(&b.rw, "Gelu", x);
    hn_value *loss = hn_rw_op(&b.rw, "ReduceL2", 1, &gelu, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 1, &x, &dx), HN_OK);
    assert_ptr_equal(loss->producer->in[0], gelu);
    assert_int_equal(hn_graph_output(b.g, dx), HN_OK);
    for (int i = 0; i < 2; i++) {
        double phi = 0.5 * (1 + erf(at[i] / sqrt(2)));
        y[i] = at[i] * phi;
        want[i] = phi + at[i] * exp(-at[i] * at[i] / 2) * 0.3989422804014327;
        norm += y[i] * y[i];
    }
    for (int i = 0; i < 2; i++) want[i] *= y[i] / sqrt(norm);
    run(&b, 2, at, 1, (const double *const[]){want});
    end(&b);
}

/* Every node that was added serves a gradient that was asked for. */
static void test_nothing_unused_is_left(void **state)
{
    bench b;
    hn_value *dx;
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 4), *w = input(&b, "w", HN_F64, 4);
    hn_value *loss = sum(&b, hn_rw_1(&b.rw, "Mish", hn_rw_2(&b.rw, "Pow", x, w)));
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 1, &x, &dx), HN_OK);
    for (const hn_node *n = b.g->first; n; n = n->next) {
        bool used = false;
        for (size_t i = 0; i < n->nout; i++) used |= n->out[i]->nuses > 0 || n->out[i] == loss || n->out[i] == dx;
        if (!used) fail_msg("%s is left over", n->op->name);
    }
    end(&b);
}

static void test_refusals(void **state)
{
    bench b;
    hn_value *dx;
    (void)state;
    begin(&b);
    hn_value *x = input(&b, "x", HN_F64, 4);
    assert_int_equal(hn_autodiff(&b.env, b.g, x, 1, &x, &dx), HN_INPUT);
    hn_error_clear(&b.env);
    hn_value *sum = hn_rw_op(&b.rw, "ReduceSum", 1, &x, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
    hn_value *loss = hn_rw_op(&b.rw, "BitCast", 1, &sum, (const hn_rw_attr[]){HN_A_INT("to", HN_F64), {0}});
    assert_int_equal(hn_autodiff(&b.env, b.g, loss, 1, &x, &dx), HN_UNSUPPORTED);
    assert_non_null(strstr(b.env.error.text, "BitCast"));
    assert_non_null(strstr(b.env.error.text, "bits are not numbers"));
    hn_error_clear(&b.env);
    /* The same node out of the way of what is asked for does not matter. */
    hn_value *other = hn_rw_1(&b.rw, "Exp", loss);
    assert_int_equal(hn_autodiff(&b.env, b.g, other, 1, &loss, &dx), HN_OK);
    end(&b);
}

static hn_status build_and_differentiate(hn_env *env)
{
    hn_arena arena = {0};
    hn_type t = hn_type_tensor(HN_F32, 2, (const int64_t[]){2, 3});
    hn_value *dx = NULL, *x = NULL;
    hn_status st = HN_NOMEM;
    hn_graph *g = hn_graph_new(env, &arena, &hn_ops, "net");
    if (g) x = hn_graph_input(g, "x", &t);
    if (x) {
        hn_rw rw = hn_rw_at(g, NULL);
        hn_value *y = hn_rw_1(&rw, "HardSwish", hn_rw_2(&rw, "Mul", x, x));
        hn_value *loss = hn_rw_op(&rw, "ReduceMean", 1, &y, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
        st = hn_rw_status(&rw);
        if (st == HN_OK) st = hn_autodiff(env, g, loss, 1, &x, &dx);
    }
    hn_arena_fini(env, &arena);
    return st;
}

static void test_every_allocation_may_fail(void **state)
{
    hn_env env;
    hn_rig rig;
    bool done = false;
    (void)state;
    hn_rig_init(&rig, &env);
    HN_RIG_TORTURE(rig, env, done, 2000)
    {
        done = hn_rig_check(&rig, &env, build_and_differentiate(&env));
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_uses_add_up),
                                       cmocka_unit_test(test_inner_constant_and_zero),
                                       cmocka_unit_test(test_one_of_several_outputs),
                                       cmocka_unit_test(test_decompositions),
                                       cmocka_unit_test(test_nothing_unused_is_left),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
