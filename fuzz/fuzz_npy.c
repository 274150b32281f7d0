/* fuzz_npy: any bytes as an npy file; what is read can be written and read again to the same tensor. */
#include <stdlib.h>

#include "data/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena a = {0};
    hn_buf b = {0};
    hn_cursor c = hn_cursor_make(data, size);
    hn_tensor t, again;
    hn_env_init(&env);
    if (hn_npy_read(&env, &a, &c, &t) == HN_OK) {
        if (hn_npy_write(&env, &t, &b) != HN_OK) abort();
        hn_cursor d = hn_cursor_make(b.data, b.size);
        if (hn_npy_read(&env, &a, &d, &again) != HN_OK || !hn_tensor_equal(&t, &again)) abort();
    }
    hn_buf_fini(&env, &b);
    hn_arena_fini(&env, &a);
    return 0;
}
