/* fuzz_tensorproto: any bytes as a TensorProto and as a SparseTensorProto; what is read can be written and read again.
 */
#include <stdlib.h>

#include "formats/onnx_tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_tensor t, again;
    const char *name;
    hn_onnx_source src = {.max_dense_bytes = 1 << 20};
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(data, size);
    hn_status st = hn_onnx_tensor_parse(&env, &a, &c, &src, &t, &name);
    if (st == HN_BUG) abort();
    if (st == HN_OK) {
        hn_onnx_tensor_write(&env, &b, &t, name);
        if (hn_buf_status(&b) != HN_OK) abort();
        c = hn_cursor_make(b.data, b.size);
        if (hn_onnx_tensor_parse(&env, &a, &c, &src, &again, &name) != HN_OK || !hn_tensor_equal(&t, &again)) abort();
    }
    hn_error_clear(&env);
    c = hn_cursor_make(data, size);
    if (hn_onnx_sparse_parse(&env, &a, &c, &src, &t, &name) == HN_BUG) abort();
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &a);
    return 0;
}
