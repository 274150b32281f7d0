/* Measured choices: keys tell apart what drivers may look at, rows survive the file, a foreign or damaged file is
 * refused, and lowering follows a row only where its driver takes the node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "device/choices.h"
#include "ops/ops.h"

typedef struct rig {
    hn_env env;
    hn_arena arena;
    hn_machine machine;
    hn_graph *g;
    hn_choices choices;
    char path[64];
} rig;

static int begin(void **state)
{
    rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    hn_env_init(&r->env);
    hn_machine_read(&r->machine);
    r->env.isa = r->machine.isa;
    r->g = hn_graph_new(&r->env, &r->arena, &hn_ops, "test");
    assert_non_null(r->g);
    snprintf(r->path, sizeof r->path, "/tmp/hone-choices-%ld", (long)getpid());
    *state = r;
    return 0;
}

static int end(void **state)
{
    rig *r = *state;
    unlink(r->path);
    hn_choices_fini(&r->env, &r->choices);
    hn_arena_fini(&r->env, &r->arena);
    free(r);
    return 0;
}

/* MatMul of [m, k] and a constant [k, n]. */
static hn_node *product(rig *r, int64_t m, int64_t n, int64_t k)
{
    hn_type a = hn_type_tensor(HN_F32, 2, (const int64_t[]){m, k});
    hn_tensor *b = hn_arena_alloc(&r->env, &r->arena, sizeof *b);
    assert_non_null(b);
    assert_int_equal(hn_tensor_init(&r->env, &r->arena, b, HN_F32, 2, (const int64_t[]){k, n}), HN_OK);
    hn_value *in[2] = {hn_graph_input(r->g, NULL, &a), hn_graph_const(r->g, NULL, b)};
    hn_node *node = hn_node_new(r->g, NULL, hn_op_find(&hn_ops, "", "MatMul"), NULL, 2, in, 1);
    assert_non_null(node);
    assert_int_equal(hn_node_infer(node), HN_OK);
    return node;
}

static void key_of(rig *r, const hn_node *n, char *key)
{
    assert_int_equal(hn_choice_key(&r->env, n, key), HN_OK);
    assert_int_equal(strlen(key), HN_KEY_BYTES - 1);
}

static void keys_tell_nodes_apart(void **state)
{
    rig *r = *state;
    char a[HN_KEY_BYTES], b[HN_KEY_BYTES];
    hn_node *n = product(r, 8, 16, 32);
    key_of(r, n, a);
    key_of(r, product(r, 8, 16, 32), b);
    assert_string_equal(a, b);
    key_of(r, product(r, 9, 16, 32), b);
    assert_string_not_equal(a, b);
    r->env.strict = true;
    key_of(r, n, b);
    assert_string_not_equal(a, b);
    r->env.strict = false;
    r->env.isa = 0;
    key_of(r, n, b);
    assert_string_not_equal(a, b);
    r->env.isa = r->machine.isa;
    hn_tensor *data = (hn_tensor *)(uintptr_t)n->in[1]->data;
    n->in[1]->data = NULL;
    key_of(r, n, b);
    assert_string_not_equal(a, b);
    n->in[1]->data = data;
    assert_int_equal(hn_node_set_int(n, "layout", 1), HN_OK);
    key_of(r, n, b);
    assert_string_not_equal(a, b);
}

static hn_choice row_of(const char *key, const char *driver, bool taken, double us)
{
    hn_choice c = {.taken = taken, .driver = hn_driver_find(driver), .us = us, .spread = 0.25};
    assert_non_null(c.driver);
    memcpy(c.key, key, HN_KEY_BYTES);
    return c;
}

static void rows_survive_the_file(void **state)
{
    rig *r = *state;
    char keys[3][HN_KEY_BYTES];
    hn_choices back;
    for (int i = 0; i < 3; i++) {
        key_of(r, product(r, 4 + i, 16, 32), keys[i]);
        hn_choice rows[2] = {row_of(keys[i], "gemm_f32", i != 1, 1.5 + i),
                             row_of(keys[i], "conv_f32", i == 1, 1 / 3.0)};
        rows[1].kernel = hn_kernel_rows[i];
        assert_int_equal(hn_choices_set(&r->env, &r->choices, rows, 2), HN_OK);
        assert_int_equal(hn_choices_set(&r->env, &r->choices, rows, 2), HN_OK); /* in place of the former */
    }
    assert_int_equal(r->choices.count, 6);
    assert_int_equal(hn_choices_save(&r->env, r->path, &r->machine, &r->choices), HN_OK);
    assert_int_equal(hn_choices_load(&r->env, r->path, &r->machine, &back), HN_OK);
    assert_int_equal(back.count, 6);
    for (int i = 0; i < 3; i++) {
        size_t n;
        const hn_choice *c = hn_choices_find(&back, keys[i], &n);
        assert_int_equal(n, 2);
        assert_string_equal(c[0].driver->name, "gemm_f32");
        assert_null(c[0].kernel);
        assert_int_equal(c[0].taken, i != 1);
        assert_true(c[0].us == 1.5 + i && c[0].spread == 0.25);
        assert_ptr_equal(c[1].kernel, hn_kernel_rows[i]);
        assert_true(c[1].us == 1 / 3.0);
    }
    hn_choices_fini(&r->env, &back);
}

static void foreign_and_absent_files(void **state)
{
    rig *r = *state;
    hn_choices back;
    hn_machine other = r->machine;
    assert_int_equal(hn_choices_load(&r->env, "/nonexistent/choices", &r->machine, &back), HN_OK);
    assert_int_equal(back.count, 0);
    other.l2_bytes *= 2;
    assert_int_equal(hn_choices_save(&r->env, r->path, &other, &r->choices), HN_OK);
    assert_int_equal(hn_choices_load(&r->env, r->path, &r->machine, &back), HN_UNSUPPORTED);
    assert_non_null(strstr(r->env.error.text, "another machine"));
}

/* Each line cut, lengthened or changed: an error that names the line, or rows that keep the law of one taken a key. */
static void damaged_files_are_refused(void **state)
{
    rig *r = *state;
    char key[HN_KEY_BYTES];
    key_of(r, product(r, 4, 16, 32), key);
    hn_choice rows[2] = {row_of(key, "gemm_f32", true, 2), row_of(key, "conv_f32", false, 3)};
    assert_int_equal(hn_choices_set(&r->env, &r->choices, rows, 2), HN_OK);
    assert_int_equal(hn_choices_save(&r->env, r->path, &r->machine, &r->choices), HN_OK);
    hn_map map;
    assert_int_equal(hn_map_open(&r->env, r->path, &map), HN_OK);
    size_t refused = 0;
    for (size_t round = 0; round < 3 * map.size; round++) {
        char text[4096];
        hn_choices back;
        size_t at = round / 3, size = map.size;
        assert_true(size < sizeof text);
        memcpy(text, map.data, size);
        if (round % 3 == 0) size = at;
        if (round % 3 == 1) text[at] = ' ';
        if (round % 3 == 2) text[at] ^= 1;
        assert_int_equal(hn_file_write(&r->env, r->path, text, size), HN_OK);
        hn_status st = hn_choices_load(&r->env, r->path, &r->machine, &back);
        assert_true(st == HN_OK || st == HN_INPUT || st == HN_UNSUPPORTED);
        refused += st != HN_OK;
        for (size_t i = 0; i < back.count;) {
            size_t n, taken = 0;
            (void)hn_choices_find(&back, back.row[i].key, &n);
            for (size_t k = 0; k < n; k++) taken += back.row[i + k].taken;
            assert_int_equal(taken, 1);
            i += n;
        }
        hn_choices_fini(&r->env, &back);
        hn_error_clear(&r->env);
    }
    assert_true(refused > map.size);
    hn_map_close(&map);
}

static const hn_driver *lowered(rig *r, const hn_node *n, hn_lower *c)
{
    const hn_driver *d;
    *c = (hn_lower){.env = &r->env, .arena = &r->arena, .node = n, .machine = &r->machine, .isa = r->env.isa};
    assert_int_equal(hn_device_lower(c, &d, NULL, NULL), HN_OK);
    return d;
}

static void lowering_follows_a_fitting_row(void **state)
{
    rig *r = *state;
    hn_node *n = product(r, 64, 20, 32);
    char key[HN_KEY_BYTES];
    hn_lower c;
    key_of(r, n, key);
    assert_string_equal(lowered(r, n, &c)->name, "gemm_f32");
    const hn_kernel *rule = c.kernels[0], *other = NULL;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, "gemm_f32") == 0 && k != rule && (k->isa & ~r->env.isa) == 0) other = k;
    }
    if (other == NULL) return; /* a machine with the generic kernel alone */
    hn_choice row = row_of(key, "gemm_f32", true, 1);
    row.kernel = other;
    assert_int_equal(hn_choices_set(&r->env, &r->choices, &row, 1), HN_OK);
    r->env.choices = &r->choices;
    assert_string_equal(lowered(r, n, &c)->name, "gemm_f32");
    assert_ptr_equal(c.kernels[0], other);
    /* A driver of another operator is not asked; the rules go on. */
    row = row_of(key, "concat", true, 1);
    assert_int_equal(hn_choices_set(&r->env, &r->choices, &row, 1), HN_OK);
    assert_string_equal(lowered(r, n, &c)->name, "gemm_f32");
    assert_ptr_equal(c.kernels[0], rule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_tell_nodes_apart, begin, end),
        cmocka_unit_test_setup_teardown(rows_survive_the_file, begin, end),
        cmocka_unit_test_setup_teardown(foreign_and_absent_files, begin, end),
        cmocka_unit_test_setup_teardown(damaged_files_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(lowering_follows_a_fitting_row, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
