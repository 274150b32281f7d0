/* model: the door of the formats room. Opens a model file, whatever its kind, as a graph whose constants borrow from
 * the mapped file; the model must outlive the graph and everything made from it without a deep copy. */
#ifndef HN_FORMATS_MODEL_H
#define HN_FORMATS_MODEL_H

#include "base/io.h"
#include "formats/onnx_tensor.h"
#include "ir/graph.h"
#include "ir/op.h"

typedef struct hn_opset {
    const char *domain; /* "" is ai.onnx */
    int64_t version;
} hn_opset;

typedef struct hn_meta {
    const char *key, *value;
} hn_meta;

/* GraphProto.quantization_annotation: key is SCALE_TENSOR or ZERO_POINT_TENSOR, value the name of a tensor. */
typedef struct hn_annotation {
    const char *tensor, *key, *value;
} hn_annotation;

typedef struct hn_model {
    hn_arena arena; /* holds this struct's lists and the graph */
    hn_map map;
    hn_onnx_maps external;
    hn_graph *graph;
    const char *path;
    int64_t ir_version, model_version;
    const char *producer, *producer_version, *domain;
    hn_opset *opsets;
    size_t nopsets;
    hn_meta *meta;
    size_t nmeta;
    hn_annotation *annotations;
    size_t nannotations;
    size_t file_bytes; /* of the model file; external data not counted */
    char sha256[65];   /* "" until hn_model_sha256 was called */
} hn_model;

typedef struct hn_model_options {
    const hn_op_table *ops;   /* NULL: hn_ops */
    size_t max_nodes;         /* after inlining of functions; 0: 4 Mi */
    int max_depth;            /* of nested graphs and of function calls; 0: 32 */
    uint64_t max_dense_bytes; /* of a sparse tensor made dense; 0: 1 GiB */
    bool keep_types;          /* do not infer: types are those written in the file */
} hn_model_options;

/* options may be NULL. */
hn_status hn_model_open(hn_env *env, const char *path, const hn_model_options *options, hn_model **out) HN_MUST_CHECK;
/* The same from memory that outlives the model; external data are refused. `name` stands for the file in messages. */
hn_status hn_model_open_bytes(hn_env *env, const char *name, const void *data, size_t size,
                              const hn_model_options *options, hn_model **out) HN_MUST_CHECK;
void hn_model_close(hn_env *env, hn_model *model); /* NULL allowed */

typedef enum hn_filetype {
    HN_FILE_UNKNOWN,
    HN_FILE_ONNX,
    HN_FILE_GGUF,
    HN_FILE_SAFETENSORS,
    HN_FILE_TFLITE,
    HN_FILE_ORT,
    HN_FILE_HDF5,
    HN_FILE_ZIP,
    HN_FILE_PICKLE,
    HN_FILE_TEXT,
    HN_FILE_EMPTY
} hn_filetype;
/* By content, never by name. */
hn_filetype hn_model_sniff(const void *data, size_t size);
const char *hn_filetype_name(hn_filetype t); /* "an ONNX model", "a GGUF file" ... */

const char *hn_model_meta(const hn_model *m, const char *key); /* metadata_props entry, NULL when absent */
hn_status hn_model_meta_set(hn_env *env, hn_model *m, const char *key, const char *value) HN_MUST_CHECK;
int64_t hn_model_opset(const hn_model *m, const char *domain); /* 0 when not imported */
const char *hn_model_sha256(hn_model *m);

#endif
