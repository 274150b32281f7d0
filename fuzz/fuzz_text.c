/* fuzz_text: the text form from hostile bytes. What parses must verify, infer without harm, and print to a fixed point.
 */
#include <stdlib.h>
#include <string.h>

#include "test/support/tinyops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_env_init(&env);
    hn_arena arena = {0};
    hn_buf first = {0}, second = {0};
    hn_graph *g = hn_graph_parse(&env, &arena, &tiny_ops, (const char *)data, size);
    if (g != NULL) {
        if (hn_graph_verify(&env, g) != HN_OK && strstr(env.error.text, "two values are named") == NULL) abort();
        if (hn_graph_print(&env, g, HN_TEXT_FULL, &first) != HN_OK) abort();
        hn_graph *again = hn_graph_parse(&env, &arena, &tiny_ops, first.data, first.size);
        if (again == NULL || hn_graph_print(&env, again, HN_TEXT_FULL, &second) != HN_OK) abort();
        if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0) abort();
        if (hn_graph_infer(g) == HN_OK && g->nin > 0) {
            int64_t dims[HN_MAX_RANK] = {2, 2, 2, 2, 2, 2, 2, 2};
            if (hn_graph_bind(g, 0, g->in[0]->type.rank < 0 ? 1 : g->in[0]->type.rank, dims) == HN_OK &&
                hn_graph_infer(g) != HN_OK)
                hn_error_clear(&env);
        }
    }
    hn_buf_fini(&env, &first);
    hn_buf_fini(&env, &second);
    hn_arena_fini(&env, &arena);
    return 0;
}
