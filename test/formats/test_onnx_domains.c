/* onnx_domains: what the reader makes of old LabelEncoders and of Gradient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/model.h"
#include "support/onnx_build.h"
#include "support/refrun.h"

typedef struct fixture {
    hn_env env;
    hn_arena arena;
    hn_ob o;
    hn_model *m;
} fixture;

static void begin(fixture *f)
{
    *f = (fixture){0};
    hn_env_init(&f->env);
    hn_ob_model(&f->o, &f->env, 21);
    hn_ob_in(&f->o, "x", HN_F32, 1, (int64_t[]){4});
}

static void strings(hn_ob *o, const char *name, size_t count, const char *const *v)
{
    hn_ob_open(o, 5);
    hn_pb_put_str(o->env, &o->b, 1, name);
    for (size_t i = 0; i < count; i++) hn_pb_put_str(o->env, &o->b, 9, v[i]);
    hn_pb_put_int(o->env, &o->b, 20, 8);
    hn_ob_close(o);
}

static void open_in(fixture *f, const char *domain, const char *op, const char *ins, const char *outs)
{
    hn_ob_node_open(&f->o, op, ins, outs);
    hn_pb_put_str(&f->env, &f->o.b, 7, domain);
}

static void cast(fixture *f, const char *from, const char *to, hn_dtype dtype)
{
    hn_ob_node_open(&f->o, "Cast", from, to);
    hn_ob_int(&f->o, "to", (int64_t)dtype);
    hn_ob_close(&f->o);
}

static hn_status load(fixture *f)
{
    hn_ob_out(&f->o, "y");
    hn_ob_close_all(&f->o);
    return hn_model_open_bytes(&f->env, "m", f->o.b.data, f->o.b.size, NULL, &f->m);
}

static void end(fixture *f)
{
    hn_model_close(&f->env, f->m);
    hn_arena_fini(&f->env, &f->arena);
    hn_ob_fini(&f->o);
}

/* y for x = 0, 1, 2, 3 */
static void gives(fixture *f, const double *want)
{
    hn_tensor x;
    const hn_tensor *in[1] = {&x}, *out[4] = {NULL};
    if (load(f) != HN_OK) fail_msg("%s", f->env.error.text);
    assert_int_equal(hn_tensor_init(&f->env, &f->arena, &x, HN_F32, 1, (int64_t[]){4}), HN_OK);
    for (size_t i = 0; i < 4; i++) hn_set_f64(&x, i, (double)i);
    if (hn_refrun(&f->env, &f->arena, f->m->graph, in, out) != HN_OK) fail_msg("%s", f->env.error.text);
    for (size_t i = 0; i < 4; i++) assert_float_equal(hn_get_f64(out[0], i), want[i], 1e-3);
    end(f);
}

/* Places to classes and back; what has no class takes the default of its direction. */
static void test_old_label_encoder(void **state)
{
    static const char *const classes[] = {"zero", "one", "?"};
    fixture f;
    (void)state;
    begin(&f);
    cast(&f, "x", "i", HN_I64);
    open_in(&f, "ai.onnx.ml", "LabelEncoder", "i", "s");
    strings(&f.o, "classes_strings", 2, classes);
    hn_ob_str(&f.o, "default_string", "?");
    hn_ob_int(&f.o, "default_int64", 7);
    hn_ob_close(&f.o);
    open_in(&f, "ai.onnx.ml", "LabelEncoder", "s", "j");
    strings(&f.o, "classes_strings", 3, classes);
    hn_ob_close(&f.o);
    cast(&f, "j", "y", HN_F32);
    gives(&f, (const double[]){0, 1, 2, 2});
}

static void gradient(fixture *f, const char *x, const char *y)
{
    const char *const xs[] = {x};
    begin(f);
    hn_ob_node(&f->o, "Mul", "x,x", "h");
    hn_ob_node(&f->o, "Mul", "h,x", "z");
    open_in(f, "ai.onnx.preview.training", "Gradient", "x", "y");
    strings(&f->o, "xs", 1, xs);
    hn_ob_str(&f->o, "y", y);
    hn_ob_close(&f->o);
}

/* z = x x x: 3 x x; at h = x with the other factor kept, z = h x: x. */
static void test_gradient(void **state)
{
    fixture f;
    (void)state;
    gradient(&f, "x", "z");
    gives(&f, (const double[]){0, 3, 12, 27});
    gradient(&f, "h", "z");
    gives(&f, (const double[]){0, 1, 2, 3});
}

static void test_gradient_of_nothing(void **state)
{
    fixture f;
    (void)state;
    gradient(&f, "x", "nobody");
    assert_int_equal(load(&f), HN_INPUT);
    assert_non_null(strstr(f.env.error.text, "nobody"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_old_label_encoder), cmocka_unit_test(test_gradient),
                                       cmocka_unit_test(test_gradient_of_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
