/* clone: deep copies of graphs and regions. The bytes of constants are shared. */
#include <string.h>

#include "ir/ir_priv.h"

hn_value *hn_graph_copy_value(hn_graph *dst, hn_value *v, hn_value **map, bool names)
{
    if (v == NULL) return NULL;
    if (map[v->id] != NULL) return map[v->id];
    if (v->data == NULL) {
        (void)hn_fail(dst->env, HN_BUG, "graph %s: a value is used before its node", dst->name);
        return NULL;
    }
    hn_tensor *t = hn_arena_alloc(dst->env, dst->arena, sizeof(*t));
    if (t == NULL) return NULL;
    *t = *v->data;
    map[v->id] = hn_graph_const(dst, names ? v->name : NULL, t);
    return map[v->id];
}

static hn_status copy_region(hn_graph *parent, const hn_graph *src, hn_value **map, hn_graph **out);

hn_status hn_graph_copy_node(hn_graph *dst, hn_node *before, const hn_node *n, hn_value **map, bool names)
{
    hn_env *env = dst->env;
    const hn_graph *src = n->graph;
    hn_value **in = hn_arena_array(env, dst->arena, n->nin, sizeof(*in));
    if (in == NULL) return env->error.status;
    for (size_t i = 0; i < n->nin; ++i) {
        in[i] = hn_graph_copy_value(dst, n->in[i], map, names);
        if (in[i] == NULL && n->in[i] != NULL) return env->error.status;
    }
    hn_node *c = hn_node_new(dst, before, n->op, n->name, n->nin, in, n->nout);
    if (c == NULL) return env->error.status;
    c->ncaptures = n->ncaptures;
    HN_TRY(hn_node_copy_attrs(c, n));
    for (size_t i = 0; i < n->nout; ++i) {
        if (n->out[i] == NULL) {
            c->out[i] = NULL;
            continue;
        }
        map[n->out[i]->id] = c->out[i];
        HN_TRY(hn_type_carry(dst, src, &n->out[i]->type, &c->out[i]->type));
        if (names && n->out[i]->name != NULL) {
            c->out[i]->name = hn_arena_strdup(env, dst->arena, n->out[i]->name);
            if (c->out[i]->name == NULL) return env->error.status;
        }
    }
    if (n->nregions == 0) return HN_OK;
    hn_graph **regions = hn_arena_array(env, dst->arena, n->nregions, sizeof(hn_graph *));
    if (regions == NULL) return env->error.status;
    for (size_t i = 0; i < n->nregions; ++i) HN_TRY(copy_region(dst, n->regions[i], map, &regions[i]));
    return hn_node_regions(c, n->nregions, regions);
}

hn_status hn_graph_copy_nodes(hn_graph *dst, hn_node *before, const hn_graph *src, hn_value **map, bool names)
{
    for (const hn_node *n = src->first; n != NULL; n = n->next) HN_TRY(hn_graph_copy_node(dst, before, n, map, names));
    return HN_OK;
}

static hn_status copy_body(hn_graph *dst, const hn_graph *src, hn_value **map)
{
    hn_env *env = dst->env;
    dst->opset = src->opset;
    for (size_t i = 0; i < src->nin; ++i) {
        hn_type t;
        HN_TRY(hn_type_carry(dst, src, &src->in[i]->type, &t));
        hn_value *v = hn_graph_input(dst, src->in[i]->name, &t);
        if (v == NULL) return env->error.status;
        map[src->in[i]->id] = v;
    }
    HN_TRY(hn_graph_copy_nodes(dst, NULL, src, map, true));
    for (size_t i = 0; i < src->nout; ++i) {
        hn_value *v = hn_graph_copy_value(dst, src->out[i], map, true);
        if (v == NULL) return env->error.status;
        HN_TRY(hn_graph_output(dst, v));
    }
    return HN_OK;
}

static hn_status copy_region(hn_graph *parent, const hn_graph *src, hn_value **map, hn_graph **out)
{
    hn_graph *g = hn_region_new(parent, src->name);
    if (g == NULL) return parent->env->error.status;
    *out = g;
    return copy_body(g, src, map);
}

hn_graph *hn_graph_clone(hn_env *env, hn_arena *arena, const hn_graph *g)
{
    hn_graph *c = hn_graph_new(env, arena, g->ops, g->name);
    if (c == NULL) return NULL;
    hn_value **map = hn_zalloc(env, ((size_t)*g->next_id + 1) * sizeof(hn_value *));
    if (map == NULL) return NULL;
    hn_status st = copy_body(c, g, map);
    hn_free(env, map);
    return st == HN_OK ? c : NULL;
}
