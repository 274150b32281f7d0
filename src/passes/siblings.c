/* siblings: convolutions of one image that have few channels each become one convolution, whose result is cut; and so
 * do products of one matrix where cutting costs nothing. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "passes/lib_epilogue.h"
#include "passes/lib_siblings.h"

/* Channels that are few, and how many make one row of a tile; channels and nodes of a group; nodes that are looked
 * through for siblings; pixels of a batch below which steps cost more than sums. */
enum { FEW = 16, TOGETHER = 64, MOST = 16, REACH = 1000, LEAST_PIXELS = 64 };
/* Bytes of weights beyond which reading them takes so long that one step less does not count; depth of products that
 * hides a copy. */
enum { PRODUCT_BYTES = 2 << 20, DEEP = 64 };

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
    static const char *const ops[] = {"Relu", "Sigmoid", "Tanh", "HardSwish", "Swish"}, *const acts[] = {
                                                                                            "Relu", "Sigmoid", "Tanh",
                                                                                            "HardSwish", "Silu"};
    for (size_t i = 0; i < HN_COUNT(ops); i++)
        if (hn_attr_is(n, "act", acts[i])) return ops[i];
    return NULL;
}

static bool alike(const hn_node *a, const hn_node *b)
{
    const bool same = hn_node_is(a, "hone.QConv") ? hn_q_few(b, FEW) && hn_q_alike(a, b) : few(b) && same_act(a, b);
    return same && same_window(a, b);
}

/* n and what follows it in the graph and is like it. */
static void gather(hn_node *n, group *g)
{
    size_t looked = 0;
    for (hn_node *m = n; m != NULL && g->count < MOST && looked < REACH; m = m->next, looked++) {
        if (m->nin == 0 || m->in[0] != n->in[0] || !alike(n, m)) continue;
        int64_t channels = m->in[1]->data->dims[0];
        if (g->channels + channels > TOGETHER) continue;
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

static void find_depthwise(group *g, bool quant)
{
    bool apart = true;
    g->same_act = true;
    for (size_t i = 0; i < g->count; i++) {
        hn_node *d = quant ? hn_q_depthwise(g->conv[i]) : depthwise(g->conv[i]);
        g->depth[i] = d;
        if (d == NULL || !same_window(d, g->depth[0]) || (quant && !hn_q_depth_alike(d, g->depth[0]))) {
            g->depth[0] = NULL;
            return;
        }
        g->same_act = g->same_act && same_act(d, g->depth[0]);
        apart = apart && (act_op(d) != NULL || hn_attr_is(d, "act", ""));
    }
    if (!g->same_act && !apart) g->depth[0] = NULL;
}

static hn_value *merged(hn_rw *rw, const group *g, hn_node *const *nodes, hn_value *x, int64_t groups, bool act)
{
    hn_value *in[] = {x, hn_joined(rw, nodes, g->count, 1, g->channels), hn_joined(rw, nodes, g->count, 2, g->channels),
                      NULL};
    return hn_conv_like(rw, nodes[0], in, groups, NULL, act);
}

static hn_status merge(hn_pass_ctx *c, const group *g)
{
    hn_rw rw = hn_rw_at(c->graph, g->conv[0]);
    bool deep = g->depth[0] != NULL;
    int64_t sizes[MOST];
    const bool quant = hn_node_is(g->conv[0], "hone.QConv");
    hn_value *y =
        quant ? hn_q_merged(&rw, g->conv, g->count, g->channels) : merged(&rw, g, g->conv, g->conv[0]->in[0], 1, true);
    HN_TRY(hn_rw_status(&rw));
    if (deep && quant) y = hn_q_depth_merged(&rw, g->depth, g->count, y);
    if (deep && !quant) y = merged(&rw, g, g->depth, y, g->channels, g->same_act);
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

/* ---- products ---- */
/* A float product with constant weights and bias, without a residual. */
static bool product(const hn_node *n)
{
    if (!hn_node_is(n, "hone.Gemm") || n->nout != 1 || n->out[0] == NULL || n->out[0]->nuses == 0) return false;
    const hn_tensor *b = hn_node_const(n, 1), *bias = hn_node_const(n, 2);
    if (b == NULL || b->dtype != HN_F32 || b->rank != 2 || n->in[0]->data != NULL || hn_node_in(n, 3) != NULL)
        return false;
    if (hn_node_in(n, 2) != NULL && (bias == NULL || bias->dtype != HN_F32 || bias->rank != 1)) return false;
    return hn_type_known(&n->in[0]->type) && hn_type_known(&n->out[0]->type) && n->in[0]->type.rank >= 2 &&
           hn_type_elems(&n->out[0]->type) > 0;
}

static int64_t columns(const hn_node *n)
{
    return n->out[0]->type.dims[n->out[0]->type.rank - 1];
}

static bool like_product(const hn_node *a, const hn_node *b)
{
    return product(b) && a->in[0] == b->in[0] && hn_attr_int(a, "trans_b", 0) == hn_attr_int(b, "trans_b", 0) &&
           hn_attr_float(a, "alpha", 1) == hn_attr_float(b, "alpha", 1);
}

/* The Attention that alone reads n's result, flat, as input number `i`; else NULL. */
static hn_node *attends(const hn_node *n, size_t i)
{
    hn_node *a = hn_only_user(n->out[0]);
    bool flat = a != NULL && hn_node_is(a, "Attention") && a->in[0] != NULL && a->in[0]->type.rank == 3;
    return flat && hn_node_in(a, i) == n->out[0] && hn_attr_is(n, "act", "") ? a : NULL;
}

static bool act_apart(const hn_node *n)
{
    return hn_attr_is(n, "act", "") || act_op(n) != NULL;
}

/* Products of queries, keys and values of one Attention, which reads them from one tensor (pass qkv). */
static bool gather_qkv(hn_node *n, group *g)
{
    hn_node *a = hn_only_user(n->out[0]);
    if (a == NULL || !hn_node_is(a, "Attention") || a->nin < 3) return false;
    for (size_t i = 0; i < 3; i++) {
        hn_node *m = a->in[i] != NULL ? a->in[i]->producer : NULL;
        if (m == NULL || !like_product(n, m) || attends(m, i) != a) return false;
        g->conv[g->count++] = m;
        g->channels += columns(m);
    }
    return columns(g->conv[1]) == columns(g->conv[2]);
}

/* Products of one row a sample: all that follow n and are like it. Where there is one sample their parts lie one behind
 * the other; where there are many, parts are copied, so products have to be deep enough for that not to count. The
 * first of two dims may be steps of one sample: activations then stay in the products. */
static bool gather_row(hn_node *n, group *g)
{
    const hn_type *x = &n->in[0]->type;
    size_t looked = 0;
    if (hn_dims_elems(x->rank, x->dims, 1, x->rank - 1) != 1 || x->dims[x->rank - 1] < DEEP) return false;
    for (hn_node *m = n; m != NULL && g->count < MOST && looked < REACH; m = m->next, looked++) {
        if (m->nin == 0 || m->in[0] != n->in[0] || !like_product(n, m)) continue;
        if (!same_act(n, m) && (x->rank == 2 || !act_apart(n) || !act_apart(m))) continue;
        g->conv[g->count++] = m;
        g->channels += columns(m);
    }
    return g->count > 1;
}

static bool small(const group *g)
{
    size_t bytes = 0;
    for (size_t i = 0; i < g->count; i++) bytes += g->conv[i]->in[1]->data->bytes;
    return bytes <= PRODUCT_BYTES;
}

/* Matrices [depth, columns] side by side. */
static hn_value *beside(hn_rw *rw, const group *g)
{
    hn_tensor *to;
    int64_t dims[] = {g->conv[0]->in[1]->data->dims[0], g->channels}, at = 0;
    hn_value *v = hn_rw_const_new(rw, HN_F32, 2, dims, &to);
    for (size_t i = 0; v != NULL && i < g->count; i++) {
        int64_t n = columns(g->conv[i]);
        const float *from = g->conv[i]->in[1]->data->data;
        for (int64_t r = 0; r < dims[0]; r++)
            memcpy((float *)to->data + r * g->channels + at, from + r * n, (size_t)n * sizeof(float));
        at += n;
    }
    return v;
}

static hn_value *biases(hn_rw *rw, const group *g)
{
    hn_tensor *to;
    bool any = false;
    int64_t at = 0;
    for (size_t i = 0; i < g->count; i++) any = any || hn_node_const(g->conv[i], 2) != NULL;
    hn_value *v = any ? hn_rw_const_new(rw, HN_F32, 1, &g->channels, &to) : NULL;
    for (size_t i = 0; v != NULL && i < g->count; at += columns(g->conv[i++])) {
        const hn_tensor *t = hn_node_const(g->conv[i], 2);
        if (t != NULL) memcpy((float *)to->data + at, t->data, t->bytes);
    }
    return v;
}

static hn_status merge_products(hn_pass_ctx *c, const group *g)
{
    const hn_node *first = g->conv[0];
    int64_t sizes[MOST], trans_b = hn_attr_int(first, "trans_b", 0);
    bool alike = true;
    hn_rw rw = hn_rw_at(c->graph, g->conv[0]);
    for (size_t i = 0; i < g->count; i++) {
        sizes[i] = columns(g->conv[i]);
        alike = alike && same_act(first, g->conv[i]);
    }
    hn_value *in[] = {first->in[0], trans_b ? hn_joined(&rw, g->conv, g->count, 1, g->channels) : beside(&rw, g),
                      biases(&rw, g)};
    char act[24];
    hn_str name = hn_attr_string(first, "act", "");
    (void)snprintf(act, sizeof act, "%.*s", (int)name.size, name.size > 0 ? name.data : "");
    hn_rw_attr attrs[6] = {HN_A_INT("trans_b", trans_b), HN_A_FLOAT("alpha", hn_attr_float(first, "alpha", 1))};
    if (alike && name.size > 0) {
        attrs[2] = (hn_rw_attr)HN_A_STR("act", act);
        attrs[3] = (hn_rw_attr)HN_A_FLOAT("act_alpha", hn_attr_float(first, "act_alpha", 0));
        attrs[4] = (hn_rw_attr)HN_A_FLOAT("act_beta", hn_attr_float(first, "act_beta", 0));
    }
    hn_value *y = hn_rw_op(&rw, "hone.Gemm", in[2] != NULL ? 3 : 2, in, attrs);
    hn_value *cut_in[] = {y, hn_rw_ints(&rw, sizes, g->count)};
    hn_node *cut = hn_rw_node(&rw, "Split", 2, cut_in, g->count, (const hn_rw_attr[]){HN_A_INT("axis", -1), {0}});
    HN_TRY(hn_rw_status(&rw));
    for (size_t i = 0; i < g->count; i++) {
        hn_node *old = g->conv[i];
        const char *apart = alike ? NULL : act_op(old);
        rw = hn_rw_at(c->graph, cut->next);
        rw.name = old->name;
        hn_value *part = apart != NULL ? hn_rw_1(&rw, apart, cut->out[i]) : cut->out[i];
        HN_TRY(hn_rw_status(&rw));
        HN_TRY(hn_rw_replace(&rw, old, &part));
    }
    c->changes++;
    return HN_OK;
}

/* Nodes behind n go too, so the walk goes on from what stands before it. */
static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        group g = {.count = 0};
        hn_node *before = n->prev;
        next = n->next;
        if (n->nin == 0 || n->in[0] == NULL || n->in[0]->nuses < 2) continue;
        if (product(n)) {
            bool found = gather_qkv(n, &g);
            if (!found) g = (group){.count = 0};
            if ((!found && !gather_row(n, &g)) || !small(&g)) continue;
            HN_TRY(merge_products(c, &g));
        } else {
            bool quant = hn_q_few(n, FEW);
            if (!quant && !few(n)) continue;
            gather(n, &g);
            if (!pays(&g)) continue;
            find_depthwise(&g, quant);
            HN_TRY(merge(c, &g));
        }
        next = before != NULL ? before->next : c->graph->first;
    }
    return HN_OK;
}

const hn_pass hn_pass_siblings = {
    .name = "siblings",
    .doc = "Channels-last hone.Conv nodes of one image with the same window and activation and fewer than 16 channels "
           "each become one, and so do the depthwise ones that alone read them; a Split gives the parts back. The same "
           "for hone.QConv nodes, where zero points may differ, for hone.Gemm nodes of one row a sample, and for "
           "queries, keys and values of one Attention.",
    .run = run,
};
