/* onnx_build: field numbers are those of onnx.proto. */
#include "support/onnx_build.h"

#include <assert.h>
#include <string.h>

void hn_ob_open(hn_ob *o, uint32_t field)
{
    assert(o->depth < 32);
    o->marks[o->depth++] = hn_pb_begin(o->env, &o->b, field);
}

void hn_ob_close(hn_ob *o)
{
    assert(o->depth > 0);
    hn_pb_end(o->env, &o->b, o->marks[--o->depth]);
}

void hn_ob_close_all(hn_ob *o)
{
    while (o->depth > 0) hn_ob_close(o);
}

void hn_ob_model(hn_ob *o, hn_env *env, int64_t opset)
{
    *o = (hn_ob){.env = env};
    hn_pb_put_int(env, &o->b, 1, 8);
    hn_ob_open(o, 8);
    hn_pb_put_str(env, &o->b, 1, "");
    hn_pb_put_int(env, &o->b, 2, opset);
    hn_ob_close(o);
    hn_ob_open(o, 7);
    hn_pb_put_str(env, &o->b, 2, "g");
}

void hn_ob_fini(hn_ob *o)
{
    hn_buf_fini(o->env, &o->b);
}

void hn_ob_value(hn_ob *o, uint32_t field, const char *name, hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_ob_open(o, field);
    hn_pb_put_str(o->env, &o->b, 1, name);
    if (dtype != HN_NONE) {
        hn_ob_open(o, 2);
        hn_ob_open(o, 1);
        hn_pb_put_int(o->env, &o->b, 1, (int64_t)dtype);
        if (rank >= 0) hn_ob_open(o, 2);
        for (int d = 0; d < rank; d++) {
            hn_ob_open(o, 1);
            if (dims[d] >= 0)
                hn_pb_put_int(o->env, &o->b, 1, dims[d]);
            else if (dims[d] < -1)
                hn_pb_put_str(o->env, &o->b, 2, dims[d] == -2 ? "N" : "M");
            hn_ob_close(o);
        }
        if (rank >= 0) hn_ob_close(o);
        hn_ob_close(o);
        hn_ob_close(o);
    }
    hn_ob_close(o);
}

void hn_ob_in(hn_ob *o, const char *name, hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_ob_value(o, 11, name, dtype, rank, dims);
}

void hn_ob_out(hn_ob *o, const char *name)
{
    hn_ob_value(o, 12, name, HN_NONE, -1, NULL);
}

static void init(hn_ob *o, const char *name, hn_dtype dtype, int rank, const int64_t *dims, const void *v, size_t width)
{
    size_t n = 1;
    hn_ob_open(o, 5);
    for (int d = 0; d < rank; d++) {
        hn_pb_put_int(o->env, &o->b, 1, dims[d]);
        n *= (size_t)dims[d];
    }
    hn_pb_put_int(o->env, &o->b, 2, (int64_t)dtype);
    hn_pb_put_str(o->env, &o->b, 8, name);
    hn_pb_put_bytes(o->env, &o->b, 9, v, n * width);
    hn_ob_close(o);
}

void hn_ob_f32(hn_ob *o, const char *name, int rank, const int64_t *dims, const float *v)
{
    init(o, name, HN_F32, rank, dims, v, 4);
}

void hn_ob_i64(hn_ob *o, const char *name, int rank, const int64_t *dims, const int64_t *v)
{
    init(o, name, HN_I64, rank, dims, v, 8);
}

static void names(hn_ob *o, uint32_t field, const char *list)
{
    if (list[0] == '\0') return;
    for (;;) {
        size_t n = strcspn(list, ",");
        hn_pb_put_bytes(o->env, &o->b, field, list, n);
        if (list[n] == '\0') return;
        list += n + 1;
    }
}

void hn_ob_node_open(hn_ob *o, const char *op, const char *ins, const char *outs)
{
    hn_ob_open(o, 1);
    names(o, 1, ins);
    names(o, 2, outs);
    hn_pb_put_str(o->env, &o->b, 4, op);
}

void hn_ob_node(hn_ob *o, const char *op, const char *ins, const char *outs)
{
    hn_ob_node_open(o, op, ins, outs);
    hn_ob_close(o);
}

static void attr(hn_ob *o, const char *name, int64_t type)
{
    hn_ob_open(o, 5);
    hn_pb_put_str(o->env, &o->b, 1, name);
    hn_pb_put_int(o->env, &o->b, 20, type);
}

void hn_ob_int(hn_ob *o, const char *name, int64_t v)
{
    attr(o, name, 2);
    hn_pb_put_int(o->env, &o->b, 3, v);
    hn_ob_close(o);
}

void hn_ob_float(hn_ob *o, const char *name, float v)
{
    attr(o, name, 1);
    hn_pb_put_float(o->env, &o->b, 2, v);
    hn_ob_close(o);
}

void hn_ob_str(hn_ob *o, const char *name, const char *v)
{
    attr(o, name, 3);
    hn_pb_put_str(o->env, &o->b, 4, v);
    hn_ob_close(o);
}

void hn_ob_ints(hn_ob *o, const char *name, size_t count, const int64_t *v)
{
    attr(o, name, 7);
    hn_pb_put_ints(o->env, &o->b, 8, v, count);
    hn_ob_close(o);
}

void hn_ob_ref(hn_ob *o, const char *name, const char *ref, int64_t type)
{
    attr(o, name, type);
    hn_pb_put_str(o->env, &o->b, 21, ref);
    hn_ob_close(o);
}

void hn_ob_graph(hn_ob *o, const char *name)
{
    attr(o, name, 5);
    hn_ob_open(o, 6);
    hn_pb_put_str(o->env, &o->b, 2, name);
}

void hn_ob_graph_end(hn_ob *o)
{
    hn_ob_close(o);
    hn_ob_close(o);
}

void hn_ob_sample(hn_ob *o, hn_env *env)
{
    static const float w[6] = {1, -2, 3, -4, 5, -6};
    static const int64_t shape[2] = {2, 3};
    hn_ob_model(o, env, 13);
    hn_ob_in(o, "x", HN_F32, 2, (int64_t[]){-2, 3});
    hn_ob_in(o, "c", HN_BOOL, 0, NULL);
    hn_ob_f32(o, "w", 2, shape, w);
    hn_ob_node_open(o, "Gemm", "x,w", "h");
    hn_ob_int(o, "transB", 1);
    hn_ob_float(o, "alpha", 0.5f);
    hn_ob_close(o);
    hn_ob_node_open(o, "If", "c", "y");
    hn_ob_graph(o, "then_branch");
    hn_ob_node(o, "Relu", "h", "t");
    hn_ob_out(o, "t");
    hn_ob_graph_end(o);
    hn_ob_graph(o, "else_branch");
    hn_ob_node(o, "MatMul", "h,w", "m0");
    hn_ob_node_open(o, "ReduceMax", "m0", "m");
    hn_ob_ints(o, "axes", 1, (int64_t[]){1});
    hn_ob_close(o);
    hn_ob_node(o, "Add", "m,h", "e");
    hn_ob_out(o, "e");
    hn_ob_graph_end(o);
    hn_ob_close(o);
    hn_ob_node_open(o, "Softmax", "y", "s");
    hn_ob_int(o, "axis", 1);
    hn_ob_close(o);
    hn_ob_value(o, 13, "h", HN_F32, 2, (int64_t[]){-2, 2});
    hn_ob_out(o, "s");
    hn_ob_close_all(o);
    hn_ob_open(o, 14);
    hn_pb_put_str(env, &o->b, 1, "preprocess");
    hn_pb_put_str(env, &o->b, 2, "torch");
    hn_ob_close_all(o);
}
