/* record: builders append to their parent; look-up walks a dotted path. Nothing is freed before the arena is. */
#include "meter/record.h"

#include <math.h>
#include <string.h>

static hn_rec *add(hn_recs *r, hn_rec *parent, const char *key, hn_rec_kind kind)
{
    if (parent == NULL && r->env->error.status != HN_OK) return NULL;
    if (parent != NULL && parent->kind != HN_REC_LIST && parent->kind != HN_REC_MAP) {
        (void)hn_fail(r->env, HN_BUG, "cannot add %s to a record: the parent is neither map nor list",
                      key ? key : "an item");
        return NULL;
    }
    hn_rec *n = hn_arena_alloc(r->env, r->arena, sizeof *n);
    if (n == NULL) return NULL;
    n->kind = kind;
    if (key != NULL) {
        n->key = hn_arena_strdup(r->env, r->arena, key);
        if (n->key == NULL) return NULL;
    }
    return n;
}

/* Only a complete node becomes part of the tree. */
static hn_rec *link_to(hn_rec *parent, hn_rec *n)
{
    if (parent == NULL || n == NULL) return n;
    if (parent->u.c.last == NULL)
        parent->u.c.first = n;
    else
        parent->u.c.last->next = n;
    parent->u.c.last = n;
    parent->u.c.count++;
    return n;
}

hn_rec *hn_rec_map(hn_recs *r, hn_rec *parent, const char *key)
{
    return link_to(parent, add(r, parent, key, HN_REC_MAP));
}

hn_rec *hn_rec_list(hn_recs *r, hn_rec *parent, const char *key)
{
    return link_to(parent, add(r, parent, key, HN_REC_LIST));
}

hn_rec *hn_rec_int(hn_recs *r, hn_rec *parent, const char *key, int64_t v)
{
    hn_rec *n = add(r, parent, key, HN_REC_INT);
    if (n != NULL) n->u.i = v;
    return link_to(parent, n);
}

hn_rec *hn_rec_real(hn_recs *r, hn_rec *parent, const char *key, double v)
{
    hn_rec *n = add(r, parent, key, isfinite(v) ? HN_REC_REAL : HN_REC_NULL);
    if (n != NULL && n->kind == HN_REC_REAL) n->u.r = v;
    return link_to(parent, n);
}

hn_rec *hn_rec_bool(hn_recs *r, hn_rec *parent, const char *key, bool v)
{
    hn_rec *n = add(r, parent, key, HN_REC_BOOL);
    if (n != NULL) n->u.b = v;
    return link_to(parent, n);
}

hn_rec *hn_rec_null(hn_recs *r, hn_rec *parent, const char *key)
{
    return link_to(parent, add(r, parent, key, HN_REC_NULL));
}

hn_rec *hn_rec_str(hn_recs *r, hn_rec *parent, const char *key, const char *s)
{
    hn_rec *n = add(r, parent, key, HN_REC_STR);
    if (n == NULL) return NULL;
    n->u.s = hn_arena_strdup(r->env, r->arena, s);
    return n->u.s == NULL ? NULL : link_to(parent, n);
}

hn_rec *hn_rec_strf(hn_recs *r, hn_rec *parent, const char *key, const char *fmt, ...)
{
    hn_rec *n = add(r, parent, key, HN_REC_STR);
    if (n == NULL) return NULL;
    va_list args;
    va_start(args, fmt);
    n->u.s = hn_arena_vprintf(r->env, r->arena, fmt, args);
    va_end(args);
    return n->u.s == NULL ? NULL : link_to(parent, n);
}

/* Child of a map by key, of a list by number; the name is not NUL-terminated. */
static const hn_rec *child(const hn_rec *c, const char *name, size_t len)
{
    if (c->kind == HN_REC_MAP) {
        for (const hn_rec *n = c->u.c.first; n != NULL; n = n->next)
            if (n->key != NULL && strncmp(n->key, name, len) == 0 && n->key[len] == '\0') return n;
    } else if (c->kind == HN_REC_LIST && len > 0 && len < 10) {
        size_t index = 0;
        for (size_t i = 0; i < len; i++) {
            if (name[i] < '0' || name[i] > '9') return NULL;
            index = index * 10 + (size_t)(name[i] - '0');
        }
        const hn_rec *n = c->u.c.first;
        while (n != NULL && index-- > 0) n = n->next;
        return n;
    }
    return NULL;
}

const hn_rec *hn_rec_get(const hn_rec *root, const char *path)
{
    const hn_rec *n = root;
    while (n != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        n = child(n, path, len);
        path += len;
        if (*path == '.') path++;
    }
    return n;
}

double hn_rec_num(const hn_rec *root, const char *path, double otherwise)
{
    const hn_rec *n = hn_rec_get(root, path);
    if (n == NULL) return otherwise;
    return n->kind == HN_REC_INT ? (double)n->u.i : n->kind == HN_REC_REAL ? n->u.r : otherwise;
}

const char *hn_rec_text(const hn_rec *root, const char *path, const char *otherwise)
{
    const hn_rec *n = hn_rec_get(root, path);
    return n != NULL && n->kind == HN_REC_STR ? n->u.s : otherwise;
}
