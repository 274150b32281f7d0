/* qdq: see the header. */
#include "optimize/qdq.h"

#include "ir/rewrite.h"

#include <math.h>
#include <string.h>

void hn_weight_scales(const hn_tensor *w, int axis, bool per_tensor, int most, float *scale)
{
    const float *x = w->data;
    size_t outer = hn_dims_elems(w->rank, w->dims, 0, axis), c = (size_t)w->dims[axis],
           inner = hn_dims_elems(w->rank, w->dims, axis + 1, w->rank);
    for (size_t k = 0; k < c; k++) scale[k] = 0;
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < c; k++)
            for (size_t i = 0; i < inner; i++) scale[k] = fmaxf(scale[k], fabsf(x[(o * c + k) * inner + i]));
    float top = 0;
    for (size_t k = 0; k < c; k++) top = fmaxf(top, scale[k]);
    for (size_t k = 0; k < c; k++) {
        float m = per_tensor ? top : scale[k];
        scale[k] = m > 0 && isfinite(m) ? m / (float)most : 1;
        if (scale[k] < 1e-30f) scale[k] = 1e-30f;
    }
}

hn_weight_view hn_weight_view_of(const hn_tensor *w, int axis)
{
    hn_weight_view v = {.w = w->data, .out = (size_t)w->dims[axis], .in = (size_t)w->dims[1 - axis], .groups = 1};
    v.taps = hn_dims_elems(w->rank, w->dims, 2, w->rank);
    v.so = axis == 0 ? v.in * v.taps : 1;
    v.si = axis == 0 ? v.taps : v.out;
    v.st = 1;
    return v;
}

bool hn_layer_view(const hn_layer *y, hn_weight_view *out)
{
    *out = hn_weight_view_of(hn_node_const(y->node, (size_t)y->weight), y->out_axis);
    out->groups = (size_t)hn_attr_int(y->node, "group", 1);
    return out->groups > 0 && out->out % out->groups == 0;
}

/* The largest sum of two neighbours of one sign in output channel o. */
static float largest_pair(const hn_weight_view *v, size_t o)
{
    float most = 0, up = 0, down = 0;
    for (size_t i = 0; i < v->in * v->taps; i++) {
        const float x = v->w[hn_weight_at(v, o, i)];
        if (i % 2 == 0) up = down = 0;
        up += fmaxf(x, 0);
        down += fmaxf(-x, 0);
        most = fmaxf(most, fmaxf(up, down));
    }
    return most;
}

void hn_layer_scales(const hn_layer *y, const hn_tensor *w, bool per_tensor, float *scale)
{
    const float most = (float)hn_weight_most(y->bits);
    hn_weight_scales(w, y->out_axis, per_tensor, hn_weight_most(y->bits), scale);
    if (!y->pairs || y->bits != 8) return;
    const hn_weight_view v = hn_weight_view_of(w, y->out_axis);
    float top = 0;
    for (size_t k = 0; k < y->channels; k++) {
        float need = largest_pair(&v, k) / most; /* each code is at most half beyond its weight */
        if (isfinite(need)) scale[k] = fmaxf(scale[k], need);
        top = fmaxf(top, scale[k]);
    }
    for (size_t k = 0; per_tensor && k < y->channels; k++) scale[k] = top;
}

int8_t hn_weight_code(float w, float scale, int most)
{
    float q = rintf(w / scale), end = (float)most;
    return (int8_t)(q < -end ? -end : q > end ? end : q);
}

typedef struct inserter {
    hn_env *env;
    const hn_layers *l;
    const hn_qdq_options *o;
    hn_graph *g;
    hn_value **dq; /* per activation: what readers get */
} inserter;

static hn_value *named(hn_rw *rw, hn_value *v, const char *stem, const char *suffix)
{
    if (!v) return NULL;
    v->name = hn_arena_printf(rw->graph->env, rw->graph->arena, "%s%s", stem, suffix);
    if (!v->name) (void)hn_rw_fail(rw, HN_NOMEM);
    return v;
}

/* v -> QuantizeLinear -> DequantizeLinear at the insertion point. */
static hn_value *quantise_act(hn_rw *rw, hn_value *v, const hn_act *a)
{
    uint8_t zero = (uint8_t)a->zero;
    hn_value *s = named(rw, hn_rw_scalar(rw, HN_F32, (double)a->scale), a->name, "_scale");
    hn_value *z = named(rw, hn_rw_const(rw, HN_U8, 0, NULL, &zero), a->name, "_zero_point");
    hn_value *q = named(rw, hn_rw_3(rw, "QuantizeLinear", v, s, z), a->name, "_quantized");
    return named(rw, hn_rw_3(rw, "DequantizeLinear", q, s, z), a->name, "_dequantized");
}

/* The layer's codes hold where the scale is the layer's own. */
static hn_value *quantise_weight(inserter *t, hn_rw *rw, const hn_layer *y, const hn_tensor *w, const float *scale,
                                 const float *own)
{
    size_t c = y->channels, outer = hn_dims_elems(w->rank, w->dims, 0, y->out_axis),
           inner = hn_dims_elems(w->rank, w->dims, y->out_axis + 1, w->rank);
    hn_tensor *codes, *scales;
    int64_t dims[1] = {(int64_t)c};
    int rank = t->o->per_tensor ? 0 : 1;
    hn_value *q = named(rw, hn_rw_const_new(rw, HN_I8, w->rank, w->dims, &codes), y->name, "_weight_quantized");
    hn_value *s = named(rw, hn_rw_const_new(rw, HN_F32, rank, dims, &scales), y->name, "_weight_scale");
    if (!q || !s) return NULL;
    memcpy(scales->data, scale, (t->o->per_tensor ? 1 : c) * sizeof *scale);
    const float *x = w->data;
    int8_t *out = codes->data;
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < c; k++)
            for (size_t i = 0; i < inner; i++) {
                size_t at = (o * c + k) * inner + i;
                out[at] = y->code && scale[k] == own[k] ? y->code[at]
                                                        : hn_weight_code(x[at], scale[k], hn_weight_most(y->bits));
            }
    hn_value *in[2] = {q, s};
    hn_rw_attr attrs[] = {HN_A_INT("axis", y->out_axis), {0}};
    return named(rw, hn_rw_op(rw, "DequantizeLinear", 2, in, t->o->per_tensor ? NULL : attrs), y->name, "_weight");
}

/* Bias as i32 with scale s_x * s_w: exact in the accumulator. */
static hn_value *quantise_bias(hn_rw *rw, const hn_layer *y, const float *bias, const float *shift, const float *scale,
                               float sx)
{
    size_t c = y->channels;
    int64_t dims[1] = {(int64_t)c};
    hn_tensor *codes, *scales;
    hn_value *q = named(rw, hn_rw_const_new(rw, HN_I32, 1, dims, &codes), y->name, "_bias_quantized");
    hn_value *s = named(rw, hn_rw_const_new(rw, HN_F32, 1, dims, &scales), y->name, "_bias_scale");
    if (!q || !s) return NULL;
    for (size_t k = 0; k < c; k++) {
        float sb = sx * scale[k];
        double b = (double)(bias ? bias[k] : 0) + (double)(shift ? shift[k] : 0), code = rint(b / (double)sb);
        ((float *)scales->data)[k] = sb;
        ((int32_t *)codes->data)[k] = code > 2147483520.0    ? 2147483520
                                      : code < -2147483520.0 ? -2147483520
                                                             : (int32_t)code;
    }
    hn_value *in[2] = {q, s};
    hn_rw_attr attrs[] = {HN_A_INT("axis", 0), {0}};
    return named(rw, hn_rw_op(rw, "DequantizeLinear", 2, in, attrs), y->name, "_bias");
}

/* A channel of (nearly) zero weights has a tiny scale, under which its bias would not fit 32 bits: widen the scale
 * until the bias takes at most 2^30. The weights of such a channel round to zero, which is what they are next to the
 * bias. */
static void widen_for_bias(const hn_layer *y, const float *bias, const float *shift, float sx, bool per_tensor,
                           float *scale)
{
    float most = 0;
    for (size_t k = 0; k < y->channels; k++) {
        float b = fabsf((bias ? bias[k] : 0) + (shift ? shift[k] : 0)), need = b / (sx * 1073741824.0f);
        if (scale[k] < need) scale[k] = need;
        most = fmaxf(most, scale[k]);
    }
    for (size_t k = 0; per_tensor && k < y->channels; k++) scale[k] = most;
}

static hn_status insert_layer(inserter *t, const hn_layer *y, hn_node *n, const float *shift)
{
    hn_rw rw = hn_rw_at(t->g, n);
    hn_value *wv = n->in[y->weight];
    const hn_tensor *w = wv->data, *b = y->bias >= 0 ? hn_node_const(n, (size_t)y->bias) : NULL;
    const hn_act *x = hn_layers_act(t->l, y->x);
    float *scale = hn_arena_array(t->env, t->g->arena, y->channels, sizeof *scale),
          *own = hn_arena_array(t->env, t->g->arena, y->channels, sizeof *own);
    if (!scale || !own) return HN_NOMEM;
    hn_layer_scales(y, w, t->o->per_tensor, own);
    memcpy(scale, own, y->channels * sizeof *scale);
    bool has_port = n->op->nin > 2; /* MatMul has no bias input */
    if (has_port) widen_for_bias(y, b ? b->data : NULL, shift, x->scale, t->o->per_tensor, scale);
    hn_value *dw = quantise_weight(t, &rw, y, w, scale, own);
    hn_value *db = NULL;
    if ((b || shift) && has_port) db = quantise_bias(&rw, y, b ? b->data : NULL, shift, scale, x->scale);
    HN_TRY(hn_rw_status(&rw));
    hn_node_input_set(n, (size_t)y->weight, dw);
    if (!db) return HN_OK;
    if (n->nin > 2) {
        hn_node_input_set(n, 2, db);
        return HN_OK;
    }
    return hn_node_input_add(n, db);
}

/* The quantised form of activation i, made once, right behind its producer (or before the first node for an input). */
static hn_status make_dq(inserter *t, size_t i)
{
    if (t->dq[i]) return HN_OK;
    const hn_act *a = &t->l->act[i];
    hn_value *v = hn_graph_find(t->g, a->name);
    if (!v) return hn_fail(t->env, HN_BUG, "activation \"%s\" is lost in the clone", a->name);
    hn_rw rw = hn_rw_at(t->g, v->producer ? v->producer->next : t->g->first);
    t->dq[i] = quantise_act(&rw, v, a);
    return hn_rw_status(&rw);
}

/* An activation with the same codes as its source (same group, moved only) still gets its own pair: the pattern that
 * every runtime recognises. */
static hn_status redirect(inserter *t, size_t i)
{
    HN_TRY(make_dq(t, i));
    hn_value *from = hn_graph_find(t->g, t->l->act[i].name), *to = t->dq[i];
    hn_node *q = to->producer->in[0]->producer;
    bool output = hn_value_is_output(from);
    for (hn_use *u = from->uses, *next; u; u = next) {
        next = u->next;
        if (u->node && u->node != q) hn_node_input_set(u->node, u->index, to);
    }
    /* A graph output keeps its name: it is what users ask for. */
    if (output) {
        const char *name = from->name;
        for (size_t k = 0; k < t->g->nout; k++)
            if (t->g->out[k] == from) HN_TRY(hn_graph_output_set(t->g, k, to));
        from->name = hn_arena_printf(t->env, t->g->arena, "%s_float", name);
        if (!from->name) return HN_NOMEM;
        to->name = name;
    }
    return HN_OK;
}

/* A float layer between dequantised input and quantised output is a pattern that some runtimes quantise on their own,
 * with one scale for all weights. Bounds of plus and minus infinity on its input change nothing and break the pattern;
 * hone removes them when it loads the file. */
static hn_status fence(inserter *t, const hn_layer *y, hn_node *n)
{
    const hn_act *x = hn_layers_act(t->l, y->x);
    if (!x || !x->used) return HN_OK;
    hn_rw rw = hn_rw_at(t->g, n);
    hn_value *lo = named(&rw, hn_rw_scalar(&rw, HN_F32, -INFINITY), y->name, "_fence_min");
    hn_value *hi = named(&rw, hn_rw_scalar(&rw, HN_F32, INFINITY), y->name, "_fence_max");
    hn_value *v = named(&rw, hn_rw_3(&rw, "Clip", n->in[0], lo, hi), y->name, "_fence");
    HN_TRY(hn_rw_status(&rw));
    hn_node_input_set(n, 0, v);
    return HN_OK;
}

static hn_status insert(inserter *t)
{
    const hn_layers *l = t->l;
    if (t->o->only) {
        for (size_t k = 0; k < t->o->nonly; k++) HN_TRY(redirect(t, t->o->only[k]));
        return HN_OK;
    }
    /* Layers first: clones of nodes are found by walking both graphs side by side. */
    hn_node *n = t->g->first;
    for (hn_node *p = l->graph->first; p; p = p->next) {
        hn_node *next = n->next;
        for (size_t i = 0; i < l->nlayers; i++)
            if (l->layer[i].node == p && l->layer[i].on)
                HN_TRY(insert_layer(t, &l->layer[i], n, t->o->bias_shift ? t->o->bias_shift[i] : NULL));
            else if (l->layer[i].node == p)
                HN_TRY(fence(t, &l->layer[i], n));
        n = next;
    }
    for (size_t i = 0; i < l->nacts; i++)
        if (l->act[i].used) HN_TRY(redirect(t, i));
    return HN_OK;
}

hn_status hn_qdq_insert(hn_env *env, hn_arena *arena, const hn_layers *l, const hn_qdq_options *options, hn_graph **out)
{
    inserter t = {.env = env, .l = l, .o = options};
    t.g = hn_graph_clone(env, arena, l->graph);
    if (!t.g) return env->error.status;
    t.dq = hn_arena_array(env, arena, l->nacts + 1, sizeof *t.dq);
    if (!t.dq) return HN_NOMEM;
    HN_TRY(insert(&t));
    HN_TRY(hn_graph_sort(t.g));
    HN_TRY(hn_graph_infer(t.g));
    HN_TRY(hn_graph_verify(env, t.g));
    *out = t.g;
    return HN_OK;
}
