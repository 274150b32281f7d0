/* planrun: see the header. */
#include "support/planrun.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "ops/ops.h"
#include "passes/pass.h"
#include "support/refrun.h"

const planrun_graph planrun_graphs[] = {
    {"cnn", "graph \"cnn\" opset 21 {\n"
            "  input %x : f32[1,3,12,12]\n"
            "  const %w1 : f32[8,3,3,3] = random 1\n"
            "  const %b1 : f32[8] = random 2\n"
            "  const %w2 : f32[8,8,3,3] = random 3\n"
            "  const %b2 : f32[8] = random 4\n"
            "  const %w3 : f32[8,10] = random 5\n"
            "  const %shape : i64[2] = [1, 8]\n"
            "  %1 = Conv(%x, %w1, %b1) {pads = [1, 1, 1, 1]} @ \"conv1\"\n"
            "  %2 = Relu(%1)\n"
            "  %3 = MaxPool(%2) {kernel_shape = [2, 2], strides = [2, 2]}\n"
            "  %4 = Conv(%3, %w2, %b2) {pads = [1, 1, 1, 1]} @ \"conv2\"\n"
            "  %5 = Add(%4, %3)\n"
            "  %6 = Relu(%5)\n"
            "  %7 = GlobalAveragePool(%6)\n"
            "  %8 = Reshape(%7, %shape)\n"
            "  %9 = MatMul(%8, %w3) @ \"head\"\n"
            "  %y = Softmax(%9)\n"
            "  output %y\n"
            "  output %6\n"
            "}\n"},
    {"joined", "graph \"joined\" opset 21 {\n"
               "  input %x : f32[2,6,9,7]\n"
               "  const %w1 : f32[16,6,1,1] = random 1\n"
               "  const %w2 : f32[24,16,3,3] = random 2\n"
               "  const %w3 : f32[5,16,1,1] = random 3\n"
               "  const %w5 : f32[5,16,1,1] = random 6\n"
               "  const %b : f32[24] = random 5\n"
               "  const %from : i64[1] = [3]\n"
               "  const %to : i64[1] = [7]\n"
               "  const %axis : i64[1] = [1]\n"
               "  %1 = Conv(%x, %w1)\n"
               "  %2 = Relu(%1)\n"
               "  %3 = Conv(%2, %w3)\n"
               "  %4 = Sigmoid(%3)\n"
               "  %5 = Conv(%2, %w2, %b) {pads = [1, 1, 1, 1]}\n"
               "  %6 = Slice(%2, %from, %to, %axis)\n"
               "  %7 = Concat(%4, %5, %2, %6) {axis = 1}\n"
               "  %8 = Relu(%7)\n"
               "  %9 = Conv(%2, %w5)\n"
               "  %10 = Conv(%2, %w5) {pads = [0, 0, 0, 0]}\n"
               "  %11 = Concat(%9, %10, %10) {axis = 1}\n"
               "  output %8\n"
               "  output %9\n"
               "  output %11\n"
               "}\n"},
    {"chain", "graph \"chain\" opset 21 {\n"
              "  input %x : f32[4,64]\n"
              "  const %k : f32[64] = random 7\n"
              "  %1 = Exp(%x)\n"
              "  %2 = Add(%1, %k)\n"
              "  %3 = Sqrt(%1)\n"
              "  %4 = Mul(%2, %3)\n"
              "  %5 = Tanh(%4)\n"
              "  %y = Sub(%5, %x)\n"
              "  output %y\n"
              "}\n"},
    {"views", "graph \"views\" opset 21 {\n"
              "  input %x : f32[2,6]\n"
              "  const %a : i64[2] = [3, 4]\n"
              "  const %b : i64[1] = [-1]\n"
              "  const %c : f32[3,4] = random 9\n"
              "  %one = Reshape(%x, %a)\n"
              "  %two = Identity(%one)\n"
              "  %three = Add(%two, %c)\n"
              "  %four = Reshape(%three, %b)\n"
              "  %5 = Neg(%three)\n"
              "  %6 = Reshape(%5, %b)\n"
              "  %7 = Add(%6, %four)\n"
              "  %eight = Reshape(%c, %b)\n"
              "  output %two\n"
              "  output %four\n"
              "  output %7\n"
              "  output %eight\n"
              "}\n"},
    {"if", "graph \"if\" opset 21 {\n"
           "  input %c : bool[]\n"
           "  input %x : f32[2,3]\n"
           "  %y = If(%c, %x) captures 1 region \"then\" {\n"
           "    input %p : f32[2,3]\n"
           "    %1 = Neg(%p)\n"
           "    %2 = Exp(%1)\n"
           "    output %2\n"
           "  } region \"else\" {\n"
           "    input %p : f32[2,3]\n"
           "    const %k : f32[3] = [1.0, 2.0, 3.0]\n"
           "    %1 = Add(%p, %k)\n"
           "    output %1\n"
           "  }\n"
           "  %z = Add(%y, %y)\n"
           "  output %z\n"
           "}\n"},
    {"loop", "graph \"loop\" opset 21 {\n"
             "  input %x : f32[4]\n"
             "  input %y : f32[4]\n"
             "  const %n : i64[] = [3]\n"
             "  const %on : bool[] = [1]\n"
             "  %a : f32[4], %b : f32[4], %s : f32[3,4] = Loop(%n, %on, %x, %y) region \"body\" {\n"
             "    input %i : i64[]\n"
             "    input %c : bool[]\n"
             "    input %p : f32[4]\n"
             "    input %q : f32[4]\n"
             "    %1 = Add(%p, %q)\n"
             "    %2 = Identity(%c)\n"
             "    output %2\n"
             "    output %q\n"
             "    output %p\n"
             "    output %1\n"
             "  }\n"
             "  output %a\n"
             "  output %b\n"
             "  output %s\n"
             "}\n"},
    {"scan", "graph \"scan\" opset 21 {\n"
             "  input %h : f32[2]\n"
             "  input %x : f32[2,3]\n"
             "  %f, %ys = Scan(%h, %x) {num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1], "
             "scan_input_directions = [1], scan_output_directions = [1]} region \"body\" {\n"
             "    input %s : f32[2]\n"
             "    input %e : f32[2]\n"
             "    %1 = Add(%s, %e)\n"
             "    %2 = Add(%1, %1)\n"
             "    output %1\n"
             "    output %2\n"
             "  }\n"
             "  output %f\n"
             "  output %ys\n"
             "}\n"},
    {"dynamic", "graph \"dynamic\" opset 21 {\n"
                "  input %x : f32[6]\n"
                "  input %n : i64[]\n"
                "  const %zero : i64[] = [0]\n"
                "  const %one : i64[] = [1]\n"
                "  %1 = NonZero(%x)\n"
                "  %2 = Cast(%1) {to = 1}\n"
                "  %3 = Exp(%2)\n"
                "  %4 = Range(%zero, %n, %one)\n"
                "  %5 = Add(%4, %one)\n"
                "  output %3\n"
                "  output %5\n"
                "}\n"},
    {"sequence", "graph \"sequence\" opset 21 {\n"
                 "  input %x : f32[4]\n"
                 "  input %n : i64[]\n"
                 "  const %on : bool[] = [1]\n"
                 "  const %last : i64[] = [-1]\n"
                 "  const %two : i64[] = [2]\n"
                 "  const %three : i64[] = [3]\n"
                 "  %e = SequenceEmpty() {dtype = 1}\n"
                 "  %s, %v = Loop(%three, %on, %e, %x) region \"body\" {\n"
                 "    input %i : i64[]\n"
                 "    input %c : bool[]\n"
                 "    input %p : seq(f32[*])\n"
                 "    input %q : f32[4]\n"
                 "    %1 = SequenceInsert(%p, %q)\n"
                 "    %2 = Exp(%q)\n"
                 "    %3 = Identity(%c)\n"
                 "    output %3\n"
                 "    output %1\n"
                 "    output %2\n"
                 "  }\n"
                 "  %l = SequenceLength(%s)\n"
                 "  %a = SequenceAt(%s, %last)\n"
                 "  %b = ConcatFromSequence(%s) {axis = 0}\n"
                 "  %t = SplitToSequence(%b, %two)\n"
                 "  %u = SequenceErase(%t, %n)\n"
                 "  %o = Optional(%u)\n"
                 "  %h = OptionalHasElement(%o)\n"
                 "  %g = OptionalGetElement(%o)\n"
                 "  %y = ConcatFromSequence(%g) {axis = 0, new_axis = 1}\n"
                 "  output %v\n"
                 "  output %l\n"
                 "  output %a\n"
                 "  output %h\n"
                 "  output %y\n"
                 "  output %g\n"
                 "  output %o\n"
                 "}\n"},
    {"text", "graph \"text\" opset 21 {\n"
             "  input %x : f32[3]\n"
             "  const %k : string[3] = [\"a.\", \"b\", \"\"]\n"
             "  %1 = Cast(%x) {to = 8}\n"
             "  %2 = StringConcat(%k, %1)\n"
             "  %3, %4 = StringSplit(%2) {delimiter = \".\"}\n"
             "  %5 = Equal(%2, %k)\n"
             "  %6 = SequenceConstruct(%2, %k)\n"
             "  output %2\n"
             "  output %3\n"
             "  output %4\n"
             "  output %5\n"
             "  output %6\n"
             "  output %k\n"
             "}\n"},
};
const size_t planrun_graph_count = HN_COUNT(planrun_graphs);

const char *planrun_text(const char *name)
{
    for (size_t i = 0; i < planrun_graph_count; i++)
        if (strcmp(planrun_graphs[i].name, name) == 0) return planrun_graphs[i].text;
    fail_msg("no graph %s", name);
    return NULL;
}

void planrun_ok(hn_env *env, hn_status st)
{
    char text[2048];
    if (st == HN_OK) return;
    hn_error_format(&env->error, text, sizeof text);
    fail_msg("%s", text);
}

static hn_status open_steps(hn_env *env, const char *text, bool compile, planrun *r)
{
    if (!env->isa) {
        hn_machine m;
        hn_machine_read(&m);
        env->isa = m.isa;
    }
    r->graph = hn_graph_parse(env, &r->arena, &hn_ops, text, strlen(text));
    if (!r->graph) return env->error.status;
    HN_TRY(hn_graph_infer(r->graph));
    if (compile) {
        HN_TRY(hn_pipeline_run(env, r->graph, hn_pipeline_compile));
        HN_TRY(hn_pipeline_run(env, r->graph, hn_pipeline_join));
    }
    hn_plan_options o = {.isa = env->isa};
    HN_TRY(hn_plan_build(env, r->graph, &o, &r->plan));
    return hn_instance_new(env, r->plan, &r->inst);
}

hn_status planrun_open(hn_env *env, const char *text, bool compile, planrun *r)
{
    *r = (planrun){.env = env};
    hn_status st = open_steps(env, text, compile, r);
    if (st != HN_OK) planrun_close(r);
    return st;
}

void planrun_must(hn_env *env, const char *text, bool compile, planrun *r)
{
    planrun_ok(env, planrun_open(env, text, compile, r));
}

void planrun_close(planrun *r)
{
    hn_instance_free(r->env, r->inst);
    hn_plan_free(r->env, r->plan);
    hn_arena_fini(r->env, &r->arena);
    *r = (planrun){.env = r->env};
}

const hn_tensor **planrun_inputs(hn_env *env, hn_arena *arena, const hn_plan *plan, uint64_t seed)
{
    const hn_tensor **in = hn_arena_array(env, arena, plan->nin + 1, sizeof *in);
    assert_non_null(in);
    for (size_t i = 0; i < plan->nin; i++) {
        in[i] = hn_refrun_random(env, arena, &plan->in_type[i], 1, seed + 100 * i);
        assert_non_null(in[i]);
    }
    return in;
}

hn_tensor *planrun_once(hn_env *env, hn_arena *arena, const hn_plan *plan, const hn_tensor *const *in)
{
    hn_instance *inst;
    planrun_ok(env, hn_instance_new(env, plan, &inst));
    hn_tensor *views = hn_arena_array(env, arena, plan->nout + 1, sizeof *views);
    hn_tensor *out = hn_arena_array(env, arena, plan->nout + 1, sizeof *out);
    assert_true(views && out);
    planrun_ok(env, hn_instance_run(env, inst, in, views));
    for (size_t i = 0; i < plan->nout; i++) {
        hn_tensor *copy;
        planrun_ok(env, hn_tensor_copy(env, arena, &views[i], &copy));
        out[i] = *copy;
    }
    hn_instance_free(env, inst);
    return out;
}
