/* tune: every node with a choice is timed once a kind, exactly one candidate is taken, and a model gives what it gave
 * before within its numerics class. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"
#include "optimize/tune.h"

static hn_value *constant(hn_graph *g, int rank, const int64_t *dims)
{
    hn_tensor *t = hn_arena_alloc(g->env, g->arena, sizeof *t);
    assert_non_null(t);
    assert_int_equal(hn_tensor_init(g->env, g->arena, t, HN_F32, rank, dims), HN_OK);
    for (size_t i = 0; i < hn_tensor_elems(t); i++) ((float *)t->data)[i] = (float)(i % 7) - 3;
    hn_value *v = hn_graph_const(g, NULL, t);
    assert_non_null(v);
    return v;
}

/* Two 3 x 3 convolutions of one shape, channels last, then one of 1 x 1. */
static hn_graph *convolutions(hn_env *env, hn_arena *arena)
{
    hn_graph *g = hn_graph_new(env, arena, &hn_ops, "test");
    hn_type t = hn_type_tensor(HN_F32, 4, (const int64_t[]){1, 12, 12, 32});
    hn_value *x = hn_graph_input(g, "x", &t);
    for (int i = 0; i < 3; i++) {
        int64_t k = i < 2 ? 3 : 1;
        hn_value *in[2] = {x, constant(g, 4, (const int64_t[]){32, 32, k, k})};
        hn_node *n = hn_node_new(g, NULL, hn_op_find(&hn_ops, "hone", "Conv"), NULL, 2, in, 1);
        assert_non_null(n);
        assert_int_equal(hn_node_set_int(n, "layout", 1), HN_OK);
        assert_int_equal(hn_node_set_ints(n, "pads", (const int64_t[]){k / 2, k / 2, k / 2, k / 2}, 4), HN_OK);
        assert_int_equal(hn_node_infer(n), HN_OK);
        x = n->out[0];
    }
    assert_int_equal(hn_graph_output(g, x), HN_OK);
    return g;
}

static void each_kind_is_timed_once(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    hn_machine m;
    hn_choices choices = {0};
    hn_tune_result r;
    hn_tune_options o = {0};
    hn_env_init(&env);
    hn_machine_read(&m);
    env.isa = m.isa;
    hn_graph *g = convolutions(&env, &arena);
    assert_int_equal(hn_tune_graph(&env, &arena, &m, g, &o, &choices, &r), HN_OK);
    assert_int_equal(r.left, 0);
    assert_true(r.count >= 1 && r.count <= 2);
    assert_int_equal(r.nodes[0].uses, 2); /* the dearer kind comes first */
    for (size_t i = 0; i < r.count; i++) {
        size_t n, taken = 0;
        const hn_tuned *t = &r.nodes[i];
        const hn_choice *row = hn_choices_find(&choices, t->rows[0].key, &n);
        assert_non_null(row);
        assert_int_equal(n, t->count);
        assert_true(n >= 2);
        for (size_t k = 0; k < n; k++) {
            taken += row[k].taken;
            assert_true(row[k].us > 0);
        }
        assert_int_equal(taken, 1);
        assert_true(t->rows[t->taken].us <= t->rows[0].us);
    }
    hn_choices_fini(&env, &choices);
    hn_arena_fini(&env, &arena);
}

static void time_that_is_out_leaves_nodes_to_the_rules(void **state)
{
    (void)state;
    hn_env env;
    hn_arena arena = {0};
    hn_machine m;
    hn_choices choices = {0};
    hn_tune_result r;
    hn_tune_options o = {.budget_s = 1e-12};
    hn_env_init(&env);
    hn_machine_read(&m);
    env.isa = m.isa;
    hn_graph *g = convolutions(&env, &arena);
    assert_int_equal(hn_tune_graph(&env, &arena, &m, g, &o, &choices, &r), HN_OK);
    assert_int_equal(choices.count, 0);
    assert_int_equal(r.left, r.count);
    assert_int_equal(r.count, 2);
    hn_arena_fini(&env, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_timed_once),
        cmocka_unit_test(time_that_is_out_leaves_nodes_to_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
