/* attr: attributes of nodes. A name occurs once; order is that of first setting. Row defaults are read from their text
 * when asked for. */
#include <stdlib.h>
#include <string.h>

#include "ir/ir_priv.h"

const hn_attr *hn_node_attr(const hn_node *n, const char *name)
{
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

/* The attribute to fill in: the present one, else a new one at the end. */
static hn_attr *slot(hn_node *n, const char *name, hn_attr_kind kind, size_t count)
{
    hn_env *env = n->graph->env;
    hn_attr **p = &n->attrs;
    while (*p != NULL && strcmp((*p)->name, name) != 0) p = &(*p)->next;
    if (*p == NULL) {
        hn_attr *a = hn_arena_alloc(env, n->graph->arena, sizeof(*a));
        if (a == NULL) return NULL;
        a->name = hn_arena_strdup(env, n->graph->arena, name);
        if (a->name == NULL) return NULL;
        *p = a;
    }
    (*p)->kind = kind;
    (*p)->count = count;
    return *p;
}

static void *copied(hn_node *n, const void *src, size_t count, size_t elem_bytes)
{
    void *p = hn_arena_array(n->graph->env, n->graph->arena, count, elem_bytes);
    if (p != NULL && count != 0) memcpy(p, src, count * elem_bytes);
    return p;
}

static hn_status failed(const hn_node *n)
{
    return n->graph->env->error.status;
}

hn_status hn_node_set_int(hn_node *n, const char *name, int64_t v)
{
    hn_attr *a = slot(n, name, HN_ATTR_INT, 1);
    if (a == NULL) return failed(n);
    a->u.i = v;
    return HN_OK;
}

hn_status hn_node_set_float(hn_node *n, const char *name, double v)
{
    hn_attr *a = slot(n, name, HN_ATTR_FLOAT, 1);
    if (a == NULL) return failed(n);
    a->u.f = v;
    return HN_OK;
}

static hn_status copy_str(hn_node *n, hn_str v, hn_str *out)
{
    char *s = hn_arena_alloc(n->graph->env, n->graph->arena, v.size + 1);
    if (s == NULL) return failed(n);
    if (v.size != 0) memcpy(s, v.data, v.size);
    *out = (hn_str){s, v.size};
    return HN_OK;
}

static hn_status set_str(hn_node *n, const char *name, hn_str v)
{
    hn_str s;
    HN_TRY(copy_str(n, v, &s));
    hn_attr *a = slot(n, name, HN_ATTR_STRING, 1);
    if (a == NULL) return failed(n);
    a->u.s = s;
    return HN_OK;
}

hn_status hn_node_set_string(hn_node *n, const char *name, const char *v)
{
    return set_str(n, name, (hn_str){v, strlen(v)});
}

hn_status hn_node_set_ints(hn_node *n, const char *name, const int64_t *v, size_t count)
{
    const int64_t *p = copied(n, v, count, sizeof(*v));
    hn_attr *a = p == NULL ? NULL : slot(n, name, HN_ATTR_INTS, count);
    if (a == NULL) return failed(n);
    a->u.ints = p;
    return HN_OK;
}

hn_status hn_node_set_floats(hn_node *n, const char *name, const double *v, size_t count)
{
    const double *p = copied(n, v, count, sizeof(*v));
    hn_attr *a = p == NULL ? NULL : slot(n, name, HN_ATTR_FLOATS, count);
    if (a == NULL) return failed(n);
    a->u.floats = p;
    return HN_OK;
}

hn_status hn_node_set_strings(hn_node *n, const char *name, const hn_str *v, size_t count)
{
    hn_str *p = copied(n, v, count, sizeof(*v));
    if (p == NULL) return failed(n);
    for (size_t i = 0; i < count; ++i) HN_TRY(copy_str(n, v[i], &p[i]));
    hn_attr *a = slot(n, name, HN_ATTR_STRINGS, count);
    if (a == NULL) return failed(n);
    a->u.strings = p;
    return HN_OK;
}

hn_status hn_node_set_tensor(hn_node *n, const char *name, const hn_tensor *t)
{
    hn_attr *a = slot(n, name, HN_ATTR_TENSOR, 1);
    if (a == NULL) return failed(n);
    a->u.tensor = t;
    return HN_OK;
}

hn_status hn_node_set_type(hn_node *n, const char *name, const hn_type *t)
{
    const hn_type *p = copied(n, t, 1, sizeof(*t));
    hn_attr *a = p == NULL ? NULL : slot(n, name, HN_ATTR_TYPE, 1);
    if (a == NULL) return failed(n);
    a->u.type = p;
    return HN_OK;
}

static hn_status copy_attr(hn_node *to, const hn_node *from, const hn_attr *a)
{
    switch (a->kind) {
    case HN_ATTR_INT: return hn_node_set_int(to, a->name, a->u.i);
    case HN_ATTR_FLOAT: return hn_node_set_float(to, a->name, a->u.f);
    case HN_ATTR_STRING: return set_str(to, a->name, a->u.s);
    case HN_ATTR_INTS: return hn_node_set_ints(to, a->name, a->u.ints, a->count);
    case HN_ATTR_FLOATS: return hn_node_set_floats(to, a->name, a->u.floats, a->count);
    case HN_ATTR_STRINGS: return hn_node_set_strings(to, a->name, a->u.strings, a->count);
    case HN_ATTR_TENSOR: {
        hn_tensor *t = copied(to, a->u.tensor, 1, sizeof(*t));
        return t == NULL ? failed(to) : hn_node_set_tensor(to, a->name, t);
    }
    case HN_ATTR_TYPE: {
        hn_type t;
        HN_TRY(hn_type_carry(to->graph, from->graph, a->u.type, &t));
        return hn_node_set_type(to, a->name, &t);
    }
    }
    return hn_fail(to->graph->env, HN_BUG, "attribute %s has no kind", a->name);
}

hn_status hn_node_copy_attrs(hn_node *to, const hn_node *from)
{
    for (const hn_attr *a = from->attrs; a != NULL; a = a->next) HN_TRY(copy_attr(to, from, a));
    return HN_OK;
}

void hn_node_unset(hn_node *n, const char *name)
{
    for (hn_attr **p = &n->attrs; *p != NULL; p = &(*p)->next) {
        if (strcmp((*p)->name, name) != 0) continue;
        *p = (*p)->next;
        return;
    }
}

/* Text of the row's default, or NULL. */
static const char *otherwise_text(const hn_node *n, const char *name)
{
    for (const hn_attr_row *r = n->op->attrs; r != NULL && r->name != NULL; ++r)
        if (strcmp(r->name, name) == 0) return r->otherwise;
    return NULL;
}

int64_t hn_attr_int(const hn_node *n, const char *name, int64_t otherwise)
{
    const hn_attr *a = hn_node_attr(n, name);
    if (a != NULL && a->kind == HN_ATTR_INT) return a->u.i;
    const char *text = a == NULL ? otherwise_text(n, name) : NULL;
    return text != NULL ? (int64_t)strtoll(text, NULL, 10) : otherwise;
}

double hn_attr_float(const hn_node *n, const char *name, double otherwise)
{
    const hn_attr *a = hn_node_attr(n, name);
    if (a != NULL && a->kind == HN_ATTR_FLOAT) return a->u.f;
    const char *text = a == NULL ? otherwise_text(n, name) : NULL;
    return text != NULL ? strtod(text, NULL) : otherwise;
}

hn_str hn_attr_string(const hn_node *n, const char *name, const char *otherwise)
{
    const hn_attr *a = hn_node_attr(n, name);
    if (a != NULL && a->kind == HN_ATTR_STRING) return a->u.s;
    const char *text = a == NULL ? otherwise_text(n, name) : NULL;
    if (text == NULL) text = otherwise;
    return text != NULL ? (hn_str){text, strlen(text)} : (hn_str){"", 0};
}

bool hn_attr_is(const hn_node *n, const char *name, const char *value)
{
    hn_str s = hn_attr_string(n, name, "");
    return s.size == strlen(value) && memcmp(s.data, value, s.size) == 0;
}

size_t hn_attr_ints(const hn_node *n, const char *name, const int64_t **out)
{
    const hn_attr *a = hn_node_attr(n, name);
    bool is = a != NULL && a->kind == HN_ATTR_INTS;
    *out = is ? a->u.ints : NULL;
    return is ? a->count : 0;
}

size_t hn_attr_floats(const hn_node *n, const char *name, const double **out)
{
    const hn_attr *a = hn_node_attr(n, name);
    bool is = a != NULL && a->kind == HN_ATTR_FLOATS;
    *out = is ? a->u.floats : NULL;
    return is ? a->count : 0;
}

static bool same_list(const hn_attr *a, const hn_attr *b)
{
    if (a->kind == HN_ATTR_INTS) return a->count == 0 || memcmp(a->u.ints, b->u.ints, a->count * sizeof(int64_t)) == 0;
    if (a->kind == HN_ATTR_FLOATS)
        return a->count == 0 || memcmp(a->u.floats, b->u.floats, a->count * sizeof(double)) == 0;
    for (size_t i = 0; i < a->count; ++i) {
        hn_str x = a->u.strings[i], y = b->u.strings[i];
        if (x.size != y.size || (x.size != 0 && memcmp(x.data, y.data, x.size) != 0)) return false;
    }
    return true;
}

static bool same_attr(const hn_attr *a, const hn_attr *b)
{
    if (a->kind != b->kind || a->count != b->count) return false;
    switch (a->kind) {
    case HN_ATTR_INT: return a->u.i == b->u.i;
    case HN_ATTR_FLOAT: return memcmp(&a->u.f, &b->u.f, sizeof(double)) == 0;
    case HN_ATTR_STRING:
        return a->u.s.size == b->u.s.size && (a->u.s.size == 0 || memcmp(a->u.s.data, b->u.s.data, a->u.s.size) == 0);
    case HN_ATTR_TENSOR: return hn_tensor_equal(a->u.tensor, b->u.tensor);
    case HN_ATTR_TYPE: return hn_type_same(a->u.type, b->u.type);
    default: return same_list(a, b);
    }
}

bool hn_node_same_attrs(const hn_node *a, const hn_node *b)
{
    size_t count = 0;
    for (const hn_attr *x = a->attrs; x != NULL; x = x->next, ++count) {
        const hn_attr *y = hn_node_attr(b, x->name);
        if (y == NULL || !same_attr(x, y)) return false;
    }
    for (const hn_attr *y = b->attrs; y != NULL; y = y->next) count--;
    return count == 0;
}
