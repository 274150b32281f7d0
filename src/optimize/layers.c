/* layers: see the header. Node and value scratch hold the analysis: node->scratch is the role, value->scratch the
 * activation. */
#include "optimize/layers.h"

#include <string.h>

typedef enum role {
    ROLE_FLOAT = 0, /* stays float */
    ROLE_LAYER,     /* weights */
    ROLE_COMPUTE,   /* integer when its neighbours are: Add, average pooling */
    ROLE_SAME,      /* moves elements */
    ROLE_LUT,       /* one input, table */
    ROLE_CLAMP      /* Relu, Clip directly behind a layer or an Add: absorbed */
} role;

static role role_of(const hn_node *n)
{
    return (role)(uintptr_t)n->scratch;
}
static void set_role(hn_node *n, role r)
{
    n->scratch = (void *)(uintptr_t)r;
}

static hn_status name_all(hn_env *env, hn_graph *g)
{
    for (hn_node *n = g->first; n; n = n->next) {
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] && !n->out[i]->name) {
                n->out[i]->name = hn_arena_printf(env, g->arena, "value_%u", n->out[i]->id);
                if (!n->out[i]->name) return HN_NOMEM;
            }
        if (!n->name || !n->name[0]) n->name = hn_node_label(n);
    }
    return HN_OK;
}

static bool is_float_act(const hn_value *v)
{
    return v && !v->data && v->type.kind == HN_KIND_TENSOR && v->type.dtype == HN_F32;
}

/* Weight input and its output-channel axis; false when the node is no layer. */
static bool layer_ports(const hn_node *n, int *weight, int *bias, int *out_axis)
{
    *bias = -1;
    const hn_tensor *w = hn_node_const(n, 1);
    if (!w || w->dtype != HN_F32 || !is_float_act(hn_node_in(n, 0))) return false;
    *weight = 1;
    if (hn_node_is(n, "Conv")) {
        *out_axis = 0;
        *bias = 2;
        return w->rank >= 3 && (!hn_node_in(n, 2) || hn_node_const(n, 2));
    }
    if (hn_node_is(n, "Gemm")) {
        *out_axis = hn_attr_int(n, "transB", 0) ? 0 : 1;
        *bias = 2;
        const hn_tensor *c = hn_node_const(n, 2);
        if (hn_node_in(n, 2) && (!c || hn_tensor_elems(c) != (size_t)w->dims[*out_axis])) return false;
        return w->rank == 2 && !hn_attr_int(n, "transA", 0) && hn_attr_float(n, "alpha", 1) == 1 &&
               hn_attr_float(n, "beta", 1) == 1;
    }
    if (hn_node_is(n, "MatMul")) {
        *out_axis = 1;
        return w->rank == 2;
    }
    return false;
}

static bool is_clamp(const hn_node *n)
{
    if (hn_node_is(n, "Relu")) return true;
    return hn_node_is(n, "Clip") && (!hn_node_in(n, 1) || hn_node_const(n, 1)) &&
           (!hn_node_in(n, 2) || hn_node_const(n, 2));
}

static bool is_compute(const hn_node *n)
{
    if (hn_node_is(n, "Add"))
        return is_float_act(n->in[0]) && is_float_act(n->in[1]) && n->in[0] != n->in[1] &&
               hn_type_same(&n->in[0]->type, &n->in[1]->type);
    return hn_node_is(n, "AveragePool") || hn_node_is(n, "GlobalAveragePool");
}

static void find_roles(hn_graph *g)
{
    int a, b, c;
    for (hn_node *n = g->first; n; n = n->next) {
        role r = ROLE_FLOAT;
        const char *rule = n->op->quant ? n->op->quant : "";
        bool simple =
            n->nin > 0 && is_float_act(n->in[0]) && n->nout > 0 && n->out[0] && n->out[0]->type.dtype == HN_F32;
        if (layer_ports(n, &a, &b, &c))
            r = ROLE_LAYER;
        else if (simple && is_compute(n))
            r = ROLE_COMPUTE;
        else if (simple && is_clamp(n))
            r = ROLE_CLAMP;
        else if (simple && (hn_node_is(n, "Concat") || strcmp(rule, "same") == 0) && !hn_node_is(n, "Pad"))
            r = ROLE_SAME;
        else if (simple && strcmp(rule, "lut") == 0 && n->nin == 1)
            r = ROLE_LUT;
        for (size_t i = 0; i < n->nin && r == ROLE_SAME; i++)
            if (n->in[i] && !n->in[i]->data && !is_float_act(n->in[i])) r = ROLE_FLOAT;
        set_role(n, r);
    }
}

/* A clamp is absorbed when its input has no other reader and comes from an operator with a requantise step. */
static bool absorbed(const hn_node *n)
{
    if (role_of(n) != ROLE_CLAMP || n->in[0]->nuses != 1 || !n->in[0]->producer) return false;
    role p = role_of(n->in[0]->producer);
    return p == ROLE_LAYER || p == ROLE_COMPUTE;
}

static hn_value *after_clamp(hn_value *y)
{
    if (y->nuses == 1 && y->uses->node && absorbed(y->uses->node)) return y->uses->node->out[0];
    return y;
}

static hn_status add_act(hn_env *env, hn_layers *l, size_t *cap, hn_value *v)
{
    if (!is_float_act(v) || v->scratch) return HN_OK;
    if (l->nacts == *cap) {
        size_t want = *cap ? *cap * 2 : 64;
        hn_act *fresh = hn_arena_array(env, l->graph->arena, want, sizeof *fresh);
        if (!fresh) return HN_NOMEM;
        if (l->nacts) memcpy(fresh, l->act, l->nacts * sizeof *fresh);
        l->act = fresh;
        *cap = want;
    }
    l->act[l->nacts] = (hn_act){.value = v, .name = v->name, .group = (uint32_t)l->nacts};
    v->scratch = (void *)(uintptr_t)++l->nacts;
    return HN_OK;
}

bool hn_layers_moves(const hn_node *n)
{
    return role_of(n) == ROLE_SAME;
}

hn_act *hn_layers_act(const hn_layers *l, const hn_value *v)
{
    return v && v->scratch ? &l->act[(uintptr_t)v->scratch - 1] : NULL;
}

static uint32_t root(hn_layers *l, uint32_t i)
{
    while (l->act[i].group != i) i = l->act[i].group;
    return i;
}

static void tie(hn_layers *l, const hn_value *a, const hn_value *b)
{
    hn_act *x = hn_layers_act(l, a), *y = hn_layers_act(l, b);
    if (!x || !y) return;
    uint32_t i = root(l, (uint32_t)(x - l->act)), j = root(l, (uint32_t)(y - l->act));
    if (i < j)
        l->act[j].group = i;
    else
        l->act[i].group = j;
}

static bool ends(const hn_value *v, int depth)
{
    if (depth > 8) return false;
    for (const hn_use *u = v->uses; u; u = u->next) {
        const hn_node *n = u->node;
        if (!n) continue; /* a graph output */
        if (role_of(n) != ROLE_SAME && role_of(n) != ROLE_LUT && !hn_node_is(n, "Softmax")) return false;
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] && !ends(n->out[i], depth + 1)) return false;
    }
    return true;
}

static hn_status add_layer(hn_layers *l, hn_node *n)
{
    hn_layer *y = &l->layer[l->nlayers];
    *y = (hn_layer){.node = n, .name = n->name, .x = n->in[0], .on = true, .bits = 8};
    if (!layer_ports(n, &y->weight, &y->bias, &y->out_axis)) return HN_OK;
    if (!hn_node_in(n, 2)) y->bias = -1;
    const hn_tensor *w = hn_node_const(n, 1);
    y->channels = (size_t)w->dims[y->out_axis];
    y->params = hn_tensor_elems(w) + (y->bias >= 0 ? y->channels : 0);
    y->y = after_clamp(n->out[0]);
    y->last = ends(y->y, 0);
    l->nlayers++;
    return HN_OK;
}

static hn_status find_acts(hn_env *env, hn_layers *l)
{
    size_t cap = 0;
    for (hn_node *n = l->graph->first; n; n = n->next) {
        if (role_of(n) == ROLE_FLOAT) continue;
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i] && !(role_of(n) == ROLE_CLAMP && absorbed(n))) HN_TRY(add_act(env, l, &cap, n->in[i]));
        hn_value *y = after_clamp(n->out[0]);
        if (y == n->out[0]) HN_TRY(add_act(env, l, &cap, y));
    }
    for (hn_node *n = l->graph->first; n; n = n->next) {
        if (role_of(n) != ROLE_SAME) continue;
        for (size_t i = 0; i < n->nin; i++)
            for (size_t k = 0; k < n->nout; k++)
                if (n->in[i] && n->out[k]) tie(l, n->in[i], n->out[k]);
    }
    return HN_OK;
}

hn_status hn_layers_find(hn_env *env, hn_graph *g, hn_layers *out)
{
    *out = (hn_layers){.graph = g};
    HN_TRY(name_all(env, g));
    find_roles(g);
    size_t n = 0;
    for (hn_node *p = g->first; p; p = p->next) {
        for (size_t i = 0; i < p->nin; i++)
            if (p->in[i]) p->in[i]->scratch = NULL;
        for (size_t i = 0; i < p->nout; i++)
            if (p->out[i]) p->out[i]->scratch = NULL;
        n += role_of(p) == ROLE_LAYER;
    }
    out->layer = hn_arena_array(env, g->arena, n + 1, sizeof *out->layer);
    if (!out->layer) return HN_NOMEM;
    HN_TRY(find_acts(env, out));
    for (hn_node *p = g->first; p; p = p->next)
        if (role_of(p) == ROLE_LAYER) HN_TRY(add_layer(out, p));
    hn_layers_mark(out);
    return HN_OK;
}

static const hn_layer *layer_of(const hn_layers *l, const hn_node *n)
{
    for (size_t i = 0; i < l->nlayers; i++)
        if (l->layer[i].node == n) return &l->layer[i];
    return NULL;
}

bool hn_layers_node_on(const hn_layers *l, const hn_node *n)
{
    role r = role_of(n);
    if (r == ROLE_FLOAT) return false;
    if (r == ROLE_LAYER) return layer_of(l, n)->on;
    if (r == ROLE_CLAMP && absorbed(n)) return hn_layers_node_on(l, n->in[0]->producer);
    for (size_t i = 0; i < n->nin; i++) {
        const hn_act *a = hn_layers_act(l, n->in[i]);
        if (n->in[i] && !n->in[i]->data && !(a && a->used)) return false;
    }
    return true;
}

/* Does an operator without weights carry the codes on from what it reads to this output? */
static bool carries(const hn_layers *l, const hn_node *n)
{
    role r = role_of(n);
    return r != ROLE_FLOAT && r != ROLE_LAYER && !(r == ROLE_CLAMP && absorbed(n)) && hn_layers_node_on(l, n);
}

static hn_act *output_act(const hn_layers *l, const hn_node *n, size_t k)
{
    return n->out[k] ? hn_layers_act(l, k == 0 ? after_clamp(n->out[k]) : n->out[k]) : NULL;
}

/* Codes that only float layers read are but noise: what made them stays float. Those that end in outputs are for
 * `plain` to say. */
static void unmark_unread(hn_layers *l)
{
    for (size_t i = 0; i < l->nacts; i++) l->act[i].read = false;
    for (size_t i = 0; i < l->nlayers; i++) {
        hn_act *y = l->layer[i].last ? hn_layers_act(l, l->layer[i].y) : NULL;
        if (y) y->read = true;
    }
    for (size_t k = 0; k < l->graph->nout; k++) {
        hn_act *y = hn_layers_act(l, l->graph->out[k]);
        if (y) y->read = true;
    }
    for (const hn_node *n = l->graph->last; n; n = n->prev) {
        bool read = role_of(n) != ROLE_LAYER || hn_layers_node_on(l, n);
        if (carries(l, n)) {
            read = false;
            for (size_t k = 0; k < n->nout; k++) read = read || (output_act(l, n, k) && output_act(l, n, k)->read);
        }
        for (size_t i = 0; read && i < n->nin; i++) {
            hn_act *x = hn_layers_act(l, n->in[i]);
            if (x) x->read = true;
        }
    }
    for (size_t i = 0; i < l->nacts; i++) l->act[i].used = l->act[i].used && l->act[i].read;
}

/* Integer operators grow forward from the layers: one that has weights marks what it reads and writes; one without
 * weights joins when all that it reads is marked already. Nodes are in order, so one sweep is enough but for inputs of
 * layers, which may make an earlier operator join: sweep until nothing changes. */
void hn_layers_mark(hn_layers *l)
{
    for (size_t i = 0; i < l->nacts; i++) l->act[i].used = false;
    for (size_t i = 0; i < l->nlayers; i++) {
        if (!l->layer[i].on) continue;
        hn_act *x = hn_layers_act(l, l->layer[i].x), *y = hn_layers_act(l, l->layer[i].y);
        if (x) x->used = true;
        if (y && !l->layer[i].plain) y->used = true;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (hn_node *n = l->graph->first; n; n = n->next) {
            for (size_t k = 0; k < n->nout && carries(l, n); k++) {
                hn_act *y = output_act(l, n, k);
                if (!y || y->used) continue;
                y->used = true;
                changed = true;
            }
        }
    }
    unmark_unread(l);
}
