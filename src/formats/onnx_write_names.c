/* onnx_write_names: every value gets the name it has in the file. ONNX lets no name of an inner graph hide one of an
 * outer, so graphs are named from the outside in; a name the graph has is kept wherever that is possible. */
#include <string.h>

#include "formats/onnx_write_priv.h"

enum { SHARE_BYTES = 64 }; /* smaller constants are repeated in each region rather than moved out */

static hn_str tensor_key(hn_onnx_writer *w, const hn_tensor *t)
{
    const hn_tensor **p = hn_arena_alloc(w->env, &w->arena, sizeof(void *));
    if (p != NULL) *p = t;
    return (hn_str){(const char *)p, p == NULL ? 0 : sizeof(void *)};
}

static bool taken(const hn_onnx_level *l, const char *name)
{
    for (; l != NULL; l = l->outer)
        if (hn_dict_get(&l->names, hn_str_of(name)) != NULL) return true;
    return false;
}

static hn_status give_name(hn_onnx_writer *w, hn_onnx_level *l, const hn_value *v)
{
    if (w->names[v->id] != NULL) return HN_OK;
    const char *name = v->name;
    for (size_t n = 0; name == NULL || name[0] == '\0' || taken(l, name); n++) {
        name = v->name == NULL || v->name[0] == '\0' ? hn_arena_printf(w->env, &w->arena, "v%u_%zu", v->id, n)
                                                     : hn_arena_printf(w->env, &w->arena, "%s_%zu", v->name, n);
        if (name == NULL) return w->env->error.status;
    }
    w->names[v->id] = name;
    return hn_dict_put(w->env, &w->arena, &l->names, hn_str_of(name), w);
}

static const char *shared_name(hn_onnx_writer *w, const hn_onnx_level *l, const hn_tensor *t)
{
    hn_str key = {(const char *)&t, sizeof t};
    (void)w;
    for (; l != NULL; l = l->outer) {
        const char *name = hn_dict_get(&l->tensors, key);
        if (name != NULL) return name;
    }
    return NULL;
}

static hn_status name_const(hn_onnx_writer *w, hn_onnx_level *l, const hn_value *v)
{
    if (v->data == NULL || w->names[v->id] != NULL) return HN_OK;
    const char *outer = shared_name(w, l->outer, v->data);
    if (outer != NULL) {
        w->names[v->id] = outer;
        w->outside[v->id] = true;
        return HN_OK;
    }
    HN_TRY(give_name(w, l, v));
    hn_str key = tensor_key(w, v->data);
    if (key.size == 0) return w->env->error.status;
    return hn_dict_put(w->env, &w->arena, &l->tensors, key, (void *)(uintptr_t)w->names[v->id]);
}

static hn_status name_graph(hn_onnx_writer *w, hn_onnx_level *l, const hn_graph *g, size_t ncaptures)
{
    for (size_t i = 0; i + ncaptures < g->nin; i++) HN_TRY(give_name(w, l, g->in[i]));
    /* Outputs come before the rest: they are the interface. */
    for (size_t i = 0; i < g->nout; i++)
        if (g->out[i]->data == NULL) HN_TRY(give_name(w, l, g->out[i]));
    for (const hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] != NULL) HN_TRY(give_name(w, l, n->out[i]));
    for (const hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i] != NULL) HN_TRY(name_const(w, l, n->in[i]));
    for (size_t i = 0; i < g->nout; i++) HN_TRY(name_const(w, l, g->out[i]));
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t r = 0; r < n->nregions; r++) {
            const hn_graph *region = n->regions[r];
            hn_onnx_level inner = {.outer = l};
            for (size_t k = 0; k < n->ncaptures; k++) {
                uint32_t id = region->in[region->nin - n->ncaptures + k]->id;
                w->names[id] = w->names[n->in[n->nin - n->ncaptures + k]->id];
                w->outside[id] = true;
            }
            HN_TRY(name_graph(w, &inner, region, n->ncaptures));
        }
    }
    return HN_OK;
}

/* Counts in how many regions a constant occurs; the second time it is noted for the top. */
static hn_status find_shared(hn_onnx_writer *w, const hn_graph *g, hn_dict *seen, size_t *cap)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nin; i++) {
            const hn_value *v = n->in[i];
            if (g->parent == NULL || v == NULL || v->data == NULL || v->data->bytes < SHARE_BYTES) continue;
            hn_str key = tensor_key(w, v->data);
            if (key.size == 0) return w->env->error.status;
            const hn_value *first = hn_dict_get(seen, key);
            if (first == NULL) HN_TRY(hn_dict_put(w->env, &w->arena, seen, key, (void *)(uintptr_t)v));
            if (first == NULL || first->graph == g) continue;
            bool noted = false;
            for (size_t k = 0; k < w->nhoisted && !noted; k++) noted = w->hoisted[k]->data == v->data;
            if (noted) continue;
            if (w->nhoisted == *cap) {
                *cap = *cap == 0 ? 16 : 2 * *cap;
                const hn_value **more = hn_arena_array(w->env, &w->arena, *cap, sizeof(const hn_value *));
                if (more == NULL) return w->env->error.status;
                if (w->nhoisted > 0) memcpy(more, w->hoisted, w->nhoisted * sizeof(const hn_value *));
                w->hoisted = more;
            }
            w->hoisted[w->nhoisted++] = first;
        }
        for (size_t r = 0; r < n->nregions; r++) HN_TRY(find_shared(w, n->regions[r], seen, cap));
    }
    return HN_OK;
}

/* The top has the constant itself: nothing to move out. */
static bool used_at_top(const hn_onnx_writer *w, const hn_tensor *t)
{
    for (const hn_node *n = w->top->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i] != NULL && n->in[i]->data == t) return true;
    return false;
}

hn_status hn_onnx_name_all(hn_onnx_writer *w)
{
    hn_onnx_level top = {.outer = NULL};
    hn_dict seen = {0};
    size_t cap = 0, kept = 0, ids = (size_t)*w->top->next_id + 1;
    w->names = hn_arena_array(w->env, &w->arena, ids, sizeof(const char *));
    w->outside = hn_arena_array(w->env, &w->arena, ids, sizeof *w->outside);
    if (w->names == NULL || w->outside == NULL) return w->env->error.status;
    HN_TRY(find_shared(w, w->top, &seen, &cap));
    for (size_t i = 0; i < w->nhoisted; i++)
        if (!used_at_top(w, w->hoisted[i]->data)) w->hoisted[kept++] = w->hoisted[i];
    w->nhoisted = kept;
    /* Interface names come first, then what is moved out, then the rest. */
    for (size_t i = 0; i < w->top->nin; i++) HN_TRY(give_name(w, &top, w->top->in[i]));
    for (size_t i = 0; i < w->top->nout; i++)
        if (w->top->out[i]->data == NULL) HN_TRY(give_name(w, &top, w->top->out[i]));
    for (size_t i = 0; i < w->nhoisted; i++) {
        HN_TRY(name_const(w, &top, w->hoisted[i]));
        w->outside[w->hoisted[i]->id] = true; /* of the region it was found in */
    }
    return name_graph(w, &top, w->top, 0);
}

const char *hn_onnx_spare_name(hn_onnx_writer *w)
{
    size_t ids = (size_t)*w->top->next_id + 1;
    for (;;) {
        const char *name = hn_arena_printf(w->env, &w->arena, "hone_identity_%zu", w->fresh++);
        bool used = false;
        for (size_t i = 0; name != NULL && i < ids && !used; i++)
            used = w->names[i] != NULL && strcmp(w->names[i], name) == 0;
        if (!used) return name;
    }
}
