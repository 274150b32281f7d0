/* fuzz_recipe: recipes from hostile bytes. What parses must print to text that parses to the same print. */
#include <stdlib.h>
#include <string.h>

#include "optimize/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hn_env env;
    hn_arena arena = {0};
    hn_recipe r, again;
    hn_buf first = {0}, second = {0};
    hn_env_init(&env);
    if (hn_recipe_parse(&env, &arena, (const char *)data, size, &r) == HN_OK) {
        hn_recipe_print(&env, &r, &first);
        if (hn_recipe_parse(&env, &arena, hn_buf_str(&env, &first), first.size, &again) == HN_OK) {
            hn_recipe_print(&env, &again, &second);
            if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0) abort();
        } else if (first.size <= HN_RECIPE_MAX_BYTES) {
            abort();
        }
    } else if (env.error.text[0] == '\0') {
        abort();
    }
    hn_buf_fini(&env, &first);
    hn_buf_fini(&env, &second);
    hn_arena_fini(&env, &arena);
    return 0;
}
