/* If, Loop and Scan against values worked out by hand, as the rows are specified in ONNX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/planrun.h"

static hn_env env;
static planrun r;
static hn_tensor out[8];

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    planrun_close(&r);
    return 0;
}

static hn_tensor f32(int rank, int64_t a, int64_t b, const float *data)
{
    hn_tensor t = {.dtype = HN_F32, .rank = rank, .dims = {a, b}, .data = (void *)(uintptr_t)data};
    t.bytes = (size_t)(a * (rank > 1 ? b : 1)) * 4;
    return t;
}

static hn_tensor flag(const uint8_t *v)
{
    return (hn_tensor){.dtype = HN_BOOL, .data = (void *)(uintptr_t)v, .bytes = 1};
}
static hn_tensor count(const int64_t *v)
{
    return (hn_tensor){.dtype = HN_I64, .data = (void *)(uintptr_t)v, .bytes = 8};
}

static void run(const hn_tensor *in)
{
    const hn_tensor *refs[8];
    for (size_t i = 0; i < r.plan->nin; i++) refs[i] = &in[i];
    planrun_ok(&env, hn_instance_run(&env, r.inst, refs, out));
}

static void expect(const hn_tensor *t, int rank, int64_t a, int64_t b, const float *want)
{
    assert_int_equal(t->dtype, HN_F32);
    assert_int_equal(t->rank, rank);
    assert_int_equal(t->dims[0], a);
    if (rank > 1) assert_int_equal(t->dims[1], b);
    size_t n = (size_t)(a * (rank > 1 ? b : 1));
    for (size_t i = 0; i < n; i++) {
        float v = ((const float *)t->data)[i];
        if (v != want[i]) fail_msg("element %zu is %g, not %g", i, (double)v, (double)want[i]);
    }
}

#define LIST(...) ((const float[]){__VA_ARGS__})

static void test_if(void **state)
{
    (void)state;
    const char *text = "graph \"if\" opset 21 {\n"
                       "  input %c : bool[]\n"
                       "  input %x : f32[2]\n"
                       "  %y = If(%c, %x) captures 1 region \"then\" {\n"
                       "    input %p : f32[2]\n"
                       "    %1 = Neg(%p)\n"
                       "    output %1\n"
                       "  } region \"else\" {\n"
                       "    input %p : f32[2]\n"
                       "    output %p\n"
                       "  }\n"
                       "  output %y\n"
                       "}\n";
    planrun_must(&env, text, false, &r);
    float x[2] = {1, -2};
    for (int i = 0; i < 4; i++) {
        uint8_t c = i % 2 == 0;
        hn_tensor in[2] = {flag(&c), f32(1, 2, 0, x)};
        run(in);
        expect(&out[0], 1, 2, 0, c ? LIST(-1, 2) : LIST(1, -2));
    }
}

/* Branches of unlike shapes: the output takes that of the branch that ran. */
static void test_if_shapes(void **state)
{
    (void)state;
    const char *text = "graph \"if\" opset 21 {\n"
                       "  input %c : bool[]\n"
                       "  input %x : f32[2]\n"
                       "  %y = If(%c, %x) captures 1 region \"then\" {\n"
                       "    input %p : f32[2]\n"
                       "    %1 = Concat(%p, %p) {axis = 0}\n"
                       "    output %1\n"
                       "  } region \"else\" {\n"
                       "    input %p : f32[2]\n"
                       "    output %p\n"
                       "  }\n"
                       "  %z = Add(%y, %y)\n"
                       "  output %z\n"
                       "}\n";
    planrun_must(&env, text, false, &r);
    float x[2] = {1, -2};
    for (int i = 0; i < 4; i++) {
        uint8_t c = i % 2 == 0;
        hn_tensor in[2] = {flag(&c), f32(1, 2, 0, x)};
        run(in);
        if (c)
            expect(&out[0], 1, 4, 0, LIST(2, -4, 2, -4));
        else
            expect(&out[0], 1, 2, 0, LIST(2, -4));
    }
}

/* The carried values change places in every iteration: what one reads must not be what the other wrote. */
static void test_loop_swap(void **state)
{
    (void)state;
    planrun_must(&env, planrun_text("loop"), false, &r);
    float x[4] = {1, 2, 3, 4}, y[4] = {10, 20, 30, 40};
    hn_tensor in[2] = {f32(1, 4, 0, x), f32(1, 4, 0, y)};
    for (int i = 0; i < 2; i++) {
        run(in);
        expect(&out[0], 1, 4, 0, LIST(10, 20, 30, 40)); /* three swaps */
        expect(&out[1], 1, 4, 0, LIST(1, 2, 3, 4));
        expect(&out[2], 2, 3, 4, LIST(11, 22, 33, 44, 11, 22, 33, 44, 11, 22, 33, 44));
    }
}

static const char *const counted = "graph \"counted\" opset 21 {\n"
                                   "  input %n : i64[]\n"
                                   "  input %on : bool[]\n"
                                   "  input %x : f32[2]\n"
                                   "  %a, %s = Loop(%n, %on, %x) region \"body\" {\n"
                                   "    input %i : i64[]\n"
                                   "    input %c : bool[]\n"
                                   "    input %p : f32[2]\n"
                                   "    const %two : f32[] = [2.0]\n"
                                   "    const %most : f32[] = [20.0]\n"
                                   "    const %axes : i64[1] = [0]\n"
                                   "    %1 = Mul(%p, %two)\n"
                                   "    %2 = ReduceMax(%1, %axes) {keepdims = 0}\n"
                                   "    %3 = Less(%2, %most)\n"
                                   "    output %3\n"
                                   "    output %1\n"
                                   "    output %1\n"
                                   "  }\n"
                                   "  output %a\n"
                                   "  output %s\n"
                                   "}\n";

static void loop_counted(int64_t n, uint8_t on)
{
    static const float x[2] = {1, 3};
    hn_tensor in[3] = {count(&n), flag(&on), f32(1, 2, 0, x)};
    run(in);
}

static void test_loop_ends(void **state)
{
    (void)state;
    planrun_must(&env, counted, false, &r);
    loop_counted(2, 1);
    expect(&out[0], 1, 2, 0, LIST(4, 12));
    expect(&out[1], 2, 2, 2, LIST(2, 6, 4, 12));
    loop_counted(100, 1); /* the condition ends it: 6, 12, 24 */
    expect(&out[0], 1, 2, 0, LIST(8, 24));
    expect(&out[1], 2, 3, 2, LIST(2, 6, 4, 12, 8, 24));
    loop_counted(0, 1);
    expect(&out[0], 1, 2, 0, LIST(1, 3));
    expect(&out[1], 2, 0, 2, NULL);
    loop_counted(5, 0);
    expect(&out[0], 1, 2, 0, LIST(1, 3));
    expect(&out[1], 2, 0, 2, NULL);
    loop_counted(-3, 1);
    expect(&out[0], 1, 2, 0, LIST(1, 3));
    loop_counted(1, 1);
    expect(&out[1], 2, 1, 2, LIST(2, 6));
}

/* A carried value that grows: every iteration has shapes of its own, and captures come along. */
static void test_loop_grows(void **state)
{
    (void)state;
    const char *text = "graph \"grow\" opset 21 {\n"
                       "  input %n : i64[]\n"
                       "  input %x : f32[1]\n"
                       "  input %more : f32[2]\n"
                       "  const %on : bool[] = [1]\n"
                       "  %a : f32[?] = Loop(%n, %on, %x, %more) captures 1 region \"body\" {\n"
                       "    input %i : i64[]\n"
                       "    input %c : bool[]\n"
                       "    input %p : f32[?]\n"
                       "    input %m : f32[2]\n"
                       "    %1 = Concat(%p, %m) {axis = 0}\n"
                       "    %2 = Identity(%c)\n"
                       "    output %2\n"
                       "    output %1\n"
                       "  }\n"
                       "  output %a\n"
                       "}\n";
    planrun_must(&env, text, false, &r);
    float x[1] = {9}, more[2] = {1, 2};
    for (int64_t n = 0; n <= 20; n++) { /* more shapes than the cache of regions holds */
        hn_tensor in[3] = {count(&n), f32(1, 1, 0, x), f32(1, 2, 0, more)};
        run(in);
        assert_int_equal(out[0].dims[0], 1 + 2 * n);
        for (int64_t i = 0; i < 1 + 2 * n; i++)
            assert_true(((float *)out[0].data)[i] == (i == 0 ? 9.0f : i % 2 == 1 ? 1.0f : 2.0f));
    }
}

static void scan_case(const char *attrs, const char *x_type, const hn_tensor *x, const float *final, int64_t a,
                      int64_t b, const float *ys)
{
    char text[2048];
    (void)snprintf(text, sizeof text,
                   "graph \"scan\" opset 21 {\n"
                   "  input %%h : f32[2]\n"
                   "  input %%x : %s\n"
                   "  %%f, %%ys = Scan(%%h, %%x) {num_scan_inputs = 1%s} region \"body\" {\n"
                   "    input %%s : f32[2]\n"
                   "    input %%e : f32[2]\n"
                   "    const %%ten : f32[] = [10.0]\n"
                   "    %%1 = Mul(%%s, %%ten)\n"
                   "    %%2 = Add(%%1, %%e)\n"
                   "    output %%2\n"
                   "    output %%2\n"
                   "  }\n"
                   "  output %%f\n"
                   "  output %%ys\n"
                   "}\n",
                   x_type, attrs);
    planrun_must(&env, text, false, &r);
    float h[2] = {0, 0};
    hn_tensor in[2] = {f32(1, 2, 0, h), *x};
    for (int i = 0; i < 2; i++) {
        run(in);
        expect(&out[0], 1, 2, 0, final);
        expect(&out[1], 2, a, b, ys);
    }
    planrun_close(&r);
}

/* s = 10 s + e over e = (1,4), (2,5), (3,6), so that the digits show the order in time. */
static void test_scan(void **state)
{
    (void)state;
    float rows[6] = {1, 4, 2, 5, 3, 6}, columns[6] = {1, 2, 3, 4, 5, 6};
    hn_tensor down = f32(2, 3, 2, rows), across = f32(2, 2, 3, columns);
    scan_case("", "f32[3,2]", &down, LIST(123, 456), 3, 2, LIST(1, 4, 12, 45, 123, 456));
    scan_case(", scan_input_axes = [1]", "f32[2,3]", &across, LIST(123, 456), 3, 2, LIST(1, 4, 12, 45, 123, 456));
    scan_case(", scan_input_axes = [-1], scan_output_axes = [1]", "f32[2,3]", &across, LIST(123, 456), 2, 3,
              LIST(1, 12, 123, 4, 45, 456));
    scan_case(", scan_input_directions = [1]", "f32[3,2]", &down, LIST(321, 654), 3, 2, LIST(3, 6, 32, 65, 321, 654));
    scan_case(", scan_output_directions = [1]", "f32[3,2]", &down, LIST(123, 456), 3, 2, LIST(123, 456, 12, 45, 1, 4));
    scan_case(
        ", scan_input_axes = [1], scan_input_directions = [1], scan_output_axes = [-1], scan_output_directions = [1]",
        "f32[2,3]", &across, LIST(321, 654), 2, 3, LIST(321, 32, 3, 654, 65, 6));
}

/* Slices of three 4-bit numbers end in the middle of a byte. x = [[1,2,3],[4,5,6],[-7,-8,7]], gone through along
 * either axis, in both directions, and put together along either axis; a Loop stacks them as well. */
static void test_scan_of_nibbles(void **state)
{
    (void)state;
    static const int8_t X[9] = {1, 2, 3, 4, 5, 6, -7, -8, 7};
    uint8_t x[5] = {0}, more = 1;
    const int64_t three = 3;
    hn_tensor t = {.dtype = HN_I4, .rank = 2, .dims = {3, 3}, .data = x, .bytes = 5};
    for (size_t i = 0; i < 9; i++) hn_set_i64(&t, i, X[i]);
    for (int form = 0; form < 16; form++) {
        int in_axis = form & 1, back = form >> 1 & 1, out_axis = form >> 2 & 1, back_out = form >> 3 & 1;
        char text[1024];
        (void)snprintf(text, sizeof text,
                       "graph \"nibbles\" opset 21 {\n"
                       "  input %%x : i4[3,3]\n"
                       "  %%ys = Scan(%%x) {num_scan_inputs = 1, scan_input_axes = [%d], scan_input_directions = [%d], "
                       "scan_output_axes = [%d], scan_output_directions = [%d]} region \"body\" {\n"
                       "    input %%e : i4[3]\n"
                       "    %%o = Identity(%%e)\n"
                       "    output %%o\n"
                       "  }\n"
                       "  output %%ys\n"
                       "}\n",
                       in_axis, back, out_axis, back_out);
        planrun_must(&env, text, false, &r);
        run(&t);
        assert_int_equal(out[0].dtype, HN_I4);
        assert_int_equal(out[0].bytes, 5);
        for (int step = 0; step < 3; step++)
            for (int i = 0; i < 3; i++) {
                int from = back ? 2 - step : step, to = back_out ? 2 - step : step;
                int64_t want = X[in_axis ? i * 3 + from : from * 3 + i];
                assert_int_equal(hn_get_i64(&out[0], (size_t)(out_axis ? i * 3 + to : to * 3 + i)), want);
            }
        planrun_close(&r);
    }
    planrun_must(&env,
                 "graph \"stack\" opset 21 {\n"
                 "  input %n : i64[]\n"
                 "  input %c : bool[]\n"
                 "  input %x : i4[3,3]\n"
                 "  %ys = Loop(%n, %c, %x) captures 1 region \"body\" {\n"
                 "    input %i : i64[]\n"
                 "    input %go : bool[]\n"
                 "    input %all : i4[3,3]\n"
                 "    %row = Gather(%all, %i)\n"
                 "    output %go\n"
                 "    output %row\n"
                 "  }\n"
                 "  output %ys\n"
                 "}\n",
                 false, &r);
    hn_tensor in[3] = {count(&three), flag(&more), t};
    run(in);
    assert_int_equal(out[0].bytes, 5);
    for (size_t i = 0; i < 9; i++) assert_int_equal(hn_get_i64(&out[0], i), X[i]);
    planrun_close(&r);
}

static void test_scan_empty(void **state)
{
    (void)state;
    hn_tensor none = f32(2, 0, 2, LIST(0));
    scan_case("", "f32[0,2]", &none, LIST(0, 0), 0, 2, NULL);
}

/* A loop inside an If inside a loop. */
static void test_nested(void **state)
{
    (void)state;
    const char *text = "graph \"nested\" opset 21 {\n"
                       "  input %x : f32[2]\n"
                       "  const %three : i64[] = [3]\n"
                       "  const %on : bool[] = [1]\n"
                       "  const %one : i64[] = [1]\n"
                       "  %a = Loop(%three, %on, %x, %one, %on) captures 2 region \"outer\" {\n"
                       "    input %i : i64[]\n"
                       "    input %c : bool[]\n"
                       "    input %p : f32[2]\n"
                       "    input %k : i64[]\n"
                       "    input %t : bool[]\n"
                       "    %same = Equal(%i, %k)\n"
                       "    %q = If(%same, %p, %i, %t) captures 3 region \"then\" {\n"
                       "      input %v : f32[2]\n"
                       "      input %n : i64[]\n"
                       "      input %u : bool[]\n"
                       "      %1 = Neg(%v)\n"
                       "      output %1\n"
                       "    } region \"else\" {\n"
                       "      input %v : f32[2]\n"
                       "      input %n : i64[]\n"
                       "      input %u : bool[]\n"
                       "      %w = Loop(%n, %u, %v) region \"inner\" {\n"
                       "        input %j : i64[]\n"
                       "        input %d : bool[]\n"
                       "        input %z : f32[2]\n"
                       "        %1 = Add(%z, %z)\n"
                       "        %2 = Identity(%d)\n"
                       "        output %2\n"
                       "        output %1\n"
                       "      }\n"
                       "      output %w\n"
                       "    }\n"
                       "    %e = Identity(%c)\n"
                       "    output %e\n"
                       "    output %q\n"
                       "  }\n"
                       "  output %a\n"
                       "}\n";
    planrun_must(&env, text, false, &r);
    float x[2] = {1, 5};
    hn_tensor in[1] = {f32(1, 2, 0, x)};
    run(in); /* i = 0: nothing; 1: negated; 2: doubled twice */
    expect(&out[0], 1, 2, 0, LIST(-4, -20));
}

/* Entries go through the body one by one, in shapes of their own; the tensor beside them stays. */
static void test_sequence_map(void **state)
{
    (void)state;
    planrun_must(&env,
                 "graph \"map\" opset 21 {\n"
                 "  input %s : seq(f32[*])\n"
                 "  input %k : f32[1]\n"
                 "  input %m : f32[1]\n"
                 "  %y, %z = SequenceMap(%s, %k, %m) captures 1 region \"body\" {\n"
                 "    input %e : f32[*]\n"
                 "    input %t : f32[1]\n"
                 "    input %c : f32[1]\n"
                 "    %1 = Add(%e, %t)\n"
                 "    %2 = Mul(%1, %c)\n"
                 "    %3 = Shape(%e)\n"
                 "    output %2\n"
                 "    output %3\n"
                 "  }\n"
                 "  output %y\n"
                 "  output %z\n"
                 "}\n",
                 false, &r);
    hn_tensor entry[2] = {f32(1, 1, 0, LIST(1)), f32(2, 1, 2, LIST(2, 3))};
    hn_tensor in[3] = {{.dtype = HN_SEQ, .rank = 1, .dims = {2}, .data = entry, .bytes = sizeof entry},
                       f32(1, 1, 0, LIST(10)),
                       f32(1, 1, 0, LIST(2))};
    for (int again = 0; again < 3; again++) {
        run(in);
        assert_int_equal(out[0].dtype, HN_SEQ);
        assert_int_equal(out[0].dims[0], 2);
        expect(hn_tensor_item(&out[0], 0), 1, 1, 0, LIST(22));
        expect(hn_tensor_item(&out[0], 1), 2, 1, 2, LIST(24, 26));
        assert_int_equal(hn_get_i64(hn_tensor_item(&out[1], 1), 1), 2);
    }
    in[0].dims[0] = 0;
    in[0].bytes = 0;
    run(in);
    assert_int_equal(out[0].dims[0], 0);
    /* Entries of another type than declared. */
    entry[0].dtype = HN_I32;
    in[0].dims[0] = 1;
    in[0].bytes = sizeof *entry;
    const hn_tensor *refs[3] = {&in[0], &in[1], &in[2]};
    assert_int_equal(hn_instance_run(&env, r.inst, refs, out), HN_INPUT);
    hn_error_clear(&env);
}

/* One branch gives a value, the other nothing. */
static void test_if_optional(void **state)
{
    (void)state;
    planrun_must(&env,
                 "graph \"some\" opset 21 {\n"
                 "  input %c : bool[]\n"
                 "  input %x : f32[2]\n"
                 "  %o = If(%c, %x) captures 1 region \"then\" {\n"
                 "    input %p : f32[2]\n"
                 "    %1 = Optional(%p)\n"
                 "    output %1\n"
                 "  } region \"else\" {\n"
                 "    input %p : f32[2]\n"
                 "    %1 = Optional() {type = type f32[2]}\n"
                 "    output %1\n"
                 "  }\n"
                 "  %h = OptionalHasElement(%o)\n"
                 "  output %o\n"
                 "  output %h\n"
                 "}\n",
                 false, &r);
    for (uint8_t c = 0; c < 4; c++) {
        uint8_t some = c % 2;
        hn_tensor in[2] = {flag(&some), f32(1, 2, 0, LIST(3, 4))};
        run(in);
        assert_int_equal(out[0].dtype, HN_OPT);
        assert_int_equal(out[0].dims[0], some);
        assert_int_equal(hn_get_i64(&out[1], 0), some);
        if (some) expect(hn_tensor_item(&out[0], 0), 1, 2, 0, LIST(3, 4));
    }
}

/* Text that a body makes outlives the next run of the body, carried and stacked. */
static void test_loop_text(void **state)
{
    (void)state;
    planrun_must(&env,
                 "graph \"text\" opset 21 {\n"
                 "  input %x : string[1]\n"
                 "  input %n : i64[]\n"
                 "  const %on : bool[] = [1]\n"
                 "  %v : string[1], %all = Loop(%n, %on, %x) region \"body\" {\n"
                 "    input %i : i64[]\n"
                 "    input %c : bool[]\n"
                 "    input %p : string[1]\n"
                 "    %1 = Cast(%i) {to = 8}\n"
                 "    %2 = StringConcat(%p, %1)\n"
                 "    %3 = Identity(%c)\n"
                 "    output %3\n"
                 "    output %2\n"
                 "    output %2\n"
                 "  }\n"
                 "  output %v\n"
                 "  output %all\n"
                 "}\n",
                 false, &r);
    hn_str text[1] = {{"a", 1}};
    for (int64_t n = 3; n >= 0; n--) {
        hn_tensor in[2] = {{.dtype = HN_STRING, .rank = 1, .dims = {1}, .data = text, .bytes = sizeof text}, count(&n)};
        run(in);
        const hn_str *v = out[0].data, *all = out[1].data;
        assert_int_equal(v->size, 1 + n);
        assert_memory_equal(v->data, "a012", v->size);
        assert_int_equal(out[1].dims[0], n);
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(all[i].size, 2 + i);
            assert_memory_equal(all[i].data, "a012", all[i].size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_if, setup, teardown),
        cmocka_unit_test_setup_teardown(test_if_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scan_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scan_of_nibbles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sequence_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_if_optional, setup, teardown),
        cmocka_unit_test_setup_teardown(test_loop_text, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
