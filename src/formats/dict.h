/* dict: a map from byte strings to pointers, for the name scopes of a graph file. Keys and table live in an arena; keys
 * are borrowed. */
#ifndef HN_FORMATS_DICT_H
#define HN_FORMATS_DICT_H

#include "tensor/tensor.h"

typedef struct hn_dict {
    struct hn_dict_slot *slots; /* cap is 0 or a power of two */
    size_t cap, count;
} hn_dict;

/* A zeroed hn_dict is empty. NULL when absent. */
void *hn_dict_get(const hn_dict *m, hn_str key);
/* Adds or overwrites; value is not NULL. */
hn_status hn_dict_put(hn_env *env, hn_arena *arena, hn_dict *m, hn_str key, void *value) HN_MUST_CHECK;
hn_str hn_str_of(const char *s); /* "" for NULL */
bool hn_str_same(hn_str a, hn_str b);
bool hn_str_is(hn_str a, const char *s);

#endif
