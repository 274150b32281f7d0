/* observe: histograms of activations over calibration samples, and ranges chosen from them.
 * Sources: MSE with an error norm of 2.4 as in the GPTQ grid search; entropy (KL) calibration as published for
 * TensorRT. */
#ifndef HN_OPTIMIZE_OBSERVE_H
#define HN_OPTIMIZE_OBSERVE_H

#include "data/data.h"
#include "optimize/layers.h"

enum { HN_HIST_BINS = 2048, HN_METHODS = 4 };

typedef enum hn_method { HN_METHOD_MINMAX, HN_METHOD_PERCENTILE, HN_METHOD_MSE, HN_METHOD_ENTROPY } hn_method;
extern const char *const hn_method_name[HN_METHODS];

typedef struct hn_hist {
    float lo, hi; /* smallest and largest value seen */
    double count; /* finite values */
    double sum, sum2;
    size_t strange; /* NaN or infinite values */
    double *bins;   /* HN_HIST_BINS over [lo, hi] */
    double *mean;   /* per channel (axis 1), or NULL; so are the mean square and the largest size of a value */
    double *square;
    float *most;
    size_t channels;
} hn_hist;

/* Run the float graph over samples[0..n) with every activation of `l` as an extra output; hist[] has l->nacts entries,
 * filled in the arena. The layers' input channel means come along. HN_INPUT names an activation that saw NaN or
 * infinity. */
hn_status hn_observe(hn_env *env, const hn_layers *l, const hn_dataset *ds, const size_t *samples, size_t n,
                     hn_arena *arena, hn_hist *hist, void (*progress)(void *self, double done, double total),
                     void *self) HN_MUST_CHECK;

/* Union of the histograms of a group on one grid. */
hn_status hn_hist_merge(hn_env *env, hn_arena *arena, const hn_hist *const *from, size_t n, hn_hist *out) HN_MUST_CHECK;

/* Range for 256 levels; 0 is always inside. */
void hn_hist_range(const hn_hist *h, hn_method method, float *lo, float *hi);
/* Scale and zero point of a u8 code for a range that holds 0. */
void hn_range_to_u8(float lo, float hi, float *scale, int32_t *zero);

#endif
