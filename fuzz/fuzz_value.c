/* fuzz_value: the first byte says a kind, the rest is a SequenceProto, OptionalProto or MapProto; what is read can be
 * written and read again. */
#include <stdlib.h>

#include "formats/onnx_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_tensor t, again;
    if (size == 0) return 0;
    hn_type type = hn_type_list((hn_kind)(data[0] % HN_KINDS), HN_F32, -1, NULL);
    hn_env_init(&env);
    hn_cursor c = hn_cursor_make(data + 1, size - 1);
    hn_status st = hn_onnx_value_parse(&env, &a, &c, &type, &t);
    if (st == HN_BUG) abort();
    if (st == HN_OK) {
        char text[64];
        hn_tensor_describe(&t, text, sizeof text);
        (void)hn_type_holds(&type, &t);
        (void)hn_type_of(&t);
        hn_onnx_value_write(&env, &b, &t, "again");
        if (hn_buf_status(&b) != HN_OK) abort();
        c = hn_cursor_make(b.data, b.size);
        if (hn_onnx_value_parse(&env, &a, &c, &type, &again) != HN_OK || !hn_tensor_equal(&t, &again)) abort();
    }
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &a);
    return 0;
}
