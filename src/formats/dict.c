/* dict: open addressing with linear probing, at most half full. */
#include "formats/dict.h"

#include <string.h>

struct hn_dict_slot {
    hn_str key;
    uint64_t hash;
    void *value; /* NULL: free */
};

hn_str hn_str_of(const char *s)
{
    hn_str out = {s == NULL ? "" : s, s == NULL ? 0 : strlen(s)};
    return out;
}

bool hn_str_same(hn_str a, hn_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool hn_str_is(hn_str a, const char *s)
{
    return hn_str_same(a, hn_str_of(s));
}

/* FNV-1a with a final mix, so that the low bits used as index depend on every byte. */
static uint64_t hash_of(hn_str key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < key.size; i++) h = (h ^ (uint8_t)key.data[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

static struct hn_dict_slot *find(const hn_dict *m, hn_str key, uint64_t hash)
{
    size_t mask = m->cap - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct hn_dict_slot *s = &m->slots[i];
        if (s->value == NULL || (s->hash == hash && hn_str_same(s->key, key))) return s;
    }
}

void *hn_dict_get(const hn_dict *m, hn_str key)
{
    if (m->cap == 0) return NULL;
    return find(m, key, hash_of(key))->value;
}

static hn_status grow(hn_env *env, hn_arena *arena, hn_dict *m)
{
    hn_dict bigger = {.cap = m->cap == 0 ? 16 : m->cap * 2, .count = m->count};
    bigger.slots = hn_arena_array(env, arena, bigger.cap, sizeof *bigger.slots);
    if (bigger.slots == NULL) return env->error.status;
    for (size_t i = 0; i < m->cap; i++) {
        const struct hn_dict_slot *s = &m->slots[i];
        if (s->value != NULL) *find(&bigger, s->key, s->hash) = *s;
    }
    *m = bigger;
    return HN_OK;
}

hn_status hn_dict_put(hn_env *env, hn_arena *arena, hn_dict *m, hn_str key, void *value)
{
    if (m->count * 2 >= m->cap) HN_TRY(grow(env, arena, m));
    uint64_t hash = hash_of(key);
    struct hn_dict_slot *s = find(m, key, hash);
    if (s->value == NULL) m->count++;
    *s = (struct hn_dict_slot){key, hash, value};
    return HN_OK;
}
