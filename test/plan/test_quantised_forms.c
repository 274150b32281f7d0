/* Quantised graphs in the forms that other tools write: each one runs on integer drivers alone, and gives what the
 * reference run of the graph as written gives, but for a step where a rounding is shared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/planrun.h"
#include "support/refrun.h"

#define HEAD                                                                         \
    "graph \"form\" opset 21 {\n"                                                    \
    "  const %sx : f32[] = [0.02]\n"                                                 \
    "  const %sy : f32[] = [0.07]\n"                                                 \
    "  const %sw : f32[] = [0.011]\n"                                                \
    "  const %sw8 : f32[8] = [0.01, 0.02, 0.005, 0.013, 0.011, 0.007, 0.02, 0.01]\n" \
    "  const %sb : f32[] = [0.00022]\n"                                              \
    "  const %zu : u8[] = [119]\n"                                                   \
    "  const %zv : u8[] = [3]\n"                                                     \
    "  const %zi : i8[] = [-7]\n"                                                    \
    "  const %zn : i8[] = [0]\n"

typedef struct form {
    const char *name;
    const char *must; /* driver that has to do the product, by the beginning of its name */
    const char *text;
} form;

static const form forms[] = {
    {"QDQ, unsigned asymmetric weights", "qconv",
     HEAD "  input %x : f32[1,5,9,9]\n"
          "  const %w : u8[8,5,3,3] = random 1\n"
          "  const %b : i32[8] = random 2\n"
          "  %q = QuantizeLinear(%x, %sx, %zu)\n"
          "  %dx = DequantizeLinear(%q, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw, %zv)\n"
          "  %db = DequantizeLinear(%b, %sb)\n"
          "  %c = Conv(%dx, %dw, %db) {pads = [1, 1, 1, 1]}\n"
          "  %r = Relu(%c)\n"
          "  %y = QuantizeLinear(%r, %sy, %zu)\n"
          "  output %y\n}\n"},
    {"QDQ, signed activations, scales per channel", "qconv",
     HEAD "  input %q : i8[2,5,9,9]\n"
          "  const %w : i8[8,5,3,3] = random 1\n"
          "  %dx = DequantizeLinear(%q, %sx, %zi)\n"
          "  %dw = DequantizeLinear(%w, %sw8) {axis = 0}\n"
          "  %c = Conv(%dx, %dw) {strides = [2, 2]}\n"
          "  %y = QuantizeLinear(%c, %sy, %zi)\n"
          "  output %y\n}\n"},
    {"QDQ, unsigned in, signed out", "qconv",
     HEAD "  input %q : u8[2,8,9,9]\n"
          "  const %w : i8[8,8,1,1] = random 1\n"
          "  %dx = DequantizeLinear(%q, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw)\n"
          "  %c = Conv(%dx, %dw)\n"
          "  %y = QuantizeLinear(%c, %sy, %zi)\n"
          "  output %y\n}\n"},
    {"QDQ, signed in, unsigned depthwise weights", "qdwconv",
     HEAD "  input %q : i8[2,8,9,9]\n"
          "  const %w : u8[8,1,3,3] = random 1\n"
          "  %dx = DequantizeLinear(%q, %sx, %zi)\n"
          "  %dw = DequantizeLinear(%w, %sw, %zu)\n"
          "  %c = Conv(%dx, %dw) {group = 8, pads = [1, 1, 1, 1]}\n"
          "  %y = QuantizeLinear(%c, %sy, %zu)\n"
          "  output %y\n}\n"},
    {"QDQ, zero points of weights per channel", "qconv",
     HEAD "  input %q : u8[2,5,9,9]\n"
          "  const %w : u8[8,5,3,3] = random 1\n"
          "  const %zc : u8[8] = [1, 2, 3, 4, 5, 6, 7, 8]\n"
          "  %dx = DequantizeLinear(%q, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw8, %zc) {axis = 0}\n"
          "  %c = Conv(%dx, %dw)\n"
          "  %y = QuantizeLinear(%c, %sy, %zu)\n"
          "  output %y\n}\n"},
    {"QDQ, Gemm with transposed weights", "qgemm",
     HEAD "  input %q : u8[3,20]\n"
          "  const %w : u8[8,20] = random 1\n"
          "  %dx = DequantizeLinear(%q, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw, %zv)\n"
          "  %c = Gemm(%dx, %dw) {transB = 1}\n"
          "  %y = QuantizeLinear(%c, %sy, %zi)\n"
          "  output %y\n}\n"},
    {"QDQ, MatMul, Add, float result", "qgemm",
     HEAD "  input %q : u8[2,3,20]\n"
          "  const %w : i8[20,8] = random 1\n"
          "  const %b : f32[8] = random 2\n"
          "  %dx = DequantizeLinear(%q, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw8) {axis = 1}\n"
          "  %c = MatMul(%dx, %dw)\n"
          "  %y = Add(%c, %b)\n"
          "  output %y\n}\n"},
    {"QDQ, branches that meet in a Concat", "qconv",
     HEAD "  input %x : u8[2,8,9,9]\n"
          "  const %w : i8[8,8,1,1] = random 1\n"
          "  const %v : i8[5,8,1,1] = random 2\n"
          "  const %u : i8[16,8,3,3] = random 3\n"
          "  const %t : i8[4,21,1,1] = random 4\n"
          "  %dx = DequantizeLinear(%x, %sx, %zu)\n"
          "  %dw = DequantizeLinear(%w, %sw)\n"
          "  %dv = DequantizeLinear(%v, %sw)\n"
          "  %du = DequantizeLinear(%u, %sw)\n"
          "  %dt = DequantizeLinear(%t, %sw)\n"
          "  %1 = Conv(%dx, %dw)\n"
          "  %2 = QuantizeLinear(%1, %sy, %zv)\n"
          "  %3 = DequantizeLinear(%2, %sy, %zv)\n"
          "  %4 = Conv(%3, %dv)\n"
          "  %5 = QuantizeLinear(%4, %sy, %zu)\n"
          "  %6 = DequantizeLinear(%5, %sy, %zu)\n"
          "  %7 = Conv(%3, %du) {pads = [1, 1, 1, 1]}\n"
          "  %8 = QuantizeLinear(%7, %sy, %zu)\n"
          "  %9 = DequantizeLinear(%8, %sy, %zu)\n"
          "  %10 = Concat(%6, %9) {axis = 1}\n"
          "  %11 = Conv(%10, %dt)\n"
          "  %y = QuantizeLinear(%11, %sy, %zu)\n"
          "  output %y\n}\n"},
    {"QLinearConv", "qconv",
     HEAD "  input %q : u8[1,5,9,9]\n"
          "  const %w : u8[8,5,3,3] = random 1\n"
          "  const %b : i32[8] = random 2\n"
          "  %y = QLinearConv(%q, %sx, %zu, %w, %sw, %zu, %sy, %zv, %b) {pads = [1, 1, 1, 1]}\n"
          "  output %y\n}\n"},
    {"QLinearConv, signed, zero points per channel", "qconv",
     HEAD "  input %q : i8[1,5,9,9]\n"
          "  const %w : i8[8,5,3,3] = random 1\n"
          "  const %zc : i8[8] = [1, -2, 3, 0, 5, 0, 7, -8]\n"
          "  %y = QLinearConv(%q, %sx, %zi, %w, %sw8, %zc, %sy, %zn)\n"
          "  output %y\n}\n"},
    {"QLinearMatMul", "qgemm",
     HEAD "  input %q : u8[6,20]\n"
          "  const %w : u8[20,8] = random 1\n"
          "  %y = QLinearMatMul(%q, %sx, %zu, %w, %sw, %zv, %sy, %zu)\n"
          "  output %y\n}\n"},
    {"ConvInteger", "qconv",
     HEAD "  input %q : u8[1,5,9,9]\n"
          "  const %w : u8[8,5,3,3] = random 1\n"
          "  %y = ConvInteger(%q, %w, %zu, %zv) {pads = [1, 1, 1, 1]}\n"
          "  output %y\n}\n"},
    {"MatMulInteger, zero points per column", "qgemm",
     HEAD "  input %q : u8[6,20]\n"
          "  const %w : i8[20,8] = random 1\n"
          "  const %zc : i8[8] = [0, 0, 0, 0, 0, 0, 0, 0]\n"
          "  %y = MatMulInteger(%q, %w, %zu, %zc)\n"
          "  output %y\n}\n"},
    {"dynamic, MatMulInteger", "qgemm",
     HEAD "  input %x : f32[6,20]\n"
          "  const %w : i8[20,8] = random 1\n"
          "  const %b : f32[8] = random 2\n"
          "  %q, %s, %z = DynamicQuantizeLinear(%x)\n"
          "  %m = MatMulInteger(%q, %w, %z, %zn)\n"
          "  %f = Cast(%m) {to = 1}\n"
          "  %k = Mul(%s, %sw8)\n"
          "  %p = Mul(%f, %k)\n"
          "  %y = Add(%p, %b)\n"
          "  output %y\n}\n"},
    {"dynamic, ConvInteger", "qconv",
     HEAD "  input %x : f32[1,5,9,9]\n"
          "  const %w : u8[8,5,3,3] = random 1\n"
          "  %q, %s, %z = DynamicQuantizeLinear(%x)\n"
          "  %m = ConvInteger(%q, %w, %z, %zu) {pads = [1, 1, 1, 1]}\n"
          "  %f = Cast(%m) {to = 1}\n"
          "  %k = Mul(%s, %sw)\n"
          "  %y = Mul(%f, %k)\n"
          "  output %y\n}\n"},
};

static hn_env env;
static hn_arena arena;

/* Bytes may be a step apart, where two roundings of the graph as written are one; floats by what a step makes. */
static double distance(const hn_tensor *got, const hn_tensor *want)
{
    double most = 0, range = 0;
    assert_int_equal(hn_tensor_elems(got), hn_tensor_elems(want));
    for (size_t i = 0; i < hn_tensor_elems(want); i++) range = fmax(range, fabs(hn_get_f64(want, i)));
    double unit = want->dtype == HN_F32 ? 1e-4 * range : want->dtype == HN_I32 ? 0.5 : 1.0;
    for (size_t i = 0; i < hn_tensor_elems(want); i++)
        most = fmax(most, fabs(hn_get_f64(got, i) - hn_get_f64(want, i)) / unit);
    return most;
}

static void check(const form *f)
{
    planrun r, source;
    planrun_must(&env, f->text, true, &r);
    planrun_must(&env, f->text, false, &source);
    bool found = false;
    for (size_t i = 0; i < r.plan->nsteps; i++) {
        const hn_step *s = &r.plan->steps[i];
        if (s->kind != HN_STEP_DRIVER) fail_msg("%s: %s has no driver: %s", f->name, s->op, s->reason);
        found = found || strncmp(s->driver->name, f->must, strlen(f->must)) == 0;
    }
    if (!found) fail_msg("%s: no step runs on %s", f->name, f->must);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        const hn_tensor **in = planrun_inputs(&env, &arena, r.plan, seed), *want[8];
        planrun_ok(&env, hn_refrun(&env, &arena, source.graph, in, want));
        hn_tensor *got = planrun_once(&env, &arena, r.plan, in);
        double d = distance(&got[0], want[0]);
        if (!(d <= 1)) fail_msg("%s: output is %g steps away", f->name, d);
    }
    planrun_close(&r);
    planrun_close(&source);
}

static void test_forms(void **state)
{
    (void)state;
    hn_env_init(&env);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) check(&forms[i]);
    hn_arena_fini(&env, &arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
