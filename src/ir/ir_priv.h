/* ir_priv: what the files of this room share with each other and with nobody else. */
#ifndef HN_IR_IR_PRIV_H
#define HN_IR_IR_PRIV_H

#include "ir/graph.h"
#include "ir/op.h"

/* A map from byte strings to pointers. Keys and values are borrowed; memory comes from the arena. */
typedef struct hn_names {
    struct hn_name_entry *slots;
    size_t count, cap;
} hn_names;

hn_status hn_names_put(hn_env *env, hn_arena *arena, hn_names *m, const char *key, size_t n, void *value) HN_MUST_CHECK;
void *hn_names_get(const hn_names *m, const char *key, size_t n); /* NULL when absent */

struct hn_symbols *hn_symbols_new(hn_env *env, hn_arena *arena) HN_MUST_CHECK;

/* Append an element to an array that grows by doubling from 4: returns the array with room for element n. */
void *hn_grow(hn_env *env, hn_arena *arena, void *old, size_t n, size_t elem_bytes) HN_MUST_CHECK;

/* Copies src's nodes into dst before `before`. map is indexed by the id of src's values (*src->next_id entries); the
 * caller has entered src's inputs, the rest is filled in. */
hn_status hn_graph_copy_nodes(hn_graph *dst, hn_node *before, const hn_graph *src, hn_value **map,
                              bool names) HN_MUST_CHECK;
hn_status hn_graph_copy_node(hn_graph *dst, hn_node *before, const hn_node *n, hn_value **map,
                             bool names) HN_MUST_CHECK;
/* The copy of a value that is mapped or constant. */
hn_value *hn_graph_copy_value(hn_graph *dst, hn_value *v, hn_value **map, bool names) HN_MUST_CHECK;
/* A type of another graph with its symbols renamed into g's. */
hn_status hn_type_carry(hn_graph *g, const hn_graph *from, const hn_type *t, hn_type *out) HN_MUST_CHECK;

/* hn_node_check with the status to fail with. */
hn_status hn_node_check_as(hn_env *env, const hn_node *n, hn_status bad) HN_MUST_CHECK;

/* The more specific of two types of one value; HN_INPUT on a contradiction, named by `what`. */
hn_status hn_type_merge(hn_env *env, const hn_graph *g, const char *what, const hn_type *stored, const hn_type *found,
                        hn_type *out) HN_MUST_CHECK;

/* Characters of names that need no quotes in the text form. */
bool hn_text_bare(const char *s, size_t n);
bool hn_text_bare_char(char c);

/* The text form of a kind: "seq(" and the like, "" for tensors. */
const char *hn_kind_open(hn_kind kind);
bool hn_type_is_map(const hn_type *t);

#endif
