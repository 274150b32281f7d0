/* fuse_conv: Conv with constant weights becomes hone.Conv and takes in what follows. */
#include "passes/lib_epilogue.h"

typedef struct conv {
    hn_value *x, *w, *b;
    int64_t group;
    hn_window_attrs window;
} conv;

static hn_status emit(hn_pass_ctx *c, hn_node *n, conv *k)
{
    hn_epilogue e = hn_epilogue_of(n);
    hn_rw rw = hn_rw_at(c->graph, e.last);
    hn_value *r = e.residual;
    hn_type type = e.out->type;
    rw.name = n->name;
    bool wide = k->window.n == 1 && hn_type_known(&k->x->type) && hn_type_known(&type);
    if (wide) {
        k->x = hn_conv_widen(&rw, k->x);
        k->w = hn_conv_widen(&rw, k->w);
        if (r != NULL) r = hn_conv_widen(&rw, r);
        hn_window_widen(&k->window);
        HN_TRY(hn_rw_status(&rw));
    }
    const hn_window_attrs *w = &k->window;
    hn_rw_attr attrs[12] = {HN_A_INTS("kernel_shape", w->kernel, w->n), HN_A_INTS("strides", w->strides, w->n),
                            HN_A_INTS("dilations", w->dilations, w->n), HN_A_INTS("pads", w->pads, 2 * w->n),
                            HN_A_INT("group", k->group)};
    size_t at = 5;
    if (e.act[0] != 0) {
        attrs[at++] = (hn_rw_attr)HN_A_STR("act", e.act);
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_alpha", e.alpha);
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_beta", e.beta);
    }
    if (e.act_first) attrs[at++] = (hn_rw_attr)HN_A_INT("act_first", 1);
    hn_value *y = hn_rw_op(&rw, "hone.Conv",
                           r != NULL      ? 4
                           : k->b != NULL ? 3
                                          : 2,
                           (hn_value *[]){k->x, k->w, k->b, r}, attrs);
    if (wide && y != NULL) y = hn_rw_reshape(&rw, y, type.rank, type.dims);
    return hn_replace_first(c, &rw, e.last, y);
}

static hn_status take_conv(hn_pass_ctx *c, hn_node *n)
{
    const hn_tensor *w = hn_node_const(n, 1);
    conv k = {.x = n->in[0], .w = n->in[1], .b = hn_node_in(n, 2), .group = hn_attr_int(n, "group", 1)};
    if (w == NULL || w->rank < 3 || w->rank > 4 || !hn_is_real(k.x)) return HN_OK;
    if (k.b != NULL && k.b->data == NULL) return HN_OK;
    if (!hn_window_of(n, w->dims + 2, (size_t)w->rank - 2, &k.window)) return HN_OK;
    return emit(c, n, &k);
}

/* A BatchNormalization that found no weights: one multiply-add per element is a depthwise 1x1 convolution. */
static hn_status take_bn(hn_pass_ctx *c, hn_node *n)
{
    const hn_type *t = &n->in[0]->type;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_tensor *w, *b;
    if (t->rank != 4 || t->dims[1] <= 0 || t->dtype != HN_F32) return HN_OK;
    int64_t channels = t->dims[1];
    double *ab = hn_arena_array(c->env, c->graph->arena, 2 * (size_t)channels, sizeof(double));
    if (ab == NULL) return c->env->error.status;
    if (!hn_bn_affine(n, channels, ab, ab + channels)) return HN_OK;
    for (size_t i = 1; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->nuses > 0) return HN_OK;
    conv k = {.x = n->in[0], .group = channels};
    k.w = hn_rw_const_new(&rw, t->dtype, 4, (int64_t[]){channels, 1, 1, 1}, &w);
    k.b = hn_rw_const_new(&rw, t->dtype, 1, &channels, &b);
    HN_TRY(hn_rw_status(&rw));
    for (size_t i = 0; i < (size_t)channels; ++i) {
        hn_set_f64(w, i, ab[i]);
        hn_set_f64(b, i, ab[(size_t)channels + i]);
    }
    k.window = (hn_window_attrs){.n = 2, .kernel = {1, 1}, .strides = {1, 1}, .dilations = {1, 1}};
    return emit(c, n, &k);
}

static bool ints_are(const hn_node *n, const char *name, const int64_t *want, int64_t otherwise)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    for (size_t i = 0; i < 2; ++i)
        if ((count == 2 ? v[i] : otherwise) != want[i]) return false;
    return true;
}

/* A ConvTranspose whose windows lie side by side: every pixel becomes a block. */
static hn_status take_deconv(hn_pass_ctx *c, hn_node *n)
{
    const hn_tensor *w = hn_node_const(n, 1);
    const int64_t *pads;
    hn_value *b = hn_node_in(n, 2);
    if (w == NULL || w->rank != 4 || !hn_is_real(n->in[0]) || (b != NULL && b->data == NULL)) return HN_OK;
    bool plain = hn_attr_int(n, "group", 1) == 1 && ints_are(n, "strides", w->dims + 2, 1) &&
                 ints_are(n, "dilations", (int64_t[]){1, 1}, 1) &&
                 ints_are(n, "output_padding", (int64_t[]){0, 0}, 0) && hn_node_attr(n, "output_shape") == NULL &&
                 hn_attr_is(n, "auto_pad", "NOTSET");
    for (size_t i = 0, count = hn_attr_ints(n, "pads", &pads); i < count; ++i) plain = plain && pads[i] == 0;
    if (!plain) return HN_OK;
    hn_epilogue e = hn_epilogue_of(n);
    bool alone = e.residual != NULL; /* a residual is not taken in, so nothing is */
    hn_node *last = alone ? n : e.last;
    hn_rw rw = hn_rw_at(c->graph, last);
    hn_rw_attr attrs[4] = {{0}};
    rw.name = n->name;
    if (!alone && e.act[0] != 0) {
        attrs[0] = (hn_rw_attr)HN_A_STR("act", e.act);
        attrs[1] = (hn_rw_attr)HN_A_FLOAT("act_alpha", e.alpha);
        attrs[2] = (hn_rw_attr)HN_A_FLOAT("act_beta", e.beta);
    }
    hn_value *in[] = {n->in[0], n->in[1], b};
    return hn_replace_first(c, &rw, last, hn_rw_op(&rw, "hone.Deconv", b != NULL ? 3 : 2, in, attrs));
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nout == 0 || n->out[0] == NULL || n->out[0]->nuses == 0) continue;
        if (hn_node_is(n, "Conv"))
            HN_TRY(take_conv(c, n));
        else if (hn_node_is(n, "BatchNormalization"))
            HN_TRY(take_bn(c, n));
        else if (hn_node_is(n, "ConvTranspose"))
            HN_TRY(take_deconv(c, n));
        /* The node after n may have been taken in. Then n itself is still there, unread. */
        if (n->graph != NULL) next = n->next;
    }
    return HN_OK;
}

const hn_pass hn_pass_fuse_conv = {
    .name = "fuse_conv",
    .doc =
        "Conv with constant weights becomes hone.Conv with explicit padding and takes in the activation, the residual "
        "addition "
        "and the activation after it. One-dimensional convolutions travel as two-dimensional ones of height 1, and a "
        "BatchNormalization that was left over becomes a depthwise 1x1 convolution. ConvTranspose of windows side by "
        "side becomes hone.Deconv.",
    .run = run,
};
