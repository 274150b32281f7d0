/* cse: common subexpressions: equal constants first, then equal nodes over equal inputs, in order. */
#include <string.h>

#include "base/rng.h"
#include "base/size.h"
#include "passes/lib_match.h"

typedef struct entry {
    uint64_t hash; /* 0: free */
    hn_value *value;
    hn_node *node;
} entry;

typedef struct table {
    entry *slots;
    size_t cap;
} table;

static uint64_t mix(uint64_t h, uint64_t x)
{
    return hn_mix64(h ^ hn_mix64(x));
}

static uint64_t mix_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    uint64_t tail = n;
    for (size_t i = 0; i < n; ++i) tail = (tail << 8) | p[i];
    return mix(h, tail);
}

static uint64_t hash_tensor(const hn_tensor *t)
{
    uint64_t h = mix((uint64_t)t->dtype, (uint64_t)t->rank);
    for (int i = 0; i < t->rank; ++i) h = mix(h, (uint64_t)t->dims[i]);
    if (t->dtype != HN_STRING) return mix_bytes(h, t->data, t->bytes);
    const hn_str *s = t->data;
    for (size_t i = 0; i < hn_tensor_elems(t); ++i) h = mix_bytes(h, s[i].data, s[i].size);
    return h;
}

static bool same_node(const hn_node *a, const hn_node *b)
{
    if (a->op != b->op || a->nin != b->nin || a->nout != b->nout) return false;
    for (size_t i = 0; i < a->nin; ++i)
        if (a->in[i] != b->in[i]) return false;
    for (size_t i = 0; i < a->nout; ++i)
        if (a->out[i] == NULL && b->out[i] != NULL) return false;
    return hn_node_same_attrs(a, b);
}

static uint64_t hash_node(const hn_node *n)
{
    uint64_t h = mix_bytes(n->nout, n->op->name, strlen(n->op->name));
    for (size_t i = 0; i < n->nin; ++i) h = mix(h, n->in[i] != NULL ? n->in[i]->id + UINT64_C(1) : 0);
    return h;
}

/* The slot of an equal entry, or the free one. */
static entry *find(const table *t, uint64_t hash, const hn_value *v, const hn_node *n)
{
    for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
        entry *e = &t->slots[i];
        if (e->hash == 0) return e;
        if (e->hash != hash) continue;
        if (v != NULL && e->value != NULL && (e->value == v || hn_tensor_equal(e->value->data, v->data))) return e;
        if (n != NULL && e->node != NULL && same_node(e->node, n)) return e;
    }
}

static void merge_const(hn_pass_ctx *c, const table *t, hn_value *v)
{
    uint64_t hash = hash_tensor(v->data) | 1;
    entry *e = find(t, hash, v, NULL);
    if (e->hash == 0) {
        *e = (entry){.hash = hash, .value = v};
    } else if (e->value != v) {
        if (hn_value_is_output(v)) return;
        hn_value_replace(v, e->value);
        c->changes++;
    }
}

static void merge_node(hn_pass_ctx *c, const table *t, hn_node *n)
{
    if ((n->op->flags & (HN_OP_RANDOM | HN_OP_CONTROL)) != 0 || n->nout == 0) return;
    if ((n->op->flags & HN_OP_COMMUTES) != 0 && n->nin >= 2 && n->in[0] != NULL && n->in[1] != NULL &&
        n->in[0]->id > n->in[1]->id && n->in[0]->data == NULL) {
        hn_value *a = n->in[0], *b = n->in[1];
        hn_node_input_set(n, 0, b);
        hn_node_input_set(n, 1, a);
    }
    uint64_t hash = hash_node(n) | 1;
    entry *e = find(t, hash, NULL, n);
    if (e->hash == 0) {
        *e = (entry){.hash = hash, .node = n};
        return;
    }
    hn_node *first = e->node;
    for (size_t i = 0; i < n->nout; ++i)
        if (n->out[i] != NULL && hn_value_is_output(n->out[i]) &&
            (hn_value_is_output(first->out[i]) || !hn_value_can_take(n->out[i], first->out[i])))
            return;
    for (size_t i = 0; i < n->nout; ++i) {
        if (n->out[i] == NULL) continue;
        bool is_output = hn_value_is_output(n->out[i]);
        hn_value_replace(n->out[i], first->out[i]);
        if (is_output || first->out[i]->name == NULL) {
            first->out[i]->name = n->out[i]->name;
            n->out[i]->name = NULL;
        }
    }
    hn_node_remove(n);
    c->changes++;
}

static hn_status run(hn_pass_ctx *c)
{
    size_t count = c->graph->nnodes;
    for (const hn_node *n = c->graph->first; n != NULL; n = n->next) count += n->nin;
    table t = {.cap = 16};
    while (t.cap < 2 * count + 2) t.cap *= 2;
    t.slots = hn_zalloc(c->env, t.cap * sizeof(entry));
    if (t.slots == NULL) return c->env->error.status;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        for (size_t i = 0; i < n->nin; ++i)
            if (n->in[i] != NULL && n->in[i]->data != NULL) merge_const(c, &t, n->in[i]);
        merge_node(c, &t, n);
    }
    hn_free(c->env, t.slots);
    return HN_OK;
}

const hn_pass hn_pass_cse = {
    .name = "cse",
    .doc = "Keeps one of equal constants and one of equal nodes (same row, attributes and inputs). Random and control "
           "rows are "
           "left alone.",
    .run = run,
};
