/* search_time: which layers are worth having in INT8 on this machine. Two models are always timed in turn in one run,
 * and the fastest run of each counts: other work on the machine only ever makes a run slower. A layer goes to float
 * when that pays by a clear margin, so that the noise of a timing seldom decides. */
#include "optimize/search_priv.h"

#include <math.h>
#include <stdio.h>

enum { ROUNDS = 9, TRIED_MOST = 16 };
static const double most_slice_ms = 8;   /* or a thousandth of the time budget */
static const double slower_step = 1.10;  /* an INT8 step this much slower than float is looked at */
static const double worth = 0.005;       /* and when the difference is this share of the model */
static const double faster_model = 0.98; /* float stays when the model takes at most this share */

/* Two sessions in turn on one batch. */
static hn_status time_pair(hn_search *s, hn_arena *arena, hn_session *a, hn_session *b, hn_timing t[2])
{
    size_t batch = hn_score_batch(s->float_session, 1);
    hn_feed feed;
    HN_TRY(
        hn_feed_make(s->env, arena, s->float_session, s->ds, s->calib, batch < s->ncalib ? batch : s->ncalib, &feed));
    hn_session *pair[2] = {a, b};
    double slice = s->o->time_budget_s > 0 ? fmin(most_slice_ms, s->o->time_budget_s) : most_slice_ms;
    return hn_time_sessions(s->env, arena, pair, 2, &feed, ROUNDS, slice, t);
}

hn_status hn_search_time_layers(hn_search *s, hn_arena *arena, const hn_graph *a, const hn_graph *b, double *v)
{
    const hn_session_options apart = {.apart = true};
    hn_session *pair[2] = {NULL, NULL};
    hn_timing t[2];
    hn_status st = hn_session_new(s->env, a, NULL, &apart, &pair[0]);
    if (st == HN_OK) st = hn_session_new(s->env, b, NULL, &apart, &pair[1]);
    if (st == HN_OK) st = time_pair(s, arena, pair[0], pair[1], t);
    for (size_t i = 0; i < s->layers.nlayers && st == HN_OK; i++)
        for (size_t k = 0; k < 2; k++) v[2 * i + k] = hn_timing_best(&t[k], s->layers.layer[i].name);
    for (size_t k = 0; k < 2; k++) hn_session_close(s->env, pair[k]);
    return st;
}

/* Takes n numbers from the journal, or measures the present choice against float: v[0] is the model's time in float,
 * v[1] the model's, then float and INT8 of each layer's step when there is room. */
static hn_status against_float(hn_search *s, double *v, size_t n)
{
    hn_arena arena = {0};
    hn_graph *g;
    hn_session *session = NULL;
    hn_timing t[2];
    hn_qdq_options q = hn_search_variant(s);
    bool taken = false;
    HN_TRY(hn_journal_take(s->env, s->o->journal, HN_JOURNAL_TIME, n, v, &taken));
    if (taken) return HN_OK;
    hn_status st = hn_search_build(s, &arena, &q, &g, &session);
    if (st == HN_OK) st = time_pair(s, &arena, s->float_session, session, t);
    for (size_t k = 0; k < 2 && st == HN_OK; k++) v[k] = t[k].latency.min_ms;
    if (st == HN_OK && n > 2) st = hn_search_time_layers(s, &arena, s->graph, g, v + 2);
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    HN_TRY(st);
    return hn_journal_put(s->env, s->o->journal, HN_JOURNAL_TIME, n, v);
}

hn_status hn_search_time(hn_search *s, double *share)
{
    double v[2];
    HN_TRY(against_float(s, v, 2));
    *share = v[1] / v[0];
    return HN_OK;
}

static bool slow(const hn_search *s, size_t i, double model_ms)
{
    const hn_layer_report *r = &s->report[i];
    return s->layers.layer[i].on && r->us_int8 > 0 && r->us_float > 0 && r->us_int8 >= r->us_float * slower_step &&
           r->us_int8 - r->us_float >= worth * 1000 * model_ms;
}

/* The present choice, and the same with layer i in float: v[0] and v[1]. */
static hn_status with_float(hn_search *s, size_t i, double v[2])
{
    hn_arena arena = {0};
    hn_graph *g[2];
    hn_session *session[2] = {NULL, NULL};
    hn_timing t[2];
    hn_qdq_options q = hn_search_variant(s);
    bool taken = false;
    HN_TRY(hn_journal_take(s->env, s->o->journal, HN_JOURNAL_TIME, 2, v, &taken));
    if (taken) return HN_OK;
    hn_status st = hn_search_build(s, &arena, &q, &g[0], &session[0]);
    hn_search_turn(s, i, false);
    if (st == HN_OK) st = hn_search_build(s, &arena, &q, &g[1], &session[1]);
    hn_search_turn(s, i, true);
    if (st == HN_OK) st = time_pair(s, &arena, session[0], session[1], t);
    for (size_t k = 0; k < 2 && st == HN_OK; k++) v[k] = t[k].latency.min_ms;
    hn_session_close(s->env, session[0]);
    hn_session_close(s->env, session[1]);
    hn_arena_fini(s->env, &arena);
    HN_TRY(st);
    return hn_journal_put(s->env, s->o->journal, HN_JOURNAL_TIME, 2, v);
}

static hn_status try_float(hn_search *s, size_t i, double *share)
{
    const hn_layer_report *r = &s->report[i];
    hn_layer *y = &s->layers.layer[i];
    double v[2];
    HN_TRY(with_float(s, i, v));
    if (v[1] > v[0] * faster_model) {
        snprintf(y->reason, sizeof y->reason,
                 "its step takes %.1f us (float %.1f us), but float would cost conversions around it: model %.3f ms, "
                 "with it in float %.3f ms",
                 r->us_int8, r->us_float, v[0], v[1]);
        return HN_OK;
    }
    hn_search_turn(s, i, false);
    *share *= v[1] / v[0];
    snprintf(y->reason, sizeof y->reason,
             "INT8 is not faster here: %.1f us against %.1f us in float; model %.3f ms with it, %.3f ms without",
             r->us_int8, r->us_float, v[0], v[1]);
    return hn_search_refuse(s, y->name, "int8", "%s", y->reason);
}

hn_status hn_search_drop_slow(hn_search *s, double share)
{
    hn_trial *t = hn_search_trial(s, "INT8 is not faster here", NAN);
    if (!t) return HN_NOMEM;
    snprintf(t->note, sizeof t->note, "%zu layers back in float: with them in INT8 the model takes %.3f of its time",
             t->int8_layers, share);
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        hn_layer *y = &s->layers.layer[i];
        if (!y->on) continue;
        hn_search_turn(s, i, false);
        snprintf(y->reason, sizeof y->reason, "INT8 is not faster here: the model takes %.3f of its time with it",
                 share);
        HN_TRY(hn_search_refuse(s, y->name, "int8", "%s", y->reason));
    }
    return HN_OK;
}

/* Layers whose integer step is slower go back to float when that makes the whole model faster: a float layer among
 * integer ones costs conversions, so the sum decides, not the layer. The largest difference is tried first. */
hn_status hn_search_refuse_slow(hn_search *s)
{
    size_t n = s->layers.nlayers, count = 0;
    double *v = hn_arena_array(s->env, s->arena, 2 + 2 * n, sizeof *v);
    bool *tried = hn_arena_array(s->env, s->arena, n + 1, sizeof *tried);
    if (!v || !tried) return HN_NOMEM;
    hn_search_stage(s, "timing layers", 0, 1);
    HN_TRY(against_float(s, v, 2 + 2 * n));
    double all_ms = v[1], all = v[1] / v[0], share = all;
    for (size_t i = 0; i < n; i++) {
        s->report[i].us_float = v[2 + 2 * i];
        s->report[i].us_int8 = v[3 + 2 * i];
        count += slow(s, i, all_ms);
    }
    for (size_t k = 0; k < TRIED_MOST && !hn_search_late(s); k++) {
        size_t worst = SIZE_MAX;
        double gap = 0;
        for (size_t i = 0; i < n; i++)
            if (!tried[i] && slow(s, i, all_ms) && s->report[i].us_int8 - s->report[i].us_float > gap) {
                gap = s->report[i].us_int8 - s->report[i].us_float;
                worst = i;
            }
        if (worst == SIZE_MAX) break;
        tried[worst] = true;
        hn_search_stage(s, "timing layers", (double)(k + 1), (double)count);
        HN_TRY(try_float(s, worst, &share));
    }
    hn_trial *tr = hn_search_trial(s, "layers timed", NAN);
    if (!tr) return HN_NOMEM;
    tr->time_share = share;
    snprintf(
        tr->note, sizeof tr->note,
        "%zu of %zu integer steps clearly slower than float; all INT8 the model takes %.3f of its time in float, as "
        "chosen %.3f",
        count, n, all, share);
    return share * faster_model > 1 ? hn_search_drop_slow(s, share) : HN_OK;
}
