/* stats: the few statistics that accuracy claims need. Sources: Wilson (1927) for proportions; paired difference of
 * correlated proportions as in McNemar (1947). */
#ifndef HN_OPTIMIZE_STATS_H
#define HN_OPTIMIZE_STATS_H

#include <stddef.h>

typedef struct hn_interval {
    double value, lo, hi;
} hn_interval;

/* k of n with the 95 % Wilson score interval; n = 0 gives {0, 0, 1}. */
hn_interval hn_stat_proportion(size_t k, size_t n);

/* Accuracy drop in points (percent) from paired answers: b = base right and other wrong, c = the reverse, of n. The
 * interval is two-sided 95 %; `upper` is the one-sided 95 % bound that a claim "drop <= D" must stay below. */
typedef struct hn_drop {
    size_t n, b, c;
    double value, se, lo, hi, upper;
} hn_drop;
hn_drop hn_stat_drop(size_t n, size_t b, size_t c);
/* The same of scores between 0 and 1 rather than answers; b and c: samples whose score is lower and higher. */
hn_drop hn_stat_drop_scores(const double *base, const double *other, size_t n);
/* The same from what was kept of it: value and standard error, which are finite. */
hn_drop hn_stat_drop_restore(size_t n, size_t b, size_t c, double value, double se);
/* Mean with the interval of the normal distribution. */
hn_interval hn_stat_mean(const double *v, size_t n);

/* Median and quantiles of a copy-free sorted array. q in [0, 1], linear interpolation. n > 0. */
double hn_stat_quantile(const double *sorted, size_t n, double q);
void hn_stat_sort(double *v, size_t n);
double hn_stat_median(double *v, size_t n); /* sorts v; 0 for n = 0 */

#endif
