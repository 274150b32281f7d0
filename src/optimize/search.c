/* search: the route from a float graph to the INT8 graph that is kept. Each step is a function; each says in the trials
 * what it tried and what came of it. */
#include "optimize/search_priv.h"

#include "base/clock.h"
#include "base/size.h"

#include <math.h>
#include <stdio.h>

/* The present choice as a stage of the waterfall: its answers on the selection part and its time. */
static hn_status stage(hn_search *s, hn_probe *p, const char *name, double loss)
{
    hn_arena arena = {0};
    hn_graph *g;
    hn_session *session = NULL;
    hn_qdq_options q = hn_search_variant(s);
    hn_stage *t = &s->stages[s->nstages];
    if (s->nstages == HN_COUNT(s->stages) || hn_search_late(s)) return HN_OK;
    *t = (hn_stage){.name = name, .loss = loss, .weight_bytes = hn_search_bytes(s)};
    hn_search_stage(s, "measuring accuracy", 0, 1);
    hn_status st = hn_search_build(s, &arena, &q, &g, &session);
    if (st == HN_OK) st = hn_search_score(s, p, session, &t->score, &t->drop);
    if (st == HN_OK) st = hn_search_time(s, &t->time_share);
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    if (st == HN_OK) s->nstages++;
    return st;
}

static hn_status route(hn_search *s, hn_probe *p)
{
    double loss;
    HN_TRY(hn_search_observe(s));
    HN_TRY(hn_search_ranges(s, p));
    HN_TRY(hn_journal_save(s->o->journal));
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 0, &loss));
    hn_trial *t = hn_search_trial(s, "all layers INT8", loss);
    if (!t) return HN_NOMEM;
    HN_TRY(stage(s, p, "INT8, all layers", loss));
    HN_TRY(hn_search_bits(s, p, &loss));
    if (hn_search_paired(s) > 0) HN_TRY(stage(s, p, hn_search_bits_name(s), loss));
    const float **without = s->bias_shift;
    const hn_graph *unequalised = s->graph;
    HN_TRY(hn_search_bias(s, p, &loss));
    /* Per-channel weights need no equalisation unless the loss is high for another reason. */
    if ((s->o->per_tensor || loss > 1e-3) && !hn_search_late(s)) HN_TRY(hn_search_equalize(s, p, &loss));
    HN_TRY(hn_journal_save(s->o->journal));
    if (s->graph != unequalised)
        HN_TRY(stage(s, p, s->bias_shift ? "equalisation and bias correction" : "equalisation", loss));
    else if (s->bias_shift != without)
        HN_TRY(stage(s, p, "bias correction", loss));
    if (!hn_search_late(s)) HN_TRY(hn_search_round(s, p, &loss));
    if (!hn_search_late(s)) HN_TRY(hn_search_plain_ends(s, p, &loss));
    if (s->rounded) HN_TRY(stage(s, p, "weights rounded together", loss));
    if (!s->o->all && !s->o->size) HN_TRY(hn_search_refuse_slow(s));
    return hn_search_hold_budget(s, p);
}

static hn_status conclude(hn_search *s, hn_probe *p)
{
    HN_TRY(route(s, p));
    HN_TRY(hn_search_alone(s, p));
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_build(s, s->arena, &q, &s->quantized, &s->session));
    for (size_t i = s->ntrials; i-- > 0;)
        if (s->trials[i].scored) {
            s->trials[i].chosen = true;
            break;
        }
    return hn_search_sqnr(s, p);
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
    double left = options->time_budget_s - hn_journal_spent(options->journal);
    if (options->time_budget_s > 0) s->deadline_ns = left > 0 ? hn_clock_ns() + (uint64_t)(left * 1e9) : 1;
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
    for (size_t i = 0; i < s->layers.nlayers; i++) s->report[i] = (hn_layer_report){-1, -1, NAN, NAN, NAN, NAN, 0};
    HN_TRY(hn_session_new(env, s->graph, NULL, NULL, &s->float_session));
    hn_probe p = {0};
    hn_status st = hn_probe_make(s, &p);
    if (st == HN_OK) st = conclude(s, &p);
    hn_probe_fini(s, &p);
    return st;
}

void hn_search_fini(hn_search *s)
{
    if (!s->env) return;
    hn_session_close(s->env, s->session);
    hn_session_close(s->env, s->float_session);
    s->session = s->float_session = NULL;
}
