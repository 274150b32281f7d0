/* recipe_priv: the key table, between recipe.c (table, printing) and recipe_parse.c. */
#ifndef HN_OPTIMIZE_RECIPE_PRIV_H
#define HN_OPTIMIZE_RECIPE_PRIV_H

#include "optimize/recipe.h"

typedef enum hn_recipe_kind {
    HN_RECIPE_TEXT,
    HN_RECIPE_CHOICE,
    HN_RECIPE_INT,
    HN_RECIPE_REAL,
    HN_RECIPE_BOOL
} hn_recipe_kind;

typedef struct hn_recipe_key {
    const char *section; /* "", "budget", "target", "quantize" */
    const char *name;
    hn_recipe_kind kind;
    size_t offset;         /* in hn_recipe */
    const char *choices;   /* CHOICE: "a|b|c" */
    double least, most;    /* INT, REAL */
    const char *otherwise; /* default as YAML; NULL: absent */
    const char *doc;
} hn_recipe_key;

extern const hn_recipe_key hn_recipe_keys[];
extern const size_t hn_recipe_key_count;
extern const char *const hn_recipe_passes[];       /* of this build; ends in NULL */
extern const char *const hn_recipe_later_passes[]; /* of the house plan, not of this build */

/* Is `text` one of "a|b|c"? */
bool hn_recipe_choice(const char *choices, const char *text);

#endif
