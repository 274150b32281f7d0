/* type: value types and their order of precision: unknown < symbol < number. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "ir/ir_priv.h"

hn_type hn_type_tensor(hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_type t = {.kind = HN_KIND_TENSOR, .dtype = dtype, .rank = rank};
    if (rank > 0 && dims != NULL) memcpy(t.dims, dims, (size_t)rank * sizeof(*dims));
    return t;
}

hn_type hn_type_list(hn_kind kind, hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_type t = hn_type_tensor(dtype, rank, dims);
    t.kind = kind;
    return t;
}

bool hn_type_ready(const hn_type *t)
{
    return t->kind != HN_KIND_TENSOR ? t->dtype != HN_NONE : hn_type_known(t);
}

hn_dtype hn_type_list_dtype(const hn_type *t)
{
    switch (t->kind) {
    case HN_KIND_SEQUENCE:
    case HN_KIND_SEQUENCE_MAP: return HN_SEQ;
    case HN_KIND_OPTIONAL:
    case HN_KIND_OPTIONAL_SEQUENCE: return HN_OPT;
    case HN_KIND_MAP: return HN_MAP;
    default: return HN_NONE;
    }
}

hn_type hn_type_item(const hn_type *list)
{
    hn_type t = *list;
    t.kind = list->kind == HN_KIND_OPTIONAL_SEQUENCE ? HN_KIND_SEQUENCE
             : list->kind == HN_KIND_SEQUENCE_MAP    ? HN_KIND_MAP
                                                     : HN_KIND_TENSOR;
    if (t.kind != HN_KIND_MAP) t.key = HN_NONE;
    return t;
}

static hn_type map_type(const hn_tensor *v)
{
    const hn_tensor *keys = hn_tensor_item(v, 0), *values = hn_tensor_item(v, 1);
    hn_type t = hn_type_list(HN_KIND_MAP, values->dtype, 0, NULL);
    if (values->dtype == HN_SEQ) {
        t = hn_type_of(values);
        t.kind = HN_KIND_MAP;
    }
    t.key = keys->dtype;
    return t;
}

hn_type hn_type_of(const hn_tensor *v)
{
    if (!hn_dtype_is_list(v->dtype)) return hn_type_tensor(v->dtype, v->rank, v->dims);
    size_t n = hn_tensor_elems(v);
    if (v->dtype == HN_MAP) return n == 2 ? map_type(v) : (hn_type){.kind = HN_KIND_MAP, .rank = -1};
    hn_type t = hn_type_list(v->dtype == HN_SEQ ? HN_KIND_SEQUENCE : HN_KIND_OPTIONAL, HN_NONE, -1, NULL);
    for (size_t i = 0; i < n; ++i) {
        hn_type item = hn_type_of(hn_tensor_item(v, i)), was = t;
        if (item.kind == HN_KIND_MAP)
            item.kind = HN_KIND_SEQUENCE_MAP;
        else
            item.kind = item.kind == HN_KIND_SEQUENCE ? HN_KIND_OPTIONAL_SEQUENCE : t.kind;
        if (i == 0 || !hn_type_join(&was, &item, &t)) t = item;
    }
    return t;
}

/* A tensor against dtype and dims; a symbol is any size. */
static bool holds_tensor(const hn_type *t, const hn_tensor *v)
{
    if (hn_dtype_is_list(v->dtype) || (t->dtype != HN_NONE && t->dtype != v->dtype)) return false;
    if (t->rank >= 0 && t->rank != v->rank) return false;
    for (int i = 0; i < t->rank; ++i)
        if (t->dims[i] >= 0 && t->dims[i] != v->dims[i]) return false;
    return true;
}

static bool holds_map(const hn_type *t, const hn_tensor *v)
{
    if (v->dtype != HN_MAP || hn_tensor_elems(v) != 2) return false;
    const hn_tensor *keys = hn_tensor_item(v, 0), *values = hn_tensor_item(v, 1);
    if (keys->dtype != t->key && (t->key != HN_NONE || (keys->dtype != HN_I64 && keys->dtype != HN_STRING)))
        return false;
    if (keys->rank != 1 || values->rank != 1 || keys->dims[0] != values->dims[0]) return false;
    if (values->dtype != HN_SEQ) return t->dtype == HN_NONE || values->dtype == t->dtype;
    for (size_t i = 0, n = hn_tensor_elems(values); i < n; ++i)
        if (!holds_tensor(t, hn_tensor_item(values, i))) return false;
    return true;
}

bool hn_type_holds(const hn_type *t, const hn_tensor *v)
{
    if (t->kind == HN_KIND_TENSOR) return holds_tensor(t, v);
    if (t->kind == HN_KIND_MAP) return holds_map(t, v);
    if (v->dtype != hn_type_list_dtype(t)) return false;
    hn_type item = hn_type_item(t);
    size_t n = hn_tensor_elems(v);
    if (v->dtype == HN_OPT && n > 1) return false;
    for (size_t i = 0; i < n; ++i)
        if (!hn_type_holds(&item, hn_tensor_item(v, i))) return false;
    return true;
}

bool hn_type_known(const hn_type *t)
{
    if (t->kind != HN_KIND_TENSOR || t->dtype == HN_NONE || t->rank < 0) return false;
    for (int i = 0; i < t->rank; ++i)
        if (t->dims[i] < 0) return false;
    return true;
}

bool hn_type_same(const hn_type *a, const hn_type *b)
{
    if (a->kind != b->kind || a->dtype != b->dtype || a->key != b->key || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; ++i)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

bool hn_type_join(const hn_type *a, const hn_type *b, hn_type *out)
{
    if (a->kind != b->kind || a->dtype != b->dtype || a->key != b->key) return false;
    hn_type r = *a;
    if (a->rank != b->rank) r.rank = -1;
    for (int i = 0; i < r.rank; ++i)
        if (a->dims[i] != b->dims[i]) r.dims[i] = -1;
    *out = r;
    return true;
}

const char *hn_kind_open(hn_kind kind)
{
    static const char *const open[HN_KINDS] = {"", "seq(", "opt(", "optseq(", "map(", "seqmap("};
    return open[kind];
}

bool hn_type_is_map(const hn_type *t)
{
    return t->kind == HN_KIND_MAP || t->kind == HN_KIND_SEQUENCE_MAP;
}

/* Appends, keeping dst terminated. */
static void put(char *dst, size_t bytes, const char *s)
{
    size_t at = strlen(dst);
    if (at + 1 < bytes) (void)snprintf(dst + at, bytes - at, "%s", s);
}

void hn_type_describe(const hn_graph *g, const hn_type *t, char *dst, size_t bytes)
{
    if (bytes == 0) return;
    dst[0] = 0;
    put(dst, bytes, hn_kind_open(t->kind));
    if (hn_type_is_map(t)) {
        put(dst, bytes, hn_dtype_name(t->key));
        put(dst, bytes, ",");
    }
    put(dst, bytes, hn_dtype_name(t->dtype));
    put(dst, bytes, "[");
    if (t->rank < 0) put(dst, bytes, "*");
    for (int i = 0; i < t->rank; ++i) {
        char number[24];
        const char *name = hn_graph_symbol_name(g, t->dims[i]);
        (void)snprintf(number, sizeof(number), "%lld", (long long)t->dims[i]);
        if (i > 0) put(dst, bytes, ",");
        put(dst, bytes, t->dims[i] >= 0 ? number : name != NULL ? name : "?");
    }
    put(dst, bytes, t->kind == HN_KIND_TENSOR ? "]" : "])");
}

size_t hn_type_elems(const hn_type *t)
{
    size_t n = 0;
    return hn_dims_count(t->rank, t->dims, &n) ? n : 0;
}

size_t hn_type_bytes(const hn_type *t)
{
    size_t bytes = 0;
    return hn_dtype_bytes(t->dtype, hn_type_elems(t), &bytes) ? bytes : 0;
}

hn_status hn_type_carry(hn_graph *g, const hn_graph *from, const hn_type *t, hn_type *out)
{
    *out = *t;
    if (g->symbols == from->symbols) return HN_OK;
    for (int i = 0; i < t->rank; ++i) {
        if (t->dims[i] > -2) continue;
        const char *name = hn_graph_symbol_name(from, t->dims[i]);
        if (name == NULL) {
            out->dims[i] = -1;
            continue;
        }
        out->dims[i] = hn_graph_symbol(g, name);
        if (out->dims[i] == -1) return g->env->error.status;
    }
    return HN_OK;
}

hn_status hn_type_merge(hn_env *env, const hn_graph *g, const char *what, const hn_type *stored, const hn_type *found,
                        hn_type *out)
{
    hn_type r = *stored;
    bool bad = false;
    if (r.dtype == HN_NONE && r.rank < 0) r.kind = found->kind;
    bad = r.kind != found->kind && !(found->dtype == HN_NONE && found->rank < 0);
    if (r.dtype == HN_NONE) r.dtype = found->dtype;
    if (r.key == HN_NONE) r.key = found->key;
    bad = bad || (found->key != HN_NONE && r.key != found->key);
    bad = bad || (found->dtype != HN_NONE && r.dtype != found->dtype);
    if (r.rank < 0 && found->rank >= 0) {
        r.rank = found->rank;
        memcpy(r.dims, found->dims, sizeof(r.dims));
    }
    bad = bad || (found->rank >= 0 && r.rank != found->rank);
    for (int i = 0; !bad && found->rank >= 0 && i < r.rank; ++i) {
        if (r.dims[i] >= 0 && found->dims[i] >= 0)
            bad = r.dims[i] != found->dims[i];
        else if (found->dims[i] >= 0 || r.dims[i] == -1)
            r.dims[i] = found->dims[i];
    }
    if (bad) {
        char a[160], b[160];
        hn_type_describe(g, stored, a, sizeof(a));
        hn_type_describe(g, found, b, sizeof(b));
        return hn_fail(env, HN_INPUT, "%s: declared as %s, but its shape and type work out as %s", what, a, b);
    }
    *out = r;
    return HN_OK;
}
