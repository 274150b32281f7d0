/* spread: how much an output varies over samples. Sums are of differences from the first sample, which loses no digits
 * where values vary little around a large one. */
#ifndef HN_OPTIMIZE_SPREAD_H
#define HN_OPTIMIZE_SPREAD_H

#include "base/arena.h"

typedef struct hn_spread {
    size_t elems, n;
    float *first;
    double *sum, squares;
} hn_spread;

hn_status hn_spread_start(hn_env *env, hn_arena *arena, size_t elems, hn_spread *out) HN_MUST_CHECK;
void hn_spread_add(hn_spread *s, const float *v); /* the `elems` values of one more sample */
/* Mean over the samples of the squared distance from their mean; 0 when they are all the same. */
double hn_spread_of(const hn_spread *s);

#endif
