/* dead_channels: channels that are zero everywhere, or that no weight reads, are taken out of the values that they run
 * through, with the weights that make and read them.
 *
 * A region is a set of values that are alike along one axis, their channels: a product (a convolution without groups,
 * Gemm, MatMul) makes them, nodes that treat channels apart hand them on, products read them. Where nothing else reads
 * or makes values of a region, a channel stays if some product has weights for it and it is not known to be zero. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "ops/ops.h"
#include "passes/lib_channels.h"

/* Channels stay a multiple of TOGETHER, as vectors are. What is taken out may leave other channels unread; ROUNDS
 * bounds how often that is looked for. */
enum { TOGETHER = 8, ROUNDS = 64, MOST_INPUTS = 8 };

typedef struct region {
    struct region *up; /* joined with that one */
    int64_t channels;
    bool open;     /* something else reads or makes it */
    bool *needed;  /* by channel */
    int64_t *keep; /* channels that stay; NULL: all */
    int64_t kept;
} region;

/* What v->scratch points to for a value of a region. */
typedef struct member {
    region *of;
    int axis;
    double *low, *high; /* by channel: what its values lie between */
} member;

/* What is known of a product from round to round, until it is cut. */
typedef struct record {
    hn_product_sums sums;
    double *low, *high; /* of its result; NULL when its channels are too few to be looked at */
    bool cut;
} record;

typedef struct walk {
    hn_pass_ctx *c;
    hn_arena lasting, arena, scratch; /* for the pass, for a round, for a node */
    record **records;                 /* by node number */
} walk;

static region *root(region *r)
{
    while (r->up != NULL) r = r->up;
    return r;
}

static void join(region *a, region *b)
{
    a = root(a);
    b = root(b);
    if (a == b) return;
    b->up = a;
    a->open = a->open || b->open;
}

static member *member_of(const hn_value *v)
{
    return v == NULL || v->data != NULL ? NULL : v->scratch;
}

static void leave_open(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; ++i) {
        member *m = member_of(n->in[i]);
        if (m != NULL) root(m->of)->open = true;
    }
}

/* Bounds that leave everything open. */
static bool no_bounds(hn_env *env, hn_arena *arena, int64_t channels, double **low, double **high)
{
    *low = hn_arena_array(env, arena, (size_t)channels, sizeof(**low));
    *high = hn_arena_array(env, arena, (size_t)channels, sizeof(**high));
    for (int64_t i = 0; *low != NULL && *high != NULL && i < channels; ++i) {
        (*low)[i] = -INFINITY;
        (*high)[i] = INFINITY;
    }
    return *low != NULL && *high != NULL;
}

/* v becomes a value of a region. Without bounds its channels may hold anything. */
static member *enter(walk *w, hn_value *v, region *of, int axis, double *low, double *high)
{
    hn_env *env = w->c->env;
    member *m = hn_arena_alloc(env, &w->arena, sizeof(*m));
    if (m == NULL || (low == NULL && !no_bounds(env, &w->arena, of->channels, &low, &high))) return NULL;
    *m = (member){of, axis, low, high};
    v->scratch = m;
    return m;
}

static bool is_zero(const member *m, int64_t channel)
{
    return m->low[channel] == 0 && m->high[channel] == 0;
}

/* ---- products ---- */

static hn_status look_at(walk *w, const hn_node *n, const hn_product *p, record **out)
{
    hn_env *env = w->c->env;
    record *k = w->records[n->id];
    *out = k;
    if (k != NULL && !k->cut) return HN_OK;
    const member *x = member_of(n->in[0]);
    const int64_t channels = p->w.t->dims[p->out_axis];
    k = *out = w->records[n->id] = hn_arena_alloc(env, &w->lasting, sizeof(*k));
    if (k == NULL) return env->error.status;
    *k = (record){.cut = false};
    const float *weights = hn_product_weights(env, &w->scratch, p);
    if (weights == NULL) return HN_NOMEM;
    HN_TRY(hn_product_look(env, &w->lasting, n, p, weights, &k->sums));
    if (channels <= TOGETHER) return HN_OK;
    if (!no_bounds(env, &w->lasting, channels, &k->low, &k->high)) return env->error.status;
    if (x != NULL && x->axis == p->x_axis) {
        hn_product_bounds(p, weights, &k->sums, x->low, x->high, k->low, k->high);
        return HN_OK;
    }
    for (int64_t i = 0; i < channels; ++i)
        if (k->sums.row[i]) k->low[i] = k->high[i] = k->sums.bias[i];
    return HN_OK;
}

static hn_status make(walk *w, const hn_node *n, const hn_product *p, const record *k)
{
    hn_env *env = w->c->env;
    int64_t channels = p->w.t->dims[p->out_axis];
    if (k->low == NULL) return HN_OK;
    region *r = hn_arena_alloc(env, &w->arena, sizeof(*r));
    bool *needed = hn_arena_array(env, &w->arena, (size_t)channels, sizeof(*needed));
    if (r == NULL || needed == NULL) return env->error.status;
    *r = (region){.channels = channels, .needed = needed};
    return enter(w, n->out[0], r, p->y_axis, k->low, k->high) != NULL ? HN_OK : env->error.status;
}

/* What a product needs of the region that it reads. */
static void read_region(const hn_node *n, const hn_product *p, const record *k)
{
    member *x = member_of(n->in[0]);
    if (x == NULL) return;
    if (x->axis != p->x_axis) {
        root(x->of)->open = true;
        return;
    }
    for (int64_t i = 0; i < x->of->channels; ++i)
        if (!k->sums.column[i] && !is_zero(x, i)) x->of->needed[i] = true;
}

/* A depthwise convolution. */
static hn_status sweep(walk *w, const hn_node *n, const hn_product *p, const record *k)
{
    member *x = member_of(n->in[0]);
    if (x == NULL || x->axis != p->x_axis) {
        leave_open(n);
        return HN_OK;
    }
    return enter(w, n->out[0], x->of, p->y_axis, k->low, k->high) != NULL ? HN_OK : w->c->env->error.status;
}

static hn_status walk_product(walk *w, const hn_node *n, const hn_product *p)
{
    record *k;
    HN_TRY(look_at(w, n, p, &k));
    if (p->depthwise) return sweep(w, n, p, k);
    read_region(n, p, k);
    return make(w, n, p, k);
}

/* ---- other nodes ---- */

/* The axis of constant input i that goes with the channels, or HN_WHOLE; to_end: axes from the channels' to the last.
 */
static int constant_axis(const hn_node *n, size_t i, int to_end, int64_t channels)
{
    const hn_type *t = &n->in[i]->type;
    int axis = t->rank - to_end;
    return (n->op->flags & HN_OP_ELEMENTWISE) != 0 && axis >= 0 && t->dims[axis] == channels ? axis : HN_WHOLE;
}

/* The first input that is in a region. */
static member *first_member(const hn_node *n, int *to_end)
{
    for (size_t i = 0; i < n->nin; ++i) {
        member *m = member_of(n->in[i]);
        if (m == NULL) continue;
        *to_end = n->in[i]->type.rank - m->axis;
        return m;
    }
    return NULL;
}

/* Whether n treats channels apart; *axis is theirs in its result. All of its inputs are constants or of equal regions.
 */
static bool hands_on(const hn_node *n, const member *first, int to_end, int *axis)
{
    int in[MOST_INPUTS], out[1];
    uint32_t sizes = 0;
    if (n->nin > MOST_INPUTS || n->nout != 1 || n->out[0] == NULL || n->nregions != 0) return false;
    for (size_t i = 0; i < n->nin; ++i) {
        const member *m = member_of(n->in[i]);
        in[i] = HN_WHOLE;
        if (n->in[i] == NULL) continue;
        if (n->in[i]->data != NULL)
            in[i] = constant_axis(n, i, to_end, first->of->channels);
        else if (m != NULL && root(m->of)->channels == first->of->channels)
            in[i] = m->axis;
        else
            return false;
    }
    if (!hn_op_shard(n, in, out, &sizes)) return false;
    *axis = out[0];
    return sizes == 0 || hn_node_is(n, "Flatten") || hn_node_is(n, "Squeeze") || hn_node_is(n, "Unsqueeze") ||
           hn_node_is(n, "Identity") || (hn_node_is(n, "Reshape") && hn_node_const(n, 1) != NULL);
}

static bool is_any(const hn_node *n, const char *const *ops, size_t count)
{
    bool is = false;
    for (size_t i = 0; i < count; ++i) is = is || hn_node_is(n, ops[i]);
    return is;
}

/* Values are those of the input, or means of them and zeros. */
static bool selects(const hn_node *n)
{
    static const char *const ops[] = {"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"};
    return (n->op->flags & HN_OP_VIEW) != 0 || is_any(n, ops, HN_COUNT(ops));
}

/* Works element by element, and larger inputs give no smaller results. */
static bool rises(const hn_node *n)
{
    static const char *const ops[] = {"Add",     "Clip", "DequantizeLinear", "HardSigmoid", "QuantizeLinear", "Relu",
                                      "Sigmoid", "Tanh"};
    return is_any(n, ops, HN_COUNT(ops));
}

/* Input i with one element a channel, its lowest or highest; NULL when it is not alike along other axes. */
static hn_status one_each(walk *w, const hn_value *v, int to_end, bool high, const hn_tensor **out)
{
    hn_env *env = w->c->env;
    const member *m = member_of(v);
    int64_t dims[HN_MAX_RANK];
    *out = v->data;
    for (int d = 0; v->data != NULL && d < v->data->rank; ++d)
        if (v->data->dims[d] != 1 && d != v->data->rank - to_end) *out = NULL;
    if (v->data != NULL) return HN_OK;
    for (int d = 0; d < v->type.rank; ++d) dims[d] = d == m->axis ? m->of->channels : 1;
    hn_tensor *t = hn_arena_alloc(env, &w->scratch, sizeof(*t));
    if (t == NULL) return env->error.status;
    HN_TRY(hn_tensor_init(env, &w->scratch, t, v->type.dtype, v->type.rank, dims));
    for (int64_t i = 0; i < m->of->channels; ++i) hn_set_f64(t, (size_t)i, high ? m->high[i] : m->low[i]);
    *out = t;
    return HN_OK;
}

/* The node on one element a channel; NULL where that says nothing. */
static hn_status try_node(walk *w, const hn_node *n, int to_end, bool high, hn_tensor **out)
{
    const hn_tensor *in[MOST_INPUTS] = {NULL};
    out[0] = NULL;
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL) continue;
        HN_TRY(one_each(w, n->in[i], to_end, high, &in[i]));
        if (in[i] == NULL) return HN_OK;
    }
    return hn_eval_node(w->c->env, &w->scratch, n, in, out);
}

/* Bounds after a node that works element by element: of others than those that rise, only for channels of one value. */
static hn_status bound(walk *w, const hn_node *n, int to_end, member *y)
{
    hn_tensor *low[1], *high[1];
    HN_TRY(try_node(w, n, to_end, false, low));
    if (low[0] == NULL) return HN_OK;
    HN_TRY(try_node(w, n, to_end, true, high));
    for (int64_t k = 0; k < y->of->channels; ++k) {
        bool one = true;
        for (size_t i = 0; i < n->nin; ++i) {
            const member *m = member_of(n->in[i]);
            one = one && (m == NULL || m->low[k] == m->high[k]);
        }
        const double a = hn_get_f64(low[0], (size_t)k), b = hn_get_f64(high[0], (size_t)k);
        if (!(one || rises(n)) || !(a <= b)) continue;
        y->low[k] = a;
        y->high[k] = b;
    }
    return HN_OK;
}

static hn_status hand_on(walk *w, const hn_node *n)
{
    int to_end, axis;
    member *x = first_member(n, &to_end);
    if (x == NULL) return HN_OK;
    if (!hands_on(n, x, to_end, &axis)) {
        leave_open(n);
        return HN_OK;
    }
    for (size_t i = 0; i < n->nin; ++i)
        if (member_of(n->in[i]) != NULL) join(x->of, member_of(n->in[i])->of);
    member *y = enter(w, n->out[0], x->of, axis, NULL, NULL);
    if (y == NULL) return w->c->env->error.status;
    if ((n->op->flags & HN_OP_ELEMENTWISE) != 0 || rises(n)) return bound(w, n, to_end, y);
    for (int64_t i = 0; selects(n) && i < x->of->channels; ++i) {
        y->low[i] = fmin(x->low[i], 0);
        y->high[i] = fmax(x->high[i], 0);
    }
    return HN_OK;
}

static hn_status find_regions(walk *w)
{
    const hn_graph *g = w->c->graph;
    for (size_t i = 0; i < g->nin; ++i) g->in[i]->scratch = NULL;
    for (hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nout; ++i)
            if (n->out[i] != NULL) n->out[i]->scratch = NULL;
    for (hn_node *n = g->first; n != NULL; n = n->next) {
        hn_product p;
        HN_TRY(hn_product_read(n, &p) ? walk_product(w, n, &p) : hand_on(w, n));
        hn_arena_reset(w->c->env, &w->scratch);
    }
    for (size_t i = 0; i < g->nout; ++i)
        if (member_of(g->out[i]) != NULL) root(member_of(g->out[i])->of)->open = true;
    return HN_OK;
}

/* ---- taking out ---- */

/* The channels of a region that stay: those needed, and as many others as make whole vectors. */
static hn_status choose(walk *w, region *r)
{
    int64_t need = 0, spare;
    if (r->open || r->keep != NULL) return HN_OK;
    for (int64_t i = 0; i < r->channels; ++i) need += r->needed[i];
    r->kept = need == 0 ? TOGETHER : (need + TOGETHER - 1) / TOGETHER * TOGETHER;
    if (r->kept >= r->channels) return HN_OK;
    r->keep = hn_arena_array(w->c->env, &w->arena, (size_t)r->kept, sizeof(*r->keep));
    if (r->keep == NULL) return w->c->env->error.status;
    spare = r->kept - need;
    for (int64_t i = 0, to = 0; i < r->channels; ++i) {
        if (!r->needed[i] && spare-- <= 0) continue;
        r->keep[to++] = i;
    }
    w->c->changes += (size_t)(r->channels - r->kept);
    return HN_OK;
}

static hn_status choose_all(walk *w)
{
    const hn_graph *g = w->c->graph;
    for (int pass = 0; pass < 2; ++pass)
        for (hn_node *n = g->first; n != NULL; n = n->next) {
            member *m = n->nout == 1 ? member_of(n->out[0]) : NULL;
            if (m == NULL) continue;
            region *r = root(m->of);
            for (int64_t i = 0; pass == 0 && i < r->channels; ++i) r->needed[i] = r->needed[i] || m->of->needed[i];
            if (pass == 1) HN_TRY(choose(w, r));
        }
    return HN_OK;
}

/* The region of v when channels leave it. */
static const region *shrinks(const hn_value *v)
{
    const member *m = member_of(v);
    const region *r = m != NULL ? root(m->of) : NULL;
    return r != NULL && r->keep != NULL ? r : NULL;
}

static hn_status cut_product(walk *w, hn_rw *rw, hn_node *n, const hn_product *p)
{
    const region *x = shrinks(n->in[0]), *y = shrinks(n->out[0]);
    w->records[n->id]->cut = x != NULL || y != NULL;
    if (y != NULL) {
        hn_node_input_set(n, 1, hn_weights_pick(rw, n->in[1], p->out_axis, y->keep, y->kept));
        if (p->bias != NULL) {
            hn_value *b = hn_weights_pick(rw, p->bias, p->bias->type.rank - 1, y->keep, y->kept);
            hn_node_input_set(n, 2, b);
        }
    }
    if (x != NULL && !p->depthwise)
        hn_node_input_set(n, 1, hn_weights_pick(rw, n->in[1], p->in_axis, x->keep, x->kept));
    HN_TRY(hn_rw_status(rw));
    return p->depthwise && y != NULL ? hn_node_set_int(n, "group", y->kept) : HN_OK;
}

static hn_status cut_node(walk *w, hn_node *n)
{
    hn_rw rw = hn_rw_at(w->c->graph, n);
    hn_product p;
    int to_end;
    rw.name = n->name;
    if (hn_product_read(n, &p)) return cut_product(w, &rw, n, &p);
    const member *x = first_member(n, &to_end);
    const region *r = n->nout == 1 ? shrinks(n->out[0]) : NULL;
    if (x == NULL || r == NULL) return HN_OK;
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL || n->in[i]->data == NULL) continue;
        int axis = constant_axis(n, i, to_end, r->channels);
        if (axis != HN_WHOLE) hn_node_input_set(n, i, hn_weights_pick(&rw, n->in[i], axis, r->keep, r->kept));
    }
    int64_t dims[HN_MAX_RANK], *size = &dims[member_of(n->out[0])->axis];
    size_t rank;
    if (hn_node_is(n, "Reshape") && hn_const_ints(n->in[1], HN_COUNT(dims), dims, &rank)) {
        *size = *size > 0 ? r->kept : *size;
        hn_node_input_set(n, 1, hn_rw_ints(&rw, dims, rank));
    }
    return hn_rw_status(&rw);
}

static hn_status cut(walk *w)
{
    hn_graph *g = w->c->graph;
    for (hn_node *n = g->first; n != NULL; n = n->next) HN_TRY(cut_node(w, n));
    for (hn_node *n = g->first; n != NULL; n = n->next) {
        const region *r = n->nout == 1 ? shrinks(n->out[0]) : NULL;
        if (r != NULL) n->out[0]->type.dims[member_of(n->out[0])->axis] = r->kept;
    }
    return hn_graph_infer(g);
}

static hn_status one_round(walk *w)
{
    size_t before = w->c->changes, removed;
    HN_TRY(find_regions(w));
    HN_TRY(choose_all(w));
    if (w->c->changes == before) return HN_OK;
    HN_TRY(cut(w));
    return hn_dead_sweep(w->c->graph, &removed);
}

static hn_status run(hn_pass_ctx *c)
{
    walk w = {.c = c};
    size_t before = SIZE_MAX;
    w.records = hn_arena_array(c->env, &w.lasting, *c->graph->next_id, sizeof(record *));
    hn_status st = w.records != NULL ? HN_OK : c->env->error.status;
    for (int i = 0; i < ROUNDS && st == HN_OK && c->changes != before; ++i) {
        before = c->changes;
        st = one_round(&w);
        hn_arena_reset(c->env, &w.arena);
    }
    hn_arena_fini(c->env, &w.lasting);
    hn_arena_fini(c->env, &w.arena);
    hn_arena_fini(c->env, &w.scratch);
    return st;
}

const hn_pass hn_pass_dead_channels = {
    .name = "dead_channels",
    .doc =
        "Takes out channels that are zero everywhere or that no weight reads, between the convolutions without "
        "groups, Gemm and MatMul that make them and those that read them, as long as a multiple of 8 is left. Weights "
        "below 2^-40 of the largest one for the same result, or of its bias, count as zeros, but not with strict "
        "numerics.",
    .run = run,
};
