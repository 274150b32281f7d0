/* search_layers: what each layer does on its own, for the report: noise of its output in the chosen model, and what the
 * outputs and the answers lose when it is the only one in INT8. */
#include "optimize/cut.h"
#include "optimize/search_priv.h"

#include <math.h>
#include <stdio.h>

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

/* The value that stands for `v` behind its quantisation, else itself. */
static hn_value *dequantised(const hn_graph *g, const hn_value *v)
{
    char name[512];
    snprintf(name, sizeof name, "%s_dequantized", v->name);
    hn_value *found = hn_graph_find(g, name);
    return found ? found : hn_graph_find(g, v->name);
}

/* Both graphs with every layer's output as an extra output, run on one feed. */
hn_status hn_search_sqnr(hn_search *s, hn_probe *p)
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
            hn_value *v = k ? dequantised(g, s->layers.layer[i].y) : hn_graph_find(g, s->layers.layer[i].y->name);
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

/* What one layer in INT8 did so far, over the feeds. */
typedef struct tally {
    double d2;
    int lost;
    size_t feeds;
} tally;

typedef struct loner {
    hn_search *s;
    hn_probe *p;
    hn_arena arena;
    hn_graph *quantised; /* every layer in INT8 */
    hn_taps taps;
    hn_behind *behind; /* per layer: behind its output */
    tally *tally;      /* per layer */
    size_t samples;
    bool rows; /* answers are right or wrong */
} loner;

static hn_status set_up(loner *l)
{
    hn_search *s = l->s;
    hn_env *env = s->env;
    size_t n = s->layers.nlayers, taps = 0;
    bool *was = hn_arena_array(env, &l->arena, n + 1, sizeof *was);
    l->behind = hn_arena_array(env, &l->arena, n + 1, sizeof *l->behind);
    l->tally = hn_arena_array(env, &l->arena, n + 1, sizeof *l->tally);
    if (!was || !l->behind || !l->tally) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) {
        was[i] = s->layers.layer[i].on;
        s->layers.layer[i].on = true;
    }
    hn_layers_mark(&s->layers);
    hn_qdq_options q = hn_search_variant(s);
    hn_status st = hn_qdq_insert(env, &l->arena, &s->layers, &q, &l->quantised);
    for (size_t i = 0; i < n; i++) s->layers.layer[i].on = was[i];
    hn_layers_mark(&s->layers);
    for (size_t i = 0; i < n && st == HN_OK; i++) {
        st = hn_behind_find(env, &l->arena, s->graph, s->ends, &s->layers.layer[i].y, 1, &l->behind[i]);
        taps += l->behind[i].nfrom + 1;
    }
    hn_value **list = hn_arena_array(env, &l->arena, taps + 1, sizeof(hn_value *));
    if (st == HN_OK && !list) st = HN_NOMEM;
    HN_TRY(st);
    taps = 0;
    for (size_t i = 0; i < n; i++) {
        list[taps++] = s->layers.layer[i].x;
        for (size_t k = 0; k < l->behind[i].nfrom; k++) list[taps++] = l->behind[i].from[k];
    }
    HN_TRY(hn_taps_open(env, &l->arena, s->graph, s->ends, list, taps, &l->taps));
    l->taps.scale = s->scale;
    return HN_OK;
}

static bool is_right(const hn_tensor *out, size_t row, size_t classes, int64_t label)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (hn_get_f64(out, row * classes + c) > hn_get_f64(out, row * classes + best)) best = c;
    return (int64_t)best == label;
}

static int count_right(const hn_tensor *out, const hn_feed *feed)
{
    int right = 0;
    for (size_t i = 0; i < feed->n; i++) right += is_right(out, i, hn_tensor_elems(out) / feed->n, feed->label[i]);
    return right;
}

/* The layer alone: its input in float, its quantised weights, its output as INT8 gives it. */
static hn_status run_layer(loner *l, size_t i, hn_arena *arena, hn_session **session, hn_tensor *out, bool *possible)
{
    hn_env *env = l->s->env;
    const hn_layer *y = &l->s->layers.layer[i];
    hn_graph *part = NULL;
    hn_value *from = hn_value_is_output(y->x) ? NULL : hn_graph_find(l->quantised, y->x->name);
    hn_value *to = dequantised(l->quantised, y->y);
    const hn_tensor *in = hn_taps_get(&l->taps, y->x);
    *possible = false;
    if (!from || !to || !in || !l->behind[i].apart) return HN_OK;
    HN_TRY(hn_cut_graph(env, arena, l->quantised, &from, 1, &to, 1, &part));
    if (!part || part->nin != 1) return HN_OK;
    HN_TRY(hn_session_new(env, part, NULL, NULL, session));
    HN_TRY(hn_session_run(env, *session, &in, out));
    *possible = out->dtype == HN_F32;
    return HN_OK;
}

static hn_status alone(loner *l, size_t i, const hn_feed *feed)
{
    hn_env *env = l->s->env;
    hn_arena arena = {0};
    hn_session *session = NULL;
    hn_tensor out;
    const hn_tensor *source = &out;
    hn_behind *b = &l->behind[i];
    bool possible;
    double d2 = 0;
    hn_status st = run_layer(l, i, &arena, &session, &out, &possible);
    if (st == HN_OK && possible) st = hn_behind_open(env, b, &possible);
    if (st == HN_OK && possible) st = hn_behind_run(env, b, &l->taps, &source);
    if (st == HN_OK && possible) st = hn_behind_distance(env, b, &l->taps, &d2);
    if (st == HN_OK && possible) {
        l->tally[i].d2 += d2;
        if (l->rows)
            l->tally[i].lost +=
                count_right(&l->taps.out[0], feed) - count_right(hn_behind_output(b, &l->taps, 0), feed);
        l->tally[i].feeds++;
    }
    hn_behind_close(env, b);
    hn_session_close(env, session);
    hn_arena_fini(env, &arena);
    return st;
}

static hn_status measure(loner *l)
{
    hn_search *s = l->s;
    size_t n = s->layers.nlayers, feeds = 0;
    HN_TRY(set_up(l));
    while (feeds < l->p->nlayerwise) {
        const hn_feed *feed = &l->p->feeds[feeds];
        HN_TRY(hn_taps_run(s->env, &l->taps, feed));
        l->samples += feed->n;
        for (size_t i = 0; i < n; i++) {
            hn_search_stage(s, "measuring each layer alone", (double)(feeds * n + i), (double)(l->p->nlayerwise * n));
            if (hn_search_late(s)) return HN_OK;
            HN_TRY(alone(l, i, feed));
        }
        feeds++;
        for (size_t i = 0; i < n; i++) {
            if (l->tally[i].feeds != feeds) continue;
            s->report[i].output_error = sqrt(l->tally[i].d2 * (double)l->p->nfeeds / ((double)feeds * s->power));
            if (l->rows) s->report[i].accuracy_delta = 100.0 * l->tally[i].lost / (double)l->samples;
        }
    }
    return HN_OK;
}

hn_status hn_search_alone(hn_search *s, hn_probe *p)
{
    if (s->alone) return HN_OK;
    loner l = {.s = s, .p = p, .rows = s->o->judge == HN_JUDGE_TOP1};
    hn_status st = measure(&l);
    s->alone = st == HN_OK && !hn_search_late(s);
    hn_taps_close(s->env, &l.taps);
    hn_arena_fini(s->env, &l.arena);
    return st;
}
