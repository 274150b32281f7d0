/* fuzz_wav: any bytes as a sound file; what decodes is one channel of the length it says. */
#include <stdlib.h>

#include "data/audio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena a = {0};
    hn_tensor t;
    hn_env_init(&env);
    if (hn_audio_decode(&env, &a, data, size, 1 << 20, &t, NULL) == HN_OK && (t.rank != 1 || t.bytes > 1 << 20))
        abort();
    hn_arena_fini(&env, &a);
    return 0;
}
