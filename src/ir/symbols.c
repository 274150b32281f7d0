/* symbols: names of dims that are not known yet. One table is shared by a graph and its regions; symbol i is the dim
 * -(2 + i). */
#include <string.h>

#include "ir/ir_priv.h"

enum { MAX_SYMBOLS = 1 << 20 };

struct hn_symbols {
    hn_names map; /* name -> hn_symbol_entry */
    char **names;
    size_t count;
};

struct hn_symbols *hn_symbols_new(hn_env *env, hn_arena *arena)
{
    return hn_arena_alloc(env, arena, sizeof(struct hn_symbols));
}

typedef struct hn_symbol_entry {
    size_t index;
    char name[];
} hn_symbol_entry;

int64_t hn_graph_symbol(hn_graph *g, const char *name)
{
    struct hn_symbols *s = g->symbols;
    size_t n = strlen(name);
    hn_symbol_entry *e = hn_names_get(&s->map, name, n);
    if (e != NULL) return -(int64_t)e->index - 2;
    if (n == 0 || s->count >= MAX_SYMBOLS) {
        if (n == 0)
            (void)hn_fail(g->env, HN_INPUT, "a symbolic dim needs a name");
        else
            (void)hn_fail(g->env, HN_LIMIT, "more than %d symbolic dims", MAX_SYMBOLS);
        return -1;
    }
    e = hn_arena_alloc(g->env, g->arena, sizeof(*e) + n + 1);
    if (e == NULL) return -1;
    e->index = s->count;
    memcpy(e->name, name, n);
    char **names = hn_grow(g->env, g->arena, s->names, s->count, sizeof(*names));
    if (names == NULL) return -1;
    s->names = names;
    if (hn_names_put(g->env, g->arena, &s->map, e->name, n, e) != HN_OK) return -1;
    s->names[s->count++] = e->name;
    return -(int64_t)e->index - 2;
}

const char *hn_graph_symbol_name(const hn_graph *g, int64_t dim)
{
    if (dim > -2) return NULL;
    uint64_t index = (uint64_t)(-(dim + 2));
    return index < g->symbols->count ? g->symbols->names[index] : NULL;
}
