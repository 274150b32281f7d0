/* recipe: the choices of an optimize run as YAML. One key table drives parsing, printing (recipe.lock.yaml) and the
 * reference page docs/recipe.md. Files are hostile: bounded size, no aliases, every value checked before it is stored.
 */
#ifndef HN_OPTIMIZE_RECIPE_H
#define HN_OPTIMIZE_RECIPE_H

#include "base/arena.h"
#include "base/buf.h"

enum { HN_RECIPE_SCHEMA = 1, HN_RECIPE_MAX_BYTES = 1 << 16, HN_RECIPE_MAX_TEXT = 4096 };

/* Texts are NULL and numbers hold their default where the recipe says nothing; `given` tells the difference. */
typedef struct hn_recipe {
    uint64_t given; /* bit k: row k of the key table */
    int64_t schema;
    const char *model, *model_sha256, *data, *preprocess, *label_column, *eval;
    int64_t label_offset, limit, eval_limit, seed;
    const char *metric;
    double max_drop, time_s; /* budget, with the metric */
    const char *goal, *isa;  /* target */
    int64_t threads;
    const char *bits, *weights, *calibration; /* quantize */
    int64_t samples;
    bool keep_all;
    bool quantize, compile; /* which passes are listed */
} hn_recipe;

void hn_recipe_init(hn_recipe *r); /* the defaults */
/* HN_INPUT names line and column, and the nearest valid key or pass where one is unknown; HN_UNSUPPORTED for passes of
 * the house plan that this build has not. Texts live in the arena. */
hn_status hn_recipe_parse(hn_env *env, hn_arena *arena, const char *text, size_t bytes, hn_recipe *out) HN_MUST_CHECK;
hn_status hn_recipe_read(hn_env *env, hn_arena *arena, const char *path, hn_recipe *out) HN_MUST_CHECK;
/* Was the key given? `section` is "" for the outermost keys. */
bool hn_recipe_has(const hn_recipe *r, const char *section, const char *key);
/* As YAML, every default written out; texts that are NULL are left out. What was printed parses to the same recipe. */
void hn_recipe_print(hn_env *env, const hn_recipe *r, hn_buf *out);
/* docs/recipe.md. */
void hn_recipe_doc(hn_env *env, hn_buf *out);

#endif
