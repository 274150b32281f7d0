/* verify: the structure of a graph: order, ownership, use lists, names, types. A broken graph is our own fault: HN_BUG.
 */
#include <string.h>

#include "ir/ir_priv.h"

typedef struct verifier {
    hn_env *env;
    const hn_graph *g;
    unsigned char *seen; /* by id: the value is defined, or the node was met */
    size_t ids;
    hn_arena scratch;
    hn_names names;
} verifier;

static hn_status bad(verifier *c, const hn_node *n, const char *why)
{
    return hn_fail(c->env, HN_BUG, "graph %s, node %s: %s", c->g->name, n != NULL ? hn_node_label(n) : "-", why);
}

static hn_status check_uses(verifier *c, const hn_node *n, const hn_value *v)
{
    size_t count = 0;
    for (const hn_use *u = v->uses; u != NULL; u = u->next) {
        if (++count > v->nuses) return bad(c, n, "a use list is longer than its count");
        if (u->node != NULL) {
            if (u->node->graph != c->g) return bad(c, n, "a value is used in another graph");
            if (u->index >= u->node->nin || u->node->in[u->index] != v || u->node->use[u->index] != u)
                return bad(c, n, "a use list names an input that holds another value");
        } else if (u->index >= c->g->nout || c->g->out[u->index] != v || c->g->out_use[u->index] != u) {
            return bad(c, n, "a use list names a graph output that holds another value");
        }
    }
    return count == v->nuses ? HN_OK : bad(c, n, "a use list is shorter than its count");
}

static hn_status check_value(verifier *c, const hn_node *n, const hn_value *v)
{
    if (v->graph != c->g) return bad(c, n, "a value belongs to another graph");
    if (v->id >= c->ids) return bad(c, n, "a value has an id that was never given out");
    if (c->seen[v->id]) return bad(c, n, "an id was given out twice");
    c->seen[v->id] = 1;
    const hn_type *t = &v->type;
    if (t->rank < -1 || t->rank > HN_MAX_RANK || (t->dtype != HN_NONE && !hn_dtype_valid(t->dtype)))
        return bad(c, n, "a value has an impossible type");
    for (int i = 0; i < t->rank; ++i)
        if (t->dims[i] <= -2 && hn_graph_symbol_name(c->g, t->dims[i]) == NULL)
            return bad(c, n, "a dim is a symbol that does not exist");
    if (v->data != NULL) {
        hn_type d = hn_type_tensor(v->data->dtype, v->data->rank, v->data->dims);
        if (!hn_type_same(&d, t)) return bad(c, n, "a constant differs from its type");
    }
    if (v->name != NULL) {
        if (hn_names_get(&c->names, v->name, strlen(v->name)) != NULL)
            return hn_fail(c->env, HN_BUG, "graph %s: two values are named %s", c->g->name, v->name);
        HN_TRY(hn_names_put(c->env, &c->scratch, &c->names, v->name, strlen(v->name), (void *)v));
    }
    return check_uses(c, n, v);
}

/* A value that is read: constants are met here for the first time. */
static hn_status check_read(verifier *c, const hn_node *n, const hn_value *v)
{
    if (v->id < c->ids && c->seen[v->id])
        return v->graph == c->g ? HN_OK : bad(c, n, "a value belongs to another graph");
    if (v->data == NULL) return bad(c, n, "a value is read before it is made");
    return v->producer == NULL ? check_value(c, n, v) : bad(c, n, "a constant has a producer");
}

static hn_status check_node(verifier *c, const hn_node *n, const hn_node *prev)
{
    if (n->graph != c->g || n->prev != prev) return bad(c, n, "the list of nodes is broken");
    if (n->id >= c->ids || c->seen[n->id]) return bad(c, n, "an id was given out twice");
    c->seen[n->id] = 1;
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL) continue;
        HN_TRY(check_read(c, n, n->in[i]));
        bool found = false;
        for (const hn_use *u = n->in[i]->uses; u != NULL && !found; u = u->next) found = u == n->use[i];
        if (!found || n->use[i]->node != n || n->use[i]->index != i)
            return bad(c, n, "an input is not in its use list");
    }
    for (size_t i = 0; i < n->nout; ++i) {
        if (n->out[i] == NULL) continue;
        if (n->out[i]->producer != n || n->out[i]->output != i || n->out[i]->data != NULL)
            return bad(c, n, "an output does not know its producer");
        HN_TRY(check_value(c, n, n->out[i]));
    }
    HN_TRY(hn_node_check_as(c->env, n, HN_BUG));
    for (size_t i = 0; i < n->nregions; ++i) {
        const hn_graph *r = n->regions[i];
        if (r->parent != c->g || r->arena != c->g->arena || r->symbols != c->g->symbols || r->next_id != c->g->next_id)
            return bad(c, n, "a region belongs to another graph");
        HN_TRY(hn_graph_verify(c->env, r));
    }
    return HN_OK;
}

static hn_status run(verifier *c)
{
    const hn_graph *g = c->g;
    for (size_t i = 0; i < g->nin; ++i) {
        if (g->in[i]->producer != NULL || g->in[i]->data != NULL) return bad(c, NULL, "an input is made by a node");
        HN_TRY(check_value(c, NULL, g->in[i]));
    }
    size_t count = 0;
    const hn_node *prev = NULL;
    for (const hn_node *n = g->first; n != NULL; prev = n, n = n->next) {
        if (++count > g->nnodes) return bad(c, n, "more nodes than counted");
        HN_TRY(check_node(c, n, prev));
    }
    if (count != g->nnodes || g->last != prev) return bad(c, NULL, "the list of nodes is broken at its end");
    for (size_t i = 0; i < g->nout; ++i) {
        HN_TRY(check_read(c, NULL, g->out[i]));
        bool found = false;
        for (const hn_use *u = g->out[i]->uses; u != NULL && !found; u = u->next) found = u == g->out_use[i];
        if (!found || g->out_use[i]->node != NULL || g->out_use[i]->index != i)
            return bad(c, NULL, "an output is not in its use list");
    }
    return HN_OK;
}

hn_status hn_graph_verify(hn_env *env, const hn_graph *g)
{
    verifier c = {.env = env, .g = g, .ids = *g->next_id};
    c.seen = hn_zalloc(env, c.ids + 1);
    if (c.seen == NULL) return env->error.status;
    hn_status st = run(&c);
    hn_arena_fini(env, &c.scratch);
    hn_free(env, c.seen);
    return st;
}
