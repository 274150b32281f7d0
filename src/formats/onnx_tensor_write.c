/* onnx_tensor_write: hn_tensor -> TensorProto. Packed sub-byte types have the same layout in memory and in raw_data. */
#include <inttypes.h>
#include <stdio.h>

#include "formats/onnx_tensor.h"
#include "formats/pb.h"

static void write_head(hn_env *env, hn_buf *b, const hn_tensor *t)
{
    for (int d = 0; d < t->rank; d++) hn_pb_put_int(env, b, 1, t->dims[d]);
    hn_pb_put_int(env, b, 2, (int64_t)t->dtype);
}

void hn_onnx_tensor_write(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name)
{
    write_head(env, b, t);
    if (t->dtype == HN_STRING) {
        const hn_str *s = t->data;
        for (size_t i = 0; i < hn_tensor_elems(t); i++) hn_pb_put_bytes(env, b, 6, s[i].data, s[i].size);
    }
    if (name != NULL && name[0] != '\0') hn_pb_put_str(env, b, 8, name);
    if (t->dtype != HN_STRING) hn_pb_put_bytes(env, b, 9, t->data, t->bytes);
}

static void write_entry(hn_env *env, hn_buf *b, const char *key, const char *value)
{
    size_t mark = hn_pb_begin(env, b, 13);
    hn_pb_put_str(env, b, 1, key);
    hn_pb_put_str(env, b, 2, value);
    hn_pb_end(env, b, mark);
}

void hn_onnx_tensor_write_external(hn_env *env, hn_buf *b, const hn_tensor *t, const char *name, const char *location,
                                   uint64_t offset)
{
    char number[24];
    write_head(env, b, t);
    if (name != NULL && name[0] != '\0') hn_pb_put_str(env, b, 8, name);
    write_entry(env, b, "location", location);
    (void)snprintf(number, sizeof number, "%" PRIu64, offset);
    write_entry(env, b, "offset", number);
    (void)snprintf(number, sizeof number, "%zu", t->bytes);
    write_entry(env, b, "length", number);
    hn_pb_put_int(env, b, 14, 1);
}

hn_status hn_onnx_tensor_save(hn_env *env, const hn_tensor *t, const char *name, const char *path)
{
    hn_buf b = {0};
    hn_onnx_tensor_write(env, &b, t, name);
    hn_status st = hn_buf_status(&b);
    if (st == HN_OK) st = hn_file_write(env, path, b.data, b.size);
    hn_buf_fini(env, &b);
    return st;
}
