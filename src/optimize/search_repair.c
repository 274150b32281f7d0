/* search_repair: bias correction and equalisation, each kept only when the outputs come closer to float. */
#include "optimize/cut.h"
#include "optimize/equalize.h"
#include "optimize/search_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Walks the layers in order, with everything before a layer quantised and corrected already. A layer is run once: from
 * the outputs of the corrected layers before it, which are kept for as long as a later layer starts from them. */
typedef struct walker {
    hn_search *s;
    hn_probe *p;
    hn_arena arena;
    hn_graph *quantised;
    hn_value **raw;   /* per layer: its own output, before its clamp, in `quantised`; NULL: not corrected */
    hn_graph **part;  /* per layer */
    size_t *last;     /* per layer: the last one whose part starts from it */
    hn_tensor **kept; /* per layer: its corrected output for each feed */
    const float **shift;
    hn_value **tapped;
} walker;

static bool correctable(const hn_layer *y)
{
    const hn_type *t = &y->node->out[0]->type;
    return y->on && y->node->op->nin > 2 && t->dtype == HN_F32 && t->rank >= 2 && t->dims[1] == (int64_t)y->channels;
}

/* A graph output keeps its name for the quantised value. */
static hn_value *raw_value(const hn_graph *quantised, const hn_value *v)
{
    char name[512];
    snprintf(name, sizeof name, "%s_float", v->name);
    hn_value *found = hn_value_is_output(v) ? hn_graph_find(quantised, name) : NULL;
    return found ? found : hn_graph_find(quantised, v->name);
}

static hn_status cut_parts(walker *w)
{
    hn_search *s = w->s;
    hn_env *env = s->env;
    size_t n = s->layers.nlayers, nfrom = 0;
    hn_qdq_options q = {.per_tensor = s->o->per_tensor};
    HN_TRY(hn_qdq_insert(env, &w->arena, &s->layers, &q, &w->quantised));
    hn_value **from = hn_arena_array(env, &w->arena, n + 1, sizeof(hn_value *));
    size_t *from_layer = hn_arena_array(env, &w->arena, n + 1, sizeof *from_layer);
    w->raw = hn_arena_array(env, &w->arena, n + 1, sizeof(hn_value *));
    w->part = hn_arena_array(env, &w->arena, n + 1, sizeof(hn_graph *));
    w->last = hn_arena_array(env, &w->arena, n + 1, sizeof *w->last);
    w->kept = hn_arena_array(env, &w->arena, n + 1, sizeof(hn_tensor *));
    w->tapped = hn_arena_array(env, &w->arena, n + 1, sizeof(hn_value *));
    w->shift = hn_arena_array(env, s->arena, n + 1, sizeof *w->shift);
    if (!from || !from_layer || !w->raw || !w->part || !w->last || !w->kept || !w->tapped || !w->shift) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const hn_layer *y = &s->layers.layer[i];
        w->tapped[i] = y->node->out[0];
        hn_value *v = correctable(y) ? raw_value(w->quantised, y->node->out[0]) : NULL;
        if (!v || !v->producer) continue;
        HN_TRY(hn_cut_graph(env, &w->arena, w->quantised, from, nfrom, &v, 1, &w->part[i]));
        if (!w->part[i]) continue;
        for (size_t k = 0; k < nfrom; k++)
            for (size_t m = 0; m < w->part[i]->nin; m++)
                if (strcmp(w->part[i]->in[m]->name, from[k]->name) == 0) w->last[from_layer[k]] = i;
        w->raw[i] = from[nfrom] = v;
        from_layer[nfrom++] = i;
    }
    return HN_OK;
}

/* Per-channel mean of an output [n, c, ...]; added to sum[c]. */
static void add_means(const hn_tensor *t, size_t channels, double *sum)
{
    size_t outer = (size_t)t->dims[0], inner = hn_tensor_elems(t) / (outer * channels);
    const float *x = t->data;
    for (size_t o = 0; o < outer; o++)
        for (size_t c = 0; c < channels; c++) {
            double s = 0;
            for (size_t i = 0; i < inner; i++) s += (double)x[(o * channels + c) * inner + i];
            sum[c] += s / (double)inner / (double)outer;
        }
}

static bool fits(const hn_tensor *t, size_t channels)
{
    return t->dtype == HN_F32 && t->rank >= 2 && t->dims[0] > 0 && (size_t)t->dims[1] == channels &&
           hn_tensor_elems(t) > 0;
}

/* want[i][c]: channel means in float, summed over the feeds. */
static hn_status float_means(walker *w, double **want)
{
    hn_search *s = w->s;
    hn_env *env = s->env;
    size_t n = s->layers.nlayers;
    hn_taps taps = {0};
    for (size_t i = 0; i < n; i++) {
        want[i] = hn_arena_array(env, &w->arena, s->layers.layer[i].channels + 1, sizeof **want);
        if (!want[i]) return HN_NOMEM;
    }
    hn_status st = hn_taps_open(env, &w->arena, s->graph, s->ends, w->tapped, n, &taps);
    for (size_t f = 0; f < w->p->nfeeds && st == HN_OK; f++) {
        st = hn_taps_run(env, &taps, &w->p->feeds[f]);
        for (size_t i = 0; i < n && st == HN_OK; i++) {
            const hn_tensor *t = w->part[i] ? hn_taps_get(&taps, w->tapped[i]) : NULL;
            if (t && fits(t, s->layers.layer[i].channels)) add_means(t, s->layers.layer[i].channels, want[i]);
        }
    }
    hn_taps_close(env, &taps);
    return st;
}

static const hn_tensor *part_input(const walker *w, const char *name, size_t feed)
{
    for (size_t k = 0; k < w->s->layers.nlayers; k++)
        if (w->raw[k] && w->kept[k] && strcmp(w->raw[k]->name, name) == 0) return &w->kept[k][feed];
    for (size_t k = 0; k < w->quantised->nin; k++)
        if (strcmp(w->quantised->in[k]->name, name) == 0) return w->p->feeds[feed].in[k];
    return NULL;
}

static hn_status run_part(walker *w, hn_session *session, size_t i, double *got)
{
    hn_env *env = w->s->env;
    const hn_graph *part = w->part[i];
    size_t channels = w->s->layers.layer[i].channels;
    const hn_tensor **in = hn_arena_array(env, &w->arena, part->nin + 1, sizeof *in);
    hn_tensor out;
    w->kept[i] = hn_arena_array(env, &w->arena, w->p->nfeeds, sizeof **w->kept);
    if (!in || !w->kept[i]) return HN_NOMEM;
    for (size_t f = 0; f < w->p->nfeeds; f++) {
        for (size_t k = 0; k < part->nin; k++) {
            in[k] = part_input(w, part->in[k]->name, f);
            if (!in[k]) return hn_fail(env, HN_BUG, "value \"%s\" was not kept", part->in[k]->name);
        }
        HN_TRY(hn_session_run(env, session, in, &out));
        if (!fits(&out, channels))
            return hn_fail(env, HN_BUG, "the output of layer \"%s\" has another shape than declared",
                           w->s->layers.layer[i].name);
        add_means(&out, channels, got);
        w->kept[i][f] = out;
        w->kept[i][f].data = hn_alloc(env, out.bytes);
        if (!w->kept[i][f].data) return HN_NOMEM;
        memcpy(w->kept[i][f].data, out.data, out.bytes);
    }
    return HN_OK;
}

static void forget(walker *w, size_t i)
{
    for (size_t f = 0; w->kept[i] && f < w->p->nfeeds; f++) hn_free(w->s->env, w->kept[i][f].data);
    w->kept[i] = NULL;
}

static void correct(walker *w, size_t i, const float *shift)
{
    size_t channels = w->s->layers.layer[i].channels;
    for (size_t f = 0; f < w->p->nfeeds; f++) {
        hn_tensor *t = &w->kept[i][f];
        size_t outer = (size_t)t->dims[0], inner = hn_tensor_elems(t) / (outer * channels);
        float *x = t->data;
        for (size_t o = 0; o < outer; o++)
            for (size_t c = 0; c < channels; c++)
                for (size_t k = 0; k < inner; k++) x[(o * channels + c) * inner + k] += shift[c];
    }
}

static hn_status walk(walker *w)
{
    hn_search *s = w->s;
    hn_env *env = s->env;
    size_t n = s->layers.nlayers;
    HN_TRY(cut_parts(w));
    double **want = hn_arena_array(env, &w->arena, n + 1, sizeof(double *));
    if (!want) return HN_NOMEM;
    HN_TRY(float_means(w, want));
    for (size_t i = 0; i < n; i++) {
        if (!w->part[i]) continue;
        size_t channels = s->layers.layer[i].channels;
        hn_session *session = NULL;
        double *got = hn_arena_array(env, &w->arena, channels, sizeof *got);
        float *shift = hn_arena_array(env, s->arena, channels, sizeof *shift);
        if (!got || !shift) return HN_NOMEM;
        hn_search_stage(s, "correcting biases", (double)i, (double)n);
        HN_TRY(hn_session_new(env, w->part[i], NULL, NULL, &session));
        hn_status st = run_part(w, session, i, got);
        hn_session_close(env, session);
        HN_TRY(st);
        for (size_t c = 0; c < channels; c++) shift[c] = (float)((want[i][c] - got[c]) / (double)w->p->nfeeds);
        correct(w, i, shift);
        w->shift[i] = shift;
        for (size_t k = 0; k <= i; k++)
            if (w->last[k] <= i) forget(w, k);
    }
    return HN_OK;
}

/* Bias correction as it is measured: the mean of each channel is moved back to what it is in float. */
static hn_status measured_shift(hn_search *s, hn_probe *p, const float ***out)
{
    walker w = {.s = s, .p = p};
    hn_status st = walk(&w);
    for (size_t i = 0; w.kept && i < s->layers.nlayers; i++) forget(&w, i);
    hn_arena_fini(s->env, &w.arena);
    *out = w.shift;
    return st;
}

hn_status hn_search_bias(hn_search *s, hn_probe *p, double *loss)
{
    static const char *const names[2] = {"bias correction from input means", "bias correction layer by layer"};
    const float **kept = NULL;
    for (int k = 0; k < 2 && !hn_search_late(s); k++) {
        const float **shift;
        double with;
        if (k == 0)
            HN_TRY(hn_bias_shift(s->env, s->arena, &s->layers, s->hist, s->o->per_tensor, &shift));
        else
            HN_TRY(measured_shift(s, p, &shift));
        s->bias_shift = shift;
        hn_qdq_options q = hn_search_variant(s);
        HN_TRY(hn_search_loss(s, p, &q, 0, &with));
        hn_trial *t = hn_search_trial(s, names[k], with);
        if (!t) return HN_NOMEM;
        bool keep = with < *loss * 0.995;
        snprintf(t->note, sizeof t->note, "%s: output error %.3g without, %.3g with", keep ? "kept" : "not kept", *loss,
                 with);
        if (!keep) continue;
        *loss = with;
        kept = shift;
    }
    s->bias_shift = kept;
    return HN_OK;
}

/* What the codes of an output add to its error is seen once the rest of the error is small. A tenth of it at least:
 * runtimes differ in whether a layer with a float output is an integer one to them. */
hn_status hn_search_plain_ends(hn_search *s, hn_probe *p, double *loss)
{
    size_t count = 0;
    double with;
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        hn_layer *y = &s->layers.layer[i];
        y->plain = y->last && y->on;
        count += y->plain;
    }
    if (!count) return HN_OK;
    hn_layers_mark(&s->layers);
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 0, &with));
    hn_trial *t = hn_search_trial(s, "outputs in float", with);
    if (!t) return HN_NOMEM;
    const bool keep = with < *loss * 0.9;
    snprintf(t->note, sizeof t->note, "%s: %zu layers end in outputs, output error %.3g without, %.3g with",
             keep ? "kept" : "not kept", count, *loss, with);
    if (keep) {
        *loss = with;
        return HN_OK;
    }
    for (size_t i = 0; i < s->layers.nlayers; i++) s->layers.layer[i].plain = false;
    hn_layers_mark(&s->layers);
    return HN_OK;
}

hn_status hn_search_equalize(hn_search *s, hn_probe *p, double *loss)
{
    hn_graph *graph = s->graph;
    const hn_layers layers = s->layers;
    hn_hist *hist = s->hist;
    const float **shift = s->bias_shift;
    size_t channels;
    double with;
    s->graph = hn_graph_clone(s->env, s->arena, graph);
    if (!s->graph) return s->env->error.status;
    HN_TRY(hn_layers_find(s->env, s->graph, &s->layers));
    for (size_t i = 0; i < layers.nlayers; i++) {
        s->layers.layer[i].on = layers.layer[i].on;
        s->layers.layer[i].bits = layers.layer[i].bits;
        s->layers.layer[i].pairs = layers.layer[i].pairs;
    }
    hn_layers_mark(&s->layers);
    HN_TRY(hn_equalize(s->env, &s->layers, s->o->per_tensor ? NULL : hist, &channels));
    bool keep = channels > 0;
    if (keep) {
        HN_TRY(hn_search_observe(s));
        HN_TRY(hn_search_ranges(s, p));
        s->bias_shift = NULL;
        hn_qdq_options q = hn_search_variant(s);
        HN_TRY(hn_search_loss(s, p, &q, 0, &with));
        const size_t trial = s->ntrials;
        if (!hn_search_trial(s, "equalisation", with)) return HN_NOMEM;
        HN_TRY(hn_search_bias(s, p, &with));
        keep = with < *loss * 0.97;
        hn_trial *t = &s->trials[trial];
        snprintf(t->note, sizeof t->note, "%s: %zu channels, output error %.3g without, %.3g with and biases for it",
                 keep ? "kept" : "not kept", channels, *loss, with);
    }
    if (keep) {
        *loss = with;
        return HN_OK;
    }
    s->graph = graph;
    s->layers = layers;
    s->hist = hist;
    s->bias_shift = shift;
    return HN_OK;
}
