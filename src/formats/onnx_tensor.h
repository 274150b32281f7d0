/* onnx_tensor: TensorProto <-> hn_tensor, in every encoding of the schema (raw, typed lists, external file, sparse).
 *
 * Bytes that lie suitably aligned in the file are borrowed, others are copied; nothing is allocated before the shape
 * has been checked against the bytes at hand. */
#ifndef HN_FORMATS_ONNX_TENSOR_H
#define HN_FORMATS_ONNX_TENSOR_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/io.h"
#include "tensor/tensor.h"

/* Files that hold external data, kept mapped for as long as tensors borrow from them. A zeroed one is empty. */
typedef struct hn_onnx_maps {
    struct hn_onnx_mapped *first; /* list cells live in an arena, the mappings do not */
} hn_onnx_maps;
void hn_onnx_maps_fini(hn_onnx_maps *m);

/* Where the bytes of tensors come from and what may be done with them. */
typedef struct hn_onnx_source {
    const char *dir;          /* folder that external locations are relative to; NULL: external data is refused */
    hn_onnx_maps *maps;       /* NULL: external bytes are copied */
    bool copy;                /* copy instead of borrowing from the cursor's bytes */
    const hn_file *file;      /* which the cursor's bytes are mapped from; NULL: not known */
    uint64_t max_dense_bytes; /* of a sparse tensor made dense; 0: 1 GiB */
} hn_onnx_source;

/* Reads the TensorProto that the cursor covers. *name is "" when absent; it and strings live in the arena or the file.
 */
hn_status hn_onnx_tensor_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, hn_tensor *out,
                               const char **name) HN_MUST_CHECK;
/* The same for SparseTensorProto, made dense. */
hn_status hn_onnx_sparse_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_onnx_source *src, hn_tensor *out,
                               const char **name) HN_MUST_CHECK;
/* TensorProto with external data relative to dir (NULL: refused), whose bytes are copied; the rest is borrowed. */
hn_status hn_onnx_tensor_read(hn_env *env, hn_arena *arena, hn_cursor *c, const char *dir, hn_tensor *out,
                              const char **name) HN_MUST_CHECK;
/* A file that is one TensorProto (test data, "input_0.pb"). Everything lives in the arena. */
hn_status hn_onnx_tensor_load(hn_env *env, hn_arena *arena, const char *path, hn_tensor *out,
                              const char **name) HN_MUST_CHECK;

/* Appends the fields of a TensorProto; data as raw_data, strings as string_data. */
void hn_onnx_tensor_write(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name);
/* The same with the data in another file at `offset`. */
void hn_onnx_tensor_write_external(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name, const char *location,
                                   uint64_t offset);
hn_status hn_onnx_tensor_save(hn_env *env, const hn_tensor *t, const char *name, const char *path) HN_MUST_CHECK;

#endif
