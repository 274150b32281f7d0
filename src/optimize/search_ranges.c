/* search_ranges: one range for each group of activations. Each method that gives a range of its own is tried on its
 * own: only this group is quantised, and the distance of the model's outputs from float decides. What lies before the
 * group does not change, so only what lies behind it is run. */
#include "optimize/cut.h"
#include "optimize/search_priv.h"

#include <math.h>
#include <string.h>

enum { RANGE_SAMPLES = 8 };

hn_status hn_search_observe(hn_search *s)
{
    s->hist = hn_arena_array(s->env, s->arena, s->layers.nacts + 1, sizeof *s->hist);
    if (!s->hist) return HN_NOMEM;
    hn_search_stage(s, "calibrating", 0, 1);
    return hn_observe(s->env, &s->layers, s->ds, s->calib, s->ncalib, s->arena, s->hist, NULL, NULL);
}

typedef struct candidate {
    float lo, hi;
    hn_method method;
} candidate;

typedef struct group {
    uint32_t root;
    uint32_t *members;
    size_t nmembers;
    candidate c[HN_METHODS];
    size_t n;
    double loss[HN_METHODS]; /* summed over the feeds that were measured */
    hn_behind behind;
} group;

typedef struct chooser {
    hn_search *s;
    hn_probe *p;
    hn_arena arena;
    group *groups; /* those with more than one candidate */
    size_t ngroups;
    hn_taps taps;
    float *quantised; /* a source as it would be after quantisation */
    size_t cap;
} chooser;

static uint32_t root_of(const hn_layers *l, uint32_t i)
{
    while (l->act[i].group != i) i = l->act[i].group;
    return i;
}

static void set_range(hn_layers *l, uint32_t root, const candidate *c)
{
    for (uint32_t i = 0; i < l->nacts; i++) {
        if (root_of(l, i) != root) continue;
        hn_act *a = &l->act[i];
        a->lo = c->lo;
        a->hi = c->hi;
        a->method = hn_method_name[c->method];
        hn_range_to_u8(c->lo, c->hi, &a->scale, &a->zero);
    }
}

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

static hn_status group_hist(hn_search *s, hn_arena *arena, group *g, hn_hist *out)
{
    const hn_hist **list = hn_arena_array(s->env, arena, s->layers.nacts + 1, sizeof *list);
    g->members = hn_arena_array(s->env, arena, s->layers.nacts + 1, sizeof *g->members);
    if (!list || !g->members) return HN_NOMEM;
    for (uint32_t i = 0; i < s->layers.nacts; i++) {
        if (root_of(&s->layers, i) != g->root) continue;
        list[g->nmembers] = &s->hist[i];
        g->members[g->nmembers++] = i;
    }
    if (g->nmembers == 1) {
        *out = s->hist[g->root];
        return HN_OK;
    }
    return hn_hist_merge(s->env, arena, list, g->nmembers, out);
}

/* The members that are not just moved from other members: to quantise them is to quantise the group. */
static hn_status find_sources(chooser *c, group *g)
{
    const hn_layers *l = &c->s->layers;
    hn_value **source = hn_arena_array(c->s->env, &c->arena, g->nmembers, sizeof(hn_value *));
    size_t n = 0;
    if (!source) return HN_NOMEM;
    for (size_t i = 0; i < g->nmembers; i++) {
        hn_value *v = l->act[g->members[i]].value;
        if (!v->producer || !hn_layers_moves(v->producer)) source[n++] = v;
    }
    return hn_behind_find(c->s->env, &c->arena, l->graph, c->s->ends, source, n, &g->behind);
}

/* Groups without a choice get their range here; the others are listed. */
static hn_status list_groups(chooser *c)
{
    hn_search *s = c->s;
    hn_layers *l = &s->layers;
    c->groups = hn_arena_array(s->env, &c->arena, l->nacts + 1, sizeof *c->groups);
    if (!c->groups) return HN_NOMEM;
    for (uint32_t i = 0; i < l->nacts; i++) {
        hn_hist h;
        group *g = &c->groups[c->ngroups];
        if (l->act[i].group != i) continue;
        *g = (group){.root = i};
        HN_TRY(group_hist(s, &c->arena, g, &h));
        if (s->o->method >= 0) {
            g->c[0].method = (hn_method)s->o->method;
            hn_hist_range(&h, g->c[0].method, &g->c[0].lo, &g->c[0].hi);
        } else {
            g->n = candidates(&h, g->c);
        }
        set_range(l, i, &g->c[0]);
        if (g->n < 2) continue;
        HN_TRY(find_sources(c, g));
        c->ngroups++;
    }
    return HN_OK;
}

static hn_status open_taps(chooser *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->ngroups; i++) n += c->groups[i].behind.nfrom;
    hn_value **list = hn_arena_array(c->s->env, &c->arena, n + 1, sizeof(hn_value *));
    if (!list) return HN_NOMEM;
    n = 0;
    for (size_t i = 0; i < c->ngroups; i++)
        for (size_t k = 0; k < c->groups[i].behind.nfrom; k++) list[n++] = c->groups[i].behind.from[k];
    HN_TRY(hn_taps_open(c->s->env, &c->arena, c->s->graph, c->s->ends, list, n, &c->taps));
    c->taps.scale = c->s->scale;
    return HN_OK;
}

/* As QuantizeLinear and DequantizeLinear do it; adding 1.5 * 2^23 rounds half to even. */
static void quantise(const float *x, float *y, size_t n, float scale, int32_t zero)
{
    float lo = (float)-zero, hi = (float)(255 - zero);
    for (size_t i = 0; i < n; i++) {
        float q = x[i] / scale;
        q = q < lo ? lo : q > hi ? hi : q;
        q = (q + 12582912.0f) - 12582912.0f;
        y[i] = q * scale;
    }
}

static hn_status quantised_sources(chooser *c, const group *g, const candidate *k, hn_tensor *t, const hn_tensor **ref)
{
    hn_env *env = c->s->env;
    size_t total = 0, at = 0;
    float scale;
    int32_t zero;
    hn_range_to_u8(k->lo, k->hi, &scale, &zero);
    for (size_t i = 0; i < g->behind.nsources; i++) {
        const hn_tensor *x = hn_taps_get(&c->taps, g->behind.from[i]);
        if (!x || x->dtype != HN_F32)
            return hn_fail(env, HN_BUG, "activation \"%s\" was not tapped", g->behind.from[i]->name);
        total += hn_tensor_elems(x) + 16;
    }
    if (total > c->cap) {
        hn_free(env, c->quantised);
        c->cap = 0;
        c->quantised = hn_alloc(env, total * sizeof *c->quantised);
        if (!c->quantised) return HN_NOMEM;
        c->cap = total;
    }
    for (size_t i = 0; i < g->behind.nsources; i++) {
        const hn_tensor *x = hn_taps_get(&c->taps, g->behind.from[i]);
        size_t n = hn_tensor_elems(x);
        t[i] = *x;
        t[i].data = c->quantised + at;
        quantise(x->data, c->quantised + at, n, scale, zero);
        ref[i] = &t[i];
        at += (n + 15) / 16 * 16;
    }
    return HN_OK;
}

static hn_status measure_behind(chooser *c, group *g, double *loss)
{
    hn_env *env = c->s->env;
    hn_tensor *t = hn_arena_array(env, &g->behind.arena, g->behind.nsources + 1, sizeof *t);
    const hn_tensor **ref = hn_arena_array(env, &g->behind.arena, g->behind.nsources + 1, sizeof *ref);
    if (!t || !ref) return HN_NOMEM;
    for (size_t k = 0; k < g->n; k++) {
        loss[k] = 0;
        HN_TRY(quantised_sources(c, g, &g->c[k], t, ref));
        HN_TRY(hn_behind_run(env, &g->behind, &c->taps, ref));
        HN_TRY(hn_behind_distance(env, &g->behind, &c->taps, &loss[k]));
    }
    return HN_OK;
}

/* The same on the whole model, where the part behind the group cannot stand alone. */
static hn_status measure_whole(chooser *c, group *g, size_t feed, double *loss)
{
    hn_env *env = c->s->env;
    hn_outputs want = {0};
    HN_TRY(hn_outputs_take(env, &c->arena, c->p->ends, &c->p->feeds[feed], 1, c->s->scale, &want));
    for (size_t k = 0; k < g->n; k++) {
        hn_arena arena = {0};
        hn_session *session = NULL;
        hn_outputs out = {0};
        hn_qdq_options q = {.only = g->members, .nonly = g->nmembers};
        set_range(&c->s->layers, g->root, &g->c[k]);
        hn_status st = hn_search_build_ends(c->s, &arena, &q, &session);
        if (st == HN_OK) st = hn_outputs_take(env, &arena, session, &c->p->feeds[feed], 1, c->s->scale, &out);
        if (st == HN_OK) loss[k] = hn_outputs_distance(&want, &out);
        hn_session_close(env, session);
        hn_arena_fini(env, &arena);
        HN_TRY(st);
    }
    return HN_OK;
}

static hn_status measure(chooser *c, group *g, size_t feed)
{
    hn_env *env = c->s->env;
    double loss[HN_METHODS];
    bool taken, possible = false;
    HN_TRY(hn_journal_take(env, c->s->o->journal, HN_JOURNAL_LOSS, g->n, loss, &taken));
    if (!taken) {
        if (!c->taps.session) HN_TRY(open_taps(c));
        if (c->taps.feed != &c->p->feeds[feed]) HN_TRY(hn_taps_run(env, &c->taps, &c->p->feeds[feed]));
        hn_status st = hn_behind_open(env, &g->behind, &possible);
        if (st == HN_OK && possible) st = measure_behind(c, g, loss);
        hn_behind_close(env, &g->behind);
        HN_TRY(st);
        if (!possible) HN_TRY(measure_whole(c, g, feed, loss));
        HN_TRY(hn_journal_put(env, c->s->o->journal, HN_JOURNAL_LOSS, g->n, loss));
    }
    for (size_t k = 0; k < g->n; k++) g->loss[k] += loss[k];
    return HN_OK;
}

static hn_status choose(chooser *c)
{
    hn_search *s = c->s;
    HN_TRY(list_groups(c));
    size_t feeds = 0, samples = 0;
    while (feeds < c->p->nfeeds && samples < RANGE_SAMPLES) samples += c->p->feeds[feeds++].n;
    bool late = false;
    for (size_t f = 0; f < feeds && !late; f++)
        for (size_t i = 0; i < c->ngroups && !late; i++) {
            hn_search_stage(s, "choosing ranges", (double)(f * c->ngroups + i), (double)(feeds * c->ngroups));
            late = hn_search_late(s);
            if (!late) HN_TRY(measure(c, &c->groups[i], f));
        }
    for (size_t i = 0; i < c->ngroups; i++) {
        group *g = &c->groups[i];
        size_t best = 0;
        for (size_t k = 1; k < g->n; k++)
            if (g->loss[k] < g->loss[best] * 0.995) best = k;
        set_range(&s->layers, g->root, &g->c[best]);
    }
    return HN_OK;
}

hn_status hn_search_ranges(hn_search *s, hn_probe *p)
{
    chooser c = {.s = s, .p = p};
    hn_status st = choose(&c);
    hn_taps_close(s->env, &c.taps);
    hn_free(s->env, c.quantised);
    hn_arena_fini(s->env, &c.arena);
    return st;
}
