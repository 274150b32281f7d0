/* judge: what a sample is worth under the metric of an optimise job; more is better.
 *
 * top1: 1 when the label is the highest class, else 0.
 *
 * fidelity, for data without labels: how much of what the float model's outputs tell about a sample is kept. For an
 * output 1 - d / v, where d is the squared distance from the float model's and v what that is, over all samples, for
 * the mean of the float model's; the mean over the float outputs. 1: the same; 0: no better than the mean, whatever the
 * input. The mean over samples is the coefficient of determination with the float model for the truth. */
#ifndef HN_OPTIMIZE_JUDGE_H
#define HN_OPTIMIZE_JUDGE_H

#include "optimize/score.h"

typedef enum hn_judge { HN_JUDGE_TOP1, HN_JUDGE_FIDELITY, HN_JUDGES } hn_judge;
extern const char *const hn_judge_name[HN_JUDGES];

/* score[i] of sample index[i], where `reference` is the float model, which may be `s` itself. HN_INPUT: for top1 as
 * hn_score; for fidelity when outputs cannot be told apart by sample, are not finite, or are the same for all samples.
 */
hn_status hn_judge_score(hn_env *env, hn_judge judge, hn_session *reference, hn_session *s, const hn_dataset *ds,
                         const size_t *index, size_t n, const hn_score_options *options, double *score) HN_MUST_CHECK;

#endif
