/* lib_forest_class: from votes to labels and scores. Two classes of which only one is voted for are the form in which
 * boosted trees come; where the specification is silent about it, ONNX Runtime's reading is kept. */
#include "ops/lib_forest.h"

hn_status hn_classify_read(hn_env *env, hn_arena *arena, const hn_node *n, hn_classify *k)
{
    hn_forest *f = &k->forest;
    *k = (hn_classify){.share = true};
    HN_TRY(hn_ml_labels_of(env, n, "classlabels_int64s", "classlabels_strings", &k->labels));
    k->width = k->labels.count;
    HN_TRY(hn_forest_read_old(env, arena, n, "class", k->width, f));
    if (f->bases > 0 && f->bases != k->width && !(f->bases == 1 && k->width == 2))
        return hn_op_fail(env, n, "%zu base values for %zu classes", f->bases, k->width);
    k->lone = k->width == 2 && f->votes > 0;
    k->voted = f->votes > 0 ? (size_t)f->vote[0].target : 0;
    for (size_t i = 0; i < f->votes; i++) {
        k->lone = k->lone && (size_t)f->vote[i].target == k->voted;
        k->share = k->share && f->vote[i].weight >= 0;
    }
    return HN_OK;
}

/* The highest of the classes that have a vote or a base value; the first of equals. */
static size_t winner(const hn_classify *k, const double *score, const bool *has)
{
    size_t best = k->width;
    for (size_t t = 0; t < k->width; t++)
        if ((has[t] || k->forest.base) && (best == k->width || score[t] > score[best])) best = t;
    return best < k->width ? best : 0;
}

static void set_label(const hn_classify *k, const double *score, const bool *has, const hn_tensor *y, size_t r)
{
    if (k->width == 1) {
        /* The label stands for the positive class; the other is 0 or the empty string. */
        if (score[0] > 0) hn_ml_label_set(y, r, &k->labels, 0);
    } else if (k->lone) {
        hn_ml_label_set(y, r, &k->labels, score[k->voted] > (k->share ? 0.5 : 0));
    } else {
        hn_ml_label_set(y, r, &k->labels, winner(k, score, has));
    }
}

void hn_classify_finish(const hn_classify *k, double *score, const bool *has, size_t r, const hn_tensor *y,
                        const hn_tensor *z)
{
    const hn_forest *f = &k->forest;
    size_t n = k->width;
    for (size_t t = 0; f->base && t < n; t++) {
        if (k->lone && t != k->voted) continue;
        score[t] += f->base[f->bases == n ? t : 0];
    }
    if (y) set_label(k, score, has, y, r);
    if (!z) return;
    if (k->lone && k->voted == 0)
        hn_ml_post_pair(f->post, k->share && f->post != HN_ML_LOGISTIC, score, &n);
    else
        hn_ml_post_row(f->post, score, n);
    for (size_t t = 0; t < n; t++) hn_set_f64(z, r * k->width + t, score[t]);
}
