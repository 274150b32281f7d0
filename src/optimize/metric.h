/* metric: what `hone eval` measures besides right answers. One value a sample comes from the model, a number with its
 * 95 % interval from all of them. docs/metrics.md defines each. */
#ifndef HN_OPTIMIZE_METRIC_H
#define HN_OPTIMIZE_METRIC_H

#include "data/data.h"
#include "optimize/score.h"

/* Names of the metrics that are known here, separated by ", ". */
extern const char hn_metric_names[];
bool hn_metric_known(const char *name);
/* HN_INPUT when the model's first output or the labels do not fit the metric. */
hn_status hn_metric_measure(hn_env *env, hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                            const char *name, const hn_score_options *options, hn_interval *out) HN_MUST_CHECK;

/* The statistics alone. `score`: higher means class 1; label 0 or 1. HN_INPUT when a class is missing. */
hn_status hn_metric_auc(hn_env *env, const double *score, const int64_t *label, size_t n,
                        hn_interval *out) HN_MUST_CHECK;
/* Mean over the classes that occur of the harmonic mean of precision and recall. */
hn_status hn_metric_f1(hn_env *env, const int64_t *label, const int64_t *answer, size_t n,
                       hn_interval *out) HN_MUST_CHECK;

#endif
