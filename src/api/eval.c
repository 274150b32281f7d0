/* eval: a metric on a labelled set, with its interval. */
#include "api/api.h"

#include "base/clock.h"
#include "optimize/metric.h"
#include "optimize/score.h"

#include <string.h>

static void progress(void *self, size_t done, size_t total)
{
    hn_api_progress(self, "evaluating", (double)done, (double)total);
}

static size_t batch_of(const hone_eval_options *o)
{
    return o->batch > 0 ? (size_t)o->batch : 0;
}

static hn_status answers(hone_env *e, hn_session *s, hn_dataset *ds, const hone_eval_options *o, const size_t *index,
                         size_t n, size_t top, hn_arena *tmp, size_t *correct, hn_interval *iv)
{
    double *right = hn_arena_array(&e->env, tmp, n, sizeof *right);
    if (!right) return HN_NOMEM;
    hn_score_options so = {.batch = batch_of(o), .top = top, .progress = progress, .self = e};
    HN_TRY(hn_score(&e->env, s, ds, index, n, &so, right));
    for (size_t i = 0; i < n; i++) *correct += right[i] > 0;
    *iv = hn_stat_proportion(*correct, n);
    return HN_OK;
}

static hn_status eval(hone_env *e, hn_session *s, hn_dataset *ds, const hone_eval_options *o, const char *path,
                      hn_recs *r, hn_rec *root, hn_arena *tmp)
{
    hn_env *env = &e->env;
    const char *metric = o->metric ? o->metric : "top1";
    size_t top = strcmp(metric, "top1") == 0 ? 1 : strcmp(metric, "top5") == 0 ? 5 : 0;
    if (!top && !hn_metric_known(metric)) {
        hn_fail(env, HN_INPUT, "metric \"%s\" is not known", metric);
        hn_hint(env, "known metrics: top1, top5, %s", hn_metric_names);
        return HN_INPUT;
    }
    size_t n = ds->count;
    if (n == 0) return hn_fail(env, HN_INPUT, "the data set is empty");
    size_t *index = hn_arena_array(env, tmp, n, sizeof *index);
    if (!index) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) index[i] = i;
    uint64_t start = hn_clock_ns();
    size_t correct = 0;
    hn_interval iv;
    if (top)
        HN_TRY(answers(e, s, ds, o, index, n, top, tmp, &correct, &iv));
    else
        HN_TRY(hn_metric_measure(env, s, ds, index, n, metric,
                                 &(hn_score_options){.batch = batch_of(o), .progress = progress, .self = e}, &iv));
    double seconds = (double)(hn_clock_ns() - start) * 1e-9;
    hn_rec_str(r, root, "model", path);
    hn_rec_str(r, root, "data", o->data.data);
    hn_buf text = {0};
    hn_preprocess_print(env, &ds->options.pre, &text);
    hn_rec_str(r, root, "preprocess", hn_buf_str(env, &text));
    hn_buf_fini(env, &text);
    hn_rec_str(r, root, "metric", metric);
    hn_rec_int(r, root, "n", (int64_t)n);
    if (top) hn_rec_int(r, root, "correct", (int64_t)correct);
    hn_rec_real(r, root, "value", iv.value);
    hn_rec *list = hn_rec_list(r, root, "interval");
    hn_rec_real(r, list, NULL, iv.lo);
    hn_rec_real(r, list, NULL, iv.hi);
    hn_rec_real(r, root, "seconds", seconds);
    return HN_OK;
}

hone_status hone_eval(hone_env *e, const char *model, const hone_eval_options *options, hone_record **out)
{
    static const hone_eval_options defaults;
    if (!options) options = &defaults;
    hone_record *rec;
    hn_recs r;
    hn_session *s = NULL;
    hn_dataset *ds = NULL;
    hn_arena tmp = {0};
    hn_status st = hn_api_record_new(e, "eval", &rec, &r);
    if (st == HN_OK) st = hn_session_open(&e->env, model, NULL, &s);
    if (st == HN_OK) st = hn_api_data_open(e, &options->data, s, &ds);
    if (st == HN_OK) st = eval(e, s, ds, options, model, &r, rec->root, &tmp);
    hn_arena_fini(&e->env, &tmp);
    hn_dataset_close(&e->env, ds);
    hn_session_close(&e->env, s);
    return hn_api_finish(e, st, rec, out);
}
