/* onnx_value: values of any kind as ONNX files write them (TensorProto, SequenceProto, OptionalProto, MapProto). */
#ifndef HN_FORMATS_ONNX_VALUE_H
#define HN_FORMATS_ONNX_VALUE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "ir/graph.h"

/* The message the cursor covers, as a value of this kind. Everything lives in the arena. */
hn_status hn_onnx_value_parse(hn_env *env, hn_arena *arena, hn_cursor *c, const hn_type *type,
                              hn_tensor *out) HN_MUST_CHECK;
/* A file that is one such message ("input_0.pb"). */
hn_status hn_onnx_value_load(hn_env *env, hn_arena *arena, const char *path, const hn_type *type,
                             hn_tensor *out) HN_MUST_CHECK;
/* Appends the fields of the message that the value's kind asks for. name may be NULL. */
void hn_onnx_value_write(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name);
hn_status hn_onnx_value_save(hn_env *env, const hn_tensor *t, const char *name, const char *path) HN_MUST_CHECK;

#endif
