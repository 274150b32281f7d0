/* onnx_read: a ModelProto in memory -> graph, opsets and metadata of m, whose path and arena are set. */
#ifndef HN_FORMATS_ONNX_READ_H
#define HN_FORMATS_ONNX_READ_H

#include "formats/model.h"

/* dir: folder of external data, NULL: none. data must outlive m. */
hn_status hn_onnx_read(hn_env *env, hn_model *m, const void *data, size_t size, const char *dir,
                       const hn_model_options *options) HN_MUST_CHECK;

#endif
