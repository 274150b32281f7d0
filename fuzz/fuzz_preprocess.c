/* fuzz_preprocess: any text as a pipeline; what parses prints to a text that parses to the same text. */
#include <stdlib.h>
#include <string.h>

#include "data/preprocess.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512], first[512];
    hn_env env;
    hn_preprocess p;
    hn_buf b = {0};
    if (size >= sizeof text) return 0;
    if (size) memcpy(text, data, size);
    text[size] = '\0';
    hn_env_init(&env);
    if (hn_preprocess_parse(&env, text, &p) == HN_OK) {
        hn_preprocess_print(&env, &p, &b);
        if (b.size >= sizeof first) abort();
        memcpy(first, hn_buf_str(&env, &b), b.size + 1);
        hn_buf_fini(&env, &b);
        if (hn_preprocess_parse(&env, first, &p) != HN_OK) abort();
        hn_preprocess_print(&env, &p, &b);
        if (strcmp(first, hn_buf_str(&env, &b)) != 0) abort();
    }
    hn_buf_fini(&env, &b);
    return 0;
}
