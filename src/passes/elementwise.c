/* elementwise: operators of single elements over one shape that hang together become one hone.Elementwise, so that they
 * are one step and what lies between them stays in L1. */
#include "base/size.h"
#include "ops/lib_elementwise.h"
#include "passes/lib_match.h"

/* Nodes from the first member on that are looked through; elements that are few. An operand that is broadcast has to
 * come in runs of RUN elements, or as one row of fewer that comes again and again, or be a constant that is small for
 * one sample. */
enum { REACH = 64, RUN = 256, ROW = 16, FEW = 1 << 14 };

typedef struct group {
    hn_node *member[HN_ELEM_STEPS];
    size_t count;
    hn_value *in[HN_ELEM_INPUTS], *out[HN_ELEM_OUTPUTS];
    size_t nin, nout;
} group;

/* Where the innermost operand v of y is broadcast, does it come in runs that are long enough? */
static bool runs(const hn_type *v, const hn_type *y)
{
    int d = v->rank - 1, e = y->rank - 1;
    int64_t run = 1;
    while (d >= 0 && y->dims[e] == 1) d--, e--;
    if (d < 0) return true;
    if (v->dims[d] == 1) {
        for (; e >= 0 && (d < 0 || v->dims[d] == 1); d--, e--) run *= y->dims[e];
        return run >= RUN;
    }
    for (; d >= 0 && v->dims[d] == y->dims[e]; d--, e--) run *= y->dims[e];
    while (d >= 0 && v->dims[d] == 1) d--;
    return run >= (d < 0 ? ROW : RUN);
}

/* The answer must not depend on the number of samples, which the first dim often is (decision 0010): 1 is taken for
 * several, also of operands that are not constant. */
static bool operand_fits(const hn_value *v, const hn_type *result, hn_dtype dtype)
{
    hn_type x = v->type, y = *result;
    if (x.dtype != dtype || !hn_type_known(&x) || x.rank > y.rank) return false;
    if (y.rank == 0) return true;
    if (y.dims[0] == 1 && v->data == NULL && x.rank == y.rank) x.dims[0] = 2;
    if (y.dims[0] == 1) y.dims[0] = 2;
    size_t own = hn_type_elems(&x), all = hn_type_elems(&y);
    return own == 1 || own == all || (v->data != NULL && all / (size_t)y.dims[0] <= FEW) || runs(&x, &y);
}

static bool constant_fits(const hn_node *n)
{
    double x;
    for (size_t i = 1; i < n->nin; i++) {
        if (n->in[i] == NULL) continue;
        if (n->in[i]->type.dtype != HN_F32 || !hn_const_scalar(n->in[i], &x)) return false;
        if (hn_node_is(n, "Pow") && x != 2 && x != 0.5 && x != -1) return false;
    }
    return hn_dims_same(&n->in[0]->type, &n->out[0]->type);
}

/* Can n be a step? */
static bool fits(const hn_node *n)
{
    double a, b;
    if ((n->op->flags & HN_OP_ELEMENTWISE) == 0 || !hn_elem_takes(n, &a, &b) || n->out[0] == NULL ||
        n->out[0]->nuses == 0)
        return false;
    const hn_type *y = &n->out[0]->type;
    if (!hn_type_known(y) || y->dtype != (hn_elem_gives_bool(n->op) ? HN_BOOL : HN_F32) || hn_type_elems(y) == 0)
        return false;
    if ((hn_node_is(n, "Clip") || hn_node_is(n, "Pow")) && !constant_fits(n)) return false;
    for (size_t i = 0; i < n->nin; i++) {
        hn_dtype want = hn_node_is(n, "Where") && i == 0 ? HN_BOOL : HN_F32;
        if (n->in[i] != NULL && !operand_fits(n->in[i], y, want)) return false;
    }
    return true;
}

static bool member(const group *g, const hn_node *n)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->member[i] == n) return true;
    return false;
}

/* Results that are small for one sample: it does not matter how long they live. */
static bool is_small(const hn_node *n)
{
    const hn_type *y = &n->out[0]->type;
    return y->rank == 0 || hn_dims_elems(y->rank, y->dims, 1, y->rank) <= FEW;
}

/* Does m read what a member makes, or make what one reads, or, where results are small, read the same? */
static bool connected(const group *g, const hn_node *m)
{
    const hn_type *y = &m->out[0]->type;
    bool small = is_small(m);
    for (size_t i = 0; i < m->nin; i++) {
        const hn_value *v = m->in[i];
        if (v == NULL || v->data != NULL) continue;
        for (const hn_use *u = small ? v->uses : NULL; u != NULL; u = u->next)
            if (u->node != NULL && member(g, u->node) && hn_dims_same(&v->type, y)) return true;
        if (v->producer != NULL && member(g, v->producer)) return true;
    }
    for (const hn_use *u = m->out[0]->uses; u != NULL; u = u->next)
        if (u->node != NULL && member(g, u->node)) return true;
    return false;
}

/* Puts the members in order; false when a path between two of them leads through another node, or when large operands
 * would have to wait for one. Nodes that read what members make are marked on the way. *mixed: there are some among the
 * members. */
static bool convex(group *g, hn_node *first, const void *mark, bool *mixed)
{
    size_t found = 0, left = g->count;
    hn_node *order[HN_ELEM_STEPS];
    bool small = is_small(first);
    *mixed = false;
    for (hn_node *n = first; n != NULL && left > 0; n = n->next) {
        bool inside = member(g, n), after = false;
        if (!inside && !small && (n->op->flags & (HN_OP_ELEMENTWISE | HN_OP_VIEW)) == 0) return false;
        for (size_t i = 0; i < n->nin; i++) {
            const hn_node *p = n->in[i] != NULL ? n->in[i]->producer : NULL;
            if (p == NULL) continue;
            if (p->scratch == mark && inside) return false;
            after = after || p->scratch == mark || member(g, p);
        }
        if (inside) {
            order[found++] = n;
            left--;
        } else if (after) {
            n->scratch = (void *)(uintptr_t)mark;
            *mixed = true;
        }
    }
    for (size_t i = 0; i < found; i++) g->member[i] = order[i];
    return left == 0;
}

/* The values that the members read and those that others read of them; false when there are too many. */
static bool collect(group *g)
{
    g->nin = g->nout = 0;
    for (size_t m = 0; m < g->count; m++) {
        const hn_node *n = g->member[m];
        for (size_t i = 0; i < n->nin; i++) {
            hn_value *v = n->in[i];
            size_t k = 0;
            if (v == NULL || (v->producer != NULL && member(g, v->producer))) continue;
            while (k < g->nin && g->in[k] != v) k++;
            if (k == HN_ELEM_INPUTS) return false;
            if (k == g->nin) g->in[g->nin++] = v;
        }
        bool outside = false;
        for (const hn_use *u = n->out[0]->uses; u != NULL; u = u->next)
            outside = outside || u->node == NULL || !member(g, u->node);
        if (!outside) continue;
        if (g->nout == HN_ELEM_OUTPUTS || hn_elem_gives_bool(n->op)) return false;
        g->out[g->nout++] = n->out[0];
    }
    return true;
}

typedef struct walk {
    hn_pass_ctx *c;
    uintptr_t mark;
} walk;

/* Takes m in, a comparison together with what chooses by it: conditions stay inside. */
static bool take(walk *w, group *g, hn_node *m, hn_node *first, bool *mixed)
{
    group with = *g;
    with.member[with.count++] = m;
    for (const hn_use *u = hn_elem_gives_bool(m->op) ? m->out[0]->uses : NULL; u != NULL; u = u->next) {
        if (u->node == NULL || with.count == HN_ELEM_STEPS || member(&with, u->node)) continue;
        if (fits(u->node) && hn_dims_same(&u->node->out[0]->type, &m->out[0]->type))
            with.member[with.count++] = u->node;
    }
    w->mark++;
    if (!convex(&with, first, (const void *)w->mark, mixed) || !collect(&with)) return false;
    *g = with;
    return true;
}

/* Members from `first` on. */
static void grow(walk *w, group *g, hn_node *first, bool *mixed)
{
    for (bool more = true; more;) {
        size_t looked = 0;
        more = false;
        for (hn_node *m = first->next; m != NULL && looked < REACH && g->count < HN_ELEM_STEPS; m = m->next, looked++) {
            bool between;
            if ((m->op->flags & HN_OP_ELEMENTWISE) == 0 || m->out[0] == NULL || member(g, m)) continue;
            if (!hn_dims_same(&m->out[0]->type, &first->out[0]->type) || !connected(g, m) || !fits(m)) continue;
            if (!take(w, g, m, first, &between)) continue;
            *mixed = between;
            more = true;
        }
    }
}

static int64_t number_of(const group *g, const hn_value *v)
{
    if (v == NULL) return -1;
    for (size_t i = 0; i < g->nin; i++)
        if (g->in[i] == v) return (int64_t)i;
    for (size_t i = 0; i < g->count; i++)
        if (g->member[i]->out[0] == v) return (int64_t)(g->nin + i);
    return -1;
}

/* The node, before the last member. */
static hn_node *emit(hn_pass_ctx *c, const group *g, const hn_op *op)
{
    hn_str ops[HN_ELEM_STEPS];
    int64_t args[HN_ELEM_STEPS * HN_ELEM_ARGS], keep[HN_ELEM_OUTPUTS];
    double a[HN_ELEM_STEPS], b[HN_ELEM_STEPS];
    bool any_a = false, any_b = false;
    for (size_t i = 0; i < g->count; i++) {
        const hn_node *m = g->member[i];
        ops[i] = (hn_str){m->op->name, strlen(m->op->name)};
        for (size_t k = 0; k < HN_ELEM_ARGS; k++) args[i * HN_ELEM_ARGS + k] = number_of(g, hn_node_in(m, k));
        (void)hn_elem_takes(m, &a[i], &b[i]);
        any_a = any_a || a[i] != 0;
        any_b = any_b || b[i] != 0;
    }
    for (size_t k = 0; k < g->nout; k++) keep[k] = number_of(g, g->out[k]) - (int64_t)g->nin;
    hn_node *last = g->member[g->count - 1];
    hn_node *n = hn_node_new(c->graph, last, op, last->name, g->nin, g->in, g->nout);
    if (n == NULL) return NULL;
    bool ok = hn_node_set_strings(n, "ops", ops, g->count) == HN_OK &&
              hn_node_set_ints(n, "args", args, g->count * HN_ELEM_ARGS) == HN_OK;
    if (ok && any_a) ok = hn_node_set_floats(n, "a", a, g->count) == HN_OK;
    if (ok && any_b) ok = hn_node_set_floats(n, "b", b, g->count) == HN_OK;
    if (ok && (g->nout > 1 || keep[0] + 1 < (int64_t)g->count))
        ok = hn_node_set_ints(n, "keep", keep, g->nout) == HN_OK;
    return ok && hn_node_infer(n) == HN_OK ? n : NULL;
}

static hn_status join(hn_pass_ctx *c, const group *g, const hn_op *op, bool mixed)
{
    hn_node *n = emit(c, g, op);
    if (n == NULL) return c->env->error.status;
    for (size_t k = 0; k < g->nout; k++) {
        hn_node *old = g->out[k]->producer;
        hn_rw rw = hn_rw_at(c->graph, n->next);
        rw.name = old->name;
        HN_TRY(hn_rw_replace(&rw, old, &n->out[k]));
    }
    for (size_t i = g->count; i-- > 0;)
        if (g->member[i]->graph != NULL) hn_node_remove(g->member[i]);
    c->changes++;
    return mixed ? hn_graph_sort(c->graph) : HN_OK;
}

/* Members behind the first go too, so the walk goes on from what stands before it. */
static hn_status run(hn_pass_ctx *c)
{
    const hn_op *op = hn_op_find(c->graph->ops, "hone", "Elementwise");
    walk w = {.c = c};
    if (op == NULL) return HN_OK;
    for (hn_node *n = c->graph->first; n != NULL; n = n->next) n->scratch = NULL;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        group g = {.member = {n}, .count = 1};
        bool mixed = false;
        next = n->next;
        if (!fits(n)) continue;
        grow(&w, &g, n, &mixed);
        if (g.count < 2) continue;
        hn_node *before = n->prev;
        HN_TRY(join(c, &g, op, mixed));
        next = before != NULL ? before->next : c->graph->first;
    }
    return HN_OK;
}

const hn_pass hn_pass_elementwise = {
    .name = "elementwise",
    .doc = "float32 operators of single elements over one shape that read each other's results or the same operand "
           "become one hone.Elementwise, which gives those results that others read too.",
    .run = run,
};
