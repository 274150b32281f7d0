/* onnx_write_priv: what the files of the ONNX writer share. */
#ifndef HN_FORMATS_ONNX_WRITE_PRIV_H
#define HN_FORMATS_ONNX_WRITE_PRIV_H

#include "formats/dict.h"
#include "formats/onnx_write.h"
#include "formats/pb.h"

/* One graph among those around it: names and constants that it defines. */
typedef struct hn_onnx_level {
    struct hn_onnx_level *outer;
    hn_dict names;   /* taken */
    hn_dict tensors; /* hn_tensor pointer -> name of a constant defined here */
} hn_onnx_level;

typedef struct hn_onnx_writer {
    hn_env *env;
    hn_arena arena;
    hn_buf *out;
    const hn_onnx_write_options *options;
    int64_t opset;
    const hn_graph *top;
    const char **names;       /* by value id */
    bool *outside;            /* by value id: a name of an outer graph (captures, shared constants) */
    const hn_value **hoisted; /* constants of several regions, written once at the top */
    size_t nhoisted;
    const char *data_base; /* name of the first external file; NULL: all inside */
    const char *data_dir;
    hn_buf data;
    size_t data_files;
    size_t fresh;
} hn_onnx_writer;

/* onnx_write_names.c: fills names, outside and hoisted for g and its regions. */
hn_status hn_onnx_name_all(hn_onnx_writer *w) HN_MUST_CHECK;
/* A name that nothing in the model has. */
const char *hn_onnx_spare_name(hn_onnx_writer *w) HN_MUST_CHECK;
/* onnx_write_graph.c: the fields of a GraphProto. */
hn_status hn_onnx_put_graph(hn_onnx_writer *w, const hn_graph *g) HN_MUST_CHECK;
/* Writes what is left of external data. */
hn_status hn_onnx_flush_data(hn_onnx_writer *w) HN_MUST_CHECK;
/* onnx_write_opset.c */
hn_status hn_onnx_check_ops(hn_env *env, const hn_graph *g, int64_t *needed) HN_MUST_CHECK;
/* How node n says attribute a in the writer's opset: false means it is left out. */
hn_status hn_onnx_keeps_attr(hn_onnx_writer *w, const hn_node *n, const hn_attr *a, bool *keep) HN_MUST_CHECK;
/* Inputs of n that are written; the axes of a reduction become an attribute before opset 18. */
hn_status hn_onnx_put_lowered(hn_onnx_writer *w, const hn_node *n, size_t *nin) HN_MUST_CHECK;

static inline const char *hn_region_attr(const hn_node *n, size_t i)
{
    return n->nregions == 1 ? "body" : i == 0 ? "then_branch" : "else_branch";
}

#endif
