/* bench_profile: where the time of a run goes, step by step, held against what the machine can do; and one run as a
 * Chrome trace. */
#include "api/bench.h"

#include "base/clock.h"
#include "base/io.h"
#include "device/peak.h"
#include "report/report.h"

#include <math.h>
#include <string.h>

enum { LEAST_RUNS = 5, MOST_RUNS = 100000 };

static void kernel_names(const hn_step *s, char *dst, size_t bytes)
{
    size_t at = 0;
    dst[0] = 0;
    for (size_t k = 0; k < HN_STEP_KERNELS && s->kernels[k]; k++) {
        size_t n = strlen(s->kernels[k]->name);
        if (at + n + 3 > bytes) break;
        if (at) dst[at++] = ' ';
        memcpy(dst + at, s->kernels[k]->name, n + 1);
        at += n;
    }
}

static const char *driver_name(const hn_step *s)
{
    return s->kind == HN_STEP_DRIVER ? s->driver->name : s->kind == HN_STEP_REF ? "reference" : "control";
}

static bool is_q8(const hn_step *s)
{
    for (size_t k = 0; k < HN_STEP_KERNELS && s->kernels[k]; k++)
        if (strstr(s->kernels[k]->family, "q8")) return true;
    return false;
}

/* Multiplies and adds only count towards the arithmetic roof; a step without any is bound by memory. */
static void write_op(hn_recs *r, hn_rec *list, const hn_step *s, double us, double total_us, const hn_peaks *peaks)
{
    char kernels[256];
    hn_rec *op = hn_rec_map(r, list, NULL);
    double gops = us > 0 ? s->cost.flops / us * 1e-3 : 0, gbs = us > 0 ? s->cost.bytes / us * 1e-3 : 0;
    double intensity = s->cost.bytes > 0 ? s->cost.flops / s->cost.bytes : 0;
    double peak = is_q8(s) ? peaks->gops : peaks->gflops, memory_roof = intensity * peaks->bandwidth_gbs;
    bool compute = memory_roof >= peak && s->cost.macs > 0;
    double share = compute ? gops / peak : peaks->bandwidth_gbs > 0 ? gbs / peaks->bandwidth_gbs : 0;
    kernel_names(s, kernels, sizeof kernels);
    hn_rec_str(r, op, "name", s->name);
    hn_rec_str(r, op, "op", s->op);
    hn_rec_str(r, op, "shape", s->shape);
    hn_rec_str(r, op, "driver", driver_name(s));
    hn_rec_str(r, op, "kernels", kernels);
    hn_rec_str(r, op, "reason", s->reason ? s->reason : "");
    hn_rec_str(r, op, "kind", is_q8(s) ? "int8" : "f32");
    hn_rec_real(r, op, "us", us);
    hn_rec_real(r, op, "share", total_us > 0 ? us / total_us : 0);
    hn_rec_real(r, op, "flops", s->cost.flops);
    hn_rec_real(r, op, "bytes", s->cost.bytes);
    hn_rec_real(r, op, "intensity", intensity);
    hn_rec_real(r, op, "gops", gops);
    hn_rec_real(r, op, "gbs", gbs);
    hn_rec_str(r, op, "bound", compute ? "compute" : "memory");
    hn_rec_real(r, op, "percent_of_peak", 100 * share);
}

static void write_roofline(hn_recs *r, hn_rec *root, const hn_plan *p, const uint64_t *ns, uint64_t runs,
                           const hn_peaks *peaks)
{
    hn_rec *m = hn_rec_map(r, root, "roofline");
    hn_rec_real(r, m, "peak_gflops", peaks->gflops);
    hn_rec_real(r, m, "peak_gops", peaks->gops);
    hn_rec_real(r, m, "bandwidth_gbs", peaks->bandwidth_gbs);
    hn_rec_int(r, m, "bandwidth_bytes", (int64_t)peaks->bandwidth_bytes);
    hn_rec *points = hn_rec_list(r, m, "points");
    for (size_t i = 0; i < p->nsteps; i++) {
        const hn_step *s = &p->steps[i];
        double us = (double)ns[i] * 1e-3 / (double)runs;
        if (!(s->cost.flops > 0) || !(s->cost.bytes > 0) || !(us > 0)) continue;
        hn_rec *pt = hn_rec_map(r, points, NULL);
        hn_rec_str(r, pt, "name", s->name);
        hn_rec_real(r, pt, "intensity", s->cost.flops / s->cost.bytes);
        hn_rec_real(r, pt, "gops", s->cost.flops / us * 1e-3);
        hn_rec_real(r, pt, "us", us);
        hn_rec_str(r, pt, "kind", is_q8(s) ? "int8" : "f32");
    }
}

/* The trace event format of chrome://tracing and Perfetto; complete events, microseconds. */
static hn_status write_trace(hn_env *env, const hn_bench_subject *x, const char *path)
{
    hn_arena arena = {0};
    hn_recs r = {env, &arena};
    const hn_plan *p = x->ready.plan;
    uint64_t runs, at = 0;
    hn_instance_profile(x->ready.inst, true);
    hn_status st = hn_instance_run(env, x->ready.inst, x->in, x->out);
    const uint64_t *ns = hn_instance_step_ns(x->ready.inst, &runs);
    hn_rec *root = hn_rec_map(&r, NULL, NULL), *list = hn_rec_list(&r, root, "traceEvents");
    for (size_t i = 0; i < p->nsteps && st == HN_OK; i++) {
        char kernels[256];
        kernel_names(&p->steps[i], kernels, sizeof kernels);
        hn_rec *ev = hn_rec_map(&r, list, NULL);
        hn_rec_str(&r, ev, "name", p->steps[i].name);
        hn_rec_str(&r, ev, "cat", p->steps[i].op);
        hn_rec_str(&r, ev, "ph", "X");
        hn_rec_int(&r, ev, "pid", 1);
        hn_rec_int(&r, ev, "tid", 1);
        hn_rec_real(&r, ev, "ts", (double)at * 1e-3);
        hn_rec_real(&r, ev, "dur", (double)ns[i] * 1e-3);
        hn_rec *args = hn_rec_map(&r, ev, "args");
        hn_rec_str(&r, args, "shape", p->steps[i].shape);
        hn_rec_str(&r, args, "driver", driver_name(&p->steps[i]));
        hn_rec_str(&r, args, "kernels", kernels);
        hn_rec_real(&r, args, "flops", p->steps[i].cost.flops);
        at += ns[i];
    }
    hn_rec_str(&r, root, "displayTimeUnit", "ns");
    hn_buf text = {0};
    if (st == HN_OK) st = env->error.status;
    if (st == HN_OK) st = hn_report_json(env, root, 0, &text);
    if (st == HN_OK) st = hn_file_write(env, path, text.data, text.size);
    hn_buf_fini(env, &text);
    hn_arena_fini(env, &arena);
    hn_instance_profile(x->ready.inst, false);
    return st;
}

static hn_status profile(hone_env *e, hn_bench_subject *x, double seconds, hn_recs *r, hn_rec *root)
{
    hn_env *env = &e->env;
    const hn_plan *p = x->ready.plan;
    hn_peaks peaks;
    hn_api_progress(e, "measuring the machine", 0, 0);
    HN_TRY(hn_peaks_measure(env, p->arena_bytes + p->constants_bytes, &peaks));
    HN_TRY(hn_instance_run(env, x->ready.inst, x->in, x->out)); /* the caches back to what a run finds */
    hn_instance_profile(x->ready.inst, true);
    uint64_t begin = hn_clock_ns();
    for (int i = 0; i < MOST_RUNS; i++) {
        double spent = (double)(hn_clock_ns() - begin) * 1e-9;
        if (i >= LEAST_RUNS && spent > seconds) break;
        hn_api_progress(e, "profiling", fmin(spent, seconds), seconds);
        HN_TRY(hn_instance_run(env, x->ready.inst, x->in, x->out));
    }
    uint64_t runs;
    const uint64_t *ns = hn_instance_step_ns(x->ready.inst, &runs);
    double total = 0;
    for (size_t i = 0; i < p->nsteps; i++) total += (double)ns[i] * 1e-3 / (double)runs;
    hn_rec *list = hn_rec_list(r, root, "ops");
    for (size_t i = 0; i < p->nsteps; i++)
        write_op(r, list, &p->steps[i], (double)ns[i] * 1e-3 / (double)runs, total, &peaks);
    hn_rec_int(r, root, "profile_runs", (int64_t)runs);
    write_roofline(r, root, p, ns, runs, &peaks);
    hn_instance_profile(x->ready.inst, false);
    return HN_OK;
}

hn_status hn_api_bench_profile(hone_env *e, hn_bench_subject *x, const hone_bench_options *o, hn_recs *r, hn_rec *root)
{
    double seconds = o->seconds > 0 ? o->seconds / 2 : 1;
    if (o->profile) HN_TRY(profile(e, x, seconds, r, root));
    if (!o->trace) return HN_OK;
    hn_rec_str(r, root, "trace", o->trace);
    return hn_context(&e->env, write_trace(&e->env, x, o->trace), "writing the trace %s", o->trace);
}
