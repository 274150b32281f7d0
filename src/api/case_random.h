/* case_random: outputs whose numbers no stored case can fix, because an operator that draws them stands above. */
#ifndef HN_API_CASE_RANDOM_H
#define HN_API_CASE_RANDOM_H

#include "ir/op.h"

typedef struct hn_case_random {
    bool random;
    bool bounded; /* every element lies in [low, high] */
    double low, high;
} hn_case_random;

/* Of output `i` of g. Dropout with a seed is not random: ONNX fixes its mask. Other random operators may differ between
 * implementations even where a seed is given. */
hn_status hn_case_random_of(hn_env *env, const hn_graph *g, size_t i, hn_case_random *out) HN_MUST_CHECK;

#endif
