/* lib_slice: see the header. The proof walks the two graphs side by side. Every value is whole (the same for all
 * samples) or cut along one axis; what is not understood is not sliced. */
#include "passes/lib_slice.h"

#include "base/size.h"
#include "ops/ops.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- how many ---- */
/* Time is counted in bytes from the next cache. What a step reads and writes is free as long as it fits in NEAR, and
 * four times as far when it does not fit in FAR. Weights come once a slice, as does the start of a step. A byte takes
 * as long as three operations. */
enum { NEAR = 512 << 10, FAR = 4 << 20, FAR_FACTOR = 4, STEP_BYTES = 4 << 10, BYTE_FLOPS = 3 };
enum { SLICE_MOST = 4096 };

typedef struct load {
    double weights, moved, flops; /* of the whole batch */
} load;

/* Regions, lists and shapes that depend on data are neither weighed nor cut. */
static bool plain(const hn_node *n)
{
    bool ok = n->nregions == 0;
    for (size_t i = 0; i < n->nin; i++) ok = ok && (!n->in[i] || hn_type_known(&n->in[i]->type));
    for (size_t k = 0; k < n->nout; k++) ok = ok && (!n->out[k] || hn_type_known(&n->out[k]->type));
    return ok;
}

static load load_of(const hn_node *n)
{
    load l = {0};
    hn_cost cost = {0};
    for (size_t i = 0; i < n->nin; i++) {
        if (n->in[i] == NULL) continue;
        *(n->in[i]->data ? &l.weights : &l.moved) += (double)hn_type_bytes(&n->in[i]->type);
    }
    for (size_t k = 0; k < n->nout; k++)
        if (n->out[k]) l.moved += (double)hn_type_bytes(&n->out[k]->type);
    hn_op_cost(n, &cost);
    l.flops = cost.flops;
    return l;
}

static double cost_of(const hn_graph *g, int64_t batch, int64_t slice)
{
    double sum = 0, parts = (double)batch / (double)slice;
    for (const hn_node *n = g->first; n; n = n->next) {
        if (n->op->flags & HN_OP_VIEW) continue;
        load l = load_of(n);
        double at_once = l.moved / parts;
        sum += l.flops / BYTE_FLOPS + (l.weights + STEP_BYTES) * parts;
        sum += at_once <= NEAR ? 0 : at_once <= FAR ? l.moved : FAR_FACTOR * l.moved;
    }
    return sum;
}

int64_t hn_slice_choose(const hn_graph *whole, int64_t batch)
{
    for (const hn_node *n = whole->first; n; n = n->next)
        if (!plain(n)) return batch;
    double best = cost_of(whole, batch, batch);
    for (int64_t s = 1; s < batch && s <= SLICE_MOST; s++)
        if (batch % s == 0) best = fmin(best, cost_of(whole, batch, s));
    /* Few samples at a time need less memory and leave more to do side by side. */
    for (int64_t s = 1; s < batch && s <= SLICE_MOST; s++)
        if (batch % s == 0 && cost_of(whole, batch, s) <= 1.02 * best) return s;
    return batch;
}

/* ---- the proof ---- */
enum { OTHER = -2 }; /* a constant of its own for the parts; only where it tells sizes */

typedef struct state {
    const hn_value *twin; /* in the other graph */
    int axis;
} state;

typedef struct walk {
    hn_env *env;
    state *states; /* by value number */
    size_t count;
    int64_t batch, slice;
    char *why;
} walk;

static bool no(walk *w, const char *what, const char *name)
{
    snprintf(w->why, 160, "%s: %.100s", what, name ? name : "?");
    return false;
}

static void put(walk *w, hn_value *v, const hn_value *twin, int axis)
{
    w->states[w->count++] = (state){twin, axis};
    v->scratch = &w->states[w->count - 1];
}

/* The types differ in nothing but the axis of the cut. */
static bool cut_types(const walk *w, const hn_type *a, const hn_type *b, int axis)
{
    hn_type t = *a;
    if (axis == HN_WHOLE) return hn_type_same(a, b);
    if (a->kind != HN_KIND_TENSOR || axis >= a->rank || a->dims[axis] != w->batch) return false;
    t.dims[axis] = w->slice;
    return hn_type_same(&t, b);
}

/* Row r along `axis` of both: the same bytes, for every r, where rows are those of x. */
static bool rows_alike(const hn_tensor *x, const hn_tensor *y, int axis)
{
    size_t outer = hn_dims_elems(x->rank, x->dims, 0, axis), n = (size_t)x->dims[axis], m = (size_t)y->dims[axis];
    size_t elems = hn_tensor_elems(x), row = elems ? x->bytes / (outer * n) : 0;
    if (x->dtype == HN_STRING || elems == 0 || row * outer * n != x->bytes || row * outer * m != y->bytes) return false;
    for (size_t o = 0; o < outer; o++) {
        const char *first = (const char *)x->data + o * n * row, *other = (const char *)y->data + o * m * row;
        for (size_t r = 1; r < n; r++)
            if (memcmp(first, first + r * row, row) != 0) return false;
        for (size_t r = 0; r < m; r++)
            if (memcmp(first, other + r * row, row) != 0) return false;
    }
    return true;
}

/* Constants are equal; or one row repeated for every sample; or told apart, as sizes are. */
static int constant_axis(const walk *w, const hn_tensor *x, const hn_tensor *y)
{
    if (x == y || hn_tensor_equal(x, y)) return HN_WHOLE;
    hn_type a = hn_type_of(x), b = hn_type_of(y);
    for (int d = 0; d < x->rank; d++)
        if (cut_types(w, &a, &b, d) && rows_alike(x, y, d)) return d;
    return OTHER;
}

static bool same_inputs(walk *w, const hn_node *n, const hn_node *m, int *in)
{
    for (size_t i = 0; i < n->nin; i++) {
        const hn_value *v = n->in[i], *u = m->in[i];
        in[i] = HN_WHOLE;
        if (!v != !u || (v && !v->data != !u->data)) return false;
        if (v && v->data) {
            in[i] = constant_axis(w, v->data, u->data);
        } else if (v) {
            const state *s = v->scratch;
            if (!s || s->twin != u) return false;
            in[i] = s->axis;
        }
    }
    return true;
}

static bool same_node(const hn_node *n, const hn_node *m)
{
    if (n->op != m->op || n->nin != m->nin || n->nout != m->nout || n->nregions || m->nregions) return false;
    for (size_t k = 0; k < n->nout; k++)
        if (!n->out[k] != !m->out[k]) return false;
    return hn_node_same_attrs(n, m);
}

static bool walk_node(walk *w, const hn_node *n, const hn_node *m, int *in, int *out)
{
    const char *label = hn_node_label(n);
    uint32_t sizes = 0;
    bool cut = false;
    if (!same_node(n, m) || !same_inputs(w, n, m, in)) return no(w, "it depends on the number of samples", label);
    if (n->op->flags & (HN_OP_RANDOM | HN_OP_CONTROL)) return no(w, "it is random, or runs regions", label);
    if (!plain(n)) return no(w, "its shape depends on data", label);
    uint32_t other = 0;
    for (size_t i = 0; i < n->nin; i++) {
        cut = cut || in[i] >= 0;
        if (in[i] != OTHER) continue;
        if (i >= 32) return no(w, "it depends on the number of samples", label);
        other |= UINT32_C(1) << i;
        in[i] = HN_WHOLE;
    }
    for (size_t k = 0; k < n->nout; k++) out[k] = HN_WHOLE;
    if (cut && !hn_op_shard(n, in, out, &sizes)) return no(w, "it may mix samples", label);
    if (other & ~sizes) return no(w, "a constant depends on the number of samples", label);
    for (size_t k = 0; k < n->nout; k++) {
        if (!n->out[k]) continue;
        if (!cut_types(w, &n->out[k]->type, &m->out[k]->type, out[k]))
            return no(w, "its shape is not that of a part", label);
        put(w, n->out[k], m->out[k], out[k]);
    }
    return true;
}

static bool first_axis(walk *w, const hn_value *v, const hn_value *twin)
{
    const hn_type *t = &v->type;
    return t->kind == HN_KIND_TENSOR && t->dtype != HN_STRING && t->rank >= 1 && t->dims[0] == w->batch &&
           cut_types(w, t, &twin->type, 0);
}

static bool ends(walk *w, const hn_graph *whole, const hn_graph *part)
{
    for (size_t i = 0; i < whole->nout; i++) {
        const hn_value *v = whole->out[i];
        const state *s = v->data ? NULL : v->scratch;
        if (!s || s->twin != part->out[i] || s->axis != 0 || !first_axis(w, v, part->out[i]))
            return no(w, "an output does not hold the samples along its first axis", v->name);
    }
    return whole->nout > 0;
}

static bool walk_graphs(walk *w, const hn_graph *whole, const hn_graph *part, int *in, int *out)
{
    if (whole->nin != part->nin || whole->nout != part->nout || whole->nnodes != part->nnodes || whole->nin == 0)
        return no(w, "it is another graph for fewer samples", whole->name);
    for (size_t i = 0; i < whole->nin; i++) {
        if (!first_axis(w, whole->in[i], part->in[i]))
            return no(w, "an input does not hold the samples along its first axis", whole->in[i]->name);
        put(w, whole->in[i], part->in[i], 0);
    }
    const hn_node *m = part->first;
    for (const hn_node *n = whole->first; n; n = n->next, m = m->next)
        if (!walk_node(w, n, m, in, out)) return false;
    return ends(w, whole, part);
}

hn_status hn_slice_proved(hn_env *env, const hn_graph *whole, const hn_graph *part, int64_t batch, int64_t slice,
                          bool *proved, char why[160])
{
    hn_arena tmp = {0};
    walk w = {.env = env, .batch = batch, .slice = slice, .why = why};
    size_t values = whole->nin, most_in = 1, most_out = 1;
    *proved = false;
    why[0] = 0;
    for (const hn_node *n = whole->first; n; n = n->next) {
        values += n->nout;
        most_in = hn_max_size(most_in, n->nin);
        most_out = hn_max_size(most_out, n->nout);
        for (size_t k = 0; k < n->nout; k++)
            if (n->out[k]) n->out[k]->scratch = NULL;
    }
    for (size_t i = 0; i < whole->nout; i++) whole->out[i]->scratch = NULL;
    w.states = hn_arena_array(env, &tmp, values + 1, sizeof *w.states);
    int *in = hn_arena_array(env, &tmp, most_in, sizeof *in), *out = hn_arena_array(env, &tmp, most_out, sizeof *out);
    hn_status st = w.states && in && out ? HN_OK : HN_NOMEM;
    if (st == HN_OK) *proved = walk_graphs(&w, whole, part, in, out);
    hn_arena_fini(env, &tmp);
    return st;
}
