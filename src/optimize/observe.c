/* observe: see the header. Two sweeps over the samples: ranges and means first, then histograms on the final grid. */
#include "optimize/observe.h"

#include "optimize/score.h"

#include <math.h>
#include <string.h>

enum { OBSERVE_BATCH = 4 };

typedef struct observer {
    hn_env *env;
    const hn_layers *l;
    hn_hist *hist;
    size_t first_output; /* of the taps among the outputs */
    hn_arena *arena;
    int sweep;
} observer;

static hn_status see_range(observer *o, hn_hist *h, const hn_tensor *t)
{
    const float *x = t->data;
    size_t n = hn_tensor_elems(t);
    float lo = h->lo, hi = h->hi;
    double sum = 0, sum2 = 0;
    size_t strange = 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[i];
        if (!isfinite(v)) {
            strange++;
            continue;
        }
        lo = v < lo ? v : lo;
        hi = v > hi ? v : hi;
        sum += v;
        sum2 += (double)v * v;
    }
    h->lo = lo;
    h->hi = hi;
    h->sum += sum;
    h->sum2 += sum2;
    h->strange += strange;
    h->count += (double)(n - strange);
    if (t->rank < 2) return HN_OK;
    size_t c = (size_t)t->dims[1], inner = hn_dims_elems(t->rank, t->dims, 2, t->rank), outer = (size_t)t->dims[0];
    if (!h->mean) {
        h->mean = hn_arena_array(o->env, o->arena, c + 1, sizeof *h->mean);
        h->square = hn_arena_array(o->env, o->arena, c + 1, sizeof *h->square);
        h->most = hn_arena_array(o->env, o->arena, c + 1, sizeof *h->most);
        if (!h->mean || !h->square || !h->most) return HN_NOMEM;
        h->channels = c;
    }
    if (h->channels != c) return HN_OK;
    for (size_t b = 0; b < outer; b++)
        for (size_t k = 0; k < c; k++) {
            const float *row = x + (b * c + k) * inner;
            double s = 0, s2 = 0;
            float most = h->most[k];
            for (size_t i = 0; i < inner; i++) {
                s += row[i];
                s2 += (double)row[i] * (double)row[i];
                most = fmaxf(most, fabsf(row[i]));
            }
            h->mean[k] += s; /* divided at the end */
            h->square[k] += s2;
            h->most[k] = most;
        }
    return HN_OK;
}

static void see_bins(hn_hist *h, const hn_tensor *t)
{
    const float *x = t->data;
    size_t n = hn_tensor_elems(t);
    float width = h->hi - h->lo;
    if (!(width > 0)) {
        h->bins[0] += (double)n;
        return;
    }
    float k = (float)HN_HIST_BINS / width;
    for (size_t i = 0; i < n; i++) {
        int b = (int)((x[i] - h->lo) * k);
        b = b < 0 ? 0 : b >= HN_HIST_BINS ? HN_HIST_BINS - 1 : b;
        h->bins[b] += 1;
    }
}

static hn_status see_outputs(observer *o, const hn_tensor *out)
{
    for (size_t i = 0; i < o->l->nacts; i++) {
        const hn_tensor *t = &out[o->first_output + i];
        if (t->dtype != HN_F32) continue;
        if (o->sweep == 0)
            HN_TRY(see_range(o, &o->hist[i], t));
        else
            see_bins(&o->hist[i], t);
    }
    return HN_OK;
}

/* The float graph with every activation as an output behind its own. */
static hn_status tapped(hn_env *env, const hn_layers *l, hn_arena *arena, hn_graph **out, size_t *first)
{
    hn_graph *g = hn_graph_clone(env, arena, l->graph);
    if (!g) return env->error.status;
    *first = g->nout;
    for (size_t i = 0; i < l->nacts; i++) {
        hn_value *v = hn_graph_find(g, l->act[i].name);
        if (!v) return hn_fail(env, HN_BUG, "activation \"%s\" is lost in the clone", l->act[i].name);
        HN_TRY(hn_graph_output(g, v));
    }
    *out = g;
    return HN_OK;
}

static hn_status sweep(observer *o, hn_session *s, const hn_dataset *ds, const size_t *samples, size_t n,
                       void (*progress)(void *self, double done, double total), void *self)
{
    hn_env *env = o->env;
    hn_arena tmp = {0};
    hn_tensor *out = hn_arena_array(env, o->arena, hn_session_outputs(s) + 1, sizeof *out);
    if (!out) return HN_NOMEM;
    size_t size = hn_score_batch(s, OBSERVE_BATCH);
    hn_status st = HN_OK;
    for (size_t at = 0; at + 1 <= n && st == HN_OK; at += size) {
        size_t take = n - at < size ? n - at : size;
        hn_batch batch;
        const hn_tensor **in;
        const hn_type *t = hn_session_input_type(s, 0);
        if (t->rank > 0 && t->dims[0] > 1 && take < size) break; /* a fixed batch: leave the rest */
        hn_arena_reset(env, &tmp);
        st = hn_dataset_batch(env, ds, samples + at, take, &tmp, &batch);
        if (st == HN_OK) st = hn_score_feed(env, &tmp, s, &batch, &in);
        if (st == HN_OK) st = hn_session_run(env, s, in, out);
        if (st == HN_OK) st = see_outputs(o, out);
        if (progress) progress(self, (double)(o->sweep * n + at + take), (double)(2 * n));
    }
    hn_arena_fini(env, &tmp);
    return st;
}

static hn_status between(observer *o)
{
    for (size_t i = 0; i < o->l->nacts; i++) {
        hn_hist *h = &o->hist[i];
        if (h->strange) {
            hn_fail(o->env, HN_INPUT, "activation \"%s\" has %zu NaN or infinite values on the calibration data",
                    o->l->act[i].name, h->strange);
            hn_hint(o->env, "look for NaN in the data, or a pre-processing that does not fit the model");
            return HN_INPUT;
        }
        if (h->count == 0) h->lo = h->hi = 0;
        for (size_t k = 0; k < h->channels && h->count > 0; k++) {
            h->mean[k] /= h->count / (double)h->channels;
            h->square[k] /= h->count / (double)h->channels;
        }
        h->bins = hn_arena_array(o->env, o->arena, HN_HIST_BINS, sizeof *h->bins);
        if (!h->bins) return HN_NOMEM;
    }
    return HN_OK;
}

hn_status hn_observe(hn_env *env, const hn_layers *l, const hn_dataset *ds, const size_t *samples, size_t n,
                     hn_arena *arena, hn_hist *hist, void (*progress)(void *self, double done, double total),
                     void *self)
{
    observer o = {.env = env, .l = l, .hist = hist, .arena = arena};
    hn_graph *g = NULL;
    hn_session *s = NULL;
    for (size_t i = 0; i < l->nacts; i++) hist[i] = (hn_hist){.lo = INFINITY, .hi = -INFINITY};
    hn_status st = tapped(env, l, arena, &g, &o.first_output);
    if (st == HN_OK) st = hn_session_new(env, g, NULL, NULL, &s);
    for (o.sweep = 0; o.sweep < 2 && st == HN_OK; o.sweep++) {
        st = sweep(&o, s, ds, samples, n, progress, self);
        if (st == HN_OK && o.sweep == 0) st = between(&o);
    }
    hn_session_close(env, s);
    return st;
}
