/* optimize_record: the record of an optimize job. Schema: docs/report.md. */
#include "api/optimize.h"

#include "base/clock.h"
#include "base/io.h"
#include "device/peak.h"
#include "optimize/package.h"
#include "passes/pass.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_interval(hn_recs *r, hn_rec *m, const char *key, double lo, double hi)
{
    hn_rec *l = hn_rec_list(r, m, key);
    hn_rec_real(r, l, NULL, lo);
    hn_rec_real(r, l, NULL, hi);
}

/* Of one thread: what slices write into lies beside their arena. */
static size_t plan_memory(const hn_plan *p)
{
    size_t bytes = p->arena_bytes + p->scratch_bytes + p->constants_bytes;
    for (size_t i = 0; i < p->nout; i++) {
        const hn_plan_value *v = &p->values[p->out[i]];
        if (v->place.space == HN_SPACE_OUTPUT && v->place.offset == i) bytes += v->bytes * p->slices;
    }
    return bytes;
}

/* Of n samples; only answers can be counted. */
static void put_correct(hn_job *j, hn_rec *m, double score, size_t n)
{
    if (j->so.judge == HN_JUDGE_TOP1) hn_rec_int(&j->r, m, "correct", (int64_t)score);
    hn_rec_int(&j->r, m, "n", (int64_t)n);
}

static void put_side(hn_job *j, hn_rec *root, const char *key, double score, hn_interval iv, size_t bytes,
                     size_t weights, const hn_timing *t, double params, double macs)
{
    hn_recs *r = &j->r;
    hn_rec *m = hn_rec_map(r, root, key);
    hn_rec_str(r, m, "metric", hn_judge_name[j->so.judge]);
    put_correct(j, m, score, j->ntest);
    hn_rec_real(r, m, "value", iv.value);
    put_interval(r, m, "interval", iv.lo, iv.hi);
    hn_rec_int(r, m, "size_bytes", (int64_t)bytes);
    hn_rec_int(r, m, "size_fp16_bytes",
               (int64_t)(j->before_bytes > 2 * weights ? j->before_bytes - 2 * weights : j->before_bytes));
    hn_rec *l = hn_rec_map(r, m, "latency_ms");
    hn_rec_real(r, l, "min", t->latency.min_ms);
    hn_rec_real(r, l, "p50", t->latency.p50_ms);
    hn_rec_real(r, l, "p90", t->latency.p90_ms);
    hn_rec_real(r, l, "p99", t->latency.p99_ms);
    hn_rec_real(r, l, "mean", t->latency.mean_ms);
    hn_rec_real(r, m, "throughput_per_s", 1000.0 * (double)j->batch / t->latency.p50_ms);
    hn_rec_int(r, m, "arena_bytes", (int64_t)t->plan->arena_bytes);
    hn_rec_int(r, m, "arena_lower_bound_bytes", (int64_t)t->plan->arena_lower_bound_bytes);
    hn_rec_int(r, m, "memory_bytes", (int64_t)plan_memory(t->plan));
    hn_rec_real(r, m, "params", params);
    hn_rec_real(r, m, "macs", macs);
}

static const hn_step *step_of(const hn_plan *p, const char *name)
{
    for (size_t i = 0; i < p->nsteps; i++)
        if (strcmp(p->steps[i].name, name) == 0) return &p->steps[i];
    return NULL;
}

static void put_layers(hn_job *j, hn_rec *root)
{
    hn_recs *r = &j->r;
    hn_rec *list = hn_rec_list(r, root, "layers");
    for (size_t i = 0; i < j->s.layers.nlayers; i++) {
        const hn_layer *y = &j->s.layers.layer[i];
        const hn_layer_report *rep = &j->s.report[i];
        const hn_step *f = step_of(j->timing[0].plan, y->name);
        const hn_act *a = hn_layers_act(&j->s.layers, y->y);
        hn_rec *m = hn_rec_map(r, list, NULL);
        hn_rec_str(r, m, "name", y->name);
        hn_rec_str(r, m, "op", y->node->op->name);
        hn_rec_str(r, m, "shape", f ? f->shape : "");
        hn_rec_str(r, m, "decision", y->on ? "int8" : "float32");
        hn_rec_int(r, m, "bits_w", y->on ? y->bits : 32);
        hn_rec_int(r, m, "bits_a", y->on ? 8 : 32);
        hn_rec_int(r, m, "params", (int64_t)y->params);
        hn_rec_real(r, m, "macs", f ? f->cost.macs : NAN);
        hn_rec_real(r, m, "us_before", rep->us_float >= 0 ? rep->us_float : NAN);
        hn_rec_real(r, m, "us_after", rep->us_int8 >= 0 ? rep->us_int8 : NAN);
        hn_rec_real(r, m, "sqnr_db", y->on ? rep->sqnr_db : NAN);
        if (a) {
            put_interval(r, m, "range", (double)a->lo, (double)a->hi);
            hn_rec_str(r, m, "calibration", a->method ? a->method : "");
        }
        hn_rec_real(r, m, "output_error", rep->output_error);
        hn_rec_real(r, m, "accuracy_delta", rep->accuracy_delta);
        const char *why = y->reason[0] ? y->reason
                          : y->on      ? "INT8 is faster here and its error is within the budget"
                                       : "";
        if (!y->reason[0] && y->on && rep->us_int8 > 0 && rep->us_float > 0)
            hn_rec_strf(r, m, "reason", "INT8 takes %.1f us against %.1f us in float", rep->us_int8, rep->us_float);
        else
            hn_rec_str(r, m, "reason", why);
    }
}

static void put_trials(hn_job *j, hn_rec *root)
{
    hn_recs *r = &j->r;
    hn_rec *list = hn_rec_list(r, root, "trials");
    for (size_t i = 0; i < j->s.ntrials; i++) {
        const hn_trial *t = &j->s.trials[i];
        hn_rec *m = hn_rec_map(r, list, NULL);
        hn_rec_str(r, m, "name", t->name);
        hn_rec_int(r, m, "int8_layers", (int64_t)t->int8_layers);
        hn_rec_real(r, m, "size_bytes", t->size_bytes);
        hn_rec_real(r, m, "latency_ms", t->time_share * j->timing[0].latency.p50_ms);
        hn_rec_real(r, m, "loss", t->loss);
        if (t->scored) {
            put_correct(j, m, t->score, t->drop.n);
            hn_rec_real(r, m, "drop", t->drop.value);
            hn_rec_real(r, m, "upper", t->drop.upper);
        }
        hn_rec_bool(r, m, "chosen", t->chosen);
        hn_rec_str(r, m, "note", t->note);
    }
    list = hn_rec_list(r, root, "refusals");
    for (size_t i = 0; i < j->s.nrefusals; i++) {
        hn_rec *m = hn_rec_map(r, list, NULL);
        hn_rec_str(r, m, "layer", j->s.refusals[i].layer);
        hn_rec_str(r, m, "what", j->s.refusals[i].what);
        hn_rec_str(r, m, "reason", j->s.refusals[i].reason);
    }
}

static void put_histograms(hn_job *j, hn_rec *root)
{
    enum { BARS = 128 };
    hn_recs *r = &j->r;
    hn_rec *list = hn_rec_list(r, root, "histograms");
    for (size_t i = 0; i < j->s.layers.nacts; i++) {
        const hn_act *a = &j->s.layers.act[i];
        const hn_hist *h = &j->s.hist[i];
        if (!a->used || !h->bins) continue;
        hn_rec *m = hn_rec_map(r, list, NULL);
        hn_rec_str(r, m, "value", a->name);
        hn_rec_real(r, m, "lo", (double)h->lo);
        hn_rec_real(r, m, "hi", (double)h->hi);
        hn_rec *bins = hn_rec_list(r, m, "bins");
        for (int b = 0; b < BARS; b++) {
            double sum = 0;
            for (int k = 0; k < HN_HIST_BINS / BARS; k++) sum += h->bins[b * (HN_HIST_BINS / BARS) + k];
            hn_rec_real(r, bins, NULL, sum);
        }
        hn_rec_real(r, m, "chosen_lo", (double)a->lo);
        hn_rec_real(r, m, "chosen_hi", (double)a->hi);
        hn_rec_str(r, m, "method", a->method ? a->method : "");
    }
}

static void put_steps(hn_job *j, hn_rec *root, const char *key, const hn_timing *t)
{
    hn_recs *r = &j->r;
    hn_rec *list = hn_rec_list(r, root, key);
    for (size_t i = 0; i < t->plan->nsteps; i++) {
        const hn_step *s = &t->plan->steps[i];
        hn_rec *m = hn_rec_map(r, list, NULL);
        hn_rec_str(r, m, "name", s->name);
        hn_rec_str(r, m, "op", s->op);
        hn_rec_real(r, m, "us", t->step_us[i]);
        hn_rec_str(r, m, "kernel", s->kernels[0] ? s->kernels[0]->name : s->driver ? s->driver->name : "reference");
        hn_rec_real(r, m, "macs", s->cost.macs);
        hn_rec_real(r, m, "bytes", s->cost.bytes);
    }
}

static void put_stage(hn_job *j, hn_rec *list, const char *name, double ms, double bytes, double loss, double score,
                      const hn_drop *drop)
{
    hn_recs *r = &j->r;
    hn_rec *m = hn_rec_map(r, list, NULL);
    hn_rec_str(r, m, "stage", name);
    hn_rec_real(r, m, "ms", ms);
    hn_rec_real(r, m, "size_bytes", bytes);
    hn_rec_real(r, m, "output_error", sqrt(loss));
    put_correct(j, m, score, j->s.nselect);
    hn_rec_real(r, m, "drop", drop->value);
    put_interval(r, m, "interval", drop->lo, drop->hi);
}

/* What each step gave: time of one batch, size, answers on the selection part. The steps before INT8 change no answer.
 */
static void put_waterfall(hn_job *j, hn_rec *root, double params)
{
    static const char *const names[HN_JOB_STAGES] = {"as in the file", "clean graph", "fusion and layout"};
    hn_rec *list = hn_rec_list(&j->r, root, "waterfall");
    hn_drop none = hn_stat_drop(j->s.nselect, 0, 0);
    double other = fmax(0, (double)j->before_bytes - 4 * params);
    for (size_t i = 0; i < HN_JOB_STAGES; i++)
        put_stage(j, list, names[i], j->stage_ms[i], (double)j->before_bytes, 0, j->s.baseline_score, &none);
    for (size_t i = 0; i < j->s.nstages; i++) {
        const hn_stage *t = &j->s.stages[i];
        put_stage(j, list, t->name, t->time_share * j->timing[0].latency.p50_ms, other + t->weight_bytes, t->loss,
                  t->score, &t->drop);
    }
    for (size_t i = j->s.ntrials; i-- > 0;) {
        const hn_trial *t = &j->s.trials[i];
        if (!t->chosen) continue;
        put_stage(j, list, "as written", j->timing[1].latency.p50_ms, (double)j->after_bytes, NAN, t->score, &t->drop);
        break;
    }
}

static hn_status put_roofline(hn_job *j, hn_rec *root)
{
    hn_recs *r = &j->r;
    hn_rec *m = hn_rec_map(r, root, "roofline"), *points = hn_rec_list(r, m, "points");
    hn_peaks peaks;
    HN_TRY(hn_peaks_measure(&j->e->env, j->timing[0].plan->constants_bytes + j->timing[0].plan->arena_bytes, &peaks));
    hn_rec_real(r, m, "peak_gflops", peaks.gflops);
    hn_rec_real(r, m, "peak_gops", peaks.gops);
    hn_rec_real(r, m, "bandwidth_gbs", peaks.bandwidth_gbs);
    for (int k = 0; k < 2; k++) {
        const hn_timing *t = &j->timing[k];
        for (size_t i = 0; i < t->plan->nsteps; i++) {
            const hn_step *s = &t->plan->steps[i];
            if (s->cost.macs <= 0 || s->cost.bytes <= 0 || t->step_us[i] <= 0) continue;
            bool integer = k == 1 && strncmp(s->op, "hone.Q", 6) == 0;
            if (k == 1 && !integer) continue;
            hn_rec *p = hn_rec_map(r, points, NULL);
            hn_rec_str(r, p, "name", s->name);
            hn_rec_real(r, p, "intensity", 2 * s->cost.macs / s->cost.bytes);
            hn_rec_real(r, p, "gops", 2 * s->cost.macs / t->step_us[i] * 1e-3);
            hn_rec_real(r, p, "us", t->step_us[i]);
            hn_rec_str(r, p, "kind", integer ? "int8" : "f32");
        }
    }
    return HN_OK;
}

static void put_inputs(hn_job *j, hn_rec *root)
{
    hn_recs *r = &j->r;
    const hone_optimize_options *o = j->o;
    hn_rec *m = hn_rec_map(r, root, "model");
    hn_rec_str(r, m, "path", j->path);
    hn_rec_str(r, m, "name", hn_path_base(j->path));
    hn_rec_str(r, m, "sha256", j->sha256);
    hn_rec_int(r, m, "opset", hn_session_graph(j->source)->opset);
    m = hn_rec_map(r, root, "data");
    hn_rec_str(r, m, "path", o->data.data);
    hn_buf text = {0};
    hn_preprocess_print(&j->e->env, &j->ds->options.pre, &text);
    hn_rec_str(r, m, "preprocess", hn_buf_str(&j->e->env, &text));
    hn_buf_fini(&j->e->env, &text);
    hn_rec_int(r, m, "label_offset", o->data.label_offset);
    hn_rec_int(r, m, "calib_n", (int64_t)j->split.count[HN_PART_CALIB]);
    hn_rec_int(r, m, "select_n", (int64_t)j->split.count[HN_PART_SELECT]);
    hn_rec_int(r, m, "test_n", (int64_t)j->ntest);
    hn_rec_str(r, m, "split", "by hash of sample name and seed; parts never overlap");
    if (o->eval.data) hn_rec_str(r, m, "eval_path", o->eval.data);
    hn_rec_str(r, root, "goal", o->goal ? o->goal : "latency");
    hn_rec_real(r, root, "max_drop", o->max_drop > 0 ? o->max_drop : 1.0);
    hn_rec_str(r, root, "command", o->command ? o->command : "");
    hn_rec_str(r, root, "reproduce", o->command ? o->command : "");
}

/* How many bits weights have, and why. */
static void put_weights(hn_job *j, hn_rec *root)
{
    size_t n = j->s.layers.nlayers;
    const char *isa = hn_isa_name(j->e->env.isa), *how = j->s.rounded ? "; rounded together" : "";
    char narrow[80] = "";
    if (hn_search_narrow(&j->s) > 0)
        snprintf(narrow, sizeof narrow, ", 7 bits in %zu of these, which are faster so", hn_search_narrow(&j->s));
    if (strcmp(j->recipe.bits, "7") == 0)
        hn_rec_strf(&j->r, root, "weights", "7 bits in %zu of %zu layers, as the recipe says%s",
                    hn_search_narrow(&j->s), n, how);
    else if (strcmp(j->recipe.bits, "8") == 0)
        hn_rec_strf(&j->r, root, "weights", "8 bits, as the recipe says%s", how);
    else if (j->so.pairs)
        hn_rec_strf(
            &j->r, root, "weights",
            "8 bits, in %zu of %zu layers as wide as pairs allow%s: with %s products of bytes are added in 16 bits%s",
            hn_search_paired(&j->s), n, narrow, isa, how);
    else
        hn_rec_strf(&j->r, root, "weights", "8 bits: with %s products of bytes are added in 32 bits%s", isa, how);
}

static void put_verdict(hn_job *j, hn_rec *root, double size, double speed)
{
    hn_rec_strf(&j->r, root, "verdict",
                "%s: %.2fx smaller, %.2fx faster, %s drop %.2f points (95 %% interval %.2f to %.2f, n = %zu); %s "
                "the budget of %.2f%s",
                hn_path_base(j->path), 1 / size, speed, j->so.judge == HN_JUDGE_TOP1 ? "top-1" : "fidelity",
                j->drop.value, j->drop.lo, j->drop.hi, j->drop.n, j->budget_met ? "within" : "NOT within",
                j->so.max_drop,
                !j->budget_met ? ""
                : j->certified ? ", certified at 95 %"
                               : " as measured; too few test samples to certify it");
    hn_rec_bool(&j->r, root, "budget_met", j->budget_met);
    hn_rec_bool(&j->r, root, "certified", j->certified);
}

static void put_files(hn_job *j, hn_rec *root)
{
    static const char *const names[] = {HN_PACKAGE_MODEL, HN_PACKAGE_PLAN, HN_PACKAGE_RECIPE, HN_PACKAGE_HTML,
                                        HN_PACKAGE_JSON,  HN_PACKAGE_TEXT, HN_PACKAGE_LOG};
    hn_rec_str(&j->r, root, "out", j->out);
    hn_rec *l = hn_rec_list(&j->r, root, "files");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) hn_rec_str(&j->r, l, NULL, names[i]);
}

hn_status hn_job_record(hn_job *j, hn_rec *root)
{
    hn_recs *r = &j->r;
    put_inputs(j, root);
    if (j->o->dry_run) {
        hn_rec_str(r, root, "out", j->out);
        hn_rec_bool(r, root, "dry_run", true);
        return j->e->env.error.status;
    }
    double params = 0, weights = 0, saved = (double)j->after_bytes / (double)(j->before_bytes ? j->before_bytes : 1);
    double speed = j->timing[0].latency.p50_ms / j->timing[1].latency.p50_ms;
    for (size_t i = 0; i < j->s.layers.nlayers; i++) params += (double)j->s.layers.layer[i].params;
    weights = params + (double)j->params_removed;
    put_verdict(j, root, saved, speed);
    put_weights(j, root);
    put_side(j, root, "before", j->before_score, j->before, j->before_bytes, (size_t)weights, &j->timing[0], weights,
             j->source_macs);
    put_side(j, root, "after", j->after_score, j->after, j->after_bytes, (size_t)weights, &j->timing[1], params,
             hn_job_macs(j->timing[0].plan));
    hn_rec *after = (hn_rec *)(uintptr_t)hn_rec_get(root, "after");
    if (!after) return j->e->env.error.status ? j->e->env.error.status : HN_NOMEM;
    hn_rec_int(r, after, "plan_bytes", (int64_t)hn_api_file_bytes(j->plan_path));
    hn_rec_int(r, after, "params_removed", (int64_t)j->params_removed);
    hn_rec_int(r, after, "params_zeroed", 0);
    hn_rec *d = hn_rec_map(r, root, "drop");
    hn_rec_real(r, d, "value", j->drop.value);
    put_interval(r, d, "interval", j->drop.lo, j->drop.hi);
    hn_rec_real(r, d, "upper", j->drop.upper);
    hn_rec_int(r, d, "n", (int64_t)j->drop.n);
    if (j->so.judge == HN_JUDGE_TOP1) {
        hn_rec_int(r, d, "lost", (int64_t)j->drop.b);
        hn_rec_int(r, d, "gained", (int64_t)j->drop.c);
    }
    d = hn_rec_map(r, root, "ratios");
    hn_rec_real(r, d, "size", saved);
    hn_rec_real(r, d, "latency", speed);
    hn_rec_real(r, d, "throughput", speed);
    put_layers(j, root);
    put_trials(j, root);
    put_histograms(j, root);
    /* The machine's peaks take a second to measure, which a short time budget has not. */
    if (!(j->o->time_budget_s > 0) || j->o->time_budget_s >= 30) HN_TRY(put_roofline(j, root));
    put_waterfall(j, root, params);
    put_steps(j, root, "steps_before", &j->timing[0]);
    put_steps(j, root, "steps_after", &j->timing[1]);
    d = hn_rec_map(r, root, "export_check");
    hn_rec_str(r, d, "file", HN_PACKAGE_MODEL);
    hn_rec_int(r, d, "n", (int64_t)j->export_n);
    if (j->so.judge == HN_JUDGE_TOP1) hn_rec_int(r, d, "same_top1", (int64_t)j->export_same);
    hn_rec_real(r, d, "max_step_diff", j->export_steps);
    put_files(j, root);
    hn_rec_real(r, root, "seconds", (double)(hn_clock_ns() - j->started_ns) * 1e-9);
    return j->e->env.error.status;
}
