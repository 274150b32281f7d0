/* inspect_ops: what a model needs and this program has not is named - operator, domain, node, type - before anything
 * runs; and what it has is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/pb.h"
#include "hone/hone.h"
#include "support/onnx_build.h"

typedef struct fixture {
    hn_env env;
    hn_ob o;
    char path[64];
    int64_t ml; /* imported version of ai.onnx.ml; 0: none */
    hone_env *e;
    hone_record *rec;
} fixture;

static void begin(fixture *f, int64_t opset, hn_dtype dtype)
{
    *f = (fixture){.path = "/tmp/hone-inspect-XXXXXX"};
    hn_env_init(&f->env);
    hn_ob_model(&f->o, &f->env, opset);
    hn_ob_in(&f->o, "x", dtype, 2, (int64_t[]){2, 3});
}

static hone_status inspect(fixture *f)
{
    hn_ob_out(&f->o, "y");
    hn_ob_close_all(&f->o);
    if (f->ml) {
        hn_ob_open(&f->o, 8);
        hn_pb_put_str(&f->env, &f->o.b, 1, "ai.onnx.ml");
        hn_pb_put_int(&f->env, &f->o.b, 2, f->ml);
        hn_ob_close(&f->o);
    }
    int file = mkstemp(f->path);
    assert_true(file >= 0);
    assert_int_equal(write(file, f->o.b.data, f->o.b.size), (ssize_t)f->o.b.size);
    close(file);
    assert_int_equal(hone_env_new(NULL, &f->e), HONE_OK);
    hone_inspect_options o = {.ops = true};
    return hone_inspect(f->e, f->path, &o, &f->rec);
}

static void end(fixture *f)
{
    hone_record_free(f->rec);
    hone_env_free(f->e);
    unlink(f->path);
    hn_ob_fini(&f->o);
}

static void says(fixture *f, const char *field, const char *text)
{
    const char *got = hone_record_string(f->rec, field, "");
    if (!strstr(got, text)) fail_msg("%s is \"%s\", without \"%s\"", field, got, text);
}

static void test_counts(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 21, HN_F32);
    hn_ob_node(&f.o, "Relu", "x", "a");
    hn_ob_node(&f.o, "Relu", "a", "b");
    hn_ob_node(&f.o, "Add", "a,b", "y");
    assert_int_equal(inspect(&f), HONE_OK);
    assert_int_equal(hone_record_count(f.rec, "ops"), 2);
    assert_int_equal(hone_record_int(f.rec, "ops.1.count", 0), 2);
    assert_string_equal(hone_record_string(f.rec, "unsupported", ""), "");
    end(&f);
}

static void refused(int64_t opset, hn_dtype dtype, const char *op, const char *attr, const char *const *parts)
{
    fixture f;
    begin(&f, opset, dtype);
    hn_ob_node(&f.o, "Identity", "x", "a");
    hn_ob_node_open(&f.o, op, "a", "y");
    if (attr) hn_ob_int(&f.o, attr, 1);
    hn_ob_close(&f.o);
    hone_status st = inspect(&f);
    const char *text = st == HONE_OK ? hone_record_string(f.rec, "unsupported", "") : hone_env_message(f.e);
    for (size_t i = 0; parts[i]; i++)
        if (!strstr(text, parts[i])) fail_msg("\"%s\" does not say \"%s\"", text, parts[i]);
    end(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    refused(21, HN_F32, "NoSuchOperator", NULL,
            (const char *const[]){"NoSuchOperator", "ai.onnx", "21", "\"y\"", NULL});
    refused(21, HN_STRING, "Relu", NULL, (const char *const[]){"Relu", "string", "\"y\"", NULL});
    refused(21, HN_F32, "Relu", "slope", (const char *const[]){"Relu", "slope", "\"y\"", NULL});
    refused(99, HN_F32, "Relu", NULL, (const char *const[]){"opset 99", NULL});
}

static void test_all_are_named(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 21, HN_F32);
    hn_ob_node(&f.o, "FirstUnknown", "x", "a");
    hn_ob_node(&f.o, "SecondUnknown", "a", "b");
    hn_ob_node(&f.o, "FirstUnknown", "b", "y");
    assert_int_equal(inspect(&f), HONE_OK);
    says(&f, "unsupported", "FirstUnknown");
    says(&f, "unsupported", "SecondUnknown");
    says(&f, "unsupported", "2 further nodes");
    end(&f);
}

static void binarizer(int64_t version, const char *want)
{
    fixture f;
    begin(&f, 21, HN_F32);
    f.ml = version;
    hn_ob_node_open(&f.o, "Binarizer", "x", "y");
    hn_pb_put_str(&f.env, &f.o.b, 7, "ai.onnx.ml");
    hn_ob_close(&f.o);
    assert_int_equal(inspect(&f), HONE_OK);
    says(&f, "unsupported", want);
    if (want[0] == '\0') assert_string_equal(hone_record_string(f.rec, "unsupported", ""), "");
    end(&f);
}

static void test_versions_of_domains(void **state)
{
    (void)state;
    binarizer(5, "");
    binarizer(6, "operator Binarizer of domain ai.onnx.ml, opset 6, is not supported");
}

static void test_sequence_of_any_shape(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 21, HN_F32);
    hn_ob_open(&f.o, 11);
    hn_pb_put_str(&f.env, &f.o.b, 1, "s");
    hn_ob_open(&f.o, 2); /* TypeProto */
    hn_ob_open(&f.o, 4); /* sequence */
    hn_ob_open(&f.o, 1); /* of */
    hn_ob_open(&f.o, 1); /* tensors */
    hn_pb_put_int(&f.env, &f.o.b, 1, HN_F32);
    for (int i = 0; i < 5; i++) hn_ob_close(&f.o);
    hn_ob_node(&f.o, "SequenceInsert", "s,x", "y");
    assert_int_equal(inspect(&f), HONE_OK);
    assert_string_equal(hone_record_string(f.rec, "unsupported", ""), "");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_all_are_named), cmocka_unit_test(test_versions_of_domains),
                                       cmocka_unit_test(test_sequence_of_any_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
