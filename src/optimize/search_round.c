/* search_round: weights rounded together, see round.h, from the inputs of layers in float on calibration samples that
 * the output error is not measured on, where there are enough. Kept when the outputs come closer to float, with biases
 * corrected anew. */
#include "base/size.h"
#include "optimize/cut.h"
#include "optimize/round.h"
#include "optimize/search_priv.h"

#include <stdio.h>

/* MOST_BYTES: of moments that are gathered in one sweep over the samples. ROWS: of each layer's inputs. */
enum { SAMPLES = 64, ENOUGH = 32, MOST_BYTES = 256 << 20, ROWS = 4096 };

typedef struct sweep {
    hn_search *s;
    hn_arena inputs, arena; /* of the whole, of one sweep */
    hn_feed feeds[SAMPLES];
    size_t nfeeds;
    hn_moments *moments; /* per layer; those of this sweep have a layer */
    hn_value **input;
} sweep;

static hn_status find_feeds(sweep *w, const hn_probe *p)
{
    hn_search *s = w->s;
    size_t batch = p->feeds[0].n, seen = hn_min_size(p->nfeeds * batch, s->ncalib);
    if (s->ncalib - seen < ENOUGH) seen = 0;
    for (size_t at = seen; at + batch <= s->ncalib && (w->nfeeds + 1) * batch <= SAMPLES; at += batch)
        HN_TRY(hn_feed_make(s->env, &w->inputs, s->float_session, s->ds, s->calib + at, batch, &w->feeds[w->nfeeds++]));
    return HN_OK;
}

/* The layers from `first` on whose moments find room; *end: behind the last. */
static hn_status open_layers(sweep *w, size_t first, size_t *end)
{
    hn_search *s = w->s;
    size_t bytes = 0, i = first;
    for (; i < s->layers.nlayers; i++) {
        hn_layer *y = &s->layers.layer[i];
        w->moments[i] = (hn_moments){0};
        w->input[i] = y->x;
        if (!y->on || !hn_moments_possible(y)) continue;
        bytes += hn_moments_bytes(y);
        if (bytes > MOST_BYTES && i > first) break;
        HN_TRY(hn_moments_open(s->env, &w->arena, y, &w->moments[i]));
    }
    *end = i;
    return HN_OK;
}

static hn_status see(sweep *w, hn_taps *taps, size_t first, size_t end)
{
    hn_search *s = w->s;
    for (size_t f = 0; f < w->nfeeds; f++) {
        HN_TRY(hn_taps_run(s->env, taps, &w->feeds[f]));
        for (size_t i = first; i < end; i++) {
            const hn_tensor *x = w->moments[i].layer ? hn_taps_get(taps, w->input[i]) : NULL;
            if (x) HN_TRY(hn_moments_add(s->env, &w->moments[i], x, hn_div_up(ROWS, w->nfeeds)));
        }
    }
    return HN_OK;
}

static hn_status round_layer(hn_search *s, const hn_moments *m, hn_layer *y)
{
    const int bits = y->bits;
    HN_TRY(hn_round_weights(s->env, s->arena, m, s->o->per_tensor, &y->code));
    if (bits == 8) return HN_OK;
    y->bits = 8;
    hn_status st = hn_round_weights(s->env, s->arena, m, s->o->per_tensor, &y->other_code);
    y->bits = bits;
    return st;
}

static hn_status sweeps(sweep *w, const hn_probe *p)
{
    hn_search *s = w->s;
    size_t n = s->layers.nlayers;
    w->moments = hn_arena_array(s->env, s->arena, n + 1, sizeof *w->moments);
    w->input = hn_arena_array(s->env, s->arena, n + 1, sizeof(hn_value *));
    if (!w->moments || !w->input) return HN_NOMEM;
    HN_TRY(find_feeds(w, p));
    for (size_t first = 0, end; first < n; first = end) {
        hn_taps taps = {0};
        hn_search_stage(s, "rounding weights", (double)first, (double)n);
        hn_arena_reset(s->env, &w->arena);
        HN_TRY(open_layers(w, first, &end));
        hn_status st = hn_taps_open(s->env, &w->arena, s->graph, s->ends, w->input + first, end - first, &taps);
        if (st == HN_OK) st = see(w, &taps, first, end);
        hn_taps_close(s->env, &taps);
        for (size_t i = first; i < end && st == HN_OK; i++)
            if (w->moments[i].layer && !hn_search_late(s)) st = round_layer(s, &w->moments[i], &s->layers.layer[i]);
        HN_TRY(st);
    }
    return HN_OK;
}

hn_status hn_search_round(hn_search *s, hn_probe *p, double *loss)
{
    sweep w = {.s = s};
    const float **shift = s->bias_shift;
    double with;
    hn_status st = sweeps(&w, p);
    hn_arena_fini(s->env, &w.arena);
    hn_arena_fini(s->env, &w.inputs);
    HN_TRY(st);
    s->bias_shift = NULL;
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 0, &with));
    const size_t trial = s->ntrials;
    if (!hn_search_trial(s, "weights rounded together", with)) return HN_NOMEM;
    HN_TRY(hn_search_bias(s, p, &with));
    const bool keep = with < *loss * 0.995;
    hn_trial *t = &s->trials[trial];
    snprintf(t->note, sizeof t->note, "%s: output error %.3g without, %.3g with and biases for it",
             keep ? "kept" : "not kept", *loss, with);
    s->rounded = keep;
    if (keep) {
        *loss = with;
        return HN_OK;
    }
    s->bias_shift = shift;
    for (size_t i = 0; i < s->layers.nlayers; i++) s->layers.layer[i].code = s->layers.layer[i].other_code = NULL;
    return HN_OK;
}
