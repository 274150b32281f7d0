/* names: string to pointer map of the room, open addressing, at most half full. Keys are borrowed. */
#include <string.h>

#include "base/size.h"
#include "ir/ir_priv.h"

struct hn_name_entry {
    const char *key;
    size_t n;
    void *value; /* NULL: free slot */
};

static size_t hash(const char *s, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; ++i) h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ (h >> 29));
}

static struct hn_name_entry *find(struct hn_name_entry *slots, size_t cap, const char *key, size_t n)
{
    for (size_t i = hash(key, n) & (cap - 1);; i = (i + 1) & (cap - 1)) {
        struct hn_name_entry *e = &slots[i];
        if (e->value == NULL || (e->n == n && (n == 0 || memcmp(e->key, key, n) == 0))) return e;
    }
}

hn_status hn_names_put(hn_env *env, hn_arena *arena, hn_names *m, const char *key, size_t n, void *value)
{
    if (2 * (m->count + 1) > m->cap) {
        size_t cap = m->cap == 0 ? 16 : 2 * m->cap;
        struct hn_name_entry *slots = hn_arena_array(env, arena, cap, sizeof(*slots));
        if (slots == NULL) return env->error.status;
        for (size_t i = 0; i < m->cap; ++i)
            if (m->slots[i].value != NULL) *find(slots, cap, m->slots[i].key, m->slots[i].n) = m->slots[i];
        m->slots = slots;
        m->cap = cap;
    }
    struct hn_name_entry *e = find(m->slots, m->cap, key, n);
    if (e->value == NULL) m->count++;
    *e = (struct hn_name_entry){key, n, value};
    return HN_OK;
}

void *hn_names_get(const hn_names *m, const char *key, size_t n)
{
    return m->cap == 0 ? NULL : find(m->slots, m->cap, key, n)->value;
}
