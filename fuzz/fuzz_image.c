/* fuzz_image: any bytes as a picture. A picture that decodes has the size it says and can be pre-processed. */
#include <stdlib.h>

#include "base/arena.h"
#include "data/preprocess.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena a = {0};
    hn_image im;
    hn_tensor t;
    hn_preprocess p;
    hn_env_init(&env);
    if (hn_image_decode(&env, &a, data, size, 1 << 18, &im) == HN_OK) {
        if ((size_t)im.width * (size_t)im.height > 1 << 18) abort();
        if (hn_preprocess_parse(&env, "torch,resize=16,crop=16", &p) != HN_OK) abort();
        if (hn_preprocess_image(&env, &a, &p, &im, true, &t) == HN_OK && t.dims[1] != 16) abort();
    }
    hn_arena_fini(&env, &a);
    return 0;
}
