/* onnx_write: hn_graph -> ONNX file that other runtimes load. The graph's own ops must be gone: HN_UNSUPPORTED names
 * what is left. Constants are raw data, captures become outer-scope names again. */
#ifndef HN_FORMATS_ONNX_WRITE_H
#define HN_FORMATS_ONNX_WRITE_H

#include "formats/model.h"

enum { HN_ONNX_OLDEST_WRITTEN = 13, HN_ONNX_USUAL = 21 };

typedef struct hn_onnx_write_options {
    int64_t opset;       /* 13..28; 0: 21, or the oldest newer one that can say everything */
    const hn_meta *meta; /* metadata_props */
    size_t nmeta;
    const hn_annotation *annotations;
    size_t nannotations;
    const char *producer_version; /* NULL: none */
    size_t external_bytes;        /* constants together above this go to files beside the model; 0: 1.5 GiB */
    bool no_types;                /* leave out the types of intermediate values */
} hn_onnx_write_options;

/* options may be NULL. External data are written first, so that a model file never refers to what is not there. */
hn_status hn_onnx_write(hn_env *env, const hn_graph *g, const hn_onnx_write_options *options,
                        const char *path) HN_MUST_CHECK;
/* The same into a buffer, everything inside. */
hn_status hn_onnx_write_bytes(hn_env *env, const hn_graph *g, const hn_onnx_write_options *options,
                              hn_buf *out) HN_MUST_CHECK;
/* The oldest opset that can say the graph. */
hn_status hn_onnx_opset_needed(hn_env *env, const hn_graph *g, int64_t *out) HN_MUST_CHECK;

#endif
