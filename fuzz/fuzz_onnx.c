/* fuzz_onnx: any bytes as a model file; what opens is a valid graph, can be written, and what was written opens again.
 */
#include <stdlib.h>

#include "formats/onnx_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_model *m = NULL, *again = NULL;
    hn_buf b = {0};
    hn_model_options limits = {.max_nodes = 10000, .max_depth = 8, .max_dense_bytes = 1 << 20};
    hn_env_init(&env);
    hn_status st = hn_model_open_bytes(&env, "fuzz.onnx", data, size, &limits, &m);
    if (st == HN_BUG) abort();
    if (st == HN_OK) {
        if (hn_graph_verify(&env, m->graph) != HN_OK) abort();
        st = hn_onnx_write_bytes(&env, m->graph, NULL, &b);
        if (st == HN_BUG) abort();
        if (st == HN_OK && hn_model_open_bytes(&env, "again.onnx", b.data, b.size, NULL, &again) == HN_BUG) abort();
    }
    hn_model_close(&env, again);
    hn_model_close(&env, m);
    hn_buf_fini(&env, &b);
    return 0;
}
