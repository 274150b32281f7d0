/* optimize: the main job. Opens, splits the data, searches, measures once on the test part, writes the folder. */
#include "api/optimize.h"

#include "base/clock.h"
#include "base/io.h"
#include "formats/onnx_write.h"
#include "ops/ops.h"
#include "optimize/cut.h"
#include "optimize/package.h"
#include "passes/pass.h"

#include <math.h>
#include <string.h>

enum { TEST_MAX = 50000, SELECT_MAX = 1000, ROUNDS = 15 };

/* Timings take their share of a short time budget: a thousandth of it each. */
static double slice(const hn_job *j, double most_ms)
{
    return j->o->time_budget_s > 0 ? fmin(most_ms, j->o->time_budget_s) : most_ms;
}

static void progress(void *self, const char *stage, double done, double total)
{
    hn_api_progress(((hn_job *)self)->e, stage, done, total);
}

static void test_progress(void *self, size_t done, size_t total)
{
    progress(self, "testing", (double)done, (double)total);
}

/* What the data allow, unless a metric is asked for. */
static hn_status choose_judge(hn_job *j)
{
    hn_env *env = &j->e->env;
    const char *metric = j->o->metric ? j->o->metric : "auto";
    const hn_dataset *sets[2] = {j->ds, j->test_ds};
    size_t labelled = 0;
    bool is_auto = strcmp(metric, "auto") == 0;
    if (!is_auto && strcmp(metric, "top1") != 0 && strcmp(metric, "fidelity") != 0)
        return hn_fail(env, HN_INPUT, "metric \"%s\" is not auto, top1 or fidelity", metric);
    for (int k = 0; k < 2; k++) labelled += sets[k] ? hn_dataset_labelled(sets[k]) : 0;
    j->so.judge = strcmp(metric, "fidelity") == 0 || (is_auto && labelled == 0) ? HN_JUDGE_FIDELITY : HN_JUDGE_TOP1;
    for (int k = 0; k < 2 && j->so.judge == HN_JUDGE_TOP1; k++) {
        size_t without = sets[k] ? sets[k]->count - hn_dataset_labelled(sets[k]) : 0;
        if (!without) continue;
        hn_fail(env, HN_INPUT, "%zu of %zu samples in %s have no label, so accuracy cannot be measured", without,
                sets[k]->count, sets[k]->path);
        hn_hint(env, "give a labelled set, or judge without labels: --metric fidelity");
        return HN_INPUT;
    }
    return HN_OK;
}

static hn_status open_all(hn_job *j)
{
    hn_env *env = &j->e->env;
    HN_TRY(hn_session_open(env, j->path, NULL, &j->source));
    if (!hn_session_graph(j->source)) {
        hn_fail(env, HN_INPUT, "%s is a plan, not a model", j->path);
        hn_hint(env, "optimise the ONNX file that the plan was made from");
        return HN_INPUT;
    }
    HN_TRY(hn_api_data_open(j->e, &j->o->data, j->source, &j->ds));
    if (j->o->eval.data) {
        hone_data_options d = j->o->eval;
        if (!d.preprocess) d.preprocess = j->o->data.preprocess;
        if (!d.label_offset) d.label_offset = j->o->data.label_offset;
        HN_TRY(hn_api_data_open(j->e, &d, j->source, &j->test_ds));
    }
    HN_TRY(choose_judge(j));
    size_t n = j->ds->count;
    if (n < 48) {
        hn_fail(env, HN_INPUT, "%s has %zu samples; at least 48 are needed for calibration, selection and test",
                j->o->data.data, n);
        return HN_INPUT;
    }
    size_t calib = j->o->calib ? j->o->calib : n / 4 < 256 ? n / 4 : 256;
    if (calib > n / 2) calib = n / 2;
    size_t left = n - calib, select = j->test_ds ? left : left * 2 / 5;
    if (select > SELECT_MAX) select = SELECT_MAX;
    size_t counts[HN_PARTS] = {calib, select, j->test_ds ? 0 : SIZE_MAX};
    HN_TRY(hn_dataset_split(env, j->ds, counts, env->seed, &j->arena, &j->split));
    const hn_dataset *t = j->test_ds ? j->test_ds : j->ds;
    j->ntest = j->test_ds ? t->count : j->split.count[HN_PART_TEST];
    if (j->ntest > TEST_MAX) j->ntest = TEST_MAX;
    if (j->ntest < 16) return hn_fail(env, HN_INPUT, "only %zu samples are left for the test", j->ntest);
    j->test = j->split.index[HN_PART_TEST];
    if (j->test_ds) {
        j->test = hn_arena_array(env, &j->arena, j->ntest, sizeof *j->test);
        if (!j->test) return HN_NOMEM;
        for (size_t i = 0; i < j->ntest; i++) j->test[i] = i;
    }
    return HN_OK;
}

static size_t weights_in(const hn_graph *g)
{
    size_t sum = 0;
    for (const hn_node *n = g->first; n; n = n->next)
        for (size_t i = 0; i < n->nin; i++)
            if (hn_node_const(n, i) && hn_dtype_is_float(n->in[i]->data->dtype)) sum += hn_tensor_elems(n->in[i]->data);
    return sum;
}

static hn_status clean_graph(hn_job *j)
{
    hn_env *env = &j->e->env;
    j->clean = hn_graph_clone(env, &j->arena, hn_session_graph(j->source));
    if (!j->clean) return env->error.status;
    for (const hn_node *n = j->clean->first; n; n = n->next)
        if (hn_node_is(n, "QuantizeLinear") || hn_node_is(n, "QLinearConv") || hn_node_is(n, "QLinearMatMul")) {
            hn_fail(env, HN_INPUT, "%s is quantised already (node \"%s\")", j->path, hn_node_label(n));
            hn_hint(env, "optimise the float model that it was made from");
            return HN_INPUT;
        }
    HN_TRY(hn_pipeline_run(env, j->clean, hn_pipeline_clean));
    size_t before = weights_in(j->clean), channels = 0;
    HN_TRY(hn_pass_run(env, j->clean, "dead_channels", &channels));
    j->params_removed = before - weights_in(j->clean);
    if (channels > 0)
        hn_log(env, HN_LOG_INFO, "%zu channels that are zero or unread are gone, and %zu weights with them", channels,
               j->params_removed);
    return HN_OK;
}

static hn_status search(hn_job *j)
{
    static const char *const names[] = {"minmax", "percentile", "mse", "entropy"};
    j->so = (hn_search_options){.judge = j->so.judge,
                                .max_drop = j->o->max_drop > 0 ? j->o->max_drop : 1.0,
                                .method = -1,
                                .per_tensor = j->o->per_tensor,
                                .weight_bits = strcmp(j->recipe.bits, "7") == 0 ? 7 : 8,
                                .pairs = strcmp(j->recipe.bits, "auto") == 0 ? hn_search_pairs_pay(j->e->env.isa)
                                                                             : strcmp(j->recipe.bits, "7") == 0,
                                .all = j->o->all,
                                .size = j->o->goal && strcmp(j->o->goal, "size") == 0,
                                .time_budget_s = j->o->time_budget_s,
                                .progress = progress,
                                .self = j};
    for (int i = 0; j->o->calibration && i < HN_METHODS; i++)
        if (strcmp(j->o->calibration, names[i]) == 0) j->so.method = i;
    HN_TRY(hn_job_state_open(j));
    return hn_search_run(&j->e->env, &j->arena, j->clean, j->ds, &j->split, &j->so, &j->s);
}

/* The one look at the test part. */
static hn_status test(hn_job *j)
{
    hn_env *env = &j->e->env;
    const hn_dataset *ds = j->test_ds ? j->test_ds : j->ds;
    double *a = hn_arena_array(env, &j->arena, j->ntest, sizeof *a);
    double *b = hn_arena_array(env, &j->arena, j->ntest, sizeof *b);
    if (!a || !b) return HN_NOMEM;
    hn_score_options so = {.progress = test_progress, .self = j};
    hn_session *base = j->s.float_session;
    HN_TRY(hn_judge_score(env, j->so.judge, base, base, ds, j->test, j->ntest, &so, a));
    HN_TRY(hn_judge_score(env, j->so.judge, base, j->s.session, ds, j->test, j->ntest, &so, b));
    for (size_t i = 0; i < j->ntest; i++) {
        j->before_score += a[i];
        j->after_score += b[i];
    }
    bool top1 = j->so.judge == HN_JUDGE_TOP1;
    j->before = top1 ? hn_stat_proportion((size_t)j->before_score, j->ntest) : hn_stat_mean(a, j->ntest);
    j->after = top1 ? hn_stat_proportion((size_t)j->after_score, j->ntest) : hn_stat_mean(b, j->ntest);
    j->drop = hn_stat_drop_scores(a, b, j->ntest);
    j->budget_met = j->drop.value <= j->so.max_drop;
    j->certified = j->drop.upper <= j->so.max_drop;
    return HN_OK;
}

double hn_job_macs(const hn_plan *p)
{
    double macs = 0;
    for (size_t i = 0; i < p->nsteps; i++) macs += p->steps[i].cost.macs;
    return macs;
}

/* What the graph costs as it stands in the file, and clean, before anything is fused: the first stages of the
 * waterfall.
 */
static hn_status time_stages(hn_job *j, const hn_feed *feed)
{
    hn_env *env = &j->e->env;
    hn_session_options plain = {.plain = true};
    hn_session *s[HN_JOB_STAGES] = {NULL, NULL, j->s.float_session};
    hn_timing t[HN_JOB_STAGES];
    hn_status st = hn_session_new(env, hn_session_graph(j->source), NULL, &plain, &s[0]);
    if (st == HN_OK) st = hn_session_new(env, j->clean, NULL, &plain, &s[1]);
    if (st == HN_OK) st = hn_time_sessions(env, &j->arena, s, HN_JOB_STAGES, feed, 5, slice(j, 5), t);
    for (size_t i = 0; i < HN_JOB_STAGES && st == HN_OK; i++) {
        double share = t[i].latency.p50_ms / t[HN_JOB_STAGES - 1].latency.p50_ms;
        j->stage_ms[i] = share * j->timing[0].latency.p50_ms;
    }
    if (st == HN_OK) j->source_macs = hn_job_macs(t[0].plan);
    hn_session_close(env, s[0]);
    hn_session_close(env, s[1]);
    return st;
}

static hn_status time_both(hn_job *j)
{
    hn_env *env = &j->e->env;
    bool throughput = j->o->goal && strcmp(j->o->goal, "throughput") == 0;
    size_t batch = hn_score_batch(j->s.float_session, throughput ? 8 : 1);
    hn_feed feed;
    progress(j, "timing both", 0, 1);
    HN_TRY(hn_feed_make(env, &j->arena, j->s.float_session, j->ds, j->split.index[HN_PART_CALIB], batch, &feed));
    hn_session *pair[2] = {j->s.float_session, j->s.session};
    HN_TRY(hn_time_sessions(env, &j->arena, pair, 2, &feed, ROUNDS, slice(j, 40), j->timing));
    j->batch = batch;
    HN_TRY(time_stages(j, &feed));
    for (size_t i = 0; i < j->s.layers.nlayers; i++) {
        /* A layer that has no step of its own here keeps what the search measured. */
        double us[2];
        for (int k = 0; k < 2; k++) us[k] = hn_timing_of(&j->timing[k], j->s.layers.layer[i].name);
        if (us[0] >= 0) j->s.report[i].us_float = us[0];
        if (us[1] >= 0) j->s.report[i].us_int8 = us[1];
    }
    return HN_OK;
}

static hn_status out_path(hn_job *j, const char *name, char **out)
{
    *out = hn_path_join(&j->e->env, &j->arena, j->out, name);
    return *out ? HN_OK : HN_NOMEM;
}

static hn_status write_model(hn_job *j)
{
    hn_env *env = &j->e->env;
    HN_TRY(out_path(j, HN_PACKAGE_MODEL, &j->model_path));
    HN_TRY(out_path(j, HN_PACKAGE_PLAN, &j->plan_path));
    hn_buf pre = {0};
    hn_preprocess_print(env, &j->ds->options.pre, &pre);
    hn_meta meta[] = {{"hone.preprocess", hn_arena_strdup(env, &j->arena, hn_buf_str(env, &pre))},
                      {"hone.source_sha256", j->sha256}};
    hn_buf_fini(env, &pre);
    hn_onnx_write_options w = {.meta = meta, .nmeta = 2, .no_types = true};
    HN_TRY(hn_onnx_write(env, j->s.quantized, &w, j->model_path));
    HN_TRY(hn_plan_save(env, j->timing[1].plan, j->plan_path));
    j->after_bytes = hn_api_file_bytes(j->model_path);
    return HN_OK;
}

/* One step of the code of the first output, before its softmax; NaN when it has none. */
static double output_step(const hn_job *j)
{
    const hn_act *a = hn_layers_act(&j->s.layers, hn_end_of(j->s.graph->out[0], HN_ENDS_SCORES));
    return a && a->used ? (double)a->scale : (double)NAN;
}

/* One batch through both sessions: equal top classes, and the largest difference of the ends. */
static hn_status check_batch(hn_job *j, hn_session *const s[2], const hn_dataset *ds, size_t at, size_t n)
{
    hn_env *env = &j->e->env;
    hn_arena tmp = {0};
    hn_feed feed;
    hn_outputs out[2];
    hn_status st = hn_feed_make(env, &tmp, s[0], ds, j->test + at, n, &feed);
    for (int k = 0; k < 2 && st == HN_OK; k++) st = hn_outputs_take(env, &tmp, s[k], &feed, 1, NULL, &out[k]);
    if (st == HN_OK && (out[0].n != out[1].n || out[0].n % n))
        st = hn_fail(env, HN_BUG, "the model that was read back has other outputs");
    size_t classes = st == HN_OK ? out[0].n / n : 0;
    for (size_t i = 0; i < n && st == HN_OK; i++) {
        size_t best[2] = {0, 0};
        for (size_t c = 0; c < classes; c++) {
            for (int k = 0; k < 2; k++)
                if (out[k].v[i * classes + c] > out[k].v[i * classes + best[k]]) best[k] = c;
            double d = fabs((double)out[0].v[i * classes + c] - (double)out[1].v[i * classes + c]);
            j->export_steps = fmax(j->export_steps, d / output_step(j));
        }
        j->export_same += best[0] == best[1];
    }
    hn_arena_fini(env, &tmp);
    return st;
}

/* The first output of a graph up to its end, as a session of its own. */
static hn_status end_session(hn_job *j, const hn_graph *g, hn_session **out)
{
    hn_env *env = &j->e->env;
    hn_graph *c = hn_graph_clone(env, &j->arena, g), *part = NULL;
    if (!c) return env->error.status;
    hn_value *end = hn_end_of(c->out[0], HN_ENDS_SCORES);
    HN_TRY(hn_cut_graph(env, &j->arena, c, NULL, 0, &end, 1, &part));
    return hn_session_new(env, part ? part : c, NULL, NULL, out);
}

/* The written file, read back and run: the same answers as the model that was measured. */
static hn_status check_export(hn_job *j)
{
    hn_env *env = &j->e->env;
    hn_session *back = NULL, *s[2] = {NULL, NULL};
    size_t n = j->ntest < 64 ? j->ntest : 64, batch = hn_score_batch(j->s.session, 8);
    const hn_dataset *ds = j->test_ds ? j->test_ds : j->ds;
    hn_status st = hn_session_open(env, j->model_path, NULL, &back);
    if (st == HN_OK) st = end_session(j, j->s.quantized, &s[0]);
    if (st == HN_OK) st = end_session(j, hn_session_graph(back), &s[1]);
    j->export_steps = isnan(output_step(j)) ? (double)NAN : 0;
    for (size_t at = 0; at + batch <= n && st == HN_OK; at += batch) {
        st = check_batch(j, s, ds, at, batch);
        j->export_n += batch;
    }
    hn_session_close(env, s[0]);
    hn_session_close(env, s[1]);
    hn_session_close(env, back);
    return hn_context(env, st, "while checking the exported %s", j->model_path);
}

static hn_status run(hn_job *j)
{
    hn_env *env = &j->e->env;
    HN_TRY(open_all(j));
    HN_TRY(clean_graph(j));
    j->sha256 = hn_model_sha256((hn_model *)(uintptr_t)hn_session_model(j->source));
    j->before_bytes = hn_api_file_bytes(j->path);
    HN_TRY(hn_job_recipe_check(j));
    if (j->o->dry_run) return HN_OK;
    HN_TRY(hn_dir_make(env, j->out));
    HN_TRY(search(j));
    HN_TRY(test(j));
    HN_TRY(time_both(j));
    HN_TRY(write_model(j));
    HN_TRY(check_export(j));
    return HN_OK;
}

static hn_status out_folder(hn_job *j)
{
    hn_env *env = &j->e->env;
    if (!j->path) return hn_fail(env, HN_INPUT, "no model is named, neither as an argument nor in a recipe");
    j->out = j->o->out;
    if (j->out) return HN_OK;
    size_t n = strlen(j->path);
    if (n > 5 && hn_path_has_ext(j->path, ".onnx")) n -= 5;
    j->out = hn_arena_printf(env, &j->arena, "%.*s-hone", (int)n, j->path);
    return j->out ? HN_OK : HN_NOMEM;
}

hone_status hone_optimize(hone_env *e, const char *model, const hone_optimize_options *options, hone_record **out)
{
    hone_record *rec = NULL;
    hn_job j = {.e = e, .o = options, .path = model, .started_ns = hn_clock_ns()};
    hn_error_clear(&e->env);
    hn_status st = hn_job_recipe(&j);
    if (st == HN_OK) st = hn_api_record_new(e, options->quantize_only ? "quantize" : "optimize", &rec, &j.r);
    if (st == HN_OK) st = out_folder(&j);
    if (st == HN_OK) st = run(&j);
    if (st == HN_OK) st = hn_job_record(&j, rec->root);
    if (st == HN_OK && !options->dry_run) st = hn_job_write(&j, rec->root);
    hn_search_fini(&j.s);
    hn_journal_fini(&e->env, &j.journal);
    hn_dataset_close(&e->env, j.test_ds);
    hn_dataset_close(&e->env, j.ds);
    hn_session_close(&e->env, j.source);
    hn_job_recipe_fini(&j);
    hn_arena_fini(&e->env, &j.arena);
    return hn_api_finish(e, st, rec, out);
}
