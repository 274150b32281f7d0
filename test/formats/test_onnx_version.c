/* onnx_version: models of old operator sets give, through the reference kernels, the numbers their own versions define.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "formats/model.h"
#include "ops/ops.h"
#include "support/onnx_build.h"
#include "support/refrun.h"

typedef struct fixture {
    hn_env env;
    hn_arena arena;
    hn_ob o;
    hn_model *m;
} fixture;

static void need(const char *op)
{
    if (hn_op_find(&hn_ops, "", op) == NULL) skip();
}

/* A model with one input x; the caller adds nodes that end in y. */
static void begin(fixture *f, int64_t opset, int rank, const int64_t *dims)
{
    *f = (fixture){0};
    hn_env_init(&f->env);
    hn_ob_model(&f->o, &f->env, opset);
    hn_ob_in(&f->o, "x", HN_F32, rank, dims);
}

static void fails(fixture *f)
{
    char text[2048];
    hn_error_format(&f->env.error, text, sizeof text);
    fail_msg("%s", text);
}

/* Runs on x = 0, 1, 2 ... (plus `from`) and compares the output. */
static void gives(fixture *f, float from, size_t count, const float *want)
{
    hn_tensor x;
    const hn_tensor *in[1] = {&x}, *out[4] = {NULL};
    hn_ob_out(&f->o, "y");
    hn_ob_close_all(&f->o);
    if (hn_model_open_bytes(&f->env, "m", f->o.b.data, f->o.b.size, NULL, &f->m) != HN_OK) fails(f);
    const hn_type *t = &f->m->graph->in[0]->type;
    if (hn_tensor_init(&f->env, &f->arena, &x, t->dtype, t->rank, t->dims) != HN_OK) fails(f);
    for (size_t i = 0; i < hn_tensor_elems(&x); i++) hn_set_f64(&x, i, (double)from + (double)i);
    if (hn_refrun(&f->env, &f->arena, f->m->graph, in, out) != HN_OK) fails(f);
    assert_int_equal(hn_tensor_elems(out[0]), count);
    for (size_t i = 0; i < count; i++) {
        double got = hn_get_f64(out[0], i), d = got - (double)want[i];
        if (!(d < 1e-5 && d > -1e-5)) fail_msg("y[%zu] is %g, not %g", i, got, (double)want[i]);
    }
    hn_model_close(&f->env, f->m);
    hn_arena_fini(&f->env, &f->arena);
    hn_ob_fini(&f->o);
}

static void axes(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 11, 2, (int64_t[]){2, 3});
    hn_ob_node_open(&f.o, "ReduceMean", "x", "m");
    hn_ob_ints(&f.o, "axes", 1, (int64_t[]){1});
    hn_ob_int(&f.o, "keepdims", 1);
    hn_ob_close(&f.o);
    hn_ob_node_open(&f.o, "Unsqueeze", "m", "u");
    hn_ob_ints(&f.o, "axes", 1, (int64_t[]){0});
    hn_ob_close(&f.o);
    hn_ob_node_open(&f.o, "Squeeze", "u", "s");
    hn_ob_ints(&f.o, "axes", 2, (int64_t[]){0, 2});
    hn_ob_close(&f.o);
    hn_ob_node_open(&f.o, "ReduceSum", "s", "y");
    hn_ob_ints(&f.o, "axes", 1, (int64_t[]){0});
    hn_ob_int(&f.o, "keepdims", 0);
    hn_ob_close(&f.o);
    gives(&f, 0, 1, (float[]){5});
    /* An empty list meant every axis. */
    begin(&f, 11, 2, (int64_t[]){2, 3});
    hn_ob_node_open(&f.o, "ReduceMax", "x", "y");
    hn_ob_ints(&f.o, "axes", 0, NULL);
    hn_ob_int(&f.o, "keepdims", 0);
    hn_ob_close(&f.o);
    gives(&f, 0, 1, (float[]){5});
}

static void limits_and_pads(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 6, 1, (int64_t[]){5});
    hn_ob_node_open(&f.o, "Clip", "x", "y");
    hn_ob_float(&f.o, "min", 1);
    hn_ob_float(&f.o, "max", 3);
    hn_ob_close(&f.o);
    gives(&f, 0, 5, (float[]){1, 1, 2, 3, 3});
    begin(&f, 6, 1, (int64_t[]){3});
    hn_ob_node_open(&f.o, "Clip", "x", "y");
    hn_ob_float(&f.o, "max", 1);
    hn_ob_close(&f.o);
    gives(&f, -1, 3, (float[]){-1, 0, 1});
    begin(&f, 2, 1, (int64_t[]){2});
    hn_ob_node_open(&f.o, "Pad", "x", "y");
    hn_ob_ints(&f.o, "pads", 2, (int64_t[]){1, 2});
    hn_ob_float(&f.o, "value", 9);
    hn_ob_close(&f.o);
    gives(&f, 0, 5, (float[]){9, 0, 1, 9, 9});
    begin(&f, 9, 2, (int64_t[]){2, 3});
    hn_ob_node_open(&f.o, "Slice", "x", "y");
    hn_ob_ints(&f.o, "starts", 1, (int64_t[]){-2});
    hn_ob_ints(&f.o, "ends", 1, (int64_t[]){100});
    hn_ob_ints(&f.o, "axes", 1, (int64_t[]){1});
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){1, 2, 4, 5});
}

static void splits(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 11, 1, (int64_t[]){6});
    hn_ob_node_open(&f.o, "Split", "x", "a,y,c");
    hn_ob_ints(&f.o, "split", 3, (int64_t[]){1, 3, 2});
    hn_ob_close(&f.o);
    gives(&f, 0, 3, (float[]){1, 2, 3});
    begin(&f, 1, 1, (int64_t[]){6});
    hn_ob_f32(&f.o, "s", 1, (int64_t[]){3}, (float[]){1, 3, 2});
    hn_ob_node(&f.o, "Split", "x,s", "a,y,c");
    gives(&f, 0, 3, (float[]){1, 2, 3});
    begin(&f, 13, 1, (int64_t[]){6});
    hn_ob_node(&f.o, "Split", "x", "a,b,y");
    gives(&f, 0, 2, (float[]){4, 5});
}

static void reshape_cast_concat(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 1, 2, (int64_t[]){2, 2});
    hn_ob_node_open(&f.o, "Reshape", "x", "r");
    hn_ob_ints(&f.o, "shape", 3, (int64_t[]){1, 1, -1});
    hn_ob_close(&f.o);
    hn_ob_node_open(&f.o, "Cast", "r", "d");
    hn_ob_str(&f.o, "to", "INT32");
    hn_ob_close(&f.o);
    hn_ob_node_open(&f.o, "Cast", "d", "e");
    hn_ob_str(&f.o, "to", "FLOAT");
    hn_ob_close(&f.o);
    hn_ob_node(&f.o, "Concat", "e,e", "y"); /* axis was 1 by default */
    gives(&f, 0.5f, 8, (float[]){0, 1, 2, 3, 0, 1, 2, 3});
    need("TopK");
    begin(&f, 1, 1, (int64_t[]){4});
    hn_ob_node_open(&f.o, "TopK", "x", "y,i");
    hn_ob_int(&f.o, "k", 2);
    hn_ob_int(&f.o, "axis", 0);
    hn_ob_close(&f.o);
    gives(&f, 0, 2, (float[]){3, 2});
}

static void broadcasts(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 6, 3, (int64_t[]){1, 2, 2});
    hn_ob_f32(&f.o, "b", 1, (int64_t[]){2}, (float[]){10, 20});
    hn_ob_node_open(&f.o, "Add", "x,b", "y");
    hn_ob_int(&f.o, "broadcast", 1);
    hn_ob_int(&f.o, "axis", 1);
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){10, 11, 22, 23});
    begin(&f, 6, 3, (int64_t[]){1, 2, 2});
    hn_ob_f32(&f.o, "b", 1, (int64_t[]){2}, (float[]){10, 20});
    hn_ob_node_open(&f.o, "Mul", "x,b", "y");
    hn_ob_int(&f.o, "broadcast", 1);
    hn_ob_ints(&f.o, "consumed_inputs", 2, (int64_t[]){0, 0});
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){0, 20, 20, 60});
    begin(&f, 6, 3, (int64_t[]){1, 2, 2});
    hn_ob_f32(&f.o, "s", 1, (int64_t[]){2}, (float[]){0.5f, 0.25f});
    hn_ob_node(&f.o, "PRelu", "x,s", "y");
    gives(&f, -4, 4, (float[]){-2, -1.5f, -0.5f, -0.25f});
    begin(&f, 6, 2, (int64_t[]){1, 2});
    hn_ob_f32(&f.o, "w", 2, (int64_t[]){2, 2}, (float[]){1, 2, 3, 4});
    hn_ob_f32(&f.o, "c", 1, (int64_t[]){2}, (float[]){10, 20});
    hn_ob_node_open(&f.o, "Gemm", "x,w,c", "y");
    hn_ob_int(&f.o, "broadcast", 1);
    hn_ob_close(&f.o);
    gives(&f, 1, 2, (float[]){17, 30});
}

static void flattened_softmax(void **state)
{
    (void)state;
    fixture f;
    static const float quarter[8] = {0.25f, 0.25f, 0.25f, 0.25f, 0.25f, 0.25f, 0.25f, 0.25f};
    begin(&f, 11, 3, (int64_t[]){2, 2, 2});
    hn_ob_f32(&f.o, "zero", 0, NULL, (float[]){0});
    hn_ob_node(&f.o, "Mul", "x,zero", "z");
    hn_ob_node(&f.o, "Softmax", "z", "y");
    gives(&f, 0, 8, quarter);
    /* From 13 on the axis is one axis. */
    begin(&f, 13, 3, (int64_t[]){2, 2, 2});
    hn_ob_f32(&f.o, "zero", 0, NULL, (float[]){0});
    hn_ob_node(&f.o, "Mul", "x,zero", "z");
    hn_ob_node(&f.o, "Softmax", "z", "s");
    hn_ob_node(&f.o, "Mul", "s,s", "y");
    gives(&f, 0, 8, quarter);
    /* Dims of 1 behind the axis change nothing. */
    begin(&f, 11, 4, (int64_t[]){1, 2, 1, 1});
    hn_ob_node_open(&f.o, "LogSoftmax", "x", "y");
    hn_ob_int(&f.o, "axis", 1);
    hn_ob_close(&f.o);
    gives(&f, 0, 2, (float[]){-1.3132617f, -0.3132617f});
}

static void batchnorm(void **state)
{
    (void)state;
    for (int spatial = 0; spatial < 2; spatial++) {
        fixture f;
        int64_t dims[3] = {1, 2, 2};
        static const float v[4] = {1, 2, 3, 4}, ones[4] = {1, 1, 1, 1};
        begin(&f, 7, 3, dims);
        int rank = spatial ? 1 : 2;
        hn_ob_f32(&f.o, "scale", rank, dims + 1, v);
        hn_ob_f32(&f.o, "b", rank, dims + 1, ones);
        hn_ob_f32(&f.o, "mean", rank, dims + 1, v);
        hn_ob_f32(&f.o, "var", rank, dims + 1, ones);
        hn_ob_node_open(&f.o, "BatchNormalization", "x,scale,b,mean,var", "y");
        hn_ob_int(&f.o, "spatial", spatial);
        hn_ob_float(&f.o, "epsilon", 0);
        hn_ob_close(&f.o);
        if (spatial)
            gives(&f, 0, 4, (float[]){0, 1, 1, 3});
        else
            gives(&f, 0, 4, (float[]){0, -1, -2, -3});
    }
}

static void resizes(void **state)
{
    (void)state;
    fixture f;
    need("Resize");
    begin(&f, 7, 4, (int64_t[]){1, 1, 1, 2});
    hn_ob_node_open(&f.o, "Upsample", "x", "y");
    hn_ob_open(&f.o, 5);
    hn_pb_put_str(&f.env, &f.o.b, 1, "scales");
    for (int i = 0; i < 4; i++) hn_pb_put_float(&f.env, &f.o.b, 7, i == 3 ? 2.0f : 1.0f);
    hn_pb_put_int(&f.env, &f.o.b, 20, 6);
    hn_ob_close(&f.o);
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){0, 0, 1, 1});
    begin(&f, 9, 4, (int64_t[]){1, 1, 1, 2});
    hn_ob_f32(&f.o, "s", 1, (int64_t[]){4}, (float[]){1, 1, 1, 2});
    hn_ob_node_open(&f.o, "Upsample", "x,s", "y");
    hn_ob_str(&f.o, "mode", "linear");
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){0, 0.5f, 1, 1});
    /* The conformance case resize_downsample_nearest of opset 10. */
    begin(&f, 10, 4, (int64_t[]){1, 1, 2, 4});
    hn_ob_f32(&f.o, "s", 1, (int64_t[]){4}, (float[]){1, 1, 0.6f, 0.6f});
    hn_ob_node_open(&f.o, "Resize", "x,s", "y");
    hn_ob_str(&f.o, "mode", "nearest");
    hn_ob_close(&f.o);
    gives(&f, 1, 2, (float[]){1, 3});
}

static void dropout(void **state)
{
    (void)state;
    fixture f;
    need("Dropout");
    begin(&f, 7, 1, (int64_t[]){3});
    hn_ob_node_open(&f.o, "Dropout", "x", "d");
    hn_ob_float(&f.o, "ratio", 0.9f);
    hn_ob_close(&f.o);
    hn_ob_node(&f.o, "Relu", "d", "y");
    gives(&f, 1, 3, (float[]){1, 2, 3});
}

static void groupnorm(void **state)
{
    (void)state;
    fixture f;
    need("GroupNormalization");
    begin(&f, 18, 3, (int64_t[]){1, 4, 1});
    hn_ob_f32(&f.o, "scale", 1, (int64_t[]){2}, (float[]){1, 10});
    hn_ob_f32(&f.o, "bias", 1, (int64_t[]){2}, (float[]){0, 100});
    hn_ob_node_open(&f.o, "GroupNormalization", "x,scale,bias", "y");
    hn_ob_int(&f.o, "num_groups", 2);
    hn_ob_float(&f.o, "epsilon", 0);
    hn_ob_close(&f.o);
    gives(&f, 0, 4, (float[]){-1, 1, 90, 110});
}

static void others(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 10, 1, (int64_t[]){3});
    hn_ob_i64(&f.o, "i", 1, (int64_t[]){1}, (int64_t[]){1});
    hn_ob_f32(&f.o, "u", 1, (int64_t[]){1}, (float[]){7});
    hn_ob_node_open(&f.o, "Scatter", "x,i,u", "y");
    hn_ob_int(&f.o, "axis", 0);
    hn_ob_close(&f.o);
    gives(&f, 0, 3, (float[]){0, 7, 2});
    begin(&f, 1, 2, (int64_t[]){1, 2});
    hn_ob_f32(&f.o, "n", 0, NULL, (float[]){2});
    hn_ob_f32(&f.o, "a", 0, NULL, (float[]){1});
    hn_ob_node(&f.o, "Tile", "x,n,a", "y");
    gives(&f, 0, 4, (float[]){0, 1, 0, 1});
    begin(&f, 1, 2, (int64_t[]){1, 2});
    hn_ob_f32(&f.o, "n", 0, NULL, (float[]){2});
    hn_ob_node(&f.o, "Relu", "n", "m");
    hn_ob_f32(&f.o, "a", 0, NULL, (float[]){-2});
    hn_ob_node(&f.o, "Tile", "x,m,a", "y");
    gives(&f, 0, 4, (float[]){0, 1, 0, 1});
    begin(&f, 5, 1, (int64_t[]){2});
    hn_ob_node(&f.o, "Selu", "x", "y");
    gives(&f, 0, 2, (float[]){0, 1.0507f});
}

/* com.microsoft: what the standard operators can say. */
static void contrib_node(fixture *f, const char *op, const char *ins)
{
    hn_ob_node_open(&f->o, op, ins, "y");
    hn_pb_put_str(&f->env, &f->o.b, 7, "com.microsoft");
}

static void contrib(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 13, 4, (int64_t[]){1, 1, 1, 4});
    hn_ob_f32(&f.o, "w", 4, (int64_t[]){1, 1, 1, 1}, (float[]){-1});
    contrib_node(&f, "FusedConv", "x,w");
    hn_ob_str(&f.o, "activation", "Relu");
    hn_ob_close(&f.o);
    gives(&f, -2, 4, (float[]){2, 1, 0, 0});
    begin(&f, 13, 2, (int64_t[]){1, 2});
    hn_ob_f32(&f.o, "w", 2, (int64_t[]){2, 1}, (float[]){1, 1});
    contrib_node(&f, "FusedMatMul", "x,w");
    hn_ob_float(&f.o, "alpha", 3);
    hn_ob_close(&f.o);
    gives(&f, 1, 1, (float[]){9});
    need("Gelu");
    begin(&f, 13, 1, (int64_t[]){2});
    contrib_node(&f, "Gelu", "x");
    hn_ob_close(&f.o);
    gives(&f, 0, 2, (float[]){0, 0.8413447f});
}

/* One node per line: what an old form of an operator gives on x = from, from + 1 ... */
typedef struct form {
    const char *op;
    int64_t opset;
    int rank;
    int64_t dims[4];
    float from;
    void (*attrs)(hn_ob *o);
    size_t count;
    float want[8];
} form;

static void with_alpha_beta(hn_ob *o)
{
    hn_ob_float(o, "alpha", 2);
    hn_ob_float(o, "beta", 0.5f);
}
static void with_scale(hn_ob *o)
{
    hn_ob_float(o, "scale", 3);
}
static void with_border(hn_ob *o)
{
    hn_ob_ints(o, "border", 4, (int64_t[]){1, 0, 0, 1});
}
static void with_border_and_size(hn_ob *o)
{
    hn_ob_ints(o, "border", 4, (int64_t[]){1, 0, 0, 0});
    hn_ob_ints(o, "scale", 2, (int64_t[]){2, 1});
}
static void without_variance(hn_ob *o)
{
    hn_ob_int(o, "normalize_variance", 0);
    hn_ob_int(o, "across_channels", 1);
}
static void top_one(hn_ob *o)
{
    hn_ob_int(o, "k", 1);
}
static void half_of_width(hn_ob *o)
{
    hn_ob_float(o, "width_scale", 0.5f);
    hn_ob_float(o, "height_scale", 2);
}
static void to_half(hn_ob *o)
{
    hn_ob_str(o, "to", "FLOAT16");
}
static void p_two(hn_ob *o)
{
    hn_ob_float(o, "p", 2);
}
static void axis_one(hn_ob *o)
{
    hn_ob_int(o, "axis", 1);
}

static void rows_of_two(hn_ob *o)
{
    hn_ob_ints(o, "axes", 1, (int64_t[]){1});
    hn_ob_int(o, "keepdims", 0);
}
static void blocks_of_two(hn_ob *o)
{
    hn_ob_int(o, "blocksize", 2);
}

static void forms(void **state)
{
    static const form table[] = {
        {"Affine", 6, 1, {3}, -1, with_alpha_beta, 3, {-1.5f, 0.5f, 2.5f}},
        {"Scale", 6, 1, {2}, 1, with_scale, 2, {3, 6}},
        {"ScaledTanh", 6, 1, {2}, 0, with_alpha_beta, 2, {0, 0.9242343f}},
        {"ParametricSoftplus", 6, 1, {2}, 0, with_alpha_beta, 2, {1.3862944f, 1.9481539f}},
        {"ImageScaler", 6, 4, {1, 1, 1, 2}, 1, with_scale, 2, {3, 6}},
        {"Crop", 6, 4, {1, 1, 2, 3}, 0, with_border, 2, {1, 2}},
        {"Crop", 6, 4, {1, 1, 3, 3}, 0, with_border_and_size, 2, {1, 4}},
        {"MeanVarianceNormalization", 8, 4, {1, 2, 1, 2}, 0, without_variance, 4, {-1.5f, -0.5f, 0.5f, 1.5f}},
        {"ReduceL1", 7, 2, {2, 2}, 1, rows_of_two, 2, {3, 7}},
        {"ReduceL2", 11, 2, {2, 2}, 1, rows_of_two, 2, {2.2360680f, 5}},
        {"ReduceLogSum", 13, 2, {2, 2}, 1, rows_of_two, 2, {1.0986123f, 1.9459101f}},
        {"ReduceLogSumExp", 17, 2, {2, 2}, 1, rows_of_two, 2, {2.3132617f, 4.3132617f}},
        {"ReduceSumSquare", 13, 2, {2, 2}, 1, rows_of_two, 2, {5, 25}},
        {"ReduceMax", 12, 2, {2, 2}, 1, rows_of_two, 2, {2, 4}},
        {"ReduceMin", 13, 2, {2, 2}, 1, rows_of_two, 2, {1, 3}},
        {"ReduceProd", 11, 2, {2, 2}, 1, rows_of_two, 2, {2, 12}},
        {"ReduceSum", 12, 2, {2, 2}, 1, rows_of_two, 2, {3, 7}},
        {"ReduceMean", 17, 2, {2, 2}, 1, rows_of_two, 2, {1.5f, 3.5f}},
        {"DepthToSpace", 7, 4, {1, 4, 1, 1}, 0, blocks_of_two, 4, {0, 1, 2, 3}},
        {"SpaceToDepth", 13, 4, {1, 1, 2, 2}, 0, blocks_of_two, 4, {0, 1, 2, 3}},
        {"TopK", 9, 2, {2, 2}, 0, top_one, 2, {1, 3}},
        {"Upsample", 6, 4, {1, 1, 1, 4}, 0, half_of_width, 4, {0, 2, 0, 2}},
        {"Cast", 5, 1, {2}, 1, to_half, 2, {1, 2}},
        {"GlobalLpPool", 1, 3, {1, 1, 2}, 3, p_two, 1, {5}},
        {"Concat", 3, 2, {1, 2}, 0, NULL, 2, {0, 1}},
        {"Softmax", 12, 3, {1, 2, 2}, 0, axis_one, 4, {0.0320586f, 0.0871443f, 0.2368828f, 0.6439143f}},
        {"Hardmax", 12, 3, {1, 2, 2}, 0, axis_one, 4, {0, 0, 0, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const form *t = &table[i];
        fixture f;
        begin(&f, t->opset, t->rank, t->dims);
        hn_ob_node_open(&f.o, t->op, "x", strcmp(t->op, "TopK") == 0 ? "y,i" : "y");
        if (t->attrs != NULL) t->attrs(&f.o);
        hn_ob_close(&f.o);
        gives(&f, t->from, t->count, t->want);
    }
}

/* Before opset 16 coordinates were not shifted, and regions at least 1 wide. */
static void regions_of_interest(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 10, 4, (int64_t[]){1, 1, 1, 3});
    hn_ob_f32(&f.o, "rois", 2, (int64_t[]){1, 4}, (float[]){0, 0, 3, 1});
    hn_ob_i64(&f.o, "which", 1, (int64_t[]){1}, (int64_t[]){0});
    hn_ob_node_open(&f.o, "RoiAlign", "x,rois,which", "y");
    hn_ob_int(&f.o, "output_width", 2);
    hn_ob_int(&f.o, "sampling_ratio", 1);
    hn_ob_close(&f.o);
    gives(&f, 0, 2, (float[]){0.75f, 2});
}

/* Nearest resizing that shrinks one axis rounds up, that grows another rounds down. */
static void resize_both_ways(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 10, 2, (int64_t[]){4, 2});
    hn_ob_f32(&f.o, "scales", 1, (int64_t[]){2}, (float[]){0.5f, 2});
    hn_ob_node(&f.o, "Resize", "x,scales", "y");
    gives(&f, 0, 8, (float[]){0, 0, 1, 1, 4, 4, 5, 5});
}

/* Two samples of two steps each; the state starts at 10 and 20. */
static void scan_over_samples(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 8, 3, (int64_t[]){2, 2, 1});
    hn_ob_f32(&f.o, "start", 2, (int64_t[]){2, 1}, (float[]){10, 20});
    hn_ob_node_open(&f.o, "Scan", ",start,x", "last,y");
    hn_ob_int(&f.o, "num_scan_inputs", 1);
    hn_ob_graph(&f.o, "body");
    hn_ob_node(&f.o, "Add", "s,e", "t");
    hn_ob_node(&f.o, "Identity", "t", "u");
    hn_ob_in(&f.o, "s", HN_F32, 1, (int64_t[]){1});
    hn_ob_in(&f.o, "e", HN_F32, 1, (int64_t[]){1});
    hn_ob_out(&f.o, "t");
    hn_ob_out(&f.o, "u");
    hn_ob_graph_end(&f.o);
    hn_ob_close(&f.o);
    gives(&f, 1, 4, (float[]){11, 13, 23, 27});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(axes),
        cmocka_unit_test(limits_and_pads),
        cmocka_unit_test(splits),
        cmocka_unit_test(broadcasts),
        cmocka_unit_test(flattened_softmax),
        cmocka_unit_test(batchnorm),
        cmocka_unit_test(resizes),
        cmocka_unit_test(dropout),
        cmocka_unit_test(groupnorm),
        cmocka_unit_test(others),
        cmocka_unit_test(reshape_cast_concat),
        cmocka_unit_test(contrib),
        cmocka_unit_test(forms),
        cmocka_unit_test(scan_over_samples),
        cmocka_unit_test(regions_of_interest),
        cmocka_unit_test(resize_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
