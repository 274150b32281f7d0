/* search_budget: the accuracy loop. While the selection part shows a drop beyond the budget, layers give way, those
 * first that explain most of the output error for the time or bytes that they cost. Where answers are counted, only
 * such go to float as explain at least half of an even share of it: what is spread over all layers, or is chance in a
 * small selection part, is not mended by a few of them; and where no choice holds the budget, one that gives layers up
 * is kept if its drop is clearly less than without. Fidelity is no chance: layers go until it is held. */
#include "optimize/search_priv.h"

#include <math.h>
#include <stdio.h>

static const double not_worth = 0.95; /* of float's time: what is given up in accuracy must buy something */

/* For each layer: the share of the present loss that goes away when it alone is float, or has 8-bit weights. An
 * activation between two layers keeps its codes until both are float, so what each adds when it is alone in INT8, as a
 * share of all that, counts where it is more. */
static hn_status find_gains(hn_search *s, hn_probe *p)
{
    double now, without, all = 0;
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_other_bits(s));
    HN_TRY(hn_search_alone(s, p));
    HN_TRY(hn_search_loss(s, p, &q, p->nlayerwise, &now));
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        const double e = s->report[i].output_error;
        if (s->layers.layer[i].on && isfinite(e)) all += e * e;
    }
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        const double e = s->report[i].output_error;
        s->report[i].gain = NAN;
        if (!s->layers.layer[i].on) continue;
        hn_search_stage(s, "finding sensitive layers", (double)i, (double)s->layers.nlayers);
        hn_search_turn(s, i, false);
        hn_status st = hn_search_loss(s, p, &q, p->nlayerwise, &without);
        hn_search_turn(s, i, true);
        HN_TRY(st);
        s->report[i].gain = now > 0 ? (now - without) / now : 0;
        if (isfinite(e) && e > 0) s->report[i].gain = fmax(s->report[i].gain, e * e / all);
        if (s->layers.layer[i].bits == 7) {
            hn_search_swap_bits(s, i);
            st = hn_search_loss(s, p, &q, p->nlayerwise, &without);
            hn_search_swap_bits(s, i);
            HN_TRY(st);
            s->report[i].wide_gain = now > 0 ? (now - without) / now : 0;
        }
        if (hn_search_late(s)) break;
    }
    return HN_OK;
}

static hn_status score_choice(hn_search *s, hn_probe *p, const char *name, hn_trial **out)
{
    hn_arena arena = {0};
    hn_graph *g;
    hn_session *session = NULL;
    hn_qdq_options q = hn_search_variant(s);
    hn_trial *t = hn_search_trial(s, name, NAN);
    if (!t) return HN_NOMEM;
    hn_status st = hn_search_build(s, &arena, &q, &g, &session);
    if (st == HN_OK) st = hn_search_score(s, p, session, &t->score, &t->drop);
    t->scored = st == HN_OK;
    if (st == HN_OK && !hn_search_late(s)) st = hn_search_time(s, &t->time_share);
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    *out = t;
    return st;
}

/* Within the budget, as far as the selection part can tell: answers that exceed it by less than their own standard
 * error are taken for noise; of fidelity, which every sample measures, the upper bound is to be within. The test part,
 * which decides nothing here, has the last word in the report. */
static bool holds(const hn_search *s, const hn_trial *t)
{
    const bool top1 = s->o->judge == HN_JUDGE_TOP1;
    return (top1 ? t->drop.value - t->drop.se : t->drop.upper) <= s->o->max_drop;
}

/* By more than the standard error: layers are not slowed down for what is as good as chance. */
static bool clearly_less(const hn_trial *t, const hn_trial *than)
{
    return than->drop.value - t->drop.value > than->drop.se;
}

/* What a layer takes in INT8: time where it was measured, else bytes of weights; and what it takes more in float. */
static double taken(const hn_search *s, size_t i, double *more)
{
    const hn_layer_report *r = &s->report[i];
    const double bytes = (double)s->layers.layer[i].params;
    const bool timed = !s->o->size && r->us_int8 > 0 && r->us_float > 0;
    *more = timed ? fmax(0, r->us_float - r->us_int8) : 3 * bytes;
    return timed ? r->us_int8 : bytes;
}

/* Most error for what it costs: a share of the model's time, or size, and a hundredth, so that among what costs next to
 * nothing the larger gain comes first. 8 bits instead of 7 cost a tenth of a step at most, and no byte. */
bool hn_search_next_step(const hn_search *s, hn_given *step)
{
    const double share = s->o->judge == HN_JUDGE_TOP1 ? 1 / (double)s->layers.nlayers : -INFINITY;
    double all = 0, most = -INFINITY, more;
    for (size_t i = 0; i < s->layers.nlayers; i++) all += s->layers.layer[i].on ? taken(s, i, &more) : 0;
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        const hn_layer *y = &s->layers.layer[i];
        const hn_layer_report *r = &s->report[i];
        if (!y->on) continue;
        const bool narrow = y->bits == 7;
        const double now = taken(s, i, &more), gain = narrow ? r->gain : r->gain - r->wide_gain;
        const double wider = r->wide_gain / (0.1 * now / all + 0.01), plain = gain / (more / all + 0.01);
        if (narrow && r->wide_gain > 0.1 * share && wider > most) {
            *step = (hn_given){i, true};
            most = wider;
        }
        if (!s->o->all && gain > 0.5 * share && plain > most) {
            *step = (hn_given){i, false};
            most = plain;
        }
    }
    return most > -INFINITY;
}

static void give_reason(hn_search *s, const hn_given *g)
{
    const hn_layer_report *r = &s->report[g->layer];
    hn_layer *y = &s->layers.layer[g->layer];
    if (g->widened)
        snprintf(y->reason, sizeof y->reason, "accuracy: with 8-bit weights it takes away %.0f %% of the output error",
                 100 * r->wide_gain);
    else
        snprintf(y->reason, sizeof y->reason, "accuracy: in float it takes away up to %.0f %% of the output error",
                 100 * r->gain);
}

hn_status hn_search_give_way(hn_search *s, const hn_given *g)
{
    hn_layer *y = &s->layers.layer[g->layer];
    s->alone = s->alone && !g->widened;
    if (g->widened)
        hn_search_swap_bits(s, g->layer);
    else
        hn_search_turn(s, g->layer, false);
    give_reason(s, g);
    return hn_search_refuse(s, y->name, g->widened ? "7-bit weights" : "int8", "%s", y->reason);
}

void hn_search_take_back(hn_search *s, const hn_given *given, size_t n)
{
    const hn_given *g = &given[n - 1];
    if (g->widened)
        hn_search_swap_bits(s, g->layer);
    else
        hn_search_turn(s, g->layer, true);
    s->layers.layer[g->layer].reason[0] = 0;
    for (size_t k = 0; k + 1 < n; k++)
        if (given[k].layer == g->layer) give_reason(s, &given[k]);
    s->nrefusals--;
}

/* From n steps taken of `given` to `to`. */
static hn_status go_to(hn_search *s, const hn_given *given, size_t n, size_t to)
{
    while (n > to) hn_search_take_back(s, given, n--);
    while (n < to) HN_TRY(hn_search_give_way(s, &given[n++]));
    return HN_OK;
}

/* The present choice, which was scored before others were. */
static hn_status keep_best(hn_search *s, const hn_trial *best)
{
    hn_trial *t = hn_search_trial(s, "best of these", NAN);
    if (!t) return HN_NOMEM;
    t->scored = true;
    t->score = best->score;
    t->drop = best->drop;
    t->time_share = best->time_share;
    snprintf(t->note, sizeof t->note, "kept: %zu layers in INT8, drop %.2f points%s", t->int8_layers, t->drop.value,
             s->budget_met ? "" : "; no choice holds the budget");
    return HN_OK;
}

/* With n steps taken the budget holds, with `without` it does not: the fewest between them that do, by halving. */
static hn_status take_some_back(hn_search *s, hn_probe *p, const hn_given *given, size_t without, size_t n)
{
    hn_trial *t, best = s->trials[s->ntrials - 1];
    size_t now = n;
    while (n - without > 1 && !hn_search_late(s)) {
        const size_t mid = without + (n - without) / 2;
        HN_TRY(go_to(s, given, now, mid));
        now = mid;
        HN_TRY(score_choice(s, p, "some of the last step back", &t));
        snprintf(t->note, sizeof t->note, "%zu layers in INT8, drop %.2f points", t->int8_layers, t->drop.value);
        if (holds(s, t)) {
            best = *t;
            n = mid;
        } else {
            without = mid;
        }
    }
    if (now == n) return HN_OK;
    HN_TRY(go_to(s, given, now, n));
    return keep_best(s, &best);
}

static hn_status hold(hn_search *s, hn_probe *p)
{
    hn_trial *t;
    hn_search_stage(s, "measuring accuracy", 0, 1);
    HN_TRY(score_choice(s, p, "accuracy on the selection part", &t));
    s->budget_met = holds(s, t);
    if (s->budget_met || s->layers.nlayers == 0) return HN_OK;
    hn_trial best = *t;
    size_t n = 0, keep = 0, before = 0;
    hn_given *given = hn_arena_array(s->env, s->arena, 2 * s->layers.nlayers + 1, sizeof *given);
    if (!given) return HN_NOMEM;
    HN_TRY(find_gains(s, p));
    const bool narrow = hn_search_narrow(s) > 0;
    for (size_t step = 1; !s->budget_met && hn_search_next_step(s, &given[n]) && !hn_search_late(s); step++) {
        before = n;
        for (size_t k = 0; k < (step + 1) / 2 && hn_search_next_step(s, &given[n]); k++)
            HN_TRY(hn_search_give_way(s, &given[n++]));
        char name[64], left[64] = "";
        snprintf(name, sizeof name, "back to %s, step %zu", narrow ? "8 bits or float" : "float", step);
        HN_TRY(score_choice(s, p, name, &t));
        s->budget_met = holds(s, t);
        if (narrow) snprintf(left, sizeof left, " (%zu with 7-bit weights)", hn_search_narrow(s));
        snprintf(t->note, sizeof t->note, "%zu layers in INT8%s, drop %.2f points", t->int8_layers, left,
                 t->drop.value);
        if (!clearly_less(t, &best)) continue;
        best = *t;
        keep = n;
    }
    if (s->budget_met) return take_some_back(s, p, given, before, n);
    if (n == keep) return HN_OK;
    HN_TRY(go_to(s, given, n, keep));
    return keep_best(s, &best);
}

/* What is left in INT8 within the budget may not be faster than float any more. */
hn_status hn_search_hold_budget(hn_search *s, hn_probe *p)
{
    hn_trial *t = NULL;
    HN_TRY(hold(s, p));
    for (size_t i = 0; i < s->ntrials; i++)
        if (s->trials[i].scored) t = &s->trials[i];
    if (!t || s->o->all || s->o->size || hn_search_on(s) == 0 || !(t->time_share > not_worth)) return HN_OK;
    HN_TRY(hn_search_drop_slow(s, t->time_share));
    HN_TRY(score_choice(s, p, "accuracy in float", &t));
    s->budget_met = true;
    return HN_OK;
}
