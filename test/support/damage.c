/* damage: a walk over the messages of onnx.proto that matter, noting where structure lies. */
#include "support/damage.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "formats/pb.h"
#include "ops/ops.h"

typedef enum kind { MODEL, GRAPH, NODE, ATTR, TENSOR, INFO, TYPE, TENSOR_TYPE, SHAPE, DIM, OTHER, LEAF } kind;

static kind child(kind k, uint32_t field)
{
    switch (k) {
    case MODEL: return field == 7 ? GRAPH : field == 8 || field == 14 ? OTHER : LEAF;
    case GRAPH: return field == 1 ? NODE : field == 5 ? TENSOR : field >= 11 && field <= 13 ? INFO : LEAF;
    case NODE: return field == 5 ? ATTR : LEAF;
    case ATTR: return field == 5 || field == 10 ? TENSOR : field == 6 || field == 11 ? GRAPH : LEAF;
    case INFO: return field == 2 ? TYPE : LEAF;
    case TYPE: return field == 1 ? TENSOR_TYPE : LEAF;
    case TENSOR_TYPE: return field == 2 ? SHAPE : LEAF;
    case SHAPE: return field == 1 ? DIM : LEAF;
    default: return LEAF;
    }
}

static void *grown(void *list, size_t count, size_t *cap, size_t elem)
{
    if (count < *cap) return list;
    *cap = *cap ? 2 * *cap : 256;
    list = realloc(list, *cap * elem);
    if (!list) abort();
    return list;
}

static void add_span(damage_list *l, size_t at, size_t n)
{
    if (n == 0) return;
    l->at = grown(l->at, l->count, &l->cap, sizeof *l->at);
    l->at[l->count++] = (damage_span){at, n};
}

static void add_spots(damage_map *m, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        m->spot = grown(m->spot, m->spots, &m->spot_cap, sizeof *m->spot);
        m->spot[m->spots++] = at + i;
    }
}

static void note_number(damage_map *m, kind k, const hn_pb_field *f, size_t at, size_t n)
{
    add_span(&m->varint, at, n);
    bool value = (k == ATTR && (f->number == 3 || f->number == 8)) || k == DIM || (k == TENSOR && f->number != 2);
    if (value) add_span(&m->value, at, n);
}

static void note_leaf(damage_map *m, kind k, const hn_pb_field *f, size_t at, size_t n)
{
    add_spots(m, at, n);
    add_span(&m->leaf, at, n);
    if (k == NODE && f->number == 1) add_span(&m->wire, at, n);
    if (k == NODE && f->number == 4) add_span(&m->type, at, n);
    if ((k == ATTR && f->number == 8) || (k == TENSOR && f->number != 8)) add_span(&m->small, at, n);
}

static void walk(damage_map *m, hn_env *env, kind k, const uint8_t *data, size_t at, size_t size)
{
    enum { SHORT = 64 };
    hn_cursor c = {.data = data + at, .size = size, .base = at};
    hn_pb_field f;
    bool more;
    while (hn_pb_next(env, &c, "message", &f, &more) == HN_OK && more) {
        size_t end = at + c.pos, tag = 1;
        while (data[f.at + tag - 1] & 0x80) tag++;
        if (f.wire != HN_PB_BYTES) {
            add_spots(m, f.at, end - f.at);
            if (f.wire == HN_PB_VARINT) note_number(m, k, &f, f.at + tag, end - f.at - tag);
            continue;
        }
        size_t body = f.bytes.size, head = end - body - f.at;
        add_spots(m, f.at, head);
        add_span(&m->length, f.at + tag, head - tag);
        kind inner = child(k, f.number);
        if (inner != LEAF)
            walk(m, env, inner, data, end - body, body);
        else if (body <= SHORT)
            note_leaf(m, k, &f, end - body, body);
    }
    hn_error_clear(env);
}

void damage_map_onnx(damage_map *m, const uint8_t *data, size_t size)
{
    hn_env env;
    hn_env_init(&env);
    memset(m, 0, sizeof *m);
    walk(m, &env, MODEL, data, 0, size);
}

void damage_map_free(damage_map *m)
{
    free(m->spot);
    damage_list *const lists[] = {&m->length, &m->varint, &m->value, &m->leaf, &m->wire, &m->type, &m->small};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->at);
    memset(m, 0, sizeof *m);
}

void damage_bytes(hn_rng *r, uint8_t *data, size_t size)
{
    if (size == 0) return;
    for (uint64_t n = 1 + hn_rng_below(r, 4); n > 0; n--) {
        size_t range = hn_rng_below(r, 2) && size > 512 ? 512 : size;
        uint8_t *p = &data[hn_rng_below(r, range)];
        *p = hn_rng_below(r, 2) ? (uint8_t)(*p ^ 1u << hn_rng_below(r, 8)) : (uint8_t)hn_rng_u64(r);
    }
}

/* Another number in the same bytes. */
static void edit_varint(hn_rng *r, uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n && i < 9; i++) v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
    switch (hn_rng_below(r, 8)) {
    case 0: v = 0; break;
    case 1: v = UINT64_MAX; break;
    case 2: v++; break;
    case 3: v--; break;
    case 4: v = hn_rng_below(r, 32); break;
    case 5: v *= 2; break;
    case 6: v /= 2; break;
    default: v = hn_rng_u64(r); break;
    }
    for (size_t i = 0; i < n; i++) {
        p[i] = (uint8_t)((v & 0x7f) | (i + 1 < n ? 0x80 : 0));
        v >>= 7;
    }
}

/* The bytes of one span in the place of another of the same width, or exchanged; a few tries to find such a pair. */
static void move_span(hn_rng *r, const damage_list *l, uint8_t *data, bool exchange)
{
    if (l->count == 0) return;
    const damage_span *a = &l->at[hn_rng_below(r, l->count)];
    for (int tries = 0; tries < 64; tries++) {
        const damage_span *b = &l->at[hn_rng_below(r, l->count)];
        if (a->n != b->n || memcmp(data + a->at, data + b->at, a->n) == 0) continue;
        for (size_t i = 0; i < a->n; i++) {
            uint8_t was = data[a->at + i];
            data[a->at + i] = data[b->at + i];
            if (exchange) data[b->at + i] = was;
        }
        return;
    }
}

/* Another operator whose name is as long. */
static void other_type(hn_rng *r, const damage_list *l, uint8_t *data)
{
    if (l->count == 0) return;
    const damage_span *a = &l->at[hn_rng_below(r, l->count)];
    for (int tries = 0; tries < 256; tries++) {
        const hn_op *op = hn_ops.rows[hn_rng_below(r, hn_ops.count)];
        if (op->domain[0] || strlen(op->name) != a->n) continue;
        memcpy(data + a->at, op->name, a->n);
        return;
    }
}

static void edit_number(hn_rng *r, const damage_list *l, uint8_t *data)
{
    if (l->count == 0) return;
    const damage_span *v = &l->at[hn_rng_below(r, l->count)];
    edit_varint(r, data + v->at, v->n);
}

static void edit_small(hn_rng *r, const damage_list *l, uint8_t *data)
{
    static const uint8_t odd[] = {0, 1, 2, 3, 7, 0x7f, 0x80, 0xff};
    if (l->count == 0) return;
    const damage_span *v = &l->at[hn_rng_below(r, l->count)];
    data[v->at + hn_rng_below(r, v->n)] = odd[hn_rng_below(r, sizeof odd)];
}

void damage_onnx(hn_rng *r, const damage_map *m, uint8_t *data, size_t size)
{
    switch (hn_rng_below(r, 16)) {
    case 0: damage_bytes(r, data, size); break;
    case 1: {
        uint8_t *p = &data[m->spot[hn_rng_below(r, m->spots)]];
        *p = hn_rng_below(r, 2) ? (uint8_t)(*p ^ 1u << hn_rng_below(r, 8)) : (uint8_t)hn_rng_u64(r);
        break;
    }
    case 2: edit_number(r, &m->varint, data); break;
    case 3: move_span(r, &m->length, data, true); break;
    case 4: move_span(r, &m->leaf, data, hn_rng_below(r, 2)); break;
    case 5:
    case 6: move_span(r, &m->wire, data, hn_rng_below(r, 2)); break;
    case 7:
    case 8: other_type(r, &m->type, data); break;
    case 9:
    case 10: edit_small(r, &m->small, data); break;
    default: edit_number(r, &m->value, data); break;
    }
}
