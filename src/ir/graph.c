/* graph: values, nodes and their use lists. Every input of a node and every output of a graph owns one use record, made
 * with it, so that rewiring cannot fail. */
#include <assert.h>
#include <string.h>

#include "base/size.h"
#include "ir/ir_priv.h"

void *hn_grow(hn_env *env, hn_arena *arena, void *old, size_t n, size_t elem_bytes)
{
    if (n != 0 && (n < 4 || (n & (n - 1)) != 0)) return old;
    void *fresh = hn_arena_array(env, arena, n == 0 ? 4 : 2 * n, elem_bytes);
    if (fresh != NULL && n != 0) memcpy(fresh, old, n * elem_bytes);
    return fresh;
}

static bool take_id(hn_graph *g, uint32_t *id)
{
    if (*g->next_id == UINT32_MAX) {
        (void)hn_fail(g->env, HN_LIMIT, "graph %s holds more than 2^32 values and nodes", g->name);
        return false;
    }
    *id = (*g->next_id)++;
    return true;
}

hn_graph *hn_graph_new(hn_env *env, hn_arena *arena, const hn_op_table *ops, const char *name)
{
    hn_graph *g = hn_arena_alloc(env, arena, sizeof(*g));
    if (g == NULL) return NULL;
    g->env = env;
    g->arena = arena;
    g->ops = ops;
    g->name = hn_arena_strdup(env, arena, name != NULL ? name : "");
    g->symbols = hn_symbols_new(env, arena);
    g->next_id = hn_arena_alloc(env, arena, sizeof(*g->next_id));
    return g->name == NULL || g->symbols == NULL || g->next_id == NULL ? NULL : g;
}

hn_graph *hn_region_new(hn_graph *parent, const char *name)
{
    hn_graph *g = hn_arena_alloc(parent->env, parent->arena, sizeof(*g));
    if (g == NULL) return NULL;
    *g = (hn_graph){.env = parent->env,
                    .arena = parent->arena,
                    .ops = parent->ops,
                    .parent = parent,
                    .opset = parent->opset,
                    .symbols = parent->symbols,
                    .next_id = parent->next_id};
    g->name = hn_arena_strdup(g->env, g->arena, name != NULL ? name : "");
    return g->name == NULL ? NULL : g;
}

static hn_value *value_new(hn_graph *g, const char *name)
{
    hn_value *v = hn_arena_alloc(g->env, g->arena, sizeof(*v));
    if (v == NULL || !take_id(g, &v->id)) return NULL;
    v->graph = g;
    v->type = hn_type_tensor(HN_NONE, -1, NULL);
    if (name != NULL && name[0] != 0) {
        v->name = hn_arena_strdup(g->env, g->arena, name);
        if (v->name == NULL) return NULL;
    }
    return v;
}

hn_value *hn_graph_input(hn_graph *g, const char *name, const hn_type *type)
{
    hn_value *v = value_new(g, name);
    hn_value **in = hn_grow(g->env, g->arena, g->in, g->nin, sizeof(*in));
    if (v == NULL || in == NULL) return NULL;
    if (type != NULL) v->type = *type;
    g->in = in;
    g->in[g->nin++] = v;
    return v;
}

hn_value *hn_graph_const(hn_graph *g, const char *name, const hn_tensor *t)
{
    hn_value *v = value_new(g, name);
    if (v == NULL) return NULL;
    v->type = hn_type_tensor(t->dtype, t->rank, t->dims);
    v->data = t;
    return v;
}

static void use_link(hn_value *v, hn_use *u)
{
    u->next = v->uses;
    v->uses = u;
    v->nuses++;
}

static void use_unlink(hn_value *v, hn_use *u)
{
    for (hn_use **p = &v->uses; *p != NULL; p = &(*p)->next) {
        if (*p != u) continue;
        *p = u->next;
        v->nuses--;
        return;
    }
    assert(!"a use record is in the list of its value");
}

hn_status hn_graph_output(hn_graph *g, hn_value *v)
{
    hn_value **out = hn_grow(g->env, g->arena, g->out, g->nout, sizeof(*out));
    hn_use **uses = hn_grow(g->env, g->arena, g->out_use, g->nout, sizeof(*uses));
    hn_use *u = hn_arena_alloc(g->env, g->arena, sizeof(*u));
    if (out == NULL || uses == NULL || u == NULL) return g->env->error.status;
    g->out = out;
    g->out_use = uses;
    u->index = g->nout;
    g->out[g->nout] = v;
    g->out_use[g->nout++] = u;
    use_link(v, u);
    return HN_OK;
}

hn_status hn_graph_output_set(hn_graph *g, size_t i, hn_value *v)
{
    if (i >= g->nout) return hn_fail(g->env, HN_BUG, "graph %s has no output %zu", g->name, i);
    use_unlink(g->out[i], g->out_use[i]);
    g->out[i] = v;
    use_link(v, g->out_use[i]);
    return HN_OK;
}

hn_status hn_graph_input_remove(hn_graph *g, size_t i)
{
    if (i >= g->nin || g->in[i]->nuses != 0)
        return hn_fail(g->env, HN_BUG, "graph %s: input %zu cannot be removed", g->name, i);
    for (size_t k = i + 1; k < g->nin; ++k) g->in[k - 1] = g->in[k];
    g->nin--;
    return HN_OK;
}

static void node_link(hn_graph *g, hn_node *n, hn_node *before)
{
    n->next = before;
    n->prev = before != NULL ? before->prev : g->last;
    if (n->prev != NULL)
        n->prev->next = n;
    else
        g->first = n;
    if (before != NULL)
        before->prev = n;
    else
        g->last = n;
    g->nnodes++;
}

static void node_unlink(hn_node *n)
{
    hn_graph *g = n->graph;
    if (n->prev != NULL)
        n->prev->next = n->next;
    else
        g->first = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
    else
        g->last = n->prev;
    n->prev = n->next = NULL;
    g->nnodes--;
}

hn_node *hn_node_new(hn_graph *g, hn_node *before, const hn_op *op, const char *name, size_t nin, hn_value *const *in,
                     size_t nout)
{
    hn_env *env = g->env;
    hn_node *n = hn_arena_alloc(env, g->arena, sizeof(*n));
    if (n == NULL || !take_id(g, &n->id)) return NULL;
    n->op = op;
    n->graph = g;
    n->nin = nin;
    n->nout = nout;
    n->in = hn_arena_array(env, g->arena, nin, sizeof(*n->in));
    n->use = hn_arena_array(env, g->arena, nin, sizeof(*n->use));
    n->out = hn_arena_array(env, g->arena, nout, sizeof(*n->out));
    hn_use *uses = hn_arena_array(env, g->arena, nin, sizeof(*uses));
    if (n->in == NULL || n->use == NULL || n->out == NULL || uses == NULL) return NULL;
    if (name != NULL && name[0] != 0) {
        n->name = hn_arena_strdup(env, g->arena, name);
        if (n->name == NULL) return NULL;
    }
    for (size_t i = 0; i < nout; ++i) {
        n->out[i] = value_new(g, NULL);
        if (n->out[i] == NULL) return NULL;
        n->out[i]->producer = n;
        n->out[i]->output = i;
    }
    for (size_t i = 0; i < nin; ++i) {
        n->use[i] = &uses[i];
        uses[i] = (hn_use){.node = n, .index = i};
        hn_node_input_set(n, i, in[i]);
    }
    node_link(g, n, before);
    return n;
}

hn_status hn_node_regions(hn_node *n, size_t count, hn_graph *const *regions)
{
    n->regions = hn_arena_array(n->graph->env, n->graph->arena, count, sizeof(hn_graph *));
    if (n->regions == NULL) return n->graph->env->error.status;
    for (size_t i = 0; i < count; ++i) n->regions[i] = regions[i];
    n->nregions = count;
    return HN_OK;
}

void hn_node_input_set(hn_node *n, size_t i, hn_value *v)
{
    assert(i < n->nin);
    if (n->in[i] != NULL) use_unlink(n->in[i], n->use[i]);
    n->in[i] = v;
    if (v != NULL) use_link(v, n->use[i]);
}

hn_status hn_node_input_add(hn_node *n, hn_value *v)
{
    hn_env *env = n->graph->env;
    hn_arena *arena = n->graph->arena;
    hn_value **in = hn_arena_array(env, arena, n->nin + 1, sizeof(*in));
    hn_use **use = hn_arena_array(env, arena, n->nin + 1, sizeof(*use));
    hn_use *u = hn_arena_alloc(env, arena, sizeof(*u));
    if (in == NULL || use == NULL || u == NULL) return env->error.status;
    for (size_t i = 0; i < n->nin; ++i) {
        in[i] = n->in[i];
        use[i] = n->use[i];
    }
    *u = (hn_use){.node = n, .index = n->nin};
    use[n->nin] = u;
    n->in = in;
    n->use = use;
    n->nin++;
    hn_node_input_set(n, n->nin - 1, v);
    return HN_OK;
}

void hn_node_input_remove(hn_node *n, size_t i)
{
    hn_node_input_set(n, i, NULL);
    hn_use *spare = n->use[i];
    for (size_t k = i + 1; k < n->nin; ++k) {
        n->in[k - 1] = n->in[k];
        n->use[k - 1] = n->use[k];
        n->use[k - 1]->index = k - 1;
    }
    n->nin--;
    n->in[n->nin] = NULL;
    n->use[n->nin] = spare;
}

void hn_node_remove(hn_node *n)
{
    for (size_t i = 0; i < n->nout; ++i) assert(n->out[i] == NULL || n->out[i]->nuses == 0);
    for (size_t i = 0; i < n->nin; ++i) hn_node_input_set(n, i, NULL);
    node_unlink(n);
    n->graph = NULL;
}

void hn_node_move_before(hn_node *n, hn_node *before)
{
    if (n == before) return;
    node_unlink(n);
    node_link(n->graph, n, before);
}

void hn_value_replace(hn_value *from, hn_value *to)
{
    assert(from->graph == to->graph);
    if (from == to) return;
    while (from->uses != NULL) {
        hn_use *u = from->uses;
        use_unlink(from, u);
        if (u->node != NULL)
            u->node->in[u->index] = to;
        else
            from->graph->out[u->index] = to;
        use_link(to, u);
    }
}

bool hn_value_is_output(const hn_value *v)
{
    for (const hn_use *u = v->uses; u != NULL; u = u->next)
        if (u->node == NULL) return true;
    return false;
}

bool hn_value_can_take(const hn_value *from, const hn_value *to)
{
    return from->graph->parent != NULL || !hn_value_is_output(from) ||
           (to->producer != NULL && !hn_value_is_output(to));
}

/* Depth first over producers, from each node in the present order, so that a sorted list stays as it is. */
hn_status hn_graph_sort(hn_graph *g)
{
    enum { NEW, OPEN, DONE };
    hn_env *env = g->env;
    hn_status st = HN_OK;
    size_t n = g->nnodes, at = 0;
    unsigned char *state = hn_zalloc(env, (size_t)*g->next_id + 1);
    hn_node **order = hn_zalloc(env, (n + 1) * sizeof(hn_node *));
    hn_node **stack = hn_zalloc(env, (n + 1) * sizeof(hn_node *));
    size_t *next = hn_zalloc(env, (n + 1) * sizeof(size_t));
    if (state == NULL || order == NULL || stack == NULL || next == NULL) {
        st = env->error.status;
        goto out;
    }
    for (hn_node *root = g->first; root != NULL; root = root->next) {
        if (state[root->id] != NEW) continue;
        size_t depth = 0;
        stack[0] = root;
        next[0] = 0;
        state[root->id] = OPEN;
        for (;;) {
            hn_node *top = stack[depth];
            hn_node *dep = NULL;
            while (dep == NULL && next[depth] < top->nin) {
                const hn_value *v = top->in[next[depth]++];
                if (v != NULL && v->producer != NULL && state[v->producer->id] != DONE) dep = v->producer;
            }
            if (dep != NULL) {
                if (state[dep->id] == OPEN) {
                    st = hn_fail(env, HN_INPUT, "graph %s: node %s depends on its own output", g->name,
                                 hn_node_label(dep));
                    goto out;
                }
                state[dep->id] = OPEN;
                stack[++depth] = dep;
                next[depth] = 0;
                continue;
            }
            state[top->id] = DONE;
            order[at++] = top;
            if (depth-- == 0) break;
        }
    }
    for (size_t i = 0; i < n; ++i) {
        order[i]->prev = i > 0 ? order[i - 1] : NULL;
        order[i]->next = i + 1 < n ? order[i + 1] : NULL;
    }
    g->first = n > 0 ? order[0] : NULL;
    g->last = n > 0 ? order[n - 1] : NULL;
out:
    hn_free(env, state);
    hn_free(env, order);
    hn_free(env, stack);
    hn_free(env, next);
    return st;
}

hn_value *hn_node_in(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

hn_value *hn_node_out(const hn_node *n, size_t i)
{
    return i < n->nout ? n->out[i] : NULL;
}

const hn_tensor *hn_node_const(const hn_node *n, size_t i)
{
    const hn_value *v = hn_node_in(n, i);
    return v != NULL ? v->data : NULL;
}

static int op_compare(const hn_op *op, const char *domain, size_t dn, const char *name)
{
    size_t on = strlen(op->domain);
    int c = memcmp(op->domain, domain, on < dn ? on : dn);
    if (c == 0) c = (on > dn) - (on < dn);
    return c != 0 ? c : strcmp(op->name, name);
}

static const hn_op *find_n(const hn_op_table *ops, const char *domain, size_t dn, const char *name)
{
    size_t lo = 0, hi = ops->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = op_compare(ops->rows[mid], domain, dn, name);
        if (c == 0) return ops->rows[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const hn_op *hn_op_find(const hn_op_table *ops, const char *domain, const char *name)
{
    return find_n(ops, domain, strlen(domain), name);
}

bool hn_node_is(const hn_node *n, const char *op)
{
    const char *dot = strrchr(op, '.');
    const char *name = dot != NULL ? dot + 1 : op;
    return op_compare(n->op, op, dot != NULL ? (size_t)(dot - op) : 0, name) == 0;
}

hn_value *hn_graph_find(const hn_graph *g, const char *name)
{
    for (size_t i = 0; i < g->nin; ++i)
        if (g->in[i]->name != NULL && strcmp(g->in[i]->name, name) == 0) return g->in[i];
    for (size_t i = 0; i < g->nout; ++i)
        if (g->out[i]->name != NULL && strcmp(g->out[i]->name, name) == 0) return g->out[i];
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nin; ++i)
            if (n->in[i] != NULL && n->in[i]->name != NULL && strcmp(n->in[i]->name, name) == 0) return n->in[i];
        for (size_t i = 0; i < n->nout; ++i)
            if (n->out[i] != NULL && n->out[i]->name != NULL && strcmp(n->out[i]->name, name) == 0) return n->out[i];
    }
    return NULL;
}

const char *hn_node_label(const hn_node *n)
{
    if (n->name != NULL) return n->name;
    for (size_t i = 0; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->name != NULL) return n->out[i]->name;
    return n->op->name;
}
