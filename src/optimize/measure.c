/* measure: see the header. */
#include "optimize/measure.h"

#include "base/clock.h"
#include "optimize/score.h"
#include "optimize/stats.h"

#include <math.h>
#include <string.h>

hn_status hn_feed_make(hn_env *env, hn_arena *arena, const hn_session *s, const hn_dataset *ds, const size_t *index,
                       size_t n, hn_feed *out)
{
    hn_batch batch;
    HN_TRY(hn_dataset_batch(env, ds, index, n, arena, &batch));
    out->n = n;
    out->label = batch.label;
    return hn_score_feed(env, arena, s, &batch, &out->in);
}

hn_status hn_feed_ready(hn_env *env, hn_session *s, const hn_feed *feed, hn_ready *out)
{
    hn_type types[HN_DATA_MAX_INPUTS];
    size_t nin = hn_session_inputs(s);
    if (nin > HN_DATA_MAX_INPUTS) return hn_fail(env, HN_LIMIT, "a model with %zu inputs", nin);
    for (size_t i = 0; i < nin; i++) types[i] = hn_session_type_for(s, i, feed->in[i]);
    return hn_session_ready(env, s, types, out);
}

enum { RUNS_MOST = 1000 }; /* of a round */

typedef struct timed {
    hn_ready ready;
    hn_tensor *out;
    size_t per_round;
    double *run_ms; /* rounds x per_round */
    double *steps;  /* rounds x steps */
} timed;

static hn_status start(hn_env *env, hn_arena *arena, hn_session *s, const hn_feed *feed, size_t rounds, double slice_ms,
                       timed *t)
{
    HN_TRY(hn_feed_ready(env, s, feed, &t->ready));
    t->out = hn_arena_array(env, arena, hn_session_outputs(s) + 1, sizeof *t->out);
    t->steps = hn_arena_array(env, arena, rounds * (t->ready.plan->nsteps + 1), sizeof *t->steps);
    if (!t->out || !t->steps) return HN_NOMEM;
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 3; i++) { /* warm-up, and a first guess */
        uint64_t from = hn_clock_ns();
        HN_TRY(hn_instance_run(env, t->ready.inst, feed->in, t->out));
        uint64_t took = hn_clock_ns() - from;
        best = took < best ? took : best;
    }
    double runs = slice_ms * 1e6 / (double)(best + 1);
    t->per_round = runs < 1 ? 1 : runs > RUNS_MOST ? RUNS_MOST : (size_t)runs;
    t->run_ms = hn_arena_array(env, arena, rounds * t->per_round, sizeof *t->run_ms);
    return t->run_ms ? HN_OK : HN_NOMEM;
}

static hn_status one_round(hn_env *env, const hn_feed *feed, timed *t, size_t round)
{
    hn_instance *inst = t->ready.inst;
    size_t nsteps = t->ready.plan->nsteps;
    hn_instance_profile(inst, false);
    uint64_t before = hn_clock_ns();
    for (size_t i = 0; i < t->per_round; i++) {
        HN_TRY(hn_instance_run(env, inst, feed->in, t->out));
        uint64_t now = hn_clock_ns();
        t->run_ms[round * t->per_round + i] = (double)(now - before) * 1e-6;
        before = now;
    }
    hn_instance_profile(inst, true);
    size_t profiled = t->per_round / 2 + 1;
    for (size_t i = 0; i < profiled; i++) HN_TRY(hn_instance_run(env, inst, feed->in, t->out));
    uint64_t runs;
    const uint64_t *ns = hn_instance_step_ns(inst, &runs);
    for (size_t k = 0; k < nsteps; k++) t->steps[round * nsteps + k] = (double)ns[k] * 1e-3 / (double)runs;
    hn_instance_profile(inst, false);
    return HN_OK;
}

static hn_status finish(hn_env *env, hn_arena *arena, timed *t, size_t rounds, hn_timing *out)
{
    size_t nsteps = t->ready.plan->nsteps;
    double *column = hn_arena_array(env, arena, rounds, sizeof *column);
    out->step_us = hn_arena_array(env, arena, nsteps + 1, sizeof *out->step_us);
    out->step_best_us = hn_arena_array(env, arena, nsteps + 1, sizeof *out->step_best_us);
    if (!column || !out->step_us || !out->step_best_us) return HN_NOMEM;
    out->plan = t->ready.plan;
    for (size_t k = 0; k < nsteps; k++) {
        for (size_t r = 0; r < rounds; r++) column[r] = t->steps[r * nsteps + k];
        out->step_us[k] = hn_stat_median(column, rounds);
        out->step_best_us[k] = column[0]; /* sorted by now */
    }
    size_t runs = rounds * t->per_round;
    double sum = 0;
    for (size_t r = 0; r < runs; r++) sum += t->run_ms[r];
    hn_stat_sort(t->run_ms, runs);
    out->latency = (hn_latency){.min_ms = t->run_ms[0],
                                .p50_ms = hn_stat_quantile(t->run_ms, runs, 0.5),
                                .p90_ms = hn_stat_quantile(t->run_ms, runs, 0.9),
                                .p99_ms = hn_stat_quantile(t->run_ms, runs, 0.99),
                                .mean_ms = sum / (double)runs,
                                .runs = runs};
    return HN_OK;
}

hn_status hn_time_sessions(hn_env *env, hn_arena *arena, hn_session *const *s, size_t count, const hn_feed *feed,
                           size_t rounds, double slice_ms, hn_timing *out)
{
    timed *t = hn_arena_array(env, arena, count, sizeof *t);
    if (!t) return HN_NOMEM;
    for (size_t i = 0; i < count; i++) HN_TRY(start(env, arena, s[i], feed, rounds, slice_ms, &t[i]));
    for (size_t r = 0; r < rounds; r++)
        for (size_t i = 0; i < count; i++) HN_TRY(one_round(env, feed, &t[i], r));
    for (size_t i = 0; i < count; i++) HN_TRY(finish(env, arena, &t[i], rounds, &out[i]));
    return HN_OK;
}

static double sum_of(const hn_timing *t, const double *us, const char *name)
{
    double sum = -1;
    for (size_t k = 0; k < t->plan->nsteps; k++)
        if (strcmp(t->plan->steps[k].name, name) == 0) sum = (sum < 0 ? 0 : sum) + us[k];
    return sum;
}

double hn_timing_of(const hn_timing *t, const char *name)
{
    return sum_of(t, t->step_us, name);
}

double hn_timing_best(const hn_timing *t, const char *name)
{
    return sum_of(t, t->step_best_us, name);
}

hn_status hn_outputs_take(hn_env *env, hn_arena *arena, hn_session *s, const hn_feed *feeds, size_t nfeeds,
                          const double *scale, hn_outputs *out)
{
    size_t nout = hn_session_outputs(s);
    hn_tensor *t = hn_arena_array(env, arena, nout + 1, sizeof *t);
    *out = (hn_outputs){.elems = hn_arena_array(env, arena, nout + 1, sizeof *out->elems)};
    if (!t || !out->elems) return HN_NOMEM;
    size_t cap = 0;
    for (size_t f = 0; f < nfeeds; f++) {
        HN_TRY(hn_session_run(env, s, feeds[f].in, t));
        for (size_t k = 0; k < nout; k++) {
            if (!hn_dtype_is_float(t[k].dtype)) continue;
            size_t n = hn_tensor_elems(&t[k]);
            out->uneven = out->uneven || (f > 0 && n != out->elems[k]);
            out->elems[k] = n;
            if (out->n + n > cap) {
                size_t want = (out->n + n) * (f == 0 && nfeeds > 1 ? nfeeds : 2);
                float *fresh = hn_arena_array(env, arena, want, sizeof *fresh);
                if (!fresh) return HN_NOMEM;
                if (out->n) memcpy(fresh, out->v, out->n * sizeof *fresh);
                out->v = fresh;
                cap = want;
            }
            hn_tensor_to_f32(&t[k], out->v + out->n);
            for (size_t i = 0; scale && i < n; i++) out->v[out->n + i] *= (float)scale[k];
            out->n += n;
        }
    }
    return HN_OK;
}

double hn_outputs_distance(const hn_outputs *a, const hn_outputs *b)
{
    double d2 = 0;
    if (a->n != b->n) return INFINITY;
    for (size_t i = 0; i < a->n; i++) {
        double d = (double)a->v[i] - (double)b->v[i];
        if (!isfinite(d)) return INFINITY;
        d2 += d * d;
    }
    return d2;
}
