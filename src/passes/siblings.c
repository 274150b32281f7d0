/* siblings: convolutions of one image that have few channels each become one convolution, whose result is cut. */
#include <string.h>

#include "base/size.h"
#include "passes/lib_epilogue.h"

/* Channels that are few, and how many make one row of a tile; channels and nodes of a group; nodes that are looked
 * through for siblings; pixels of a batch below which steps cost more than sums. */
enum { FEW = 16, TOGETHER = 64, MOST = 16, REACH = 1000, LEAST_PIXELS = 64 };

typedef struct group {
    hn_node *conv[MOST], *depth[MOST]; /* what reads them: all depthwise and alike, or depth[0] is NULL */
    size_t count;
    int64_t channels;
    bool same_act; /* of depth */
} group;

/* A float convolution, channels last, weights constant, no residual. */
static bool plain(const hn_node *n)
{
    if (!hn_node_is(n, "hone.Conv") || n->nout != 1 || n->out[0] == NULL || n->out[0]->nuses == 0) return false;
    const hn_tensor *w = hn_node_const(n, 1);
    const hn_value *b = hn_node_in(n, 2);
    if (w == NULL || w->dtype != HN_F32 || w->rank != 4 || hn_node_in(n, 3) != NULL) return false;
    if (b != NULL &&
        (b->data == NULL || b->data->dtype != HN_F32 || b->data->rank != 1 || b->data->dims[0] != w->dims[0]))
        return false;
    return hn_attr_int(n, "layout", 0) == 1 && hn_attr_int(n, "in_layout", 1) == 1 && n->in[0]->type.rank == 4 &&
           hn_type_known(&n->in[0]->type) && hn_type_known(&n->out[0]->type);
}

static bool few(const hn_node *n)
{
    return plain(n) && hn_attr_int(n, "group", 1) == 1 && n->in[1]->data->dims[0] < FEW;
}

static bool same_act(const hn_node *a, const hn_node *b)
{
    hn_str u = hn_attr_string(a, "act", ""), v = hn_attr_string(b, "act", "");
    return u.size == v.size && (u.size == 0 || memcmp(u.data, v.data, u.size) == 0) &&
           hn_attr_float(a, "act_alpha", 0) == hn_attr_float(b, "act_alpha", 0) &&
           hn_attr_float(a, "act_beta", 0) == hn_attr_float(b, "act_beta", 0);
}

static bool same_window(const hn_node *a, const hn_node *b)
{
    hn_window_attrs u = {0}, v = {0};
    return hn_window_of(a, a->in[1]->data->dims + 2, 2, &u) && hn_window_of(b, b->in[1]->data->dims + 2, 2, &v) &&
           memcmp(&u, &v, sizeof u) == 0;
}

/* The depthwise convolution that alone reads n's result, one result a channel; else NULL. */
static hn_node *depthwise(const hn_node *n)
{
    hn_node *d = hn_only_user(n->out[0]);
    int64_t channels = n->in[1]->data->dims[0];
    if (d == NULL || !plain(d) || d->in[0] != n->out[0]) return NULL;
    return hn_attr_int(d, "group", 1) == channels && d->in[1]->data->dims[0] == channels ? d : NULL;
}

/* The rows that compute an activation apart; those without parameters are enough. */
static const char *act_op(const hn_node *n)
{
    static const char *const ops[] = {"Relu", "Sigmoid", "Tanh", "HardSwish"};
    for (size_t i = 0; i < HN_COUNT(ops); i++)
        if (hn_attr_is(n, "act", ops[i])) return ops[i];
    return NULL;
}

/* n and what follows it in the graph and is like it. */
static void gather(hn_node *n, group *g)
{
    size_t looked = 0;
    for (hn_node *m = n; m != NULL && g->count < MOST && looked < REACH; m = m->next, looked++) {
        if (m->nin == 0 || m->in[0] != n->in[0] || !few(m)) continue;
        int64_t channels = m->in[1]->data->dims[0];
        if (g->channels + channels > TOGETHER || !same_act(n, m) || !same_window(n, m)) continue;
        g->conv[g->count++] = m;
        g->channels += channels;
    }
}

/* Whether the tiles saved are more work than cutting: terms of sums a pixel against floats and runs copied. */
static bool pays(const group *g)
{
    const hn_tensor *w = g->conv[0]->in[1]->data;
    const hn_type *y = &g->conv[0]->out[0]->type;
    int64_t count = (int64_t)g->count, tiles = (g->channels + FEW - 1) / FEW;
    int64_t terms = w->dims[1] * w->dims[2] * w->dims[3];
    return count > tiles && (count - tiles) * terms > 2 * g->channels + 4 * count &&
           y->dims[0] * y->dims[1] * y->dims[2] >= LEAST_PIXELS;
}

static void find_depthwise(group *g)
{
    bool apart = true;
    g->same_act = true;
    for (size_t i = 0; i < g->count; i++) {
        hn_node *d = depthwise(g->conv[i]);
        g->depth[i] = d;
        if (d == NULL || !same_window(d, g->depth[0])) {
            g->depth[0] = NULL;
            return;
        }
        g->same_act = g->same_act && same_act(d, g->depth[0]);
        apart = apart && (act_op(d) != NULL || hn_attr_is(d, "act", ""));
    }
    if (!g->same_act && !apart) g->depth[0] = NULL;
}

/* Weights or biases of nodes, one after the other. */
static hn_value *joined(hn_rw *rw, hn_node *const *nodes, size_t count, size_t input, int64_t channels)
{
    const hn_tensor *like = NULL;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (hn_node_const(nodes[i], input) != NULL) like = hn_node_const(nodes[i], input);
    if (like == NULL) return NULL;
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, like->dims, sizeof dims);
    dims[0] = channels;
    hn_tensor *to;
    hn_value *v = hn_rw_const_new(rw, HN_F32, like->rank, dims, &to);
    for (size_t i = 0; v != NULL && i < count; i++) {
        const hn_tensor *t = hn_node_const(nodes[i], input);
        size_t bytes = (size_t)nodes[i]->in[1]->data->dims[0] * (to->bytes / (size_t)channels);
        if (t != NULL) memcpy((char *)to->data + at, t->data, bytes);
        at += bytes;
    }
    return v;
}

static hn_value *merged(hn_rw *rw, const group *g, hn_node *const *nodes, hn_value *x, int64_t groups, bool act)
{
    hn_value *in[] = {x, joined(rw, nodes, g->count, 1, g->channels), joined(rw, nodes, g->count, 2, g->channels),
                      NULL};
    return hn_conv_like(rw, nodes[0], in, groups, NULL, act);
}

static hn_status merge(hn_pass_ctx *c, const group *g)
{
    hn_rw rw = hn_rw_at(c->graph, g->conv[0]);
    bool deep = g->depth[0] != NULL;
    int64_t sizes[MOST];
    hn_value *y = merged(&rw, g, g->conv, g->conv[0]->in[0], 1, true);
    if (deep) y = merged(&rw, g, g->depth, y, g->channels, g->same_act);
    for (size_t i = 0; i < g->count; i++) sizes[i] = g->conv[i]->in[1]->data->dims[0];
    hn_value *in[] = {y, hn_rw_ints(&rw, sizes, g->count)};
    hn_node *cut = hn_rw_node(&rw, "Split", 2, in, g->count, (const hn_rw_attr[]){HN_A_INT("axis", 3), {0}});
    for (size_t i = 0; i < g->count; i++) {
        hn_node *old = deep ? g->depth[i] : g->conv[i];
        const char *act = deep && !g->same_act ? act_op(old) : NULL;
        HN_TRY(hn_rw_status(&rw));
        rw.name = old->name;
        hn_value *part = act != NULL ? hn_rw_1(&rw, act, cut->out[i]) : cut->out[i];
        HN_TRY(hn_rw_replace(&rw, old, &part));
    }
    c->changes++;
    return hn_rw_status(&rw);
}

/* Nodes behind n go too, so the walk goes on from what stands before it. */
static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        group g = {.count = 0};
        next = n->next;
        if (n->nin == 0 || n->in[0] == NULL || n->in[0]->nuses < 2 || !few(n)) continue;
        gather(n, &g);
        if (!pays(&g)) continue;
        find_depthwise(&g);
        hn_node *before = n->prev;
        HN_TRY(merge(c, &g));
        next = before != NULL ? before->next : c->graph->first;
    }
    return HN_OK;
}

const hn_pass hn_pass_siblings = {
    .name = "siblings",
    .doc = "Channels-last hone.Conv nodes of one image with the same window and activation and fewer than 16 channels "
           "each become one, and so do the depthwise ones that alone read them; a Split gives the parts back.",
    .run = run,
};
