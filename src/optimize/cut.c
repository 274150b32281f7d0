/* cut: see the header. Nothing here uses the scratch fields of the caller's graph: the analysis of layers lives there.
 */
#include "optimize/cut.h"

#include "base/size.h"
#include "ir/op.h"

#include <math.h>
#include <string.h>

static bool tensor_value(const hn_value *v)
{
    return v->type.kind == HN_KIND_TENSOR && v->type.dtype != HN_NONE;
}

/* A type of one graph in another: symbols go by their names. */
static hn_type carry(hn_graph *to, const hn_graph *from, const hn_type *t)
{
    hn_type out = *t;
    for (int d = 0; d < out.rank; d++) {
        if (out.dims[d] >= 0) continue;
        const char *name = hn_graph_symbol_name(from, out.dims[d]);
        out.dims[d] = name ? hn_graph_symbol(to, name) : -1;
    }
    return out;
}

hn_value *hn_end_of(hn_value *output, hn_ends ends)
{
    hn_value *v = output;
    if (ends == HN_ENDS_OUTPUTS) return output;
    for (int depth = 0; depth < 4 && v->producer && v->producer->nin > 0; depth++) {
        const hn_node *n = v->producer;
        if (hn_node_is(n, "Softmax") || hn_node_is(n, "LogSoftmax"))
            return n->in[0] && n->in[0]->producer ? n->in[0] : output;
        if (!(n->op->flags & HN_OP_VIEW) || !n->in[0]) break;
        v = n->in[0];
    }
    return output;
}

hn_status hn_ends_set(hn_graph *g, hn_ends ends)
{
    for (size_t k = 0; k < g->nout; k++) HN_TRY(hn_graph_output_set(g, k, hn_end_of(g->out[k], ends)));
    return HN_OK;
}

typedef struct cutter {
    hn_env *env;
    const hn_graph *g;
    hn_graph *out;
    bool *needed, *given; /* by value id */
    hn_value **map;       /* by value id: the value in out */
} cutter;

static bool any_needed(const cutter *c, const hn_node *n)
{
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] && c->needed[n->out[i]->id] && !c->given[n->out[i]->id]) return true;
    return false;
}

static hn_status add_input(cutter *c, const hn_value *v)
{
    if (c->map[v->id]) return HN_OK;
    hn_type type = carry(c->out, c->g, &v->type);
    c->map[v->id] = hn_graph_input(c->out, v->name, &type);
    return c->map[v->id] ? HN_OK : c->env->error.status;
}

static hn_status copy_node(cutter *c, const hn_node *n)
{
    hn_value **in = hn_arena_array(c->env, c->out->arena, n->nin + 1, sizeof *in);
    if (!in) return HN_NOMEM;
    for (size_t i = 0; i < n->nin; i++) {
        const hn_value *v = n->in[i];
        if (v && v->data && !c->map[v->id]) {
            c->map[v->id] = hn_graph_const(c->out, v->name, v->data);
            if (!c->map[v->id]) return c->env->error.status;
        }
        in[i] = v ? c->map[v->id] : NULL;
    }
    hn_node *k = hn_node_new(c->out, NULL, n->op, n->name, n->nin, in, n->nout);
    if (!k) return c->env->error.status;
    HN_TRY(hn_node_copy_attrs(k, n));
    for (size_t i = 0; i < n->nout; i++) {
        if (!n->out[i]) {
            k->out[i] = NULL;
            continue;
        }
        if (c->map[n->out[i]->id]) continue; /* an input: this one is not read */
        k->out[i]->name = n->out[i]->name;
        k->out[i]->type = carry(c->out, c->g, &n->out[i]->type);
        c->map[n->out[i]->id] = k->out[i];
    }
    return HN_OK;
}

/* Marks what is needed, from the back, up to the values that are given; false when the part cannot stand alone. */
static bool mark(cutter *c, hn_value *const *to, size_t nto)
{
    for (size_t i = 0; i < nto; i++) {
        if (!to[i]->producer || c->given[to[i]->id]) return false;
        c->needed[to[i]->id] = true;
    }
    for (const hn_node *n = c->g->last; n; n = n->prev) {
        if (!any_needed(c, n)) continue;
        if (n->nregions) return false;
        for (size_t i = 0; i < n->nin; i++) {
            if (!n->in[i]) continue;
            if (!n->in[i]->data && !tensor_value(n->in[i])) return false;
            c->needed[n->in[i]->id] = true;
        }
    }
    return true;
}

hn_status hn_cut_graph(hn_env *env, hn_arena *arena, const hn_graph *g, hn_value *const *from, size_t nfrom,
                       hn_value *const *to, size_t nto, hn_graph **out)
{
    *out = NULL;
    cutter c = {.env = env, .g = g, .out = hn_graph_new(env, arena, g->ops, g->name)};
    if (!c.out) return env->error.status;
    c.out->opset = g->opset;
    c.needed = hn_arena_array(env, arena, *g->next_id + 1, sizeof *c.needed);
    c.given = hn_arena_array(env, arena, *g->next_id + 1, sizeof *c.given);
    c.map = hn_arena_array(env, arena, *g->next_id + 1, sizeof(hn_value *));
    if (!c.needed || !c.given || !c.map) return HN_NOMEM;
    for (size_t i = 0; i < nfrom; i++) c.given[from[i]->id] = true;
    if (!mark(&c, to, nto)) return HN_OK;
    for (size_t i = 0; i < nfrom; i++)
        if (c.needed[from[i]->id]) HN_TRY(add_input(&c, from[i]));
    for (size_t i = 0; i < g->nin; i++)
        if (c.needed[g->in[i]->id]) HN_TRY(add_input(&c, g->in[i]));
    for (const hn_node *n = g->first; n; n = n->next)
        if (any_needed(&c, n)) HN_TRY(copy_node(&c, n));
    for (size_t i = 0; i < nto; i++) HN_TRY(hn_graph_output(c.out, c.map[to[i]->id]));
    HN_TRY(hn_graph_infer(c.out));
    HN_TRY(hn_graph_verify(env, c.out));
    *out = c.out;
    return HN_OK;
}

/* ---- taps ---- */

hn_status hn_taps_open(hn_env *env, hn_arena *arena, const hn_graph *g, hn_ends ends, hn_value *const *value, size_t n,
                       hn_taps *out)
{
    *out = (hn_taps){.graph = g, .ends = ends};
    hn_graph *c = hn_graph_clone(env, arena, g);
    if (!c) return env->error.status;
    HN_TRY(hn_ends_set(c, ends));
    out->slot = hn_arena_array(env, arena, *g->next_id + 1, sizeof *out->slot);
    out->out = hn_arena_array(env, arena, g->nout + n + 1, sizeof *out->out);
    if (!out->slot || !out->out) return HN_NOMEM;
    for (size_t i = 0; i < g->nout; i++)
        if (!out->slot[hn_end_of(g->out[i], ends)->id]) out->slot[hn_end_of(g->out[i], ends)->id] = (uint32_t)i + 1;
    for (size_t i = 0; i < n; i++) {
        if (!value[i]->producer || out->slot[value[i]->id]) continue;
        hn_value *v = hn_graph_find(c, value[i]->name);
        if (!v) return hn_fail(env, HN_BUG, "value \"%s\" is lost in the clone", value[i]->name);
        HN_TRY(hn_graph_output(c, v));
        out->slot[value[i]->id] = (uint32_t)c->nout;
    }
    return hn_session_new(env, c, NULL, NULL, &out->session);
}

hn_status hn_taps_run(hn_env *env, hn_taps *t, const hn_feed *feed)
{
    t->feed = NULL;
    HN_TRY(hn_session_run(env, t->session, feed->in, t->out));
    t->feed = feed;
    return HN_OK;
}

const hn_tensor *hn_taps_get(const hn_taps *t, const hn_value *v)
{
    for (size_t i = 0; i < t->graph->nin; i++)
        if (t->graph->in[i] == v) return t->feed->in[i];
    return t->slot[v->id] ? &t->out[t->slot[v->id] - 1] : NULL;
}

void hn_taps_close(hn_env *env, hn_taps *t)
{
    hn_session_close(env, t->session);
    t->session = NULL;
}

/* ---- behind ---- */

static bool reads_marked(const hn_node *n, const bool *mark)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] && mark[n->in[i]->id]) return true;
    return false;
}

static bool listed(hn_value *const *list, size_t n, const hn_value *v)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == v) return true;
    return false;
}

hn_status hn_behind_find(hn_env *env, hn_arena *arena, const hn_graph *g, hn_ends ends, hn_value *const *source,
                         size_t n, hn_behind *out)
{
    *out = (hn_behind){.graph = g, .ends = ends, .nsources = n, .apart = true};
    bool *behind = hn_arena_array(env, arena, *g->next_id + 1, sizeof *behind); /* sources and what depends on them */
    size_t most = n + 1;
    if (!behind) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) behind[source[i]->id] = true;
    for (const hn_node *p = g->first; p; p = p->next) {
        if (!reads_marked(p, behind)) continue;
        most += p->nin;
        for (size_t i = 0; i < p->nout; i++) {
            if (!p->out[i]) continue;
            if (listed(source, n, p->out[i])) out->apart = false;
            behind[p->out[i]->id] = true;
        }
    }
    out->from = hn_arena_array(env, arena, most, sizeof(hn_value *));
    out->output = hn_arena_array(env, arena, g->nout + 1, sizeof *out->output);
    if (!out->from || !out->output) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) out->from[out->nfrom++] = source[i];
    for (const hn_node *p = g->first; p; p = p->next) {
        if (!reads_marked(p, behind)) continue;
        for (size_t i = 0; i < p->nin; i++) {
            hn_value *v = p->in[i];
            if (v && v->producer && !behind[v->id] && !listed(out->from, out->nfrom, v)) out->from[out->nfrom++] = v;
        }
    }
    for (size_t k = 0; k < g->nout; k++) {
        const hn_value *end = hn_end_of(g->out[k], ends);
        if (behind[end->id] && !listed(source, n, end)) out->output[out->noutputs++] = k;
    }
    return HN_OK;
}

hn_status hn_behind_open(hn_env *env, hn_behind *b, bool *possible)
{
    hn_graph *part = NULL;
    *possible = b->apart;
    if (!b->apart || b->noutputs == 0) return HN_OK;
    hn_value **to = hn_arena_array(env, &b->arena, b->noutputs, sizeof(hn_value *));
    b->out = hn_arena_array(env, &b->arena, b->noutputs, sizeof *b->out);
    if (!to || !b->out) return HN_NOMEM;
    for (size_t i = 0; i < b->noutputs; i++) to[i] = hn_end_of(b->graph->out[b->output[i]], b->ends);
    HN_TRY(hn_cut_graph(env, &b->arena, b->graph, b->from, b->nfrom, to, b->noutputs, &part));
    *possible = part != NULL;
    return part ? hn_session_new(env, part, NULL, NULL, &b->session) : HN_OK;
}

hn_status hn_behind_run(hn_env *env, hn_behind *b, const hn_taps *t, const hn_tensor *const *source)
{
    b->source = source;
    if (!b->session) return HN_OK;
    const hn_graph *part = hn_session_graph(b->session);
    const hn_tensor *in[64];
    if (part->nin > HN_COUNT(in)) return hn_fail(env, HN_LIMIT, "a part of the model with %zu inputs", part->nin);
    for (size_t i = 0; i < part->nin; i++) {
        const char *name = part->in[i]->name;
        in[i] = NULL;
        for (size_t k = 0; k < b->nfrom && !in[i]; k++)
            if (strcmp(b->from[k]->name, name) == 0) in[i] = k < b->nsources ? source[k] : hn_taps_get(t, b->from[k]);
        for (size_t k = 0; k < b->graph->nin && !in[i]; k++)
            if (strcmp(b->graph->in[k]->name, name) == 0) in[i] = t->feed->in[k];
        if (!in[i]) return hn_fail(env, HN_BUG, "value \"%s\" was not tapped", name);
    }
    return hn_session_run(env, b->session, in, b->out);
}

const hn_tensor *hn_behind_output(const hn_behind *b, const hn_taps *t, size_t k)
{
    for (size_t i = 0; i < b->noutputs; i++)
        if (b->output[i] == k) return &b->out[i];
    for (size_t i = 0; i < b->nsources; i++)
        if (b->from[i] == hn_end_of(b->graph->out[k], b->ends)) return b->source[i];
    return &t->out[k];
}

hn_status hn_behind_distance(hn_env *env, const hn_behind *b, const hn_taps *t, double *d2)
{
    for (size_t k = 0; k < b->graph->nout; k++) {
        const hn_tensor *x = &t->out[k], *y = hn_behind_output(b, t, k);
        size_t n = hn_tensor_elems(x);
        if (x == y || !hn_dtype_is_float(x->dtype)) continue;
        if (x->dtype != y->dtype || hn_tensor_elems(y) != n)
            return hn_fail(env, HN_BUG, "output %zu of a part of the model has another shape", k);
        for (size_t i = 0; i < n; i++) {
            double d = (hn_get_f64(y, i) - hn_get_f64(x, i)) * (t->scale ? t->scale[k] : 1);
            *d2 += isfinite(d) ? d * d : (double)INFINITY;
        }
    }
    return HN_OK;
}

void hn_behind_close(hn_env *env, hn_behind *b)
{
    hn_session_close(env, b->session);
    hn_arena_fini(env, &b->arena);
    b->session = NULL;
}
