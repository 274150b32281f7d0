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

bool hn_type_known(const hn_type *t)
{
    if (t->kind != HN_KIND_TENSOR || t->dtype == HN_NONE || t->rank < 0) return false;
    for (int i = 0; i < t->rank; ++i)
        if (t->dims[i] < 0) return false;
    return true;
}

bool hn_type_same(const hn_type *a, const hn_type *b)
{
    if (a->kind != b->kind || a->dtype != b->dtype || a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; ++i)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

bool hn_type_join(const hn_type *a, const hn_type *b, hn_type *out)
{
    if (a->kind != b->kind || a->dtype != b->dtype) return false;
    hn_type r = *a;
    if (a->rank != b->rank) r.rank = -1;
    for (int i = 0; i < r.rank; ++i)
        if (a->dims[i] != b->dims[i]) r.dims[i] = -1;
    *out = r;
    return true;
}

/* Appends, keeping dst terminated. */
static void put(char *dst, size_t bytes, const char *s)
{
    size_t at = strlen(dst);
    if (at + 1 < bytes) (void)snprintf(dst + at, bytes - at, "%s", s);
}

void hn_type_describe(const hn_graph *g, const hn_type *t, char *dst, size_t bytes)
{
    static const char *const open[] = {"", "seq(", "opt(", "optseq("};
    if (bytes == 0) return;
    dst[0] = 0;
    put(dst, bytes, open[t->kind]);
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
