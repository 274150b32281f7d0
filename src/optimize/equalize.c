/* equalize: see the header. The channels of a value are its axis 1, or the last one of a matrix, which is the same. */
#include "optimize/equalize.h"

#include "optimize/qdq.h"

#include <math.h>

enum { SWEEPS = 40, MOST_CHANNELS = 1 << 20 };

/* What is known of a set of channels that have to change together; kept by their root. */
typedef struct channel {
    uint32_t up;   /* itself: the root */
    bool fixed;    /* something here does not take a multiple */
    double reach;  /* of the activations, or of the weights that make it */
    double column; /* of the weights that read it; 0: none, or depthwise ones alone */
    double factor; /* of the activation */
    const hn_node *clip;
} channel;

typedef struct equalizer {
    hn_env *env;
    hn_arena arena;
    hn_layers *l;
    const hn_layer **layer; /* by node id; NULL: none */
    uint32_t *first;        /* by value id: its first channel, plus one; 0: not followed */
    channel *channel;
    size_t nchannels;
} equalizer;

static size_t channels_of(const hn_value *v)
{
    const hn_type *t = &v->type;
    return t->rank >= 2 && t->dims[1] > 0 ? (size_t)t->dims[1] : 0;
}

static bool followed(const equalizer *e, const hn_value *v)
{
    return v && e->first[v->id];
}

static uint32_t at(const equalizer *e, const hn_value *v, size_t c)
{
    return e->first[v->id] - 1 + (uint32_t)c;
}

static channel *root(const equalizer *e, uint32_t i)
{
    while (e->channel[i].up != i) i = e->channel[i].up = e->channel[e->channel[i].up].up;
    return &e->channel[i];
}

static void join(equalizer *e, uint32_t a, uint32_t b)
{
    channel *x = root(e, a), *y = root(e, b);
    if (x == y) return;
    x->up = y->up;
    y->fixed = y->fixed || x->fixed || (x->clip && y->clip);
    y->clip = y->clip ? y->clip : x->clip;
}

static void fix(equalizer *e, const hn_value *v)
{
    for (size_t c = 0, n = followed(e, v) ? channels_of(v) : 0; c < n; c++) root(e, at(e, v, c))->fixed = true;
}

static bool pass_whole(equalizer *e, const hn_value *x, const hn_value *y)
{
    if (!followed(e, x) || !followed(e, y) || channels_of(x) != channels_of(y)) return false;
    for (size_t c = 0; c < channels_of(x); c++) join(e, at(e, x, c), at(e, y, c));
    return true;
}

/* Is every dimension behind the channels 1? */
static bool flat(const hn_type *t)
{
    for (int d = 2; d < t->rank; d++)
        if (t->dims[d] != 1) return false;
    return true;
}

/* A constant by which every sample and place of a channel of rank `rank` is multiplied alike. */
static bool gain(const hn_tensor *t, int rank)
{
    if (!t) return false;
    for (int d = 0; d < t->rank; d++)
        if (t->dims[d] != 1 && rank - t->rank + d != 1) return false;
    return t->rank <= rank;
}

/* x * g: what multiplies x, a constant or a gate of one number a channel, stays. */
static bool product(equalizer *e, const hn_node *n)
{
    for (size_t k = 0; k < 2; k++) {
        const hn_value *x = n->in[k], *g = n->in[1 - k];
        if (!followed(e, x) || !(gain(g->data, x->type.rank) || (followed(e, g) && flat(&g->type) && !flat(&x->type))))
            continue;
        fix(e, g);
        return pass_whole(e, x, n->out[0]);
    }
    return false;
}

/* The parts, one after the other, have the channels of the whole: Concat and Split. */
static bool parts(equalizer *e, const hn_value *whole, hn_value *const *part, size_t n)
{
    size_t count = 0;
    if (!followed(e, whole)) return false;
    for (size_t i = 0; i < n; i++) {
        if (!followed(e, part[i])) return false;
        count += channels_of(part[i]);
    }
    if (count != channels_of(whole)) return false;
    count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < channels_of(part[i]); c++) join(e, at(e, part[i], c), at(e, whole, count++));
    return true;
}

/* Clip between 0 and a bound, 0: it is something else. */
static double clip_bound(const hn_node *n)
{
    const hn_tensor *lo = hn_node_const(n, 1), *hi = hn_node_const(n, 2);
    if (!hn_node_is(n, "Clip") || !lo || !hi || hn_tensor_elems(lo) != 1 || hn_tensor_elems(hi) != 1) return 0;
    return hn_get_f64(lo, 0) == 0 && hn_get_f64(hi, 0) > 0 ? hn_get_f64(hi, 0) : 0;
}

/* The bound stays, and so it does for a channel that is multiplied: it must not be by less than 1, and by more only
 * where no value was seen near the bound. */
static bool clip(equalizer *e, const hn_node *n)
{
    if (!(clip_bound(n) > 0) || !pass_whole(e, n->in[0], n->out[0])) return false;
    for (size_t c = 0; c < channels_of(n->out[0]); c++) {
        channel *r = root(e, at(e, n->out[0], c));
        r->fixed = r->fixed || r->clip;
        r->clip = n;
    }
    return true;
}

static bool one_of(const hn_node *n, const char *const *name)
{
    for (; *name; name++)
        if (hn_node_is(n, *name)) return true;
    return false;
}

/* Does the node hand its channels on, each multiplied by what it is multiplied by? */
static bool hands_on(equalizer *e, const hn_node *n)
{
    static const char *const alike[] = {"Relu",          "LeakyRelu",         "Identity", "MaxPool", "AveragePool",
                                        "GlobalMaxPool", "GlobalAveragePool", "Resize",   NULL};
    static const char *const shape[] = {"Flatten", "Reshape", "Squeeze", NULL};
    const hn_value *x = hn_node_in(n, 0), *y = n->nout && (n->nout == 1 || !n->out[1]) ? n->out[0] : NULL;
    if (hn_node_is(n, "Split")) return hn_attr_int(n, "axis", 0) == 1 && parts(e, x, n->out, n->nout);
    if (hn_node_is(n, "Concat")) return hn_attr_int(n, "axis", 0) == 1 && parts(e, y, n->in, n->nin);
    if (hn_node_is(n, "Mul")) return product(e, n);
    if (!followed(e, x) || !followed(e, y)) return false;
    if (hn_node_is(n, "Resize") && hn_attr_float(n, "extrapolation_value", 0) != 0) return false;
    if (one_of(n, alike)) return x->type.rank == y->type.rank && pass_whole(e, x, y);
    if (one_of(n, shape)) return flat(&x->type) && flat(&y->type) && pass_whole(e, x, y);
    if (hn_node_is(n, "Clip")) return clip(e, n);
    if (hn_node_is(n, "PRelu")) return gain(hn_node_const(n, 1), x->type.rank) && pass_whole(e, x, y);
    return hn_node_is(n, "Add") && hn_type_same(&x->type, &n->in[1]->type) && pass_whole(e, x, y) &&
           pass_whole(e, n->in[1], y);
}

/* A layer ends channels and begins others, where its axes are those that are followed; v: its weights. */
static bool ends_channels(const equalizer *e, const hn_layer *y, hn_weight_view *v)
{
    const hn_value *x = y->x, *out = y->node->out[0];
    return followed(e, x) && followed(e, out) && (hn_node_is(y->node, "Conv") || x->type.rank == 2) &&
           hn_layer_view(y, v) && v->in * v->groups == channels_of(x) && v->out == channels_of(out);
}

static void follow(equalizer *e, const hn_node *n)
{
    const hn_layer *y = e->layer[n->id];
    hn_weight_view v;
    if ((y && ends_channels(e, y, &v)) || hands_on(e, n)) return;
    for (size_t i = 0; i < n->nin; i++) fix(e, n->in[i]);
    for (size_t k = 0; k < n->nout; k++) fix(e, n->out[k]);
}

/* Gives a value its channels; without a table only counts them. */
static void number(equalizer *e, const hn_value *v)
{
    if (!v || v->data || v->type.kind != HN_KIND_TENSOR || v->type.dtype != HN_F32) return;
    const size_t n = channels_of(v);
    if (!n || n > MOST_CHANNELS - e->nchannels) return;
    if (e->channel) e->first[v->id] = (uint32_t)e->nchannels + 1;
    for (size_t c = 0; e->channel && c < n; c++)
        e->channel[e->nchannels + c] = (channel){.up = (uint32_t)(e->nchannels + c), .factor = 1};
    e->nchannels += n;
}

static void number_all(equalizer *e)
{
    const hn_graph *g = e->l->graph;
    e->nchannels = 0;
    for (size_t i = 0; i < g->nin; i++) number(e, g->in[i]);
    for (const hn_node *n = g->first; n; n = n->next)
        for (size_t k = 0; k < n->nout; k++) number(e, n->out[k]);
}

static hn_status own_constant(equalizer *e, hn_node *n, size_t input)
{
    hn_tensor *t;
    HN_TRY(hn_tensor_copy(e->env, e->l->graph->arena, hn_node_const(n, input), &t));
    hn_value *v = hn_graph_const(e->l->graph, NULL, t);
    if (!v) return HN_NOMEM;
    v->scratch = NULL;
    hn_node_input_set(n, input, v);
    return HN_OK;
}

static hn_status open_all(equalizer *e)
{
    const hn_graph *g = e->l->graph;
    for (size_t i = 0; i < e->l->nlayers; i++) {
        const hn_layer *y = &e->l->layer[i];
        HN_TRY(own_constant(e, y->node, (size_t)y->weight));
        if (y->bias >= 0) HN_TRY(own_constant(e, y->node, (size_t)y->bias));
    }
    e->first = hn_arena_array(e->env, &e->arena, *g->next_id + 1, sizeof *e->first);
    e->layer = hn_arena_array(e->env, &e->arena, *g->next_id + 1, sizeof(hn_layer *));
    if (!e->first || !e->layer) return HN_NOMEM;
    number_all(e);
    e->channel = hn_arena_array(e->env, &e->arena, e->nchannels + 1, sizeof *e->channel);
    if (!e->channel) return HN_NOMEM;
    number_all(e);
    for (size_t i = 0; i < e->l->nlayers; i++) e->layer[e->l->layer[i].node->id] = &e->l->layer[i];
    for (const hn_node *n = g->first; n; n = n->next) follow(e, n);
    for (size_t i = 0; i < g->nin; i++) fix(e, g->in[i]);
    for (size_t i = 0; i < g->nout; i++) fix(e, g->out[i]);
    return HN_OK;
}

/* ---- how far channels reach, and by how much they change ---- */

static double row_range(const hn_weight_view *v, size_t o)
{
    double m = 0;
    for (size_t k = 0; k < v->in * v->taps; k++) m = fmax(m, fabs((double)v->w[hn_weight_at(v, o, k)]));
    return m;
}

static void see_reach(equalizer *e, const hn_value *v, size_t c, double reach)
{
    channel *r = root(e, at(e, v, c));
    r->reach = fmax(r->reach, reach);
}

/* A channel that hardly moves would be blown up into noise: a thousandth of the widest is the least. */
static void see_activations(equalizer *e, const hn_hist *hist)
{
    for (size_t i = 0; i < e->l->nacts; i++) {
        const hn_value *v = e->l->act[i].value;
        const hn_hist *h = &hist[i];
        double top = 0;
        if (!followed(e, v) || !h->most || h->channels != channels_of(v)) continue;
        for (size_t c = 0; c < h->channels; c++) top = fmax(top, (double)h->most[c]);
        for (size_t c = 0; c < h->channels; c++) see_reach(e, v, c, fmax((double)h->most[c], 1e-3 * top));
    }
}

static void see_rows(equalizer *e, const hn_layer *y, const hn_weight_view *v)
{
    for (size_t o = 0; o < v->out; o++) see_reach(e, y->node->out[0], o, row_range(v, o));
}

/* next_to_row: as shares of the largest weight for the same result. */
static void see_columns(equalizer *e, const hn_layer *y, const hn_weight_view *v, bool next_to_row)
{
    const size_t per = v->out / v->groups;
    for (size_t o = 0; o < v->out; o++) {
        const double range = next_to_row ? row_range(v, o) : 1;
        for (size_t k = 0; range > 0 && k < v->in * v->taps; k++) {
            channel *r = root(e, at(e, y->x, o / per * v->in + k % v->in));
            r->column = fmax(r->column, fabs((double)v->w[hn_weight_at(v, o, k)]) / range);
        }
    }
}

static double within(double f)
{
    return f < 1e-4 ? 1e-4 : f > 1e4 ? 1e4 : f;
}

/* The least factor of a clipped value becomes 1; what was seen, and a fifth, stays below the bound. */
static void keep_bound(equalizer *e, const hn_node *n, const hn_hist *h)
{
    static const double beyond = 1.2;
    const hn_value *y = n->out[0];
    const double bound = clip_bound(n);
    double least = INFINITY;
    for (size_t c = 0; c < channels_of(y); c++) {
        const channel *r = root(e, at(e, y, c));
        if (r->clip == n && !r->fixed && r->reach > 1e-12) least = fmin(least, r->factor);
    }
    for (size_t c = 0; c < channels_of(y); c++) {
        channel *r = root(e, at(e, y, c));
        if (r->clip != n || r->fixed) continue;
        const double seen = h && h->channels == channels_of(y) ? (double)h->most[c] : bound,
                     most = seen > 0 ? bound / (beyond * seen) : 1;
        r->factor = fmax(1, fmin(r->factor / least, most));
    }
}

static void keep_bounds(equalizer *e, const hn_hist *hist)
{
    for (const hn_node *n = e->l->graph->first; n; n = n->next) {
        if (!(clip_bound(n) > 0) || !followed(e, n->out[0])) continue;
        const hn_act *a = hn_layers_act(e->l, n->out[0]);
        keep_bound(e, n, a && hist ? &hist[a - e->l->act] : NULL);
    }
}

static double factor(const equalizer *e, const hn_value *v, size_t c)
{
    return root(e, at(e, v, c))->factor;
}

static void apply(equalizer *e, const hn_layer *y, const hn_weight_view *v)
{
    const size_t per = v->out / v->groups;
    float *w = (float *)(uintptr_t)v->w,
          *bias = y->bias >= 0 ? (float *)(uintptr_t)hn_node_const(y->node, (size_t)y->bias)->data : NULL;
    for (size_t o = 0; o < v->out; o++) {
        const double made = factor(e, y->node->out[0], o);
        for (size_t k = 0; k < v->in * v->taps; k++) {
            const double read = factor(e, y->x, o / per * v->in + k % v->in);
            w[hn_weight_at(v, o, k)] = (float)((double)w[hn_weight_at(v, o, k)] * made / read);
        }
        if (bias) bias[o] = (float)((double)bias[o] * made);
    }
}

static void apply_all(equalizer *e)
{
    hn_weight_view v;
    for (size_t i = 0; i < e->l->nlayers; i++)
        if (ends_channels(e, &e->l->layer[i], &v)) apply(e, &e->l->layer[i], &v);
}

static bool is_free(const channel *r, uint32_t i)
{
    return r->up == i && !r->fixed && r->reach > 1e-12;
}

/* One scale a weight: rows and columns of each channel reach equally far; how far the others reach changes with them.
 */
static void equalize_weights(equalizer *e)
{
    hn_weight_view v;
    double moved = INFINITY;
    for (int k = 0; k < SWEEPS && moved > 1e-3; k++) {
        moved = 0;
        for (size_t i = 0; i < e->nchannels; i++) e->channel[i].reach = e->channel[i].column = 0;
        for (size_t i = 0; i < e->l->nlayers; i++)
            if (ends_channels(e, &e->l->layer[i], &v)) {
                see_rows(e, &e->l->layer[i], &v);
                see_columns(e, &e->l->layer[i], &v, false);
            }
        for (uint32_t i = 0; i < e->nchannels; i++) {
            channel *r = &e->channel[i];
            r->factor = is_free(r, i) && r->column > 1e-12 ? within(sqrt(r->column / r->reach)) : 1;
        }
        keep_bounds(e, NULL);
        for (size_t i = 0; i < e->nchannels; i++) moved = fmax(moved, fabs(e->channel[i].factor - 1));
        apply_all(e);
    }
}

/* ---- what codes of activations and weights add to the outputs of the layers that read them ---- */

/* Shares of the way from weights that reach equally far to activations that do; less than 0: nothing changes. */
static const double ways[] = {-1, 0, 0.25, 0.5, 0.75, 1};
enum { WAYS = sizeof ways / sizeof *ways };

static double factor_of(const channel *r, double way)
{
    const double column = r->column > 1e-12 ? r->column : 1;
    return way < 0 ? 1 : within(pow(column, 1 - way) / pow(r->reach, way));
}

/* Expected squared error of a layer's sums over their squared size: codes are off by a step's square over 12. */
static double noise_of(equalizer *e, const hn_layer *y, const hn_weight_view *v, const hn_hist *h)
{
    const size_t per = v->out / v->groups, channels = v->in * v->groups;
    double widest = 0, codes = 0, weights = 0, size = 0;
    for (size_t c = 0; c < channels; c++) widest = fmax(widest, factor(e, y->x, c) * (double)h->most[c]);
    const double step = widest / 255, most = hn_weight_most(y->bits);
    for (size_t o = 0; o < v->out; o++) {
        double range = 0, moving = 0;
        for (size_t c = 0; c < v->in; c++) {
            const size_t from = o / per * v->in + c;
            const double f = factor(e, y->x, from), square = h->square[from];
            for (size_t t = 0; t < v->taps; t++) {
                const double w = (double)v->w[o * v->so + c * v->si + t * v->st];
                codes += w * w / (f * f) * step * step;
                size += w * w * square;
                range = fmax(range, fabs(w) / f);
            }
            moving += f * f * square * (double)v->taps;
        }
        weights += range * range / (most * most) * moving;
    }
    return size > 0 ? (codes + weights) / (12 * size) : 0;
}

static uint32_t part_of(uint32_t *part, uint32_t i)
{
    while (part[i] != i) i = part[i] = part[part[i]];
    return i;
}

/* Values with a channel in common are one part: by value id, the id of one of its values. */
static hn_status find_parts(equalizer *e, uint32_t **out)
{
    const hn_graph *g = e->l->graph;
    uint32_t *part = hn_arena_array(e->env, &e->arena, *g->next_id + 1, sizeof *part),
             *of = hn_arena_array(e->env, &e->arena, e->nchannels + 1, sizeof *of); /* by root: a value, plus one */
    if (!part || !of) return HN_NOMEM;
    for (uint32_t i = 0; i < *g->next_id; i++) part[i] = i;
    for (const hn_node *n = g->first; n; n = n->next)
        for (size_t k = 0; k < n->nout; k++)
            for (size_t c = 0; followed(e, n->out[k]) && c < channels_of(n->out[k]); c++) {
                const size_t r = (size_t)(root(e, at(e, n->out[k], c)) - e->channel);
                if (of[r])
                    part[part_of(part, n->out[k]->id)] = part_of(part, of[r] - 1);
                else
                    of[r] = n->out[k]->id + 1;
            }
    *out = part;
    return HN_OK;
}

/* Each part goes the way that promises the least error. */
static hn_status equalize_parts(equalizer *e, const hn_hist *hist)
{
    const hn_layers *l = e->l;
    const size_t ids = *l->graph->next_id + 1;
    hn_weight_view v;
    uint32_t *part;
    HN_TRY(find_parts(e, &part));
    double *noise = hn_arena_array(e->env, &e->arena, ids * WAYS, sizeof *noise);
    double *factors = hn_arena_array(e->env, &e->arena, e->nchannels * WAYS + 1, sizeof *factors);
    if (!noise || !factors) return HN_NOMEM;
    see_activations(e, hist);
    for (size_t i = 0; i < l->nlayers; i++)
        if (ends_channels(e, &l->layer[i], &v) && v.in > 1) see_columns(e, &l->layer[i], &v, true);
    for (size_t w = 0; w < WAYS; w++) {
        for (uint32_t i = 0; i < e->nchannels; i++)
            e->channel[i].factor = is_free(&e->channel[i], i) ? factor_of(&e->channel[i], ways[w]) : 1;
        keep_bounds(e, hist);
        for (size_t i = 0; i < e->nchannels; i++) factors[w * e->nchannels + i] = e->channel[i].factor;
        for (size_t i = 0; i < l->nlayers; i++) {
            const hn_act *x = hn_layers_act(l, l->layer[i].x);
            const hn_hist *h = x ? &hist[x - l->act] : NULL;
            if (!ends_channels(e, &l->layer[i], &v) || !h || !h->most || h->channels != v.in * v.groups) continue;
            noise[part_of(part, l->layer[i].x->id) * WAYS + w] += noise_of(e, &l->layer[i], &v, h);
        }
    }
    for (const hn_node *n = l->graph->first; n; n = n->next)
        for (size_t k = 0; k < n->nout; k++) {
            if (!followed(e, n->out[k])) continue;
            const double *mine = noise + part_of(part, n->out[k]->id) * WAYS;
            size_t best = 0;
            for (size_t w = 1; w < WAYS; w++) best = mine[w] < mine[best] ? w : best;
            for (size_t c = 0; c < channels_of(n->out[k]); c++) {
                channel *r = root(e, at(e, n->out[k], c));
                r->factor = factors[best * e->nchannels + (size_t)(r - e->channel)];
            }
        }
    apply_all(e);
    return HN_OK;
}

hn_status hn_equalize(hn_env *env, hn_layers *l, const hn_hist *hist, size_t *channels)
{
    equalizer e = {.env = env, .l = l};
    *channels = 0;
    hn_status st = open_all(&e);
    if (st == HN_OK && !hist) equalize_weights(&e);
    if (st == HN_OK && hist) st = equalize_parts(&e, hist);
    for (uint32_t i = 0; st == HN_OK && i < e.nchannels; i++) *channels += is_free(&e.channel[i], i);
    hn_arena_fini(env, &e.arena);
    return st;
}
