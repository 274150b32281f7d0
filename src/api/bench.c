/* bench: latency, throughput, cold start and memory of a model in the scenarios of MLPerf LoadGen, alone or interleaved
 * with a baseline. Nothing is allocated inside the timed part of a run. */
#include "api/bench.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/rng.h"
#include "optimize/stats.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { MULTI_STREAM = 8, WARM_RUNS = 3, LEAST_RUNS = 5, MOST_RUNS = 1 << 22 };

typedef struct series {
    double *ms;
    size_t n, cap;
} series;

typedef struct bench {
    hone_env *e;
    const hone_bench_options *o;
    hn_arena arena;
    hn_bench_subject model, base;
    series took, base_took, ratio;
    double seconds, elapsed; /* asked for; of the measured part */
    size_t per_query;        /* runs in one query */
} bench;

static hn_status push(hn_env *env, series *s, double ms)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 1024;
        double *grown = hn_alloc(env, cap * sizeof *grown);
        if (!grown) return HN_NOMEM;
        if (s->n) memcpy(grown, s->ms, s->n * sizeof *grown);
        hn_free(env, s->ms);
        s->ms = grown;
        s->cap = cap;
    }
    s->ms[s->n++] = ms;
    return HN_OK;
}

static double ms_since(uint64_t start)
{
    return (double)(hn_clock_ns() - start) * 1e-6;
}

/* Open, plan and run once: the time from the file to the first answer, without the making of inputs. */
static hn_status start(bench *b, const char *path, int64_t batch, hn_bench_subject *x)
{
    hn_env *env = &b->e->env;
    x->path = path;
    uint64_t t0 = hn_clock_ns();
    HN_TRY(hn_session_open(env, path, NULL, &x->session));
    x->cold_ms = ms_since(t0);
    x->out = hn_arena_array(env, &b->arena, hn_session_outputs(x->session) + 1, sizeof *x->out);
    if (!x->out) return HN_NOMEM;
    HN_TRY(hn_api_job_inputs(b->e, &b->arena, x->session, b->o->input, b->o->inputs, batch, &x->in, &x->samples));
    if (!x->samples) return hn_fail(env, HN_INPUT, "the first input of %s holds no sample", path);
    t0 = hn_clock_ns();
    HN_TRY(hn_session_run(env, x->session, x->in, x->out));
    x->cold_ms += ms_since(t0);
    hn_type *types = hn_api_types_of(env, &b->arena, x->session, x->in);
    if (!types) return HN_NOMEM;
    HN_TRY(hn_session_ready(env, x->session, types, &x->ready));
    for (int i = 0; i < WARM_RUNS; i++) HN_TRY(hn_session_run(env, x->session, x->in, x->out));
    return HN_OK;
}

static hn_status query(bench *b, hn_bench_subject *x, double *ms)
{
    uint64_t t0 = hn_clock_ns();
    for (size_t i = 0; i < b->per_query; i++) HN_TRY(hn_session_run(&b->e->env, x->session, x->in, x->out));
    *ms = ms_since(t0);
    return HN_OK;
}

/* One query after the other. With a baseline the two take turns, a few queries each, and every turn gives one ratio. */
static hn_status back_to_back(bench *b)
{
    hn_env *env = &b->e->env;
    double ms = 0, base_ms = 0;
    HN_TRY(query(b, &b->model, &ms));
    size_t turn = !b->base.session ? 1 : ms < 10 ? (size_t)fmin(ceil(10 / fmax(ms, 1e-3)), 100) : 1;
    uint64_t begin = hn_clock_ns();
    double spent = 0;
    for (size_t done = 0; done < MOST_RUNS; done += turn) {
        double a = 0, c = 0;
        for (size_t i = 0; i < turn; i++) {
            HN_TRY(query(b, &b->model, &ms));
            HN_TRY(push(env, &b->took, ms));
            a += ms;
        }
        for (size_t i = 0; i < turn && b->base.session; i++) {
            HN_TRY(query(b, &b->base, &base_ms));
            HN_TRY(push(env, &b->base_took, base_ms));
            c += base_ms;
        }
        if (b->base.session && a > 0) HN_TRY(push(env, &b->ratio, c / a));
        b->elapsed += a * 1e-3;
        spent = ms_since(begin) * 1e-3;
        hn_api_progress(b->e, "measuring", fmin(spent, b->seconds), b->seconds);
        if (spent >= b->seconds && b->took.n >= LEAST_RUNS) break;
    }
    return HN_OK;
}

static void sleep_until(uint64_t ns)
{
    uint64_t now = hn_clock_ns();
    while (now < ns) {
        uint64_t left = ns - now;
        if (left > 200000) { /* a sleep may overshoot: the last part is waited for awake */
            struct timespec t = {.tv_sec = (time_t)((left - 150000) / 1000000000),
                                 .tv_nsec = (long)((left - 150000) % 1000000000)};
            nanosleep(&t, NULL);
        }
        now = hn_clock_ns();
    }
}

/* LoadGen's server: queries of one run each arrive as a Poisson process whether or not the last one is done; latency
 * counts from the arrival. */
static hn_status server(bench *b)
{
    hn_env *env = &b->e->env;
    hn_rng rng;
    hn_rng_init(&rng, env->seed, 0x5e5e);
    uint64_t begin = hn_clock_ns();
    double arrival = 0, ms;
    for (size_t n = 0; n < MOST_RUNS; n++) {
        arrival += -log(1 - hn_rng_unit(&rng)) / b->o->target_qps;
        if (arrival > b->seconds && n >= LEAST_RUNS) break;
        uint64_t due = begin + (uint64_t)(arrival * 1e9);
        sleep_until(due);
        HN_TRY(query(b, &b->model, &ms));
        HN_TRY(push(env, &b->took, ms_since(due)));
        hn_api_progress(b->e, "serving", fmin(arrival, b->seconds), b->seconds);
        /* Far behind: the rest would only say the same. */
        if (ms_since(begin) > 4e3 * b->seconds && n >= LEAST_RUNS) break;
    }
    b->elapsed = ms_since(begin) * 1e-3;
    return HN_OK;
}

static void write_latency(hn_recs *r, hn_rec *root, series *s)
{
    hn_rec *m = hn_rec_map(r, root, "latency_ms");
    double sum = 0;
    hn_stat_sort(s->ms, s->n);
    for (size_t i = 0; i < s->n; i++) sum += s->ms[i];
    hn_rec_real(r, m, "min", s->ms[0]);
    hn_rec_real(r, m, "p50", hn_stat_quantile(s->ms, s->n, 0.5));
    hn_rec_real(r, m, "p90", hn_stat_quantile(s->ms, s->n, 0.9));
    hn_rec_real(r, m, "p99", hn_stat_quantile(s->ms, s->n, 0.99));
    hn_rec_real(r, m, "mean", sum / (double)s->n);
}

static void write_plan(hn_recs *r, hn_rec *root, const hn_plan *p)
{
    hn_cost all = {0};
    for (size_t i = 0; i < p->nsteps; i++) {
        all.flops += p->steps[i].cost.flops;
        all.bytes += p->steps[i].cost.bytes;
    }
    hn_rec_real(r, root, "flops", all.flops);
    hn_rec_real(r, root, "modelled_bytes", all.bytes);
    hn_rec_int(r, root, "arena_bytes", (int64_t)p->arena_bytes);
    hn_rec_int(r, root, "arena_lower_bound_bytes", (int64_t)p->arena_lower_bound_bytes);
    hn_rec_int(r, root, "constants_bytes", (int64_t)p->constants_bytes);
    hn_rec_int(r, root, "steps", (int64_t)p->nsteps);
}

static void write_result(bench *b, hn_recs *r, hn_rec *root, const char *scenario, size_t peak_rss)
{
    const hone_bench_options *o = b->o;
    size_t samples = b->model.samples * b->per_query;
    hn_rec_str(r, root, "model", b->model.path);
    if (o->inputs) {
        hn_rec *list = hn_rec_list(r, root, "inputs");
        for (size_t i = 0; i < o->inputs; i++) hn_rec_str(r, list, NULL, o->input[i]);
    } else {
        hn_rec_str(r, root, "inputs", "random");
    }
    hn_rec_int(r, root, "batch", (int64_t)b->model.samples);
    hn_rec_int(r, root, "slice", (int64_t)(b->model.samples / b->model.ready.plan->slices));
    hn_rec_str(r, root, "scenario", scenario);
    if (o->target_qps > 0) hn_rec_real(r, root, "target_qps", o->target_qps);
    hn_rec_int(r, root, "queries", (int64_t)b->took.n);
    hn_rec_int(r, root, "samples_per_query", (int64_t)samples);
    hn_rec_real(r, root, "seconds", b->elapsed);
    write_latency(r, root, &b->took);
    hn_rec_real(r, root, "throughput_per_s", (double)(b->took.n * samples) / b->elapsed);
    hn_rec_real(r, root, "cold_start_ms", b->model.cold_ms);
    hn_rec_int(r, root, "peak_rss_bytes", (int64_t)peak_rss);
    hn_rec_int(r, root, "size_bytes", (int64_t)hn_api_file_bytes(b->model.path));
    write_plan(r, root, b->model.ready.plan);
    if (!b->base.session) return;
    double median = hn_stat_quantile(b->took.ms, b->took.n, 0.5);
    hn_rec *m = hn_rec_map(r, root, "baseline");
    hn_rec_str(r, m, "model", b->base.path);
    write_latency(r, m, &b->base_took);
    hn_rec_real(r, m, "cold_start_ms", b->base.cold_ms);
    hn_rec_int(r, m, "size_bytes", (int64_t)hn_api_file_bytes(b->base.path));
    write_plan(r, m, b->base.ready.plan);
    hn_rec_real(r, root, "ratio", hn_stat_quantile(b->base_took.ms, b->base_took.n, 0.5) / median);
    hn_stat_sort(b->ratio.ms, b->ratio.n);
    hn_rec *spread = hn_rec_list(r, root, "ratio_spread"); /* of nine turns in ten */
    hn_rec_real(r, spread, NULL, hn_stat_quantile(b->ratio.ms, b->ratio.n, 0.05));
    hn_rec_real(r, spread, NULL, hn_stat_quantile(b->ratio.ms, b->ratio.n, 0.95));
}

static hn_status measure(bench *b, const char *model, hn_recs *r, hn_rec *root)
{
    hn_env *env = &b->e->env;
    const hone_bench_options *o = b->o;
    const char *scenario = o->scenario ? o->scenario : "single-stream";
    bool multi = strcmp(scenario, "multi-stream") == 0, serving = strcmp(scenario, "server") == 0;
    if (!multi && !serving && strcmp(scenario, "single-stream") != 0 && strcmp(scenario, "offline") != 0) {
        hn_fail(env, HN_INPUT, "scenario \"%s\" is not known", scenario);
        hn_hint(env, "known scenarios: single-stream, multi-stream, offline, server");
        return HN_INPUT;
    }
    if (serving && !(o->target_qps > 0))
        return hn_fail(env, HN_INPUT, "the server scenario needs a rate: give --target-qps");
    if (serving && o->baseline)
        return hn_fail(env, HN_INPUT, "the server scenario measures one model; leave out --baseline");
    HN_TRY(start(b, model, o->batch, &b->model));
    if (o->baseline) HN_TRY(start(b, o->baseline, o->batch, &b->base));
    if (o->baseline && b->base.samples != b->model.samples)
        return hn_fail(env, HN_INPUT, "%s runs %zu samples at a time, %s runs %zu", model, b->model.samples,
                       o->baseline, b->base.samples);
    b->per_query = multi ? (MULTI_STREAM + b->model.samples - 1) / b->model.samples : 1;
    size_t peak_rss = hn_process_peak_rss_bytes();
    HN_TRY(serving ? server(b) : back_to_back(b));
    write_result(b, r, root, scenario, peak_rss);
    if (o->profile || o->trace) HN_TRY(hn_api_bench_profile(b->e, &b->model, o, r, root));
    return HN_OK;
}

hone_status hone_bench(hone_env *e, const char *model, const hone_bench_options *options, hone_record **out)
{
    static const hone_bench_options defaults;
    bench b = {.e = e, .o = options ? options : &defaults};
    hone_record *rec;
    hn_recs r;
    b.seconds = b.o->seconds > 0 ? b.o->seconds : 2;
    hn_status st = hn_api_record_new(e, "bench", &rec, &r);
    if (st == HN_OK) st = measure(&b, model, &r, rec->root);
    hn_session_close(&e->env, b.model.session);
    hn_session_close(&e->env, b.base.session);
    hn_free(&e->env, b.took.ms);
    hn_free(&e->env, b.base_took.ms);
    hn_free(&e->env, b.ratio.ms);
    hn_arena_fini(&e->env, &b.arena);
    return hn_api_finish(e, st, rec, out);
}
