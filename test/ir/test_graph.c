/* graph: use lists, order, cloning, checks, inference, binding, verification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ir/rewrite.h"
#include "support/tinyops.h"

typedef struct fixture {
    hn_env env;
    hn_arena arena;
    hn_graph *g;
} fixture;

static void make(fixture *f, const char *text)
{
    *f = (fixture){0};
    hn_env_init(&f->env);
    f->g = hn_graph_parse(&f->env, &f->arena, &tiny_ops, text, strlen(text));
    if (f->g == NULL) fail_msg("%s", f->env.error.text);
}

static void end(fixture *f)
{
    hn_arena_fini(&f->env, &f->arena);
}

#define OK(expr)                                                          \
    do {                                                                  \
        if ((expr) != HN_OK) fail_msg("%s: %s", #expr, f.env.error.text); \
    } while (0)

static const char *const chain = "graph \"g\" opset 21 { input %x : f32[N,3] const %w : f32[3] = [1.0, 2.0, 3.0]\n"
                                 "%a = Relu(%x) %b = Add(%a, %w) %c = Add(%b, %a) output %c output %a }";

static void test_uses_follow_rewiring(void **state)
{
    (void)state;
    fixture f;
    make(&f, chain);
    hn_value *a = hn_graph_find(f.g, "a"), *b = hn_graph_find(f.g, "b"), *x = hn_graph_find(f.g, "x");
    assert_int_equal(a->nuses, 3);
    assert_true(hn_value_is_output(a));
    assert_false(hn_value_can_take(a, x));
    assert_true(hn_value_can_take(a, b));
    hn_value_replace(a, x);
    assert_int_equal(a->nuses, 0);
    assert_int_equal(x->nuses, 4);
    assert_ptr_equal(f.g->out[1], x);
    hn_node_remove(a->producer);
    assert_int_equal(x->nuses, 3);
    assert_int_equal(f.g->nnodes, 2);
    OK(hn_graph_verify(&f.env, f.g));
    hn_node_input_set(b->producer, 1, NULL);
    assert_int_equal(hn_graph_verify(&f.env, f.g), HN_BUG);
    end(&f);
}

static void test_sort_restores_order(void **state)
{
    (void)state;
    fixture f;
    make(&f, chain);
    hn_node *a = f.g->first, *b = a->next, *c = b->next;
    hn_node_move_before(a, NULL);
    assert_int_equal(hn_graph_verify(&f.env, f.g), HN_BUG);
    hn_error_clear(&f.env);
    OK(hn_graph_sort(f.g));
    OK(hn_graph_verify(&f.env, f.g));
    assert_ptr_equal(f.g->first, a);
    assert_ptr_equal(f.g->last, c);
    hn_node_input_set(a, 0, c->out[0]);
    assert_int_equal(hn_graph_sort(f.g), HN_INPUT);
    assert_non_null(strstr(f.env.error.text, "depends on its own output"));
    assert_ptr_equal(b->prev, a);
    end(&f);
}

static void test_inference_and_binding(void **state)
{
    (void)state;
    fixture f;
    make(&f, chain);
    OK(hn_graph_infer(f.g));
    char text[64];
    hn_type_describe(f.g, &f.g->out[0]->type, text, sizeof(text));
    assert_string_equal(text, "f32[N,3]");
    OK(hn_graph_bind(f.g, 0, 2, (int64_t[]){5, -1}));
    assert_int_equal(f.g->out[0]->type.rank, -1);
    OK(hn_graph_infer(f.g));
    hn_type_describe(f.g, &f.g->out[0]->type, text, sizeof(text));
    assert_string_equal(text, "f32[5,3]");
    assert_int_equal(hn_type_elems(&f.g->out[0]->type), 15);
    assert_int_equal(hn_type_bytes(&f.g->out[0]->type), 60);
    assert_int_equal(hn_graph_bind(f.g, 0, 2, (int64_t[]){5, 4}), HN_INPUT);
    end(&f);
}

static void test_declared_types_are_checked(void **state)
{
    (void)state;
    fixture f;
    make(&f, "graph \"\" opset 1 { input %x : f32[2,N] %a : f32[?,7] = Relu(%x) %b : f32[3,7] = Relu(%a) output %b }");
    assert_int_equal(hn_graph_infer(f.g), HN_INPUT);
    assert_string_equal(f.env.error.text,
                        "node b (Relu), output 0: declared as f32[3,7], but its shape and type work out as f32[2,7]");
    end(&f);
}

static const char *const branches =
    "graph \"\" opset 1 { input %c : bool[] input %x : f32[2,3] const %s : i64[2] = [3, 2]\n"
    "%y = If(%c, %x, %s) captures 2 region \"a\" { input %p : ?[*] input %q : ?[*] %r = Reshape(%p, %q) output %r }\n"
    "region \"b\" { input %p : ?[*] input %q : ?[*] %r = Transpose(%p) {perm = [1, 0]} output %r }\n"
    "%z = Relu(%y) output %z }";

static void test_regions_see_captured_data(void **state)
{
    (void)state;
    fixture f;
    make(&f, branches);
    OK(hn_graph_infer(f.g));
    char text[64];
    hn_type_describe(f.g, &f.g->out[0]->type, text, sizeof(text));
    assert_string_equal(text, "f32[3,2]");
    hn_graph *r = f.g->first->regions[0];
    assert_null(r->in[1]->data);
    assert_int_equal(r->in[1]->type.dtype, HN_I64);
    OK(hn_graph_verify(&f.env, f.g));
    end(&f);
}

static void test_inline_region(void **state)
{
    (void)state;
    fixture f;
    make(&f, branches);
    OK(hn_graph_infer(f.g));
    hn_node *n = f.g->first;
    hn_rw rw = hn_rw_at(f.g, n);
    hn_value *out[1];
    OK(hn_rw_inline(&rw, n->regions[0], n->in + 1, out));
    OK(hn_rw_replace(&rw, n, out));
    OK(hn_graph_verify(&f.env, f.g));
    assert_true(hn_node_is(f.g->first, "Reshape"));
    assert_int_equal(f.g->nnodes, 2);
    assert_string_equal(f.g->first->out[0]->name, "y");
    end(&f);
}

static void test_outputs_keep_their_names(void **state)
{
    (void)state;
    fixture f;
    make(&f, "graph \"\" opset 1 { input %x : f32[2] %y = Identity(%x) %t = Relu(%x) %z = Identity(%t) output %y "
             "output %z }");
    OK(hn_graph_infer(f.g));
    hn_node *first = f.g->first, *last = f.g->last;
    hn_rw rw = hn_rw_at(f.g, last);
    OK(hn_rw_replace(&rw, last, last->in));
    rw = hn_rw_at(f.g, first);
    OK(hn_rw_replace(&rw, first, first->in));
    OK(hn_graph_verify(&f.env, f.g));
    assert_string_equal(f.g->out[0]->name, "y");
    assert_string_equal(f.g->out[1]->name, "z");
    assert_true(hn_node_is(f.g->out[0]->producer, "Identity"));
    assert_true(hn_node_is(f.g->out[1]->producer, "Relu"));
    end(&f);
}

static void test_attributes(void **state)
{
    (void)state;
    fixture f;
    make(&f, "graph \"\" opset 1 { input %x : f32[2] %y = hone.Thing(%x) {axis = 2} output %y }");
    hn_node *n = f.g->first;
    assert_true(hn_node_is(n, "hone.Thing"));
    assert_false(hn_node_is(n, "Thing"));
    assert_int_equal(hn_attr_int(n, "axis", 9), 2);
    assert_int_equal(hn_attr_int(n, "other", 9), 9);
    assert_true(hn_attr_float(n, "alpha", 0) == 0.25);
    assert_true(hn_attr_is(n, "mode", "NOTSET"));
    OK(hn_node_set_string(n, "mode", "SAME"));
    OK(hn_node_set_ints(n, "pads", (int64_t[]){1, 2}, 2));
    OK(hn_node_set_int(n, "axis", 5));
    assert_true(hn_attr_is(n, "mode", "SAME"));
    const int64_t *pads;
    assert_int_equal(hn_attr_ints(n, "pads", &pads), 2);
    assert_int_equal(pads[1], 2);
    hn_node_unset(n, "mode");
    assert_null(hn_node_attr(n, "mode"));
    assert_int_equal(hn_attr_int(n, "axis", 9), 5);
    end(&f);
}

static void test_type_join(void **state)
{
    (void)state;
    hn_type a = hn_type_tensor(HN_F32, 2, (int64_t[]){2, 3}), b = hn_type_tensor(HN_F32, 2, (int64_t[]){2, 4}), j;
    assert_true(hn_type_join(&a, &b, &j));
    assert_int_equal(j.dims[0], 2);
    assert_int_equal(j.dims[1], -1);
    b.rank = 1;
    assert_true(hn_type_join(&a, &b, &j));
    assert_int_equal(j.rank, -1);
    b.dtype = HN_I8;
    assert_false(hn_type_join(&a, &b, &j));
    assert_false(hn_type_known(&j));
}

static void test_rewriter_errors_stick(void **state)
{
    (void)state;
    fixture f;
    make(&f, chain);
    OK(hn_graph_infer(f.g));
    hn_rw rw = hn_rw_at(f.g, NULL);
    hn_value *x = f.g->in[0];
    hn_value *t = hn_rw_transpose(&rw, x, (int64_t[]){1, 0}, 2);
    assert_int_equal(t->type.dims[0], 3);
    hn_value *r = hn_rw_reshape(&rw, t, 1, (int64_t[]){12});
    assert_int_equal(r->type.rank, 1);
    assert_null(hn_rw_1(&rw, "Nope", r));
    assert_null(hn_rw_2(&rw, "Add", r, hn_rw_scalar(&rw, HN_F32, 1)));
    assert_int_equal(hn_rw_status(&rw), HN_BUG);
    end(&f);
}

static void test_unbroadcast(void **state)
{
    (void)state;
    fixture f;
    make(&f, "graph \"\" opset 1 { input %x : f32[5,2,3] input %l : f32[1,3] %y = Relu(%x) output %y }");
    hn_rw rw = hn_rw_at(f.g, NULL);
    hn_value *s = hn_rw_unbroadcast(&rw, f.g->in[0], f.g->in[1]);
    OK(hn_rw_status(&rw));
    assert_true(hn_type_same(&s->type, &f.g->in[1]->type));
    assert_true(hn_node_is(s->producer, "Reshape"));
    assert_int_equal(hn_tensor_elems(hn_node_const(s->producer->in[0]->producer, 1)), 2);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uses_follow_rewiring),
        cmocka_unit_test(test_sort_restores_order),
        cmocka_unit_test(test_inference_and_binding),
        cmocka_unit_test(test_declared_types_are_checked),
        cmocka_unit_test(test_regions_see_captured_data),
        cmocka_unit_test(test_inline_region),
        cmocka_unit_test(test_outputs_keep_their_names),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_type_join),
        cmocka_unit_test(test_rewriter_errors_stick),
        cmocka_unit_test(test_unbroadcast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
