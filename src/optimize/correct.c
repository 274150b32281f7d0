/* correct: see the header. */
#include "optimize/correct.h"

#include "optimize/qdq.h"

#include <math.h>
#include <string.h>

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
        if (!x || !hn_layer_view(y, &v) || y->node->op->nin < 3) continue;
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
