/* onnx_build: small ONNX files made by hand in tests, field by field, so that wrong ones can be made as well. */
#ifndef HN_TEST_SUPPORT_ONNX_BUILD_H
#define HN_TEST_SUPPORT_ONNX_BUILD_H

#include "formats/pb.h"
#include "tensor/tensor.h"

typedef struct hn_ob {
    hn_env *env;
    hn_buf b;
    size_t marks[32]; /* open messages */
    int depth;
} hn_ob;

/* ModelProto with one import of the standard operators; opens the graph. */
void hn_ob_model(hn_ob *o, hn_env *env, int64_t opset);
void hn_ob_fini(hn_ob *o);
void hn_ob_open(hn_ob *o, uint32_t field);
void hn_ob_close(hn_ob *o);
void hn_ob_close_all(hn_ob *o);
/* In a graph. dims: -1 free, -2 "N", -3 "M"; rank -1: no shape; dtype NONE: no type. */
void hn_ob_value(hn_ob *o, uint32_t field, const char *name, hn_dtype dtype, int rank, const int64_t *dims);
void hn_ob_in(hn_ob *o, const char *name, hn_dtype dtype, int rank, const int64_t *dims);
void hn_ob_out(hn_ob *o, const char *name);
void hn_ob_f32(hn_ob *o, const char *name, int rank, const int64_t *dims, const float *v); /* initialiser */
void hn_ob_i64(hn_ob *o, const char *name, int rank, const int64_t *dims, const int64_t *v);
/* A node: names separated by ',' (empty ones are absent inputs). The _open form leaves it open for attributes. */
void hn_ob_node(hn_ob *o, const char *op, const char *ins, const char *outs);
void hn_ob_node_open(hn_ob *o, const char *op, const char *ins, const char *outs);
/* Attributes of the open node. */
void hn_ob_int(hn_ob *o, const char *name, int64_t v);
void hn_ob_float(hn_ob *o, const char *name, float v);
void hn_ob_str(hn_ob *o, const char *name, const char *v);
void hn_ob_ints(hn_ob *o, const char *name, size_t count, const int64_t *v);
void hn_ob_ref(hn_ob *o, const char *name, const char *ref, int64_t type);
void hn_ob_graph(hn_ob *o, const char *name); /* opens a graph attribute; two closes end it */
void hn_ob_graph_end(hn_ob *o);

/* A model with constants, an If with captures, a function-free mix of attributes; for truncation, mutation and torture.
 */
void hn_ob_sample(hn_ob *o, hn_env *env);

#endif
