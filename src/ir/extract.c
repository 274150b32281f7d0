/* extract: the part of a graph between some of its values and one other, as a region. */
#include "ir/ir_priv.h"

typedef struct extract {
    hn_graph *from, *to;
    bool *wanted; /* by id of the source */
    hn_value **map;
    hn_value **captures;
    size_t ncaptures;
} extract;

static hn_status capture(extract *x, hn_value *v)
{
    if (v == NULL || v->producer != NULL || v->data != NULL || x->map[v->id] != NULL) return HN_OK;
    hn_type t;
    HN_TRY(hn_type_carry(x->to, x->from, &v->type, &t));
    hn_value *in = hn_graph_input(x->to, NULL, &t);
    if (in == NULL) return x->from->env->error.status;
    x->map[v->id] = in;
    x->captures[x->ncaptures++] = v;
    return HN_OK;
}

/* Marks what `to` needs, going no further up than the values that are mapped already. */
static void mark(extract *x, const hn_value *to)
{
    x->wanted[to->id] = true;
    for (const hn_node *n = x->from->last; n != NULL; n = n->prev) {
        bool use = false;
        for (size_t i = 0; i < n->nout; i++)
            use |= n->out[i] != NULL && x->wanted[n->out[i]->id] && x->map[n->out[i]->id] == NULL;
        for (size_t i = 0; use && i < n->nin; i++)
            if (n->in[i] != NULL) x->wanted[n->in[i]->id] = true;
    }
}

static bool makes(const extract *x, const hn_node *n)
{
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] != NULL && x->wanted[n->out[i]->id] && x->map[n->out[i]->id] == NULL) return true;
    return false;
}

/* Outputs of a copied node that stand for inputs of the region keep doing so. */
static hn_status copy(extract *x, const hn_node *n, hn_value **kept)
{
    for (size_t i = 0; i < n->nin; i++) HN_TRY(capture(x, n->in[i]));
    for (size_t i = 0; i < n->nout; i++) kept[i] = n->out[i] == NULL ? NULL : x->map[n->out[i]->id];
    HN_TRY(hn_graph_copy_node(x->to, NULL, n, x->map, false));
    for (size_t i = 0; i < n->nout; i++)
        if (kept[i] != NULL) x->map[n->out[i]->id] = kept[i];
    return HN_OK;
}

static hn_status fill(extract *x, size_t n, hn_value *const *from, hn_value *to)
{
    hn_env *env = x->from->env;
    for (size_t i = 0; i < n; i++) {
        hn_type t;
        HN_TRY(hn_type_carry(x->to, x->from, &from[i]->type, &t));
        hn_value *in = hn_graph_input(x->to, NULL, &t);
        if (in == NULL) return env->error.status;
        x->map[from[i]->id] = in;
    }
    mark(x, to);
    HN_TRY(capture(x, to));
    for (const hn_node *k = x->from->first; k != NULL; k = k->next) {
        if (!makes(x, k)) continue;
        hn_value **kept = hn_arena_array(env, x->from->arena, k->nout, sizeof *kept);
        if (kept == NULL) return env->error.status;
        HN_TRY(copy(x, k, kept));
    }
    hn_value *y = hn_graph_copy_value(x->to, to, x->map, false);
    return y == NULL ? env->error.status : hn_graph_output(x->to, y);
}

hn_status hn_region_extract(hn_graph *parent, size_t n, hn_value *const *from, hn_value *to, hn_graph **region,
                            hn_value ***captures, size_t *ncaptures)
{
    hn_env *env = parent->env;
    size_t ids = *parent->next_id;
    extract x = {.from = parent, .to = hn_region_new(parent, "")};
    x.captures = hn_arena_array(env, parent->arena, parent->nin + 1, sizeof(hn_value *));
    if (x.to == NULL || x.captures == NULL) return env->error.status;
    x.wanted = hn_zalloc(env, ids * sizeof(bool) + 1);
    x.map = hn_zalloc(env, ids * sizeof(hn_value *) + 1);
    hn_status st = x.wanted == NULL || x.map == NULL ? env->error.status : fill(&x, n, from, to);
    hn_free(env, x.wanted);
    hn_free(env, x.map);
    *region = x.to;
    *captures = x.captures;
    *ncaptures = x.ncaptures;
    return st;
}
