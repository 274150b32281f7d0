/* search: the route from a float graph to the INT8 graph that is kept. Each step is a function; each says in the trials
 * what it tried and what came of it. */
#include "optimize/search_priv.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static hn_status observe(hn_search *s)
{
    s->hist = hn_arena_array(s->env, s->arena, s->layers.nacts + 1, sizeof *s->hist);
    if (!s->hist) return HN_NOMEM;
    hn_search_stage(s, "calibrating", 0, 1);
    return hn_observe(s->env, &s->layers, s->ds, s->calib, s->ncalib, s->arena, s->hist, NULL, NULL);
}

static uint32_t group_of(const hn_layers *l, uint32_t i)
{
    while (l->act[i].group != i) i = l->act[i].group;
    return i;
}

static void set_range(hn_layers *l, uint32_t group, float lo, float hi, const char *method)
{
    for (uint32_t i = 0; i < l->nacts; i++) {
        if (group_of(l, i) != group) continue;
        hn_act *a = &l->act[i];
        a->lo = lo;
        a->hi = hi;
        a->method = method;
        hn_range_to_u8(lo, hi, &a->scale, &a->zero);
    }
}

typedef struct candidate {
    float lo, hi;
    hn_method method;
} candidate;

/* The distinct ranges that the methods give for a group: one within 3 % of an earlier one is the same. */
static size_t candidates(const hn_hist *h, candidate *out)
{
    static const hn_method order[HN_METHODS] = {HN_METHOD_MINMAX, HN_METHOD_PERCENTILE, HN_METHOD_MSE,
                                                HN_METHOD_ENTROPY};
    size_t n = 0;
    for (int i = 0; i < HN_METHODS; i++) {
        candidate c = {.method = order[i]};
        hn_hist_range(h, order[i], &c.lo, &c.hi);
        bool fresh = true;
        for (size_t k = 0; k < n; k++) {
            float width = out[k].hi - out[k].lo;
            if (fabsf(c.lo - out[k].lo) <= 0.03f * width && fabsf(c.hi - out[k].hi) <= 0.03f * width) fresh = false;
        }
        if (fresh) out[n++] = c;
    }
    return n;
}

static hn_status group_hist(hn_search *s, uint32_t group, hn_hist *out, uint32_t *members, size_t *count)
{
    const hn_hist **list = hn_arena_array(s->env, s->arena, s->layers.nacts + 1, sizeof *list);
    if (!list) return HN_NOMEM;
    *count = 0;
    size_t n = 0;
    for (uint32_t i = 0; i < s->layers.nacts; i++) {
        if (group_of(&s->layers, i) != group) continue;
        list[n++] = &s->hist[i];
        members[(*count)++] = i;
    }
    if (n == 1) {
        *out = s->hist[group];
        return HN_OK;
    }
    return hn_hist_merge(s->env, s->arena, list, n, out);
}

/* One range for each group of activations: the method with the least loss of the outputs when only this group is
 * quantised. */
static hn_status choose_ranges(hn_search *s, hn_probe *p)
{
    hn_layers *l = &s->layers;
    uint32_t *members = hn_arena_array(s->env, s->arena, l->nacts + 1, sizeof *members);
    if (!members) return HN_NOMEM;
    for (uint32_t g = 0; g < l->nacts; g++) {
        if (l->act[g].group != g) continue;
        hn_hist h;
        size_t count;
        candidate c[HN_METHODS];
        HN_TRY(group_hist(s, g, &h, members, &count));
        if (s->o->method >= 0) {
            float lo, hi;
            hn_hist_range(&h, (hn_method)s->o->method, &lo, &hi);
            set_range(l, g, lo, hi, hn_method_name[s->o->method]);
            continue;
        }
        size_t n = candidates(&h, c), best = 0;
        double least = INFINITY;
        hn_search_stage(s, "choosing ranges", g, (double)l->nacts);
        for (size_t k = 0; k < n && n > 1; k++) {
            double loss;
            if (hn_search_late(s)) break;
            set_range(l, g, c[k].lo, c[k].hi, hn_method_name[c[k].method]);
            hn_qdq_options q = {.only = members, .nonly = count};
            HN_TRY(hn_search_loss(s, p, &q, 2, &loss));
            if (loss < least * 0.995) {
                least = loss;
                best = k;
            }
        }
        set_range(l, g, c[best].lo, c[best].hi, hn_method_name[c[best].method]);
    }
    return HN_OK;
}

static hn_qdq_options variant(const hn_search *s)
{
    return (hn_qdq_options){.per_tensor = s->o->per_tensor, .bias_shift = s->bias_shift};
}

/* Per-channel mean of an output [n, c, ...] or [n, c]; added to sum[c]. */
static void add_means(const hn_tensor *t, size_t channels, double *sum)
{
    size_t outer = (size_t)t->dims[0], inner = hn_tensor_elems(t) / (outer * channels);
    const float *x = t->data;
    for (size_t o = 0; o < outer; o++)
        for (size_t c = 0; c < channels; c++) {
            double s = 0;
            for (size_t i = 0; i < inner; i++) s += x[(o * channels + c) * inner + i];
            sum[c] += s / (double)inner / (double)outer;
        }
}

/* Channel means of one layer's own output (before its clamp) in a graph, over the probe's samples. */
static hn_status layer_means(hn_search *s, hn_probe *p, const hn_graph *g, const hn_layer *y, double *sum, bool *known)
{
    hn_arena arena = {0};
    hn_session *session = NULL;
    hn_graph *tapped = hn_graph_clone(s->env, &arena, g);
    hn_tensor *out = hn_arena_array(s->env, &arena, g->nout + 2, sizeof *out);
    hn_status st = tapped && out ? HN_OK : s->env->error.status;
    hn_value *v = st == HN_OK ? hn_graph_find(tapped, y->node->out[0]->name) : NULL;
    if (st == HN_OK && !v) st = hn_fail(s->env, HN_BUG, "output of layer \"%s\" is lost", y->name);
    if (st == HN_OK) st = hn_graph_output(tapped, v);
    if (st == HN_OK) st = hn_session_new(s->env, tapped, NULL, NULL, &session);
    for (size_t f = 0; f < p->nfeeds && st == HN_OK; f++) {
        st = hn_session_run(s->env, session, p->feeds[f].in, out);
        const hn_tensor *t = &out[g->nout];
        *known = st == HN_OK && t->dtype == HN_F32 && t->rank >= 2 && (size_t)t->dims[1] == y->channels &&
                 hn_tensor_elems(t) > 0;
        if (!*known) break;
        add_means(t, y->channels, sum);
    }
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    return st;
}

/* Bias correction as it is measured: layer by layer, with everything before it quantised and corrected already, the
 * mean of each channel is moved back to what it is in float. */
static hn_status measured_shift(hn_search *s, hn_probe *p, const float ***out)
{
    const hn_layers *l = &s->layers;
    const float **all = hn_arena_array(s->env, s->arena, l->nlayers + 1, sizeof *all);
    if (!all) return HN_NOMEM;
    for (size_t i = 0; i < l->nlayers; i++) {
        const hn_layer *y = &l->layer[i];
        hn_search_stage(s, "correcting biases", (double)i, (double)l->nlayers);
        if (!y->on || y->node->op->nin < 3 || hn_search_late(s)) continue;
        hn_arena arena = {0};
        hn_graph *g = NULL;
        bool known = false;
        double *want = hn_arena_array(s->env, &arena, 2 * y->channels, sizeof *want);
        float *shift = hn_arena_array(s->env, s->arena, y->channels, sizeof *shift);
        hn_qdq_options q = {.per_tensor = s->o->per_tensor, .bias_shift = all};
        hn_status st = want && shift ? layer_means(s, p, s->graph, y, want, &known) : HN_NOMEM;
        if (st == HN_OK && known) st = hn_qdq_insert(s->env, &arena, l, &q, &g);
        if (st == HN_OK && known) st = layer_means(s, p, g, y, want + y->channels, &known);
        if (st == HN_OK && known) {
            for (size_t c = 0; c < y->channels; c++)
                shift[c] = (float)((want[c] - want[y->channels + c]) / (double)p->nfeeds);
            all[i] = shift;
        }
        hn_arena_fini(s->env, &arena);
        HN_TRY(st);
    }
    *out = all;
    return HN_OK;
}

static hn_status try_bias_shift(hn_search *s, hn_probe *p, double *loss)
{
    static const char *const names[2] = {"bias correction from input means", "bias correction layer by layer"};
    const float *const *kept = NULL;
    for (int k = 0; k < 2; k++) {
        const float **shift;
        double with;
        if (k == 0)
            HN_TRY(hn_bias_shift(s->env, s->arena, &s->layers, s->hist, s->o->per_tensor, &shift));
        else
            HN_TRY(measured_shift(s, p, &shift));
        s->bias_shift = shift;
        hn_qdq_options q = variant(s);
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

/* A second graph with equalised channels, calibrated anew; it replaces the first when its loss is clearly lower. */
static hn_status try_equalize(hn_search *s, hn_probe *p, double *loss)
{
    hn_search other = *s;
    size_t pairs;
    other.graph = hn_graph_clone(s->env, s->arena, s->graph);
    if (!other.graph) return s->env->error.status;
    HN_TRY(hn_layers_find(s->env, other.graph, &other.layers));
    for (size_t i = 0; i < other.layers.nlayers; i++) other.layers.layer[i].on = s->layers.layer[i].on;
    hn_layers_mark(&other.layers);
    HN_TRY(hn_equalize(s->env, &other.layers, &pairs));
    if (pairs == 0) return HN_OK;
    other.bias_shift = NULL;
    HN_TRY(observe(&other));
    hn_status st = choose_ranges(&other, p);
    double with = INFINITY;
    hn_qdq_options q = variant(&other);
    if (st == HN_OK) st = hn_search_loss(&other, p, &q, 0, &with);
    if (st != HN_OK) return st;
    hn_trial *t = hn_search_trial(s, "cross-layer equalisation", with);
    if (!t) return HN_NOMEM;
    bool keep = with < *loss * 0.9;
    snprintf(t->note, sizeof t->note, "%s: %zu pairs, output error %.3g without, %.3g with", keep ? "kept" : "not kept",
             pairs, *loss, with);
    if (!keep) return HN_OK;
    s->graph = other.graph;
    s->layers = other.layers;
    s->hist = other.hist;
    s->bias_shift = NULL;
    *loss = with;
    return try_bias_shift(s, p, loss);
}

/* Time the present choice against float, in turn on one sample. */
static hn_status time_choice(hn_search *s, hn_probe *p, hn_session *session, hn_arena *arena, size_t rounds,
                             hn_timing t[2])
{
    (void)p;
    size_t batch = hn_score_batch(s->float_session, 1);
    hn_feed feed;
    HN_TRY(
        hn_feed_make(s->env, arena, s->float_session, s->ds, s->calib, batch < s->ncalib ? batch : s->ncalib, &feed));
    hn_session *pair[2] = {s->float_session, session};
    return hn_time_sessions(s->env, arena, pair, 2, &feed, rounds, 20, t);
}

static hn_status total_ms(hn_search *s, hn_probe *p, double *ms, bool layers)
{
    hn_arena arena = {0};
    hn_graph *g;
    hn_session *session = NULL;
    hn_timing t[2];
    hn_qdq_options q = variant(s);
    bool taken = false;
    size_t n = 1 + (layers ? 2 * s->layers.nlayers : 0);
    double *v = hn_arena_array(s->env, &arena, n, sizeof *v); /* the model, then float and INT8 of each layer */
    hn_status st = v ? hn_journal_take(s->env, s->o->journal, HN_JOURNAL_TIME, n, v, &taken) : HN_NOMEM;
    if (st == HN_OK && !taken) st = hn_search_build(s, &arena, &q, &g, &session);
    if (st == HN_OK && !taken) st = time_choice(s, p, session, &arena, 7, t);
    if (st == HN_OK && !taken) {
        v[0] = t[1].latency.p50_ms;
        for (size_t i = 0; i < n / 2; i++) {
            v[1 + 2 * i] = hn_timing_of(&t[0], s->layers.layer[i].name);
            v[2 + 2 * i] = hn_timing_of(&t[1], s->layers.layer[i].name);
        }
        st = hn_journal_put(s->env, s->o->journal, HN_JOURNAL_TIME, n, v);
    }
    if (st == HN_OK) *ms = v[0];
    for (size_t i = 0; st == HN_OK && i < n / 2; i++) {
        s->report[i].us_float = v[1 + 2 * i];
        s->report[i].us_int8 = v[2 + 2 * i];
    }
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    return st;
}

static void turn(hn_search *s, size_t i, bool on)
{
    s->layers.layer[i].on = on;
    hn_layers_mark(&s->layers);
}

/* Layers whose integer step is not faster go back to float when that makes the whole model faster: a float layer among
 * integer ones costs conversions, so the sum decides, not the layer. */
static hn_status refuse_slow(hn_search *s, hn_probe *p)
{
    double now_ms, all_ms;
    hn_search_stage(s, "timing layers", 0, 1);
    HN_TRY(total_ms(s, p, &now_ms, true));
    all_ms = now_ms;
    size_t slow = 0, tried = 0;
    for (size_t i = 0; i < s->layers.nlayers; i++)
        slow += s->report[i].us_int8 > 0 && s->report[i].us_int8 >= s->report[i].us_float;
    for (size_t i = 0; i < s->layers.nlayers && !hn_search_late(s) && tried < 24; i++) {
        hn_layer_report *r = &s->report[i];
        if (!s->layers.layer[i].on || r->us_int8 <= 0 || r->us_float <= 0 || r->us_int8 < r->us_float) continue;
        double ms;
        tried++;
        hn_search_stage(s, "timing layers", (double)tried, (double)slow);
        turn(s, i, false);
        HN_TRY(total_ms(s, p, &ms, false));
        if (ms < now_ms * 0.99) {
            snprintf(
                s->layers.layer[i].reason, sizeof s->layers.layer[i].reason,
                "INT8 is not faster here: %.1f us against %.1f us in float; model %.3f ms with it, %.3f ms without",
                r->us_int8, r->us_float, now_ms, ms);
            HN_TRY(hn_search_refuse(s, s->layers.layer[i].name, "int8", "%s", s->layers.layer[i].reason));
            now_ms = ms;
        } else {
            turn(s, i, true);
            snprintf(s->layers.layer[i].reason, sizeof s->layers.layer[i].reason,
                     "its step takes %.1f us (float %.1f us), but float would cost conversions around it: model %.3f "
                     "ms, with it in float %.3f ms",
                     r->us_int8, r->us_float, now_ms, ms);
        }
    }
    hn_trial *tr = hn_search_trial(s, "layers timed", NAN);
    if (!tr) return HN_NOMEM;
    tr->latency_ms = now_ms;
    snprintf(tr->note, sizeof tr->note,
             "%zu of %zu integer steps not faster than float; model %.3f ms all INT8, %.3f ms as chosen", slow,
             s->layers.nlayers, all_ms, now_ms);
    return HN_OK;
}

/* For each layer: the share of the present loss that goes away when it alone is float. */
static hn_status find_gains(hn_search *s, hn_probe *p)
{
    double now, without;
    hn_qdq_options q = variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 2, &now));
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        s->report[i].gain = NAN;
        if (!s->layers.layer[i].on) continue;
        hn_search_stage(s, "finding sensitive layers", (double)i, (double)s->layers.nlayers);
        turn(s, i, false);
        hn_status st = hn_search_loss(s, p, &q, 2, &without);
        turn(s, i, true);
        HN_TRY(st);
        s->report[i].gain = now > 0 ? (now - without) / now : 0;
        if (hn_search_late(s)) break;
    }
    return HN_OK;
}

static hn_status score_choice(hn_search *s, hn_probe *p, const char *name, hn_trial **out)
{
    hn_arena arena = {0};
    hn_graph *g;
    hn_session *session = NULL;
    hn_qdq_options q = variant(s);
    hn_trial *t = hn_search_trial(s, name, NAN);
    if (!t) return HN_NOMEM;
    hn_status st = hn_search_build(s, &arena, &q, &g, &session);
    if (st == HN_OK) st = hn_search_score(s, p, session, &t->correct, &t->drop);
    t->scored = st == HN_OK;
    if (st == HN_OK && !hn_search_late(s)) st = total_ms(s, p, &t->latency_ms, false);
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    *out = t;
    return st;
}

/* Within the budget, as far as the selection part can tell: a drop that exceeds it by less than its own standard error
 * is taken for noise. The test part, which decides nothing here, has the last word in the report. */
static bool holds(const hn_search *s, const hn_trial *t)
{
    return t->drop.value - t->drop.se <= s->o->max_drop;
}

/* Accuracy loop: while the selection part shows more than the budget, the layer that takes away most of the loss goes
 * back to float; steps grow so that a hopeless case ends soon. */
static hn_status hold_budget(hn_search *s, hn_probe *p)
{
    hn_trial *t;
    hn_search_stage(s, "measuring accuracy", 0, 1);
    HN_TRY(score_choice(s, p, "accuracy on the selection part", &t));
    s->budget_met = holds(s, t);
    if (s->budget_met || s->o->all) return HN_OK;
    HN_TRY(find_gains(s, p));
    for (size_t step = 1; !s->budget_met && hn_search_on(s) > 0 && !hn_search_late(s); step++) {
        for (size_t k = 0; k < (step + 1) / 2; k++) {
            size_t worst = SIZE_MAX;
            for (size_t i = 0; i < s->layers.nlayers; i++)
                if (s->layers.layer[i].on && (worst == SIZE_MAX || !(s->report[i].gain <= s->report[worst].gain)))
                    worst = i;
            if (worst == SIZE_MAX) break;
            turn(s, worst, false);
            hn_layer *y = &s->layers.layer[worst];
            snprintf(y->reason, sizeof y->reason, "accuracy: in float it takes away %.0f %% of the output error",
                     100 * s->report[worst].gain);
            HN_TRY(hn_search_refuse(s, y->name, "int8", "%s", y->reason));
        }
        char name[64];
        snprintf(name, sizeof name, "back to float, step %zu", step);
        HN_TRY(score_choice(s, p, name, &t));
        s->budget_met = holds(s, t);
        snprintf(t->note, sizeof t->note, "%zu layers in INT8, drop %.2f points", t->int8_layers, t->drop.value);
    }
    return HN_OK;
}

static double sqnr(const hn_tensor *a, const hn_tensor *b)
{
    if (a->dtype != HN_F32 || b->dtype != HN_F32 || a->bytes != b->bytes) return NAN;
    const float *x = a->data, *y = b->data;
    double s = 0, d = 0;
    for (size_t i = 0, n = hn_tensor_elems(a); i < n; i++) {
        s += (double)x[i] * (double)x[i];
        d += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    }
    return d > 0 ? 10 * log10(s / d) : 200;
}

/* Both graphs with every layer's output as an extra output, run on one feed. */
static hn_status layer_sqnr(hn_search *s, hn_probe *p)
{
    hn_env *env = s->env;
    hn_arena arena = {0};
    const hn_graph *source[2] = {s->graph, s->quantized};
    hn_session *session[2] = {NULL, NULL};
    hn_tensor *out[2] = {NULL, NULL};
    size_t n = s->layers.nlayers;
    hn_status st = HN_OK;
    for (int k = 0; k < 2 && st == HN_OK; k++) {
        hn_graph *g = hn_graph_clone(env, &arena, source[k]);
        out[k] = hn_arena_array(env, &arena, s->graph->nout + n + 1, sizeof *out[k]);
        if (!g || !out[k]) st = env->error.status ? env->error.status : HN_NOMEM;
        for (size_t i = 0; i < n && st == HN_OK; i++) {
            char name[512];
            const char *base = s->layers.layer[i].y->name;
            snprintf(name, sizeof name, "%s_dequantized", base);
            hn_value *v = k ? hn_graph_find(g, name) : NULL;
            if (!v) v = hn_graph_find(g, base);
            st = v ? hn_graph_output(g, v)
                   : hn_fail(env, HN_BUG, "output of layer \"%s\" is lost", s->layers.layer[i].name);
        }
        if (st == HN_OK) st = hn_session_new(env, g, NULL, NULL, &session[k]);
        if (st == HN_OK) st = hn_session_run(env, session[k], p->feeds[0].in, out[k]);
    }
    for (size_t i = 0; i < n && st == HN_OK; i++)
        s->report[i].sqnr_db = sqnr(&out[0][s->graph->nout + i], &out[1][s->graph->nout + i]);
    hn_session_close(env, session[0]);
    hn_session_close(env, session[1]);
    hn_arena_fini(env, &arena);
    return st;
}

/* Each layer alone in INT8: what it does to the outputs and to the answers, on calibration samples. */
static hn_status layer_deltas(hn_search *s, hn_probe *p)
{
    enum { ANSWERS = 32 };
    size_t n = s->ncalib < ANSWERS ? s->ncalib : ANSWERS, nl = s->layers.nlayers;
    bool *was = hn_arena_array(s->env, s->arena, nl + 1, sizeof *was);
    uint8_t *base = hn_arena_array(s->env, s->arena, n, 1), *right = hn_arena_array(s->env, s->arena, n, 1);
    if (!was || !base || !right) return HN_NOMEM;
    HN_TRY(hn_score(s->env, s->float_session, s->ds, s->calib, n, NULL, base, NULL));
    for (size_t i = 0; i < nl; i++) {
        was[i] = s->layers.layer[i].on;
        s->layers.layer[i].on = false;
    }
    hn_status st = HN_OK;
    for (size_t i = 0; i < nl && st == HN_OK && !hn_search_late(s); i++) {
        hn_arena arena = {0};
        hn_graph *g;
        hn_session *session = NULL;
        hn_outputs out, reference = p->reference;
        hn_qdq_options q = variant(s);
        hn_search_stage(s, "measuring each layer alone", (double)i, (double)nl);
        turn(s, i, true);
        st = hn_search_build(s, &arena, &q, &g, &session);
        if (st == HN_OK) st = hn_outputs_take(s->env, &arena, session, p->feeds, p->nfeeds < 2 ? p->nfeeds : 2, &out);
        if (st == HN_OK) {
            reference.n = out.n;
            s->report[i].output_error = sqrt(hn_outputs_loss(&reference, &out));
            st = hn_score(s->env, session, s->ds, s->calib, n, NULL, right, NULL);
        }
        int lost = 0;
        for (size_t k = 0; k < n; k++) lost += base[k] - right[k];
        if (st == HN_OK) s->report[i].accuracy_delta = 100.0 * lost / (double)n;
        turn(s, i, false);
        hn_session_close(s->env, session);
        hn_arena_fini(s->env, &arena);
    }
    for (size_t i = 0; i < nl; i++) s->layers.layer[i].on = was[i];
    hn_layers_mark(&s->layers);
    return st;
}

static hn_status route(hn_search *s, hn_probe *p)
{
    double loss;
    HN_TRY(observe(s));
    HN_TRY(choose_ranges(s, p));
    HN_TRY(hn_journal_save(s->o->journal));
    hn_qdq_options q = variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 0, &loss));
    hn_trial *t = hn_search_trial(s, "all layers INT8", loss);
    if (!t) return HN_NOMEM;
    HN_TRY(try_bias_shift(s, p, &loss));
    /* Per-channel weights need no equalisation unless the loss is high for another reason. */
    if ((s->o->per_tensor || loss > 1e-3) && !hn_search_late(s)) HN_TRY(try_equalize(s, p, &loss));
    HN_TRY(hn_journal_save(s->o->journal));
    if (!s->o->all && !s->o->size) HN_TRY(refuse_slow(s, p));
    return hold_budget(s, p);
}

hn_status hn_search_run(hn_env *env, hn_arena *arena, const hn_graph *clean, const hn_dataset *ds,
                        const hn_split *split, const hn_search_options *options, hn_search *out)
{
    hn_search *s = out;
    *s = (hn_search){.env = env, .arena = arena, .o = options, .ds = ds};
    s->calib = split->index[HN_PART_CALIB];
    s->ncalib = split->count[HN_PART_CALIB];
    s->select = split->index[HN_PART_SELECT];
    s->nselect = split->count[HN_PART_SELECT];
    if (options->time_budget_s > 0) s->deadline_ns = hn_clock_ns() + (uint64_t)(options->time_budget_s * 1e9);
    s->graph = hn_graph_clone(env, arena, clean);
    if (!s->graph) return env->error.status;
    HN_TRY(hn_layers_find(env, s->graph, &s->layers));
    if (!s->layers.nlayers) {
        hn_fail(env, HN_UNSUPPORTED,
                "the model has no convolution or matrix product with constant weights to quantise");
        return HN_UNSUPPORTED;
    }
    s->report = hn_arena_array(env, arena, s->layers.nlayers, sizeof *s->report);
    if (!s->report) return HN_NOMEM;
    for (size_t i = 0; i < s->layers.nlayers; i++) s->report[i] = (hn_layer_report){-1, -1, NAN, NAN, NAN, NAN};
    HN_TRY(hn_session_new(env, s->graph, NULL, NULL, &s->float_session));
    hn_probe p = {0};
    HN_TRY(hn_probe_make(s, &p));
    HN_TRY(route(s, &p));
    HN_TRY(layer_deltas(s, &p));
    hn_qdq_options q = variant(s);
    HN_TRY(hn_search_build(s, arena, &q, &s->quantized, &s->session));
    for (size_t i = s->ntrials; i-- > 0;)
        if (s->trials[i].scored) {
            s->trials[i].chosen = true;
            break;
        }
    return layer_sqnr(s, &p);
}

void hn_search_fini(hn_search *s)
{
    if (!s->env) return;
    hn_session_close(s->env, s->session);
    hn_session_close(s->env, s->float_session);
    s->session = s->float_session = NULL;
}
