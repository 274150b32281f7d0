/* lib_random: where random rows take their numbers from. With a seed attribute they come from MT19937 as NumPy's
 * RandomState(seed) draws them, which is what the reference implementation of the ONNX operators does; without one from
 * the run's own seed and the node's id. */
#ifndef HN_OPS_LIB_RANDOM_H
#define HN_OPS_LIB_RANDOM_H

#include "base/rng.h"
#include "ops/lib.h"

typedef struct hn_draw {
    bool seeded;
    hn_rng rng;      /* not seeded */
    uint32_t s[624]; /* seeded: MT19937 */
    int at;
    bool kept; /* the second of a pair of normal numbers waits in spare */
    double spare;
} hn_draw;

void hn_draw_seed(hn_draw *d, uint32_t seed);
/* From the node's attribute "seed", an int or a float whose integer part counts. */
void hn_draw_init(hn_draw *d, const hn_refargs *a);
double hn_draw_unit(hn_draw *d); /* in [0, 1), 53 bits */
double hn_draw_normal(hn_draw *d);
int64_t hn_draw_bernoulli(hn_draw *d, double p); /* 0 or 1 */

/* out 0: dtype from the attribute, else `otherwise` (HN_NONE: of input 0). Refuses dtypes that the port does not
 * allow. */
hn_status hn_infer_random_dtype(hn_infer *c, hn_dtype otherwise) HN_MUST_CHECK;
hn_status hn_infer_random_like(hn_infer *c);  /* dims of input 0 */
hn_status hn_infer_random_shape(hn_infer *c); /* dims from the attribute shape */
/* The cases of a row with two parameters: `first` are the three numbers of seed 0, `scaled` the four of seed 3 with the
 * parameters given. */
typedef struct hn_random_cases {
    const char *name[2];
    double value[2];
    const double *first, *scaled;
} hn_random_cases;
hn_status hn_random_shape_cases(struct hn_cases *c, const hn_random_cases *r);
hn_status hn_random_like_cases(struct hn_cases *c, const hn_random_cases *r);
hn_status hn_ref_random_uniform(const hn_refargs *a);
hn_status hn_ref_random_normal(const hn_refargs *a);

#endif
