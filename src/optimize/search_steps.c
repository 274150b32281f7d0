/* search_steps: building variants, measuring their loss, accuracy and size, and keeping the record of trials. */
#include "optimize/search_priv.h"

#include "base/clock.h"
#include "base/size.h"
#include "optimize/cut.h"
#include "optimize/spread.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool hn_search_late(const hn_search *s)
{
    return hn_journal_late(s->env, s->o->journal, s->deadline_ns && hn_clock_ns() > s->deadline_ns);
}

void hn_search_stage(const hn_search *s, const char *stage, double done, double total)
{
    if (s->o->progress) s->o->progress(s->o->self, stage, done, total);
}

size_t hn_search_on(const hn_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->layers.nlayers; i++) n += s->layers.layer[i].on;
    return n;
}

double hn_search_bytes(const hn_search *s)
{
    double bytes = 0;
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        const hn_layer *y = &s->layers.layer[i];
        double bias = y->bias >= 0 ? (double)y->channels : 0, weights = (double)y->params - bias;
        bytes += y->on ? weights + 5.0 * (double)y->channels + 9 * bias : 4 * (weights + bias);
    }
    return bytes;
}

/* Samples that are run at a time: as many as keep every activation of a run within the memory that taps may take. */
static size_t probe_batch(const hn_search *s)
{
    const double most = 384e6;
    double bytes = 0; /* of one sample */
    for (const hn_node *n = s->graph->first; n; n = n->next)
        for (size_t i = 0; i < n->nout; i++) {
            double elems = 4;
            const hn_type *t = n->out[i] ? &n->out[i]->type : NULL;
            for (int d = 1; t && d < t->rank; d++) elems *= t->dims[d] > 0 ? (double)t->dims[d] : 1;
            bytes += t ? elems : 0;
        }
    size_t fit = bytes * HN_LOSS_BATCH > most ? (size_t)(most / bytes) : HN_LOSS_BATCH;
    return hn_score_batch(s->float_session, fit ? fit : 1);
}

/* Outputs count alike, however large their values are: each is measured by how much it varies over the samples, so that
 * a loss of 1 is as wrong as their means. Those that do not vary do not count; if none does, size is the measure.
 * The reference, taken without scales, gets them here. */
static hn_status find_scale(hn_search *s, hn_probe *p)
{
    const size_t nout = s->graph->nout;
    hn_spread *spread = hn_arena_array(s->env, s->arena, nout + 1, sizeof *spread);
    double *scale = hn_arena_array(s->env, s->arena, nout + 1, sizeof *scale), squares = 0;
    if (!spread || !scale) return HN_NOMEM;
    float *v = p->reference.v;
    for (size_t i = 0; i < p->reference.n; i++) squares += (double)v[i] * (double)v[i];
    for (size_t f = 0; !p->reference.uneven && f < p->nfeeds; f++)
        for (size_t k = 0; k < nout; k++) {
            const size_t elems = p->reference.elems[k], n = elems % p->feeds[f].n == 0 ? p->feeds[f].n : 1;
            if (f == 0) HN_TRY(hn_spread_start(s->env, s->arena, elems / n, &spread[k]));
            for (size_t i = 0; i < n; i++) hn_spread_add(&spread[k], v + i * spread[k].elems);
            v += elems;
        }
    for (size_t k = 0; k < nout; k++) {
        const double of = hn_spread_of(&spread[k]);
        if (!(of > 0) || !isfinite(of)) continue;
        scale[k] = 1 / sqrt(of);
        s->scale = scale;
        s->power += (double)spread[k].n;
    }
    if (!s->scale) s->power = squares > 0 && isfinite(squares) ? squares : 1;
    v = p->reference.v;
    for (size_t f = 0; s->scale && f < p->nfeeds; f++)
        for (size_t k = 0; k < nout; k++)
            for (size_t i = 0; i < p->reference.elems[k]; i++) *v++ *= (float)scale[k];
    return HN_OK;
}

/* What is done for every layer may take so many multiply-accumulates, and two feeds in any case. */
static hn_status bound_layerwise(hn_search *s, hn_probe *p)
{
    const double most = 1e12;
    double work = 0; /* of a feed */
    hn_ready ready;
    HN_TRY(hn_feed_ready(s->env, s->float_session, &p->feeds[0], &ready));
    for (size_t i = 0; i < ready.plan->nsteps; i++) work += ready.plan->steps[i].cost.macs;
    const double fit = most / (work * (double)s->layers.nlayers + 1), least = fmin(2, (double)p->nfeeds);
    p->nlayerwise = (size_t)fmin(fmax(fit, least), (double)p->nfeeds);
    return HN_OK;
}

hn_status hn_probe_make(hn_search *s, hn_probe *p)
{
    hn_env *env = s->env;
    size_t batch = probe_batch(s);
    size_t n = s->ncalib < HN_LOSS_SAMPLES ? s->ncalib : HN_LOSS_SAMPLES;
    p->nfeeds = 0;
    for (size_t at = 0; at + (batch < n ? batch : n) <= n && p->nfeeds < HN_COUNT(p->feeds); at += batch) {
        size_t take = n - at < batch ? n - at : batch;
        HN_TRY(hn_feed_make(env, s->arena, s->float_session, s->ds, s->calib + at, take, &p->feeds[p->nfeeds]));
        p->nfeeds++;
    }
    if (!p->nfeeds)
        return hn_fail(env, HN_INPUT, "%zu calibration samples do not fill the model's batch of %zu", n, batch);
    hn_graph *ends = hn_graph_clone(env, s->arena, s->graph);
    if (!ends) return env->error.status;
    s->ends = s->o->judge == HN_JUDGE_TOP1 ? HN_ENDS_SCORES : HN_ENDS_OUTPUTS;
    HN_TRY(hn_ends_set(ends, s->ends));
    HN_TRY(hn_session_new(env, ends, NULL, NULL, &p->ends));
    HN_TRY(hn_outputs_take(env, s->arena, p->ends, p->feeds, p->nfeeds, NULL, &p->reference));
    HN_TRY(find_scale(s, p));
    HN_TRY(bound_layerwise(s, p));
    p->score = hn_arena_array(env, s->arena, s->nselect + 1, sizeof *p->score);
    p->base_score = hn_arena_array(env, s->arena, s->nselect + 1, sizeof *p->base_score);
    if (!p->score || !p->base_score) return HN_NOMEM;
    HN_TRY(hn_judge_score(env, s->o->judge, s->float_session, s->float_session, s->ds, s->select, s->nselect, NULL,
                          p->base_score));
    for (size_t i = 0; i < s->nselect; i++) s->baseline_score += p->base_score[i];
    return HN_OK;
}

void hn_probe_fini(hn_search *s, hn_probe *p)
{
    hn_session_close(s->env, p->ends);
    p->ends = NULL;
}

hn_status hn_search_build_ends(hn_search *s, hn_arena *arena, const hn_qdq_options *q, hn_session **session)
{
    hn_graph *g;
    HN_TRY(hn_qdq_insert(s->env, arena, &s->layers, q, &g));
    HN_TRY(hn_ends_set(g, s->ends));
    return hn_session_new(s->env, g, NULL, NULL, session);
}

hn_status hn_search_build(hn_search *s, hn_arena *arena, const hn_qdq_options *q, hn_graph **g, hn_session **session)
{
    HN_TRY(hn_qdq_insert(s->env, arena, &s->layers, q, g));
    return hn_session_new(s->env, *g, NULL, NULL, session);
}

hn_status hn_search_loss(hn_search *s, hn_probe *p, const hn_qdq_options *q, size_t feeds, double *loss)
{
    bool taken;
    HN_TRY(hn_journal_take(s->env, s->o->journal, HN_JOURNAL_LOSS, 1, loss, &taken));
    if (taken) return HN_OK;
    hn_arena arena = {0};
    hn_session *session = NULL;
    hn_outputs out, reference = p->reference;
    if (!feeds || feeds > p->nfeeds) feeds = p->nfeeds;
    hn_status st = hn_search_build_ends(s, &arena, q, &session);
    if (st == HN_OK) st = hn_outputs_take(s->env, &arena, session, p->feeds, feeds, s->scale, &out);
    if (st == HN_OK) {
        reference.n = out.n < reference.n ? out.n : reference.n;
        *loss = hn_outputs_distance(&reference, &out) * (double)p->nfeeds / ((double)feeds * s->power);
    }
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    HN_TRY(st);
    return hn_journal_put(s->env, s->o->journal, HN_JOURNAL_LOSS, 1, loss);
}

hn_status hn_search_score(hn_search *s, hn_probe *p, hn_session *session, double *score, hn_drop *drop)
{
    double v[5] = {0}; /* score; samples lost and gained; drop and its standard error */
    double most = (double)s->nselect;
    bool taken;
    HN_TRY(hn_journal_take(s->env, s->o->journal, HN_JOURNAL_SCORE, 5, v, &taken));
    if (!taken) {
        HN_TRY(hn_judge_score(s->env, s->o->judge, s->float_session, session, s->ds, s->select, s->nselect, NULL,
                              p->score));
        hn_drop d = hn_stat_drop_scores(p->base_score, p->score, s->nselect);
        for (size_t i = 0; i < s->nselect; i++) v[0] += p->score[i];
        v[1] = (double)d.b;
        v[2] = (double)d.c;
        v[3] = d.value;
        v[4] = d.se;
        HN_TRY(hn_journal_put(s->env, s->o->journal, HN_JOURNAL_SCORE, 5, v));
    }
    if (!(v[0] <= most && v[1] >= 0 && v[1] <= most && v[2] >= 0 && v[2] <= most && isfinite(v[3]) && v[4] >= 0))
        return hn_fail(s->env, HN_INPUT, "the saved state holds an impossible score");
    *score = v[0];
    *drop = hn_stat_drop_restore(s->nselect, (size_t)v[1], (size_t)v[2], v[3], v[4]);
    return HN_OK;
}

/* Grows an array in the arena by doubling; the old one stays behind, which is at most as much again. */
static bool more(hn_search *s, void **array, size_t *cap, size_t count, size_t elem)
{
    if (count < *cap) return true;
    size_t want = *cap ? *cap * 2 : 32;
    void *fresh = hn_arena_array(s->env, s->arena, want, elem);
    if (!fresh) return false;
    if (count) memcpy(fresh, *array, count * elem);
    *array = fresh;
    *cap = want;
    return true;
}

hn_qdq_options hn_search_variant(const hn_search *s)
{
    return (hn_qdq_options){.per_tensor = s->o->per_tensor, .bias_shift = s->bias_shift};
}

void hn_search_turn(hn_search *s, size_t i, bool on)
{
    s->layers.layer[i].on = on;
    hn_layers_mark(&s->layers);
}

hn_trial *hn_search_trial(hn_search *s, const char *name, double loss)
{
    void *array = s->trials;
    if (!more(s, &array, &s->trials_cap, s->ntrials, sizeof *s->trials)) return NULL;
    s->trials = array;
    hn_trial *t = &s->trials[s->ntrials++];
    *t = (hn_trial){.int8_layers = hn_search_on(s), .loss = loss, .time_share = NAN, .size_bytes = hn_search_bytes(s)};
    snprintf(t->name, sizeof t->name, "%s", name);
    return t;
}

hn_status hn_search_refuse(hn_search *s, const char *layer, const char *what, const char *fmt, ...)
{
    void *array = s->refusals;
    if (!more(s, &array, &s->refusals_cap, s->nrefusals, sizeof *s->refusals)) return HN_NOMEM;
    s->refusals = array;
    hn_refusal *r = &s->refusals[s->nrefusals++];
    r->layer = layer;
    r->what = what;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->reason, sizeof r->reason, fmt, ap);
    va_end(ap);
    return HN_OK;
}
