/* layout: channels last for the regions around convolutions. A region is a connected set of nodes that know how to work
 * in either layout; it is taken only when it holds a convolution, and what lies before its first convolution or pooling
 * stays as it is. Inside, every 4-D value has a twin in NHWC; transposes stand at the edges only. */
#include <string.h>

#include "base/size.h"
#include "passes/lib_epilogue.h"
#include "passes/lib_layout.h"

typedef enum role { NO, FLEXIBLE, POOL, ANCHOR } role;

static bool rank4(const hn_value *v)
{
    return v != NULL && v->type.rank == 4 && hn_type_known(&v->type);
}

static bool unread_extras(const hn_node *n)
{
    for (size_t i = 1; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->nuses != 0) return false;
    return true;
}

/* Inputs of elementwise nodes: 4-D values, constants that can be transposed, and single elements. */
static bool operands_fit(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; ++i) {
        const hn_value *v = n->in[i];
        if (v == NULL || rank4(v)) continue;
        if (!hn_type_known(&v->type) || hn_type_elems(&v->type) != 1) {
            if (v->data == NULL || v->data->rank > 4 || hn_dtype_bits(v->data->dtype) % 8 != 0) return false;
        }
    }
    return true;
}

static bool ints_fit(const hn_node *n, size_t i)
{
    int64_t v[8];
    size_t count;
    return hn_node_in(n, i) == NULL || hn_const_ints(n->in[i], HN_COUNT(v), v, &count);
}

static bool reduce_fits(const hn_node *n)
{
    bool flag[4];
    if (!hn_layout_axes(n, 1, flag)) return false;
    if (hn_attr_int(n, "keepdims", 1) != 0) return true;
    /* Without channels, or with channels alone, what remains keeps its order. */
    return flag[1] || (flag[2] && flag[3]);
}

static bool resize_fits(const hn_node *n)
{
    const int64_t *axes;
    bool roi = hn_node_in(n, 1) == NULL || (n->in[1]->data != NULL && hn_tensor_elems(n->in[1]->data) == 0);
    for (size_t i = 2; i < 4; ++i) {
        const hn_value *v = hn_node_in(n, i);
        if (v == NULL) continue;
        if (v->data == NULL || (hn_tensor_elems(v->data) != 4 && hn_tensor_elems(v->data) != 0)) return false;
    }
    return roi && hn_attr_ints(n, "axes", &axes) == 0;
}

static role role_of(const hn_node *n)
{
    hn_window_attrs w;
    const int64_t *kernel;
    if (n->nin == 0 || n->nout == 0 || n->nregions != 0 || !rank4(n->in[0]) || n->out[0] == NULL) return NO;
    if (hn_node_is(n, "hone.Conv") || hn_node_is(n, "hone.QConv"))
        return hn_attr_int(n, "layout", 0) == 0 && rank4(n->out[0]) ? ANCHOR : NO;
    if (hn_node_is(n, "hone.Deconv")) return hn_attr_int(n, "layout", 0) == 0 && rank4(n->out[0]) ? ANCHOR : NO;
    if (!unread_extras(n) && !hn_node_is(n, "Split")) return NO;
    if (hn_node_is(n, "hone.Pool") || hn_node_is(n, "hone.QPool")) return hn_attr_int(n, "layout", 0) == 0 ? POOL : NO;
    if (hn_node_is(n, "MaxPool") || hn_node_is(n, "AveragePool")) {
        bool small = n->in[0]->type.dtype == HN_U8 || n->in[0]->type.dtype == HN_I8;
        if (!hn_is_real(n->in[0]) && (!small || hn_node_is(n, "AveragePool"))) return NO;
        return hn_attr_ints(n, "kernel_shape", &kernel) == 2 && hn_window_of(n, kernel, 2, &w) ? POOL : NO;
    }
    if (hn_node_is(n, "GlobalAveragePool") || hn_node_is(n, "GlobalMaxPool")) return hn_is_real(n->in[0]) ? POOL : NO;
    if (strncmp(n->op->name, "Reduce", 6) == 0 && n->op->domain[0] == 0) return reduce_fits(n) ? FLEXIBLE : NO;
    if (hn_node_is(n, "Split")) return ints_fit(n, 1) ? FLEXIBLE : NO;
    if (!rank4(n->out[0])) return NO;
    if (hn_node_is(n, "Concat")) {
        for (size_t i = 1; i < n->nin; ++i)
            if (!rank4(n->in[i])) return NO;
        return FLEXIBLE;
    }
    if (hn_node_is(n, "Softmax") || hn_node_is(n, "LogSoftmax") || hn_node_is(n, "Identity") ||
        hn_node_is(n, "hone.QLut"))
        return FLEXIBLE;
    if (hn_node_is(n, "QuantizeLinear") || hn_node_is(n, "DequantizeLinear"))
        return hn_type_known(&n->in[1]->type) && hn_type_elems(&n->in[1]->type) == 1 ? FLEXIBLE : NO;
    if (hn_node_is(n, "Gather")) return n->in[1]->data != NULL && n->in[1]->type.rank == 1 ? FLEXIBLE : NO;
    if (hn_node_is(n, "Slice")) {
        return ints_fit(n, 1) && ints_fit(n, 2) && ints_fit(n, 3) && ints_fit(n, 4) ? FLEXIBLE : NO;
    }
    if (hn_node_is(n, "Pad")) return ints_fit(n, 1) && ints_fit(n, 3) ? FLEXIBLE : NO;
    if (hn_node_is(n, "Resize")) return resize_fits(n) ? FLEXIBLE : NO;
    return (n->op->flags & HN_OP_ELEMENTWISE) != 0 && n->nout == 1 && operands_fit(n) ? FLEXIBLE : NO;
}

/* ---- regions: union-find over nodes, indexed by id ---- */
typedef struct regions {
    uint32_t *group; /* by node id; 0: not a candidate */
    unsigned char *flags;
} regions;
enum { HAS_ANCHOR = 1, AFTER_ANCHOR = 2, TAKEN = 4 };

static uint32_t find(regions *r, uint32_t id)
{
    while (r->group[id] != id + 1) {
        r->group[id] = r->group[r->group[id] - 1];
        id = r->group[id] - 1;
    }
    return id;
}

static void join(regions *r, uint32_t a, uint32_t b)
{
    uint32_t x = find(r, a), y = find(r, b);
    if (x == y) return;
    r->group[x > y ? x : y] = (x > y ? y : x) + 1;
    r->flags[x > y ? y : x] |= r->flags[x > y ? x : y] & HAS_ANCHOR;
}

static bool member(const regions *r, const hn_node *n)
{
    return n != NULL && r->group[n->id] != 0;
}

static void grow(regions *r, const hn_graph *g)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        role what = role_of(n);
        if (what == NO) continue;
        r->group[n->id] = n->id + 1;
        if (what == ANCHOR) r->flags[n->id] |= HAS_ANCHOR;
        for (size_t i = 0; i < n->nin; ++i)
            if (rank4(n->in[i]) && member(r, n->in[i]->producer)) join(r, n->id, n->in[i]->producer->id);
    }
}

/* Takes the members of regions with a convolution, but for what lies before all convolutions and poolings. */
static size_t take(regions *r, const hn_graph *g)
{
    size_t taken = 0;
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        if (!member(r, n) || (r->flags[find(r, n->id)] & HAS_ANCHOR) == 0) continue;
        bool after = role_of(n) >= POOL;
        for (size_t i = 0; i < n->nin; ++i)
            after = after || (rank4(n->in[i]) && n->in[i]->producer != NULL &&
                              (r->flags[n->in[i]->producer->id] & AFTER_ANCHOR) != 0);
        if (!after) continue;
        r->flags[n->id] |= AFTER_ANCHOR | TAKEN;
        taken++;
    }
    return taken;
}

/* Uses of v outside the region go to `to`. */
static hn_status hand_over(regions *r, uint32_t ids, hn_value *v, hn_value *to)
{
    for (hn_use *u = v->uses, *next; u != NULL; u = next) {
        next = u->next;
        if (u->node == NULL) {
            HN_TRY(hn_graph_output_set(v->graph, u->index, to));
        } else if (u->node->id >= ids || (r->flags[u->node->id] & TAKEN) == 0) {
            hn_node_input_set(u->node, u->index, to);
        }
    }
    return HN_OK;
}

static bool read_outside(const regions *r, uint32_t ids, const hn_value *v)
{
    for (const hn_use *u = v->uses; u != NULL; u = u->next)
        if (u->node == NULL || u->node->id >= ids || (r->flags[u->node->id] & TAKEN) == 0) return true;
    return false;
}

static hn_status convert(hn_layout *l, regions *r, hn_node *n)
{
    hn_value *made[64] = {NULL};
    l->rw = hn_rw_at(l->graph, n);
    l->rw.name = n->name;
    HN_TRY(hn_layout_build(l, n, made));
    for (size_t i = 0; i < n->nout && i < HN_COUNT(made); ++i) {
        hn_value *v = n->out[i], *y = made[i];
        if (v == NULL || y == NULL) continue;
        bool twin = v->type.rank == 4;
        if (twin) l->nhwc[v->id] = y;
        if (!twin) {
            /* Members read what is no image as it is: the new value has to stand in for them too. */
            hn_value_replace(v, y);
        } else if (read_outside(r, l->ids, v)) {
            hn_value *t = hn_rw_transpose(&l->rw, y, hn_layout_back, 4);
            HN_TRY(hn_rw_status(&l->rw));
            HN_TRY(hand_over(r, l->ids, v, t));
            y = t;
        }
        y->name = v->name;
        v->name = NULL;
    }
    return HN_OK;
}

static hn_status rewrite(hn_pass_ctx *c, hn_layout *l, regions *r)
{
    hn_node *last = c->graph->last;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->id >= l->ids || (r->flags[n->id] & TAKEN) == 0) continue;
        HN_TRY(convert(l, r, n));
        c->changes++;
    }
    for (hn_node *n = last, *prev; n != NULL; n = prev) {
        prev = n->prev;
        if (n->id < l->ids && (r->flags[n->id] & TAKEN) != 0) hn_node_remove(n);
    }
    return HN_OK;
}

static hn_status run(hn_pass_ctx *c)
{
    hn_status st = HN_NOMEM;
    hn_layout l = {.env = c->env, .graph = c->graph, .ids = *c->graph->next_id};
    regions r = {.group = hn_zalloc(c->env, ((size_t)l.ids + 1) * sizeof(uint32_t)),
                 .flags = hn_zalloc(c->env, (size_t)l.ids + 1)};
    l.nhwc = hn_zalloc(c->env, ((size_t)l.ids + 1) * sizeof(hn_value *));
    if (r.group != NULL && r.flags != NULL && l.nhwc != NULL) {
        grow(&r, c->graph);
        st = take(&r, c->graph) > 0 ? rewrite(c, &l, &r) : HN_OK;
    }
    hn_free(c->env, r.group);
    hn_free(c->env, r.flags);
    hn_free(c->env, l.nhwc);
    return st;
}

const hn_pass hn_pass_layout = {
    .name = "layout",
    .doc = "Regions around 2-D convolutions work channels last (layout = 1): convolutions and pooling natively, "
           "elementwise nodes, "
           "Concat, Split, Slice, Gather, Pad, Resize, Softmax and reductions with their axes moved. Transposes stand "
           "at the "
           "edges only; a "
           "first convolution of up to four channels reads channels first (in_layout = 0).",
    .run = run,
};
