/* autodiff: three walks over the node list. Forward: which values depend on wrt, and the decompositions to
 * differentiate through. Backward: builders turn the gradients of a node's outputs into those of its inputs, which are
 * summed where a value has several uses. Last: gradients nobody asked for are removed. Values made by builders are
 * never differentiated themselves, so the tables are indexed by the ids that exist when the backward walk starts. */
#include "passes/autodiff.h"

typedef struct autodiff {
    hn_env *env;
    hn_graph *g;
    hn_rw rw;
    size_t count;     /* ids below this have a place in the tables */
    bool *active;     /* the value depends on one of wrt */
    hn_value **grad;  /* sum so far */
    hn_value **alias; /* output of a decomposed node -> the value that computes the same */
} autodiff;

static bool depends(const autodiff *a, const hn_value *v)
{
    return v && v->id < a->count && a->active[v->id];
}

static bool node_active(const autodiff *a, const hn_node *n)
{
    for (size_t i = 0; i < n->nin; i++)
        if (depends(a, n->in[i])) return true;
    return false;
}

/* Emits the decompositions of the nodes between wrt and the end, and of the nodes these give. Ids grow, so activity is
 * kept in scratch until the tables can be made. */
static hn_status expand(autodiff *a, size_t n, hn_value *const *wrt)
{
    static const char on = 1;
    for (size_t i = 0; i < a->g->nin; i++) a->g->in[i]->scratch = NULL;
    for (hn_node *k = a->g->first; k; k = k->next) {
        k->scratch = NULL;
        for (size_t i = 0; i < k->nin; i++)
            if (k->in[i]) k->in[i]->scratch = NULL;
        for (size_t i = 0; i < k->nout; i++)
            if (k->out[i]) k->out[i]->scratch = NULL;
    }
    for (size_t i = 0; i < n; i++) wrt[i]->scratch = (void *)&on;
    for (hn_node *k = a->g->first, *next; k; k = next) {
        bool any = false;
        next = k->next;
        for (size_t i = 0; i < k->nin; i++) any |= k->in[i] && k->in[i]->scratch == &on;
        if (!any) continue;
        for (size_t i = 0; i < k->nout; i++)
            if (k->out[i]) k->out[i]->scratch = (void *)&on;
        if (k->op->grad_kind != HN_GRAD_DECOMPOSE || k->scratch) continue;
        hn_value **out = hn_arena_array(a->env, a->g->arena, k->nout, sizeof(hn_value *));
        if (!out) return a->env->error.status;
        hn_node *before = k->prev;
        hn_rw rw = hn_rw_at(a->g, k);
        HN_TRY(hn_context(a->env, k->op->decompose(&rw, k, out), "the gradient of %s (%s)", hn_node_label(k),
                          k->op->name));
        k->scratch = out;
        /* Go on with the first node that was put in: it may have to be decomposed too. */
        next = before ? before->next : a->g->first;
        if (next == k) next = k->next;
    }
    return HN_OK;
}

static hn_status tables(autodiff *a, size_t n, hn_value *const *wrt)
{
    a->count = *a->g->next_id;
    a->active = hn_zalloc(a->env, a->count * sizeof(bool));
    a->grad = hn_zalloc(a->env, a->count * sizeof(hn_value *));
    a->alias = hn_zalloc(a->env, a->count * sizeof(hn_value *));
    if (!a->active || !a->grad || !a->alias) return a->env->error.status;
    for (size_t i = 0; i < n; i++) a->active[wrt[i]->id] = true;
    for (hn_node *k = a->g->first; k; k = k->next) {
        hn_value **out = k->op->grad_kind == HN_GRAD_DECOMPOSE ? k->scratch : NULL;
        bool any = node_active(a, k);
        for (size_t i = 0; i < k->nout; i++) {
            if (!k->out[i]) continue;
            a->active[k->out[i]->id] = a->active[k->out[i]->id] || any;
            if (out) a->alias[k->out[i]->id] = out[i];
        }
    }
    return HN_OK;
}

static hn_status accumulate(autodiff *a, const hn_node *n, hn_value *v, hn_value *g)
{
    if (!depends(a, v) || !g) return HN_OK;
    if (g->type.dtype != v->type.dtype || !hn_type_same(&g->type, &v->type))
        return hn_fail(a->env, HN_BUG, "%s (%s) gives a gradient of another type than its input", hn_node_label(n),
                       n->op->name);
    a->grad[v->id] = a->grad[v->id] ? hn_rw_2(&a->rw, "Add", a->grad[v->id], g) : g;
    return hn_rw_status(&a->rw);
}

static hn_status build(autodiff *a, const hn_node *n)
{
    hn_value *few[16] = {NULL};
    size_t need = n->nin + n->nout;
    hn_value **both = need > 16 ? hn_arena_array(a->env, a->g->arena, need, sizeof(hn_value *)) : few;
    if (!both) return a->env->error.status;
    hn_gradargs args = {.rw = &a->rw, .node = n, .dy = both, .dx = both + n->nout};
    for (size_t i = 0; i < n->nout; i++) both[i] = n->out[i] ? a->grad[n->out[i]->id] : NULL;
    a->rw.name = n->name;
    HN_TRY(hn_context(a->env, n->op->grad(&args), "the gradient of %s (%s)", hn_node_label(n), n->op->name));
    HN_TRY(hn_rw_status(&a->rw));
    for (size_t i = 0; i < n->nin; i++) HN_TRY(accumulate(a, n, n->in[i], args.dx[i]));
    return HN_OK;
}

static hn_status backward(autodiff *a, hn_node *last)
{
    for (hn_node *n = last; n; n = n->prev) {
        bool wanted = false;
        for (size_t i = 0; i < n->nout; i++) wanted |= n->out[i] && a->grad[n->out[i]->id] && depends(a, n->out[i]);
        if (!wanted || !node_active(a, n)) continue;
        switch (n->op->grad_kind) {
        case HN_GRAD_ZERO: break;
        case HN_GRAD_BUILDER: HN_TRY(build(a, n)); break;
        case HN_GRAD_DECOMPOSE:
            for (size_t i = 0; i < n->nout; i++)
                if (n->out[i]) HN_TRY(accumulate(a, n, a->alias[n->out[i]->id], a->grad[n->out[i]->id]));
            break;
        default: {
            hn_status st = hn_fail(a->env, HN_UNSUPPORTED, "%s (%s) has no gradient: %s", hn_node_label(n), n->op->name,
                                   n->op->grad_reason ? n->op->grad_reason : "none is known");
            hn_hint(a->env, "keep what is trained out of its way, or replace the node");
            return st;
        }
        }
    }
    return HN_OK;
}

static hn_value *seed(autodiff *a, const hn_value *loss)
{
    hn_tensor *t;
    hn_value *one = hn_rw_const_new(&a->rw, loss->type.dtype, loss->type.rank, loss->type.dims, &t);
    if (one) hn_set_f64(t, 0, 1);
    return one;
}

/* Removes nodes made here (ids from `first` on) whose outputs nobody uses. kept: the gradients to be returned. */
static void sweep(hn_graph *g, uint32_t first, size_t n, hn_value *const *kept)
{
    for (hn_node *k = g->last, *prev; k; k = prev) {
        bool used = false;
        prev = k->prev;
        if (k->id < first) continue;
        for (size_t i = 0; i < k->nout; i++) {
            if (!k->out[i]) continue;
            used |= k->out[i]->nuses > 0;
            for (size_t j = 0; j < n; j++) used |= kept[j] == k->out[i];
        }
        if (!used) hn_node_remove(k);
    }
}

static hn_status check(hn_env *env, const hn_graph *g, const hn_value *loss)
{
    if (!hn_type_known(&loss->type) || hn_type_elems(&loss->type) != 1 || !hn_dtype_is_float(loss->type.dtype))
        return hn_fail(env, HN_INPUT, "the loss must be one float");
    for (const hn_node *n = g->first; n; n = n->next)
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] && n->out[i]->type.kind == HN_KIND_TENSOR && !hn_type_known(&n->out[i]->type)) {
                hn_status st = hn_fail(env, HN_INPUT, "%s (%s): the type of output %zu is not known", hn_node_label(n),
                                       n->op->name, i);
                hn_hint(env, "bind the input dims before asking for gradients");
                return st;
            }
    return HN_OK;
}

hn_status hn_autodiff(hn_env *env, hn_graph *g, hn_value *loss, size_t n, hn_value *const *wrt, hn_value **grad)
{
    autodiff a = {.env = env, .g = g};
    hn_status st;
    uint32_t first = *g->next_id;
    HN_TRY(check(env, g, loss));
    HN_GOTO(expand(&a, n, wrt));
    HN_GOTO(tables(&a, n, wrt));
    hn_node *last = g->last;
    a.rw = hn_rw_at(g, NULL);
    a.grad[loss->id] = seed(&a, loss);
    HN_GOTO(hn_rw_status(&a.rw));
    HN_GOTO(backward(&a, last));
    a.rw.name = NULL;
    for (size_t i = 0; i < n; i++) {
        grad[i] = a.grad[wrt[i]->id];
        if (grad[i]) continue;
        hn_value *zero = hn_rw_scalar(&a.rw, wrt[i]->type.dtype, 0);
        grad[i] = wrt[i]->type.rank == 0
                      ? zero
                      : hn_rw_2(&a.rw, "Expand", zero, hn_rw_ints(&a.rw, wrt[i]->type.dims, (size_t)wrt[i]->type.rank));
    }
    HN_GOTO(hn_rw_status(&a.rw));
    sweep(g, first, n, grad);
out:
    hn_free(env, a.active);
    hn_free(env, a.grad);
    hn_free(env, a.alias);
    return st;
}
