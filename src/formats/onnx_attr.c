/* onnx_attr: AttributeProto, and small edits on the attributes of a node being read. */
#include <string.h>

#include "formats/onnx_priv.h"

typedef enum kind {
    K_NONE = 0,
    K_FLOAT = 1,
    K_INT = 2,
    K_STRING = 3,
    K_TENSOR = 4,
    K_GRAPH = 5,
    K_FLOATS = 6,
    K_INTS = 7,
    K_STRINGS = 8,
    K_SPARSE = 11,
    K_TYPE = 13
} kind;

/* Fields of the message that hold the value of each kind. */
static uint32_t field_of(kind k)
{
    switch (k) {
    case K_FLOAT: return 2;
    case K_INT: return 3;
    case K_STRING: return 4;
    case K_TENSOR: return 5;
    case K_GRAPH: return 6;
    case K_FLOATS: return 7;
    case K_INTS: return 8;
    case K_STRINGS: return 9;
    case K_SPARSE: return 22;
    case K_TYPE: return 14;
    default: return 0;
    }
}

typedef struct head {
    const char *name;
    const char *ref; /* NULL: none */
    uint64_t type;
    size_t count; /* values in the field that `type` says */
} head;

static hn_status copy_name(hn_onnx_reader *r, const hn_pb_field *f, const char **out)
{
    HN_TRY(hn_pb_expect(r->env, f, HN_PB_BYTES, "attribute name"));
    *out = hn_arena_strndup(r->env, r->arena, (const char *)f->bytes.data, f->bytes.size);
    return *out == NULL ? r->env->error.status : HN_OK;
}

static hn_status read_head(hn_onnx_reader *r, hn_cursor c, head *h)
{
    hn_pb_field f;
    uint32_t seen = 0; /* fields 2..9, 14, 22 as bits: old files carry no type */
    *h = (head){.name = ""};
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "attribute", &f, &more));
        if (!more) break;
        if (f.number == 1) HN_TRY(copy_name(r, &f, &h->name));
        if (f.number == 21) HN_TRY(copy_name(r, &f, &h->ref));
        if (f.number == 20) {
            HN_TRY(hn_pb_expect(r->env, &f, HN_PB_VARINT, "attribute type"));
            h->type = f.value;
        }
        if (f.number < 32) seen |= UINT32_C(1) << f.number;
    }
    static const kind kinds[] = {K_FLOATS, K_INTS, K_STRINGS, K_TENSOR, K_GRAPH,
                                 K_SPARSE, K_TYPE, K_STRING,  K_FLOAT,  K_INT};
    for (size_t i = 0; h->type == 0 && h->ref == NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (seen >> field_of(kinds[i]) & 1) h->type = (uint64_t)kinds[i];
    if (h->name[0] == '\0') return hn_fail(r->env, HN_INPUT, "an attribute without a name");
    return HN_OK;
}

static hn_attr *add(hn_onnx_reader *r, hn_onnx_node *n, const char *name, hn_attr_kind k)
{
    hn_attr **p = &n->attrs;
    while (*p != NULL && strcmp((*p)->name, name) != 0) p = &(*p)->next;
    if (*p == NULL) {
        hn_attr *a = hn_arena_alloc(r->env, r->arena, sizeof *a);
        if (a == NULL) return NULL;
        a->name = name;
        *p = a;
    }
    (*p)->kind = k;
    (*p)->count = 1;
    return *p;
}

static double float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float v;
    memcpy(&v, &low, sizeof v);
    return (double)v;
}

static hn_status count_values(hn_onnx_reader *r, hn_cursor c, uint32_t field, hn_pb_wire wire, size_t *count)
{
    hn_pb_field f;
    *count = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "attribute", &f, &more));
        if (!more) return HN_OK;
        size_t n = 1;
        if (f.number != field) continue;
        if (wire == HN_PB_BYTES)
            HN_TRY(hn_pb_expect(r->env, &f, wire, "attribute"));
        else
            HN_TRY(hn_pb_count(r->env, &f, wire, "attribute", &n));
        *count += n;
    }
}

static hn_status read_list(hn_onnx_reader *r, hn_onnx_node *n, const head *h, hn_cursor c)
{
    kind k = (kind)h->type;
    uint32_t field = field_of(k);
    hn_pb_wire wire = k == K_INTS ? HN_PB_VARINT : k == K_FLOATS ? HN_PB_FIXED32 : HN_PB_BYTES;
    size_t count = 0, at = 0, got = 0;
    hn_pb_field f;
    HN_TRY(count_values(r, c, field, wire, &count));
    size_t width = k == K_STRINGS ? sizeof(hn_str) : sizeof(uint64_t);
    void *list = hn_arena_array(r->env, r->arena, count, width);
    hn_attr *a = list == NULL ? NULL
                              : add(r, n, h->name,
                                    k == K_INTS     ? HN_ATTR_INTS
                                    : k == K_FLOATS ? HN_ATTR_FLOATS
                                                    : HN_ATTR_STRINGS);
    if (a == NULL) return r->env->error.status;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "attribute", &f, &more));
        if (!more) break;
        if (f.number != field) continue;
        if (k == K_STRINGS) {
            ((hn_str *)list)[at++] = (hn_str){(const char *)f.bytes.data, f.bytes.size};
            continue;
        }
        HN_TRY(hn_pb_scalars(r->env, &f, wire, "attribute", (uint64_t *)list + at, count - at, &got));
        at += got;
    }
    a->count = count;
    if (k == K_STRINGS) {
        a->u.strings = list;
    } else if (k == K_INTS) {
        a->u.ints = list;
    } else {
        double *v = hn_arena_array(r->env, r->arena, count, sizeof *v);
        if (v == NULL) return r->env->error.status;
        for (size_t i = 0; i < count; i++) v[i] = float_of(((const uint64_t *)list)[i]);
        a->u.floats = v;
    }
    return HN_OK;
}

static hn_status read_region(hn_onnx_scope *s, hn_onnx_node *n, const head *h, hn_cursor body)
{
    hn_onnx_reader *r = s->r;
    hn_onnx_region *more = hn_arena_array(r->env, &r->scratch, n->nregions + 1, sizeof *more);
    if (more == NULL) return r->env->error.status;
    if (n->nregions > 0) memcpy(more, n->regions, n->nregions * sizeof *more);
    more[n->nregions++] = (hn_onnx_region){.name = h->name, .body = body, .scope = s};
    n->regions = more;
    return HN_OK;
}

static hn_status read_tensor(hn_onnx_scope *s, kind k, hn_cursor body, hn_attr *a)
{
    hn_onnx_reader *r = s->r;
    const char *name = "";
    hn_tensor *t = hn_arena_alloc(r->env, r->arena, sizeof *t);
    if (t == NULL) return r->env->error.status;
    if (k == K_TENSOR)
        HN_TRY(hn_onnx_tensor_parse(r->env, r->arena, &body, &r->source, t, &name));
    else
        HN_TRY(hn_onnx_sparse_parse(r->env, r->arena, &body, &r->source, t, &name));
    a->u.tensor = t;
    return HN_OK;
}

static hn_status read_single(hn_onnx_scope *s, hn_onnx_node *n, const head *h, hn_cursor c)
{
    static const hn_attr_kind to[] = {
        [K_FLOAT] = HN_ATTR_FLOAT,   [K_INT] = HN_ATTR_INT,       [K_STRING] = HN_ATTR_STRING,
        [K_TENSOR] = HN_ATTR_TENSOR, [K_SPARSE] = HN_ATTR_TENSOR, [K_TYPE] = HN_ATTR_TYPE};
    hn_onnx_reader *r = s->r;
    kind k = (kind)h->type;
    hn_pb_wire wire = k == K_INT ? HN_PB_VARINT : k == K_FLOAT ? HN_PB_FIXED32 : HN_PB_BYTES;
    hn_pb_field f, found = {.bytes = {.data = (const uint8_t *)""}};
    bool present = false;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "attribute", &f, &more));
        if (!more) break;
        if (f.number != field_of(k)) continue;
        HN_TRY(hn_pb_expect(r->env, &f, wire, "attribute"));
        found = f;
        present = true;
    }
    if (!present && (k == K_TENSOR || k == K_GRAPH || k == K_SPARSE || k == K_TYPE))
        return hn_fail(r->env, HN_INPUT, "attribute %.80s has no value", h->name);
    if (k == K_GRAPH) return read_region(s, n, h, found.bytes);
    hn_attr *a = add(r, n, h->name, to[k]);
    if (a == NULL) return r->env->error.status;
    if (k == K_FLOAT) {
        a->u.f = float_of(found.value);
    } else if (k == K_INT) {
        a->u.i = (int64_t)found.value;
    } else if (k == K_STRING) {
        a->u.s = (hn_str){(const char *)found.bytes.data, found.bytes.size};
    } else if (k == K_TYPE) {
        hn_type *t = hn_arena_alloc(r->env, r->arena, sizeof *t);
        if (t == NULL) return r->env->error.status;
        HN_TRY(hn_onnx_type(s, found.bytes, t));
        a->u.type = t;
    } else {
        HN_TRY(read_tensor(s, k, found.bytes, a));
    }
    return HN_OK;
}

static hn_status read_value(hn_onnx_scope *s, hn_onnx_node *n, const head *h, hn_cursor c)
{
    switch (h->type) {
    case K_FLOATS:
    case K_INTS:
    case K_STRINGS: return read_list(s->r, n, h, c);
    case K_FLOAT:
    case K_INT:
    case K_STRING:
    case K_TENSOR:
    case K_GRAPH:
    case K_SPARSE:
    case K_TYPE: return read_single(s, n, h, c);
    case K_NONE: return hn_fail(s->r->env, HN_INPUT, "attribute %.80s has no value", h->name);
    default:
        return hn_fail(s->r->env, HN_UNSUPPORTED, "attribute %.80s is of kind %llu", h->name,
                       (unsigned long long)h->type);
    }
}

hn_status hn_onnx_attr(hn_onnx_scope *s, hn_onnx_node *n, hn_cursor c)
{
    head h;
    HN_TRY(read_head(s->r, c, &h));
    const char *name = h.name;
    for (int hops = 0; h.ref != NULL; hops++) {
        /* A reference stands for what the call gave; that may itself be a reference in the caller. */
        hn_onnx_bound *b = s->bound == NULL ? NULL : hn_dict_get(s->bound, hn_str_of(h.ref));
        if (b == NULL || hops > s->r->max_depth) return HN_OK;
        s = b->scope;
        c = b->body;
        HN_TRY(read_head(s->r, c, &h));
    }
    if (hn_onnx_find(n, name) != NULL) return hn_fail(s->r->env, HN_INPUT, "attribute %.80s is given twice", name);
    h.name = name;
    return hn_context(s->r->env, read_value(s, n, &h, c), "attribute %.80s", name);
}

hn_attr *hn_onnx_find(const hn_onnx_node *n, const char *name)
{
    for (hn_attr *a = n->attrs; a != NULL; a = a->next)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

void hn_onnx_drop(hn_onnx_node *n, const char *name)
{
    for (hn_attr **p = &n->attrs; *p != NULL; p = &(*p)->next) {
        if (strcmp((*p)->name, name) != 0) continue;
        *p = (*p)->next;
        return;
    }
}

hn_status hn_onnx_set_int(hn_onnx_reader *r, hn_onnx_node *n, const char *name, int64_t v)
{
    hn_attr *a = add(r, n, name, HN_ATTR_INT);
    if (a == NULL) return r->env->error.status;
    a->u.i = v;
    return HN_OK;
}

hn_status hn_onnx_set_float(hn_onnx_reader *r, hn_onnx_node *n, const char *name, double v)
{
    hn_attr *a = add(r, n, name, HN_ATTR_FLOAT);
    if (a == NULL) return r->env->error.status;
    a->u.f = v;
    return HN_OK;
}

hn_status hn_onnx_set_str(hn_onnx_reader *r, hn_onnx_node *n, const char *name, const char *v)
{
    hn_attr *a = add(r, n, name, HN_ATTR_STRING);
    if (a == NULL) return r->env->error.status;
    a->u.s = hn_str_of(v);
    return HN_OK;
}

int64_t hn_onnx_int(const hn_onnx_node *n, const char *name, int64_t otherwise)
{
    const hn_attr *a = hn_onnx_find(n, name);
    return a != NULL && a->kind == HN_ATTR_INT ? a->u.i : otherwise;
}

double hn_onnx_float(const hn_onnx_node *n, const char *name, double otherwise)
{
    const hn_attr *a = hn_onnx_find(n, name);
    return a != NULL && a->kind == HN_ATTR_FLOAT ? a->u.f : otherwise;
}

bool hn_onnx_is(const hn_onnx_node *n, const char *name, const char *value, bool otherwise)
{
    const hn_attr *a = hn_onnx_find(n, name);
    return a != NULL && a->kind == HN_ATTR_STRING ? hn_str_is(a->u.s, value) : otherwise;
}
