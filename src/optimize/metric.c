/* metric: see the header. Sources: the area under the ROC curve as the Mann-Whitney statistic, its standard error after
 * Hanley and McNeil (1982); macro F1 with a percentile bootstrap (Efron, 1979). */
#include "optimize/metric.h"

#include "base/rng.h"
#include "base/size.h"

#include <math.h>
#include <string.h>

enum { RESAMPLES = 1000 };
static const double z95 = 1.959963984540054;

typedef enum kind { AUC, F1, PPL, XENT, MSE, RMSE, MAE } kind;
static const char *const names[] = {"auc", "f1", "ppl", "xent", "mse", "rmse", "mae"};
const char hn_metric_names[] = "auc, f1, ppl, xent, mse, rmse, mae";

static bool find(const char *name, kind *out)
{
    for (size_t i = 0; i < HN_COUNT(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (kind)i;
            return true;
        }
    return false;
}

bool hn_metric_known(const char *name)
{
    kind k;
    return find(name, &k);
}

hn_status hn_metric_auc(hn_env *env, const double *score, const int64_t *label, size_t n, hn_interval *out)
{
    size_t count[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        if (label[i] != 0 && label[i] != 1)
            return hn_fail(env, HN_INPUT, "auc wants the labels 0 and 1; sample %zu has %lld", i, (long long)label[i]);
        if (isnan(score[i])) return hn_fail(env, HN_INPUT, "the model's score of sample %zu is NaN", i);
        count[label[i]]++;
    }
    if (!count[0] || !count[1])
        return hn_fail(env, HN_INPUT, "auc wants samples of both classes; all %zu have label %d", n, count[1] > 0);
    hn_arena arena = {0};
    double *of[2];
    for (int k = 0; k < 2; k++) {
        size_t at = 0;
        of[k] = hn_arena_array(env, &arena, count[k], sizeof **of);
        for (size_t i = 0; i < n && of[k]; i++)
            if (label[i] == k) of[k][at++] = score[i];
        if (of[k]) hn_stat_sort(of[k], count[k]);
    }
    double wins = 0;
    size_t below = 0, upto = 0; /* among class 0: scores under this one; and those that are equal as well */
    for (size_t i = 0; i < count[1] && of[0] && of[1]; i++) {
        while (below < count[0] && of[0][below] < of[1][i]) below++;
        upto = upto < below ? below : upto;
        while (upto < count[0] && of[0][upto] <= of[1][i]) upto++;
        wins += (double)below + 0.5 * (double)(upto - below);
    }
    bool full = of[0] && of[1];
    hn_arena_fini(env, &arena);
    if (!full) return HN_NOMEM;
    double n0 = (double)count[0], n1 = (double)count[1], a = wins / n0 / n1;
    double q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    double se = sqrt(fmax(0, (a * (1 - a) + (n1 - 1) * (q1 - a * a) + (n0 - 1) * (q2 - a * a)) / (n0 * n1)));
    *out = (hn_interval){a, fmax(0, a - z95 * se), fmin(1, a + z95 * se)};
    return HN_OK;
}

/* count: three numbers a class: right, wrongly given, wrongly missed. */
static double macro_f1(const size_t *count, size_t classes)
{
    double sum = 0;
    size_t seen = 0;
    for (size_t c = 0; c < classes; c++) {
        const size_t *k = count + 3 * c;
        if (k[0] + k[1] + k[2] == 0) continue;
        sum += 2.0 * (double)k[0] / (double)(2 * k[0] + k[1] + k[2]);
        seen++;
    }
    return seen ? sum / (double)seen : 0;
}

static void tally(size_t *count, int64_t label, int64_t answer)
{
    if (label == answer) {
        count[3 * label]++;
        return;
    }
    count[3 * answer + 1]++;
    count[3 * label + 2]++;
}

hn_status hn_metric_f1(hn_env *env, const int64_t *label, const int64_t *answer, size_t n, hn_interval *out)
{
    int64_t top = 0;
    for (size_t i = 0; i < n; i++) {
        if (label[i] < 0 || answer[i] < 0) return hn_fail(env, HN_INPUT, "sample %zu has no class", i);
        top = label[i] > top ? label[i] : top;
        top = answer[i] > top ? answer[i] : top;
    }
    if (n == 0 || top >= INT32_MAX) return hn_fail(env, HN_INPUT, "f1 of %zu samples", n);
    size_t classes = (size_t)top + 1;
    hn_arena arena = {0};
    size_t *count = hn_arena_array(env, &arena, 3 * classes, sizeof *count);
    double *again = hn_arena_array(env, &arena, RESAMPLES, sizeof *again);
    if (!count || !again) {
        hn_arena_fini(env, &arena);
        return HN_NOMEM;
    }
    for (size_t i = 0; i < n; i++) tally(count, label[i], answer[i]);
    out->value = macro_f1(count, classes);
    hn_rng rng;
    hn_rng_init(&rng, env->seed, 0);
    for (size_t r = 0; r < RESAMPLES; r++) {
        memset(count, 0, 3 * classes * sizeof *count);
        for (size_t i = 0; i < n; i++) {
            size_t k = (size_t)hn_rng_below(&rng, n);
            tally(count, label[k], answer[k]);
        }
        again[r] = macro_f1(count, classes);
    }
    hn_stat_sort(again, RESAMPLES);
    out->lo = hn_stat_quantile(again, RESAMPLES, 0.025);
    out->hi = hn_stat_quantile(again, RESAMPLES, 0.975);
    hn_arena_fini(env, &arena);
    return HN_OK;
}

typedef struct gather {
    hn_env *env;
    hn_session *s;
    kind kind;
    const char *name;
    double *value;           /* per sample: score or error */
    int64_t *label, *answer; /* per sample */
} gather;

static int64_t top_class(const hn_tensor *y, size_t from, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (hn_get_f64(y, from + c) > hn_get_f64(y, from + best)) best = c;
    return (int64_t)best;
}

/* -log of the label's probability. A row of probabilities is taken as it is, any other as logits. */
static double cross_entropy(const hn_tensor *y, size_t from, size_t classes, size_t label)
{
    double sum = 0, most = -INFINITY, least = INFINITY;
    for (size_t c = 0; c < classes; c++) {
        double v = hn_get_f64(y, from + c);
        sum += v;
        most = fmax(most, v);
        least = fmin(least, v);
    }
    double mine = hn_get_f64(y, from + label);
    if (least >= 0 && fabs(sum - 1) < 1e-3) return -log(fmax(mine / sum, 1e-12));
    double z = 0;
    for (size_t c = 0; c < classes; c++) z += exp(hn_get_f64(y, from + c) - most);
    return log(z) + most - mine;
}

/* Error against the input, when the output has its size, else of the only value against the label. */
static hn_status error_of(gather *g, const hn_tensor *y, size_t from, size_t elems, const hn_tensor *x, size_t at,
                          size_t inputs)
{
    bool copy = elems > 1 && elems == inputs;
    double sum = 0;
    if (!copy && (elems != 1 || g->label[at] < 0)) {
        hn_fail(g->env, HN_INPUT,
                "%s wants an output of the input's size, or one value and a label; sample %zu has %zu values", g->name,
                at, elems);
        return HN_INPUT;
    }
    for (size_t i = 0; i < elems; i++) {
        double d = hn_get_f64(y, from + i) - (copy ? hn_get_f64(x, from + i) : (double)g->label[at]);
        sum += g->kind == MAE ? fabs(d) : d * d;
    }
    g->value[at] = sum / (double)elems;
    return HN_OK;
}

static hn_status score_of(gather *g, const hn_tensor *y, size_t from, size_t elems, const hn_tensor *x, size_t at,
                          size_t inputs)
{
    if (elems > 2 && elems == inputs) return error_of(g, y, from, elems, x, at, inputs);
    if (elems > 2) {
        hn_fail(g->env, HN_INPUT, "auc wants a score of two classes; the output has %zu values a sample", elems);
        hn_hint(g->env, "top1 and f1 measure models of several classes");
        return HN_INPUT;
    }
    g->value[at] = hn_get_f64(y, from + elems - 1) - (elems == 2 ? hn_get_f64(y, from) : 0);
    return HN_OK;
}

static hn_status one_sample(gather *g, const hn_tensor *y, const hn_tensor *x, size_t row, size_t rows, size_t at)
{
    size_t elems = hn_tensor_elems(y) / rows, inputs = x ? hn_tensor_elems(x) / rows : 0, from = row * elems;
    if (g->kind == MSE || g->kind == RMSE || g->kind == MAE) return error_of(g, y, from, elems, x, at, inputs);
    if (g->label[at] < 0) return hn_fail(g->env, HN_INPUT, "sample %zu has no label", at);
    if (g->kind == AUC) return score_of(g, y, from, elems, x, at, inputs);
    if (elems < 2) return hn_fail(g->env, HN_INPUT, "%s wants a row of classes; the output has one value", g->name);
    if ((uint64_t)g->label[at] >= elems) {
        hn_fail(g->env, HN_INPUT, "sample %zu has label %lld, but the model knows %zu classes", at,
                (long long)g->label[at], elems);
        hn_hint(g->env, "--label-offset shifts labels");
        return HN_INPUT;
    }
    g->answer[at] = top_class(y, from, elems);
    g->value[at] = g->kind == F1 ? 0 : cross_entropy(y, from, elems, (size_t)g->label[at]);
    return HN_OK;
}

static hn_status one_batch(void *self, hn_env *env, hn_arena *tmp, const hn_score_part *p)
{
    gather *g = self;
    hn_tensor *out = hn_arena_array(env, tmp, hn_session_outputs(g->s), sizeof *out);
    if (!out) return HN_NOMEM;
    HN_TRY(hn_session_run(env, g->s, p->in, out));
    size_t elems = hn_tensor_elems(&out[0]);
    if (out[0].dtype == HN_STRING || elems == 0 || elems % p->pad != 0) {
        char text[128];
        hn_tensor_describe(&out[0], text, sizeof text);
        return hn_fail(env, HN_INPUT, "the model's first output is %s, which is not one row a sample", text);
    }
    bool numbers =
        hn_session_inputs(g->s) > 0 && p->in[0]->dtype != HN_STRING && hn_tensor_elems(p->in[0]) % p->pad == 0;
    for (size_t i = 0; i < p->n; i++) {
        g->label[p->at + i] = p->label ? p->label[i] : -1;
        HN_TRY(one_sample(g, &out[0], numbers ? p->in[0] : NULL, i, p->pad, p->at + i));
    }
    return HN_OK;
}

static hn_status conclude(gather *g, size_t n, hn_interval *out)
{
    if (g->kind == AUC) return hn_metric_auc(g->env, g->value, g->label, n, out);
    if (g->kind == F1) return hn_metric_f1(g->env, g->label, g->answer, n, out);
    *out = hn_stat_mean(g->value, n);
    if (g->kind == PPL) *out = (hn_interval){exp(out->value), exp(out->lo), exp(out->hi)};
    if (g->kind == RMSE) *out = (hn_interval){sqrt(out->value), sqrt(fmax(0, out->lo)), sqrt(out->hi)};
    return HN_OK;
}

hn_status hn_metric_measure(hn_env *env, hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                            const char *name, const hn_score_options *options, hn_interval *out)
{
    gather g = {.env = env, .s = s, .name = name};
    hn_arena arena = {0};
    if (!find(name, &g.kind)) return hn_fail(env, HN_INPUT, "metric \"%s\" is not known", name);
    g.value = hn_arena_array(env, &arena, n + 1, sizeof *g.value);
    g.label = hn_arena_array(env, &arena, n + 1, sizeof *g.label);
    g.answer = hn_arena_array(env, &arena, n + 1, sizeof *g.answer);
    hn_status st = g.value && g.label && g.answer ? HN_OK : HN_NOMEM;
    if (st == HN_OK) st = hn_score_walk(env, s, ds, index, n, options, one_batch, &g);
    if (st == HN_OK) st = conclude(&g, n, out);
    hn_arena_fini(env, &arena);
    return st;
}
