/* slices: batches that are run a few samples at a time give the bytes of a whole batch, for any number of threads; what
 * mixes samples is not cut, and says why; plan files of slices; refused memory. labels: torture threads */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"
#include "base/rng.h"
#include "ops/ops.h"
#include "optimize/session.h"
#include "support/data.h"
#include "support/planfile.h"
#include "support/planrun.h"
#include "support/refrun.h"
#include "support/rig.h"

enum { BATCH = 6, THREADS = 3, NETS = 24 };

static hn_env env;
static hn_arena arena;

static int setup(void **state)
{
    (void)state;
    hn_env_init(&env);
    env.isa = hn_machine_isa();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hn_arena_fini(&env, &arena);
    return 0;
}

/* ---- random nets ---- */
typedef struct net {
    char consts[8192], nodes[8192];
    hn_rng rng;
    int n, k;    /* values, constants */
    int c, h, w; /* of the image; h = w = 0: rows of c */
} net;

static int below(net *b, int n)
{
    return (int)hn_rng_below(&b->rng, (uint64_t)n);
}

__attribute__((format(printf, 2, 3))) static void node(net *b, const char *fmt, ...)
{
    va_list ap;
    size_t at = strlen(b->nodes);
    at += (size_t)snprintf(b->nodes + at, sizeof b->nodes - at, "  %%v%d = ", ++b->n);
    va_start(ap, fmt);
    at += (size_t)vsnprintf(b->nodes + at, sizeof b->nodes - at, fmt, ap);
    va_end(ap);
    snprintf(b->nodes + at, sizeof b->nodes - at, "\n");
}

__attribute__((format(printf, 2, 3))) static int constant(net *b, const char *fmt, ...)
{
    va_list ap;
    size_t at = strlen(b->consts);
    at += (size_t)snprintf(b->consts + at, sizeof b->consts - at, "  const %%k%d : ", ++b->k);
    va_start(ap, fmt);
    at += (size_t)vsnprintf(b->consts + at, sizeof b->consts - at, fmt, ap);
    va_end(ap);
    snprintf(b->consts + at, sizeof b->consts - at, "\n");
    return b->k;
}

static void image_node(net *b)
{
    int x = b->n, m = 1 + below(b, 40), k;
    switch (below(b, 11)) {
    case 0:
    case 1:
        k = constant(b, "f32[%d,%d,3,3] = random %d", m, b->c, b->k);
        node(b, "Conv(%%v%d, %%k%d) {pads = [1, 1, 1, 1]}", x, k);
        b->c = m;
        break;
    case 2:
        k = constant(b, "f32[%d,%d,1,1] = random %d", m, b->c, b->k);
        node(b, "Conv(%%v%d, %%k%d, %%k%d)", x, k, constant(b, "f32[%d] = random %d", m, b->k));
        b->c = m;
        break;
    case 3:
        k = constant(b, "f32[%d,1,3,3] = random %d", b->c, b->k);
        node(b, "Conv(%%v%d, %%k%d) {pads = [1, 1, 1, 1], group = %d}", x, k, b->c);
        break;
    case 4: node(b, "Relu(%%v%d)", x); break;
    case 5: node(b, "Sigmoid(%%v%d)", x); break;
    case 6:
        node(b, "%s(%%v%d) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}", below(b, 2) ? "MaxPool" : "AveragePool", x);
        break;
    case 7:
        node(b, "Tanh(%%v%d)", x);
        node(b, "Concat(%%v%d, %%v%d) {axis = 1}", x, b->n);
        b->c *= 2;
        break;
    case 8:
        node(b, "GlobalAveragePool(%%v%d)", x);
        node(b, "Mul(%%v%d, %%v%d)", x, b->n);
        break;
    case 9: node(b, "Add(%%v%d, %%k%d)", x, constant(b, "f32[%d,1,1] = random %d", b->c, b->k)); break;
    default:
        k = constant(b, "f32[%d] = random %d", b->c, b->k);
        node(b, "InstanceNormalization(%%v%d, %%k%d, %%k%d)", x, k, k);
    }
}

/* What turns the image into rows, by way of tokens, and what follows. */
static void rows_nodes(net *b)
{
    int x = b->n, f, k;
    switch (below(b, 3)) {
    case 0:
        node(b, "GlobalAveragePool(%%v%d)", x);
        node(b, "Flatten(%%v%d)", b->n);
        break;
    case 1: /* [N, c, h * w] -> [N, h * w, c] -> attention of a kind -> mean */
        k = constant(b, "i64[3] = [0, %d, -1]", b->c);
        node(b, "Reshape(%%v%d, %%k%d)", x, k);
        node(b, "Transpose(%%v%d) {perm = [0, 2, 1]}", b->n);
        x = b->n;
        node(b, "MatMul(%%v%d, %%v%d)", x, x - 1);
        node(b, "Softmax(%%v%d) {axis = -1}", b->n);
        node(b, "MatMul(%%v%d, %%v%d)", b->n, x);
        k = constant(b, "i64[1] = [1]");
        node(b, "ReduceMean(%%v%d, %%k%d) {keepdims = 0}", b->n, k);
        break;
    default: /* [h * w, N, c] through a recurrent layer */
        k = constant(b, "i64[3] = [0, %d, -1]", b->c);
        node(b, "Reshape(%%v%d, %%k%d)", x, k);
        node(b, "Transpose(%%v%d) {perm = [2, 0, 1]}", b->n);
        k = constant(b, "f32[1,15,%d] = random %d", b->c, b->k);
        f = constant(b, "f32[1,15,5] = random %d", b->k);
        x = b->n;
        b->n += 2;
        snprintf(b->nodes + strlen(b->nodes), 200, "  %%v%d, %%v%d = GRU(%%v%d, %%k%d, %%k%d) {hidden_size = 5}\n",
                 b->n - 1, b->n, x, k, f);
        k = constant(b, "i64[1] = [0]");
        node(b, "Squeeze(%%v%d, %%k%d)", b->n, k);
        b->c = 5;
    }
    f = 1 + below(b, 20);
    k = constant(b, "f32[%d,%d] = random %d", b->c, f, b->k);
    x = constant(b, "f32[%d] = random %d", f, b->k);
    node(b, "Gemm(%%v%d, %%k%d, %%k%d)", b->n, k, x);
    k = constant(b, "f32[%d] = random %d", f, b->k);
    node(b, "LayerNormalization(%%v%d, %%k%d)", b->n, k);
    node(b, "Softmax(%%v%d) {axis = 1}", b->n);
}

static char *random_net(uint64_t seed)
{
    static char text[20000];
    net *b = calloc(1, sizeof *b);
    assert_non_null(b);
    hn_rng_init(&b->rng, seed, 0);
    b->c = 1 + below(b, 20);
    b->h = 5 + below(b, 12);
    b->w = 5 + below(b, 12);
    int c = b->c, steps = 3 + below(b, 8);
    for (int i = 0; i < steps && b->c < 100; i++) image_node(b);
    int image = b->n;
    rows_nodes(b);
    snprintf(text, sizeof text, "graph \"g\" opset 21 {\n  input %%v0 : f32[N,%d,%d,%d]\n%s%s  output %%v%d\n%s%d\n}\n",
             c, b->h, b->w, b->consts, b->nodes, b->n, image > 0 ? "  output %v" : "  output %v",
             image > 0 ? image : b->n);
    free(b);
    return text;
}

/* ---- sessions ---- */
static hn_session *open_text(hn_env *e, const char *text, int64_t slice)
{
    hn_session *s;
    hn_session_options o = {.slice = slice};
    hn_graph *g = hn_graph_parse(&env, &arena, &hn_ops, text, strlen(text));
    if (!g) fail_msg("%s\n%s", env.error.text, text);
    planrun_ok(&env, hn_graph_infer(g));
    planrun_ok(e, hn_session_new(e, g, NULL, &o, &s));
    return s;
}

static const hn_tensor **inputs_of(const hn_session *s, int64_t batch, uint64_t seed)
{
    size_t n = hn_session_inputs(s);
    const hn_tensor **in = hn_arena_array(&env, &arena, n + 1, sizeof *in);
    assert_non_null(in);
    for (size_t i = 0; i < n; i++) {
        hn_type t = *hn_session_input_type(s, i);
        if (t.rank > 0 && t.dims[0] < 0) t.dims[0] = batch;
        in[i] = hn_refrun_random(&env, &arena, &t, 1, seed + i);
        assert_non_null(in[i]);
    }
    return in;
}

static hn_ready ready_for(hn_session *s, const hn_tensor *const *in)
{
    hn_type types[8];
    hn_ready r;
    for (size_t i = 0; i < hn_session_inputs(s); i++) types[i] = hn_session_type_for(s, i, in[i]);
    planrun_ok(&env, hn_session_ready(&env, s, types, &r));
    return r;
}

static void run(hn_session *s, const hn_tensor *const *in, hn_tensor *out)
{
    hn_tensor got[8], *copy;
    planrun_ok(&env, hn_session_run(&env, s, in, got));
    for (size_t k = 0; k < hn_session_outputs(s); k++) {
        planrun_ok(&env, hn_tensor_copy(&env, &arena, &got[k], &copy));
        out[k] = *copy;
    }
}

static void same(const hn_session *s, const hn_tensor *a, const hn_tensor *b, const char *what, uint64_t seed,
                 long long at)
{
    for (size_t k = 0; k < hn_session_outputs(s); k++)
        if (!hn_tensor_equal(&a[k], &b[k]))
            fail_msg("net %llu, %s %lld: output %zu differs", (unsigned long long)seed, what, at, k);
}

static void test_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= NETS; seed++) {
        const char *text = random_net(seed);
        hn_tensor want[8], got[8];
        hn_session *whole = open_text(&env, text, BATCH);
        const hn_tensor **in = inputs_of(whole, BATCH, seed);
        run(whole, in, want);
        assert_int_equal(ready_for(whole, in).plan->slices, 1);
        for (int64_t slice = 0; slice <= 3; slice++)
            for (size_t threads = 1; threads <= THREADS; threads++) {
                planrun_ok(&env, hn_pool_new(&env, threads, &env.pool));
                hn_session *s = open_text(&env, text, slice);
                hn_ready r = ready_for(s, in);
                if (slice && r.plan->slices != (size_t)(BATCH / slice))
                    fail_msg("net %llu is not cut: %s\n%s", (unsigned long long)seed, r.unsliced, text);
                for (int i = 0; i < 2; i++) {
                    run(s, in, got);
                    same(s, got, want, "threads", seed, (long long)threads);
                }
                hn_session_close(&env, s);
                hn_pool_free(&env, env.pool);
                env.pool = NULL;
            }
        hn_session_close(&env, whole);
    }
}

/* Models that people have, with every layout and kernel that a batch meets in them. */
static void test_models(void **state)
{
    (void)state;
    static const char *const names[] = {"cifar10_resnet20",         "mlperf_tiny_ad",  "mlperf_tiny_ad_int8_qdq",
                                        "mlperf_tiny_ic_int8_qdq",  "mlperf_tiny_kws", "mlperf_tiny_kws_int8_qdq",
                                        "mlperf_tiny_vww_int8_qdq", "squeezenet1.1",   "mobilenet_v1_0.25_224",
                                        "mobilenet_v2_1.0_224",     "magika_v3_3"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512], rest[64];
        hn_tensor want[8], got[8];
        hn_session *s[3];
        snprintf(rest, sizeof rest, "models/%s/model.onnx", names[i]);
        hn_test_need_data(rest, path, sizeof path);
        const hn_tensor **in = NULL;
        for (size_t k = 0; k < 3; k++) {
            hn_session_options o = {.slice = k == 0 ? BATCH : k == 1 ? 0 : 1};
            planrun_ok(&env, hn_session_open(&env, path, &o, &s[k]));
            if (k == 0) in = inputs_of(s[0], BATCH, i);
            const hn_ready r = ready_for(s[k], in);
            if (k == 2 && r.plan->slices != BATCH) fail_msg("%s is not cut: %s", names[i], r.unsliced);
            run(s[k], in, k ? got : want);
            if (k) same(s[k], got, want, names[i], i, (long long)r.plan->slices);
            hn_session_close(&env, s[k]);
        }
        hn_arena_reset(&env, &arena);
    }
}

/* ---- what is not cut ---- */
static const struct {
    const char *body, *why;
} refusals[] = {
    {"%1 = Softmax(%x) {axis = 0}\n  output %1", "may mix samples: "},
    {"const %a : i64[1] = [0]\n  %1 = ReduceSum(%x, %a)\n  %2 = Sub(%x, %1)\n  output %2", "may mix samples: "},
    {"const %a : i64[2] = [2, -1]\n  %1 = Reshape(%x, %a)\n  output %1", "may mix samples: "},
    {"const %a : i64[3] = [2, -1, 4]\n  %1 = Reshape(%x, %a)\n  const %b : i64[2] = [-1, 4]\n  %2 = Relu(%1)\n"
     "  %3 = ReduceMax(%2) {keepdims = 1}\n  %4 = Sub(%2, %3)\n  %5 = Reshape(%4, %b)\n  output %5",
     ": "},
    {"const %s : f32[4] = [1, 1, 1, 1]\n  const %v : f32[4] = [1, 1, 1, 1]\n"
     "  %1, %2, %3 = BatchNormalization(%x, %s, %s, %s, %v) {training_mode = 1}\n  output %1",
     "may mix samples: "},
    {"const %a : i64[] = [0]\n  %1 = CumSum(%x, %a)\n  output %1", "may mix samples: "},
    {"const %a : i64[6] = [5, 4, 3, 2, 1, 0]\n  %1 = Gather(%x, %a) {axis = 0}\n  output %1", "may mix samples: "},
    {"const %a : i64[1] = [1]\n  const %b : i64[1] = [9]\n  const %c : i64[1] = [0]\n"
     "  %1 = Slice(%x, %a, %b, %c)\n  output %1",
     "may mix samples: "},
    {"%1 = RandomNormalLike(%x)\n  %2 = Add(%x, %1)\n  output %2", "random, or runs regions: "},
    {"%1 = Transpose(%x)\n  output %1", "an output does not hold"},
    {"%1 = Concat(%x, %x) {axis = 0}\n  output %1", "may mix samples: "},
    {"%1 = Transpose(%x)\n  %2 = MatMul(%x, %1)\n  output %2", "may mix samples: "},
    {"%1 = Shape(%x) {start = 0, end = 1}\n  %2 = Cast(%1) {to = 1}\n  %3 = Mul(%x, %2)\n  output %3",
     "a constant depends on the number of samples: "},
    {"%1 = ReduceMean(%x)\n  %2 = Relu(%x)\n  output %2\n  output %1", "may mix samples: "},
    {"%1 = NonZero(%x)\n  %2 = Relu(%x)\n  output %2\n  output %1", "its shape depends on data: "},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char text[2000];
        hn_tensor out[8];
        snprintf(text, sizeof text, "graph \"g\" opset 21 {\n  input %%x : f32[N,4]\n  %s\n}\n", refusals[i].body);
        for (int64_t slice = 1; slice <= 3; slice += 2) {
            hn_session *s = open_text(&env, text, slice);
            const hn_tensor **in = inputs_of(s, BATCH, i);
            hn_ready r = ready_for(s, in);
            bool told = slice == 1 || strstr(r.unsliced, refusals[i].why); /* parts of one may be another graph */
            if (r.plan->slices != 1 || !told || !r.unsliced[0])
                fail_msg("%zu slices, \"%s\":\n%s", r.plan->slices, r.unsliced, text);
            run(s, in, out);
            hn_session_close(&env, s);
        }
    }
}

/* Inputs without samples, with other numbers of them or with a fixed number: not even tried. */
static void test_inputs(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "graph \"g\" opset 21 {\n  input %x : f32[N,4]\n  input %y : f32[4]\n  %1 = Add(%x, %y)\n  output %1\n}\n",
        "graph \"g\" opset 21 {\n  input %x : f32[6,4]\n  %1 = Relu(%x)\n  output %1\n}\n",
        "graph \"g\" opset 21 {\n input %x : f32[N,4]\n input %y : f32[2,N]\n %1 = MatMul(%y, %x)\n output %1\n}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hn_session *s = open_text(&env, texts[i], 1);
        hn_type t[2] = {hn_type_tensor(HN_F32, 2, (int64_t[]){BATCH, 4}),
                        i == 0 ? hn_type_tensor(HN_F32, 1, (int64_t[]){4})
                               : hn_type_tensor(HN_F32, 2, (int64_t[]){2, BATCH})};
        hn_ready r;
        planrun_ok(&env, hn_session_ready(&env, s, t, &r));
        assert_int_equal(r.plan->slices, 1);
        assert_string_equal(r.unsliced, "");
        hn_session_close(&env, s);
    }
}

/* ---- what a plan of slices says, and its file ---- */
static const char NET[] = "graph \"g\" opset 21 {\n  input %x : f32[N,3,12,12]\n  const %w : f32[8,3,3,3] = random 1\n"
                          "  const %v : f32[8,10] = random 2\n  %1 = Conv(%x, %w) {pads = [1, 1, 1, 1]} @ \"conv\"\n"
                          "  %2 = Relu(%1)\n  %3 = GlobalAveragePool(%2)\n  %4 = Flatten(%3)\n  %5 = MatMul(%4, %v)\n"
                          "  output %5\n  output %2\n  output %4\n}\n";

static void test_plan(void **state)
{
    (void)state;
    hn_session *whole = open_text(&env, NET, BATCH), *cut = open_text(&env, NET, 2);
    const hn_tensor **in = inputs_of(whole, BATCH, 1);
    const hn_plan *a = ready_for(whole, in).plan, *b = ready_for(cut, in).plan;
    double flops[2] = {0}, bytes[2] = {0};
    uint64_t runs, sum = 0;
    hn_tensor out[8];
    assert_int_equal(b->slices, 3);
    assert_true(b->arena_bytes < a->arena_bytes);
    assert_int_equal(b->in_type[0].dims[0], BATCH);
    assert_int_equal(b->out_type[1].dims[0], BATCH);
    assert_int_equal(a->nsteps, b->nsteps);
    for (size_t s = 0; s < a->nsteps; s++) {
        flops[0] += a->steps[s].cost.flops, flops[1] += b->steps[s].cost.flops;
        bytes[0] += a->steps[s].cost.macs, bytes[1] += b->steps[s].cost.macs;
    }
    assert_true(flops[0] == flops[1] && bytes[0] == bytes[1] && flops[0] > 0);
    hn_instance *inst = ready_for(cut, in).inst;
    hn_instance_profile(inst, true);
    for (int i = 0; i < 3; i++) run(cut, in, out);
    const uint64_t *ns = hn_instance_step_ns(inst, &runs);
    for (size_t s = 0; s < b->nsteps; s++) sum += ns[s];
    assert_int_equal(runs, 3);
    assert_true(sum > 0);
    assert_true(hn_instance_bytes(inst) >= b->arena_bytes + out[0].bytes + out[1].bytes);
    hn_session_close(&env, whole);
    hn_session_close(&env, cut);
}

static hn_plan *saved_plan(const char *path, hn_tensor *want, const hn_tensor ***in)
{
    hn_plan *p;
    hn_session *s = open_text(&env, NET, 2);
    *in = inputs_of(s, BATCH, 7);
    run(s, *in, want);
    planrun_ok(&env, hn_plan_save(&env, ready_for(s, *in).plan, path));
    hn_session_close(&env, s);
    planrun_ok(&env, hn_plan_load(&env, path, &hn_ops, &p));
    return p;
}

static void test_file(void **state)
{
    (void)state;
    char dir[256], path[300];
    hn_tensor want[8], got[8];
    const hn_tensor **in;
    hn_test_tmpdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/a.hone", dir);
    hn_plan *p = saved_plan(path, want, &in);
    assert_int_equal(p->slices, 3);
    planrun_ok(&env, hn_plan_check(&env, p));
    hn_plan_free(&env, p);
    for (size_t threads = 1; threads <= THREADS; threads++) {
        hn_session *s;
        planrun_ok(&env, hn_pool_new(&env, threads, &env.pool));
        planrun_ok(&env, hn_session_open(&env, path, NULL, &s));
        assert_int_equal(hn_session_input_type(s, 0)->dims[0], BATCH);
        assert_int_equal(hn_session_output_type(s, 0)->dims[0], BATCH);
        run(s, in, got);
        same(s, got, want, "threads", 0, (long long)threads);
        /* Inputs that lie beside the instance's memory, and what is taken after them, stay as they are. */
        hn_arena *beside;
        const hn_tensor *near[8];
        planrun_ok(&env, hn_session_arena(&env, s, &beside));
        assert_ptr_equal(beside, hn_instance_arena(ready_for(s, in).inst));
        for (size_t i = 0; i < hn_session_inputs(s); i++) {
            hn_tensor *copy;
            planrun_ok(&env, hn_tensor_copy(&env, beside, in[i], &copy));
            near[i] = copy;
        }
        for (int again = 0; again < 2; again++) run(s, near, got);
        same(s, got, want, "near, threads", 0, (long long)threads);
        for (size_t i = 0; i < hn_session_inputs(s); i++) assert_true(hn_tensor_equal(near[i], in[i]));
        hn_session_close(&env, s);
        hn_pool_free(&env, env.pool);
        env.pool = NULL;
    }
    hn_test_rmdir(dir);
}

/* Every word of the tables replaced in turn: refused by the reader or the checker, or consistent. */
static void test_damaged_file(void **state)
{
    (void)state;
    char dir[256], path[300];
    hn_tensor want[8];
    const hn_tensor **in;
    hn_map map;
    size_t loaded = 0, refused = 0;
    hn_test_tmpdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/a.hone", dir);
    hn_plan_free(&env, saved_plan(path, want, &in));
    planrun_ok(&env, hn_map_open(&env, path, &map));
    uint8_t *file = hn_alloc(&env, map.size);
    assert_non_null(file);
    memcpy(file, map.data, map.size);
    uint64_t tables;
    memcpy(&tables, file + 24, sizeof tables);
    static const uint32_t words[] = {0, 1, 2, 5, 6, UINT32_MAX};
    for (size_t at = HN_PLAN_HEADER; at + 4 <= HN_PLAN_HEADER + tables; at += 2)
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            hn_plan *p = NULL;
            memcpy(file + at, &words[k], 4);
            planfile_seal(file, map.size);
            hn_status st = hn_plan_load_bytes(&env, file, map.size, &hn_ops, &p);
            if (st != HN_OK && st != HN_INPUT && st != HN_UNSUPPORTED && st != HN_BUG)
                fail_msg("word at %zu: %s %s", at, hn_status_name(st), env.error.text);
            *(st == HN_OK ? &loaded : &refused) += 1;
            for (size_t i = 0; p && p->slices > 1 && i < p->nout; i++) {
                hn_place o = p->values[p->out[i]].place;
                assert_true(o.space == HN_SPACE_INPUT || (o.space == HN_SPACE_OUTPUT && o.offset < p->nout));
                assert_int_equal(p->out_type[i].dims[0], p->values[p->out[i]].type.dims[0] * (int64_t)p->slices);
            }
            hn_plan_free(&env, p);
            hn_error_clear(&env);
            memcpy(file + at, map.data + at, 4);
        }
    assert_true(loaded > 0 && refused > 100);
    hn_free(&env, file);
    hn_map_close(&map);
    hn_test_rmdir(dir);
}

/* ---- memory and failures ---- */
static hn_status new_and_run(hn_env *e, const hn_plan *p, const hn_tensor *const *in, hn_rig *rig)
{
    hn_instance *inst;
    hn_tensor out[8];
    HN_TRY(hn_instance_new(e, p, &inst));
    hn_status st = hn_instance_run(e, inst, in, out);
    size_t before = rig->requests;
    if (st == HN_OK) st = hn_instance_run(e, inst, in, out);
    if (st == HN_OK) assert_int_equal(rig->requests, before); /* not even the first run asks for memory */
    hn_instance_free(e, inst);
    return st;
}

static hn_status open_and_run(hn_env *e, const hn_graph *g, const hn_tensor *const *in)
{
    hn_session *s;
    hn_tensor out[8];
    hn_session_options o = {.slice = 2};
    HN_TRY(hn_session_new(e, g, NULL, &o, &s));
    hn_status st = hn_session_run(e, s, in, out);
    hn_session_close(e, s);
    return st;
}

static void test_torture(void **state)
{
    (void)state;
    hn_session *s = open_text(&env, NET, 2);
    const hn_tensor **in = inputs_of(s, BATCH, 1);
    const hn_plan *p = ready_for(s, in).plan;
    for (size_t threads = 1; threads <= 2; threads++) {
        hn_rig rig;
        hn_env e;
        hn_pool *pool;
        bool done = false;
        planrun_ok(&env, hn_pool_new(&env, threads, &pool));
        hn_rig_init(&rig, &e);
        e.isa = env.isa;
        e.pool = pool;
        HN_RIG_TORTURE(rig, e, done, 2000)
        {
            done = hn_rig_check(&rig, &e, new_and_run(&e, p, in, &rig));
        }
        done = false;
        HN_RIG_TORTURE(rig, e, done, 5000)
        {
            done = hn_rig_check(&rig, &e, open_and_run(&e, hn_session_graph(s), in));
        }
        hn_pool_free(&env, pool);
    }
    hn_session_close(&env, s);
}

/* The first slice that fails is the one reported, whichever lane runs it; then the instance runs again. */
static void test_failing_slice(void **state)
{
    (void)state;
    static const char text[] = "graph \"g\" opset 21 {\n  input %i : i64[N,2]\n  const %t : f32[5,4] = random 1\n"
                               "  %1 = Gather(%t, %i) {axis = 0} @ \"pick\"\n  %2 = Exp(%1)\n  output %2\n}\n";
    char first[512] = "";
    for (size_t threads = 1; threads <= THREADS; threads++) {
        int64_t at[BATCH * 2] = {0, 1, 2, 3, 77, 4, 0, 99, 1, 2, 88, 0};
        hn_tensor i = {.dtype = HN_I64, .rank = 2, .dims = {BATCH, 2}, .data = at, .bytes = sizeof at}, out[1];
        const hn_tensor *in[] = {&i};
        planrun_ok(&env, hn_pool_new(&env, threads, &env.pool));
        hn_session *s = open_text(&env, text, 1);
        assert_int_equal(ready_for(s, in).plan->slices, BATCH);
        for (int r = 0; r < 20; r++) {
            assert_int_equal(hn_session_run(&env, s, in, out), HN_INPUT);
            if (!first[0]) snprintf(first, sizeof first, "%s", env.error.text);
            assert_non_null(strstr(env.error.text, "77"));
            assert_string_equal(env.error.text, first);
            assert_string_equal(env.error.frame[env.error.frames - 1], "node \"pick\" (Gather)");
            hn_error_clear(&env);
        }
        at[4] = at[7] = at[10] = 0;
        planrun_ok(&env, hn_session_run(&env, s, in, out));
        hn_session_close(&env, s);
        hn_pool_free(&env, env.pool);
        env.pool = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_models, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_torture, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failing_slice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
