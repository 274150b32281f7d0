/* correct: see the header. */
#include "optimize/correct.h"

#include "optimize/qdq.h"

#include <math.h>
#include <string.h>

static bool view_weight(const hn_layer *y, hn_weight_view *v)
{
    *v = hn_weight_view_of(hn_node_const(y->node, (size_t)y->weight), y->out_axis);
    v->groups = (size_t)hn_attr_int(y->node, "group", 1);
    return v->groups > 0 && v->out % v->groups == 0;
}

hn_status hn_bias_shift(hn_env *env, hn_arena *arena, const hn_layers *l, const hn_hist *hist, bool per_tensor,
                        const float ***out)
{
    const float **all = hn_arena_array(env, arena, l->nlayers + 1, sizeof *all);
    if (!all) return HN_NOMEM;
    *out = all;
    for (size_t i = 0; i < l->nlayers; i++) {
        const hn_layer *y = &l->layer[i];
        const hn_act *x = hn_layers_act(l, y->x);
        hn_weight_view v;
        if (!x || !view_weight(y, &v) || y->node->op->nin < 3) continue;
        const hn_hist *h = &hist[x - l->act];
        if (!h->mean || h->channels != v.in * v.groups) continue;
        float *scale = hn_arena_array(env, arena, v.out, sizeof *scale),
              *shift = hn_arena_array(env, arena, v.out, sizeof *shift);
        if (!scale || !shift) return HN_NOMEM;
        const int most = hn_weight_most(y->bits);
        hn_layer_scales(y, hn_node_const(y->node, (size_t)y->weight), per_tensor, scale);
        for (size_t o = 0; o < v.out; o++) {
            double sum = 0;
            size_t group = o / (v.out / v.groups);
            for (size_t c = 0; c < v.in; c++)
                for (size_t t = 0; t < v.taps; t++) {
                    const size_t at = o * v.so + c * v.si + t * v.st;
                    const int code = y->code ? y->code[at] : hn_weight_code(v.w[at], scale[o], most);
                    sum += ((double)code * (double)scale[o] - (double)v.w[at]) * h->mean[group * v.in + c];
                }
            shift[o] = (float)-sum;
        }
        all[i] = shift;
    }
    return HN_OK;
}

/* The layer that reads y alone, through at most a Relu that was absorbed. */
static hn_layer *only_reader(const hn_layers *l, const hn_layer *y)
{
    const hn_value *v = y->y;
    if (v != y->node->out[0] && !hn_node_is(v->producer, "Relu")) return NULL; /* Clip is not homogeneous */
    if (v->nuses != 1 || hn_value_is_output(v)) return NULL;
    /* Channels are axis 1 for a convolution, the last axis for a product. */
    bool conv = hn_node_is(y->node, "Conv");
    for (size_t i = 0; i < l->nlayers; i++) {
        const hn_node *n = l->layer[i].node;
        if (n == v->uses->node && v->uses->index == 0) return hn_node_is(n, "Conv") == conv ? &l->layer[i] : NULL;
    }
    return NULL;
}

static hn_status own_constant(hn_env *env, hn_layers *l, hn_node *n, size_t input, hn_tensor **out)
{
    hn_tensor *t;
    HN_TRY(hn_tensor_copy(env, l->graph->arena, hn_node_const(n, input), &t));
    hn_value *v = hn_graph_const(l->graph, NULL, t);
    if (!v) return HN_NOMEM;
    v->scratch = NULL;
    hn_node_input_set(n, input, v);
    *out = t;
    return HN_OK;
}

static double row_range(const hn_weight_view *v, size_t o)
{
    double m = 0;
    for (size_t c = 0; c < v->in; c++)
        for (size_t t = 0; t < v->taps; t++) m = fmax(m, fabs((double)v->w[o * v->so + c * v->si + t * v->st]));
    return m;
}

/* Range of the weights that read input channel c (of all groups together). */
static double column_range(const hn_weight_view *v, size_t channel)
{
    size_t group = channel / v->in, c = channel % v->in, per = v->out / v->groups;
    double m = 0;
    for (size_t o = group * per; o < (group + 1) * per; o++)
        for (size_t t = 0; t < v->taps; t++) m = fmax(m, fabs((double)v->w[o * v->so + c * v->si + t * v->st]));
    return m;
}

static double equalize_pair(const hn_weight_view *a, const hn_weight_view *b, float *wa, float *wb, float *bias)
{
    double moved = 0;
    for (size_t c = 0; c < a->out; c++) {
        double r1 = row_range(a, c), r2 = column_range(b, c);
        if (!(r1 > 1e-12) || !(r2 > 1e-12)) continue;
        double s = sqrt(r1 * r2) / r2; /* first divided by s, second multiplied */
        s = s < 1e-4 ? 1e-4 : s > 1e4 ? 1e4 : s;
        moved = fmax(moved, fabs(s - 1));
        for (size_t k = 0; k < a->in; k++)
            for (size_t t = 0; t < a->taps; t++) wa[c * a->so + k * a->si + t * a->st] /= (float)s;
        if (bias) bias[c] /= (float)s;
        size_t group = c / b->in, k = c % b->in, per = b->out / b->groups;
        for (size_t o = group * per; o < (group + 1) * per; o++)
            for (size_t t = 0; t < b->taps; t++) wb[o * b->so + k * b->si + t * b->st] *= (float)s;
    }
    return moved;
}

hn_status hn_equalize(hn_env *env, hn_layers *l, size_t *pairs)
{
    *pairs = 0;
    for (size_t i = 0; i < l->nlayers; i++) {
        hn_tensor *t;
        HN_TRY(own_constant(env, l, l->layer[i].node, (size_t)l->layer[i].weight, &t));
        if (l->layer[i].bias >= 0) HN_TRY(own_constant(env, l, l->layer[i].node, (size_t)l->layer[i].bias, &t));
    }
    for (int sweep = 0; sweep < 40; sweep++) {
        double moved = 0;
        *pairs = 0;
        for (size_t i = 0; i < l->nlayers; i++) {
            hn_layer *a = &l->layer[i], *b = only_reader(l, a);
            hn_weight_view va, vb;
            if (!b || !view_weight(a, &va) || !view_weight(b, &vb) || vb.in * vb.groups != va.out) continue;
            float *bias = a->bias >= 0 ? (float *)(uintptr_t)hn_node_const(a->node, (size_t)a->bias)->data : NULL;
            (*pairs)++;
            moved = fmax(moved, equalize_pair(&va, &vb, (float *)(uintptr_t)va.w, (float *)(uintptr_t)vb.w, bias));
        }
        if (moved < 1e-3) break;
    }
    return HN_OK;
}
