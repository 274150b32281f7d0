/* lib_slice: a batch that is run a few samples at a time, so that what lies between two steps stays in cache. */
#ifndef HN_PASSES_LIB_SLICE_H
#define HN_PASSES_LIB_SLICE_H

#include "ir/graph.h"

/* How many of the `batch` samples of a compiled graph had best be run at a time: a divisor of batch, by counts alone,
 * so the same on every machine and for every number of threads. */
int64_t hn_slice_choose(const hn_graph *whole, int64_t batch);

/* Whether `part`, the same graph compiled for `slice` samples, computes on samples [k * slice, (k + 1) * slice) of
 * every input what `whole` gives for them, and nothing else: node for node the same operators, attributes and
 * constants, every row's shard rule answering yes, samples along the first axis of all inputs and outputs. `why` gets
 * the reason when it does not. */
hn_status hn_slice_proved(hn_env *env, const hn_graph *whole, const hn_graph *part, int64_t batch, int64_t slice,
                          bool *proved, char why[160]) HN_MUST_CHECK;

#endif
