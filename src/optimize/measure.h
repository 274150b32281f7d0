/* measure: how long two sessions take, run in turn, and how far the outputs of one are from those of another. */
#ifndef HN_OPTIMIZE_MEASURE_H
#define HN_OPTIMIZE_MEASURE_H

#include "data/data.h"
#include "optimize/session.h"

/* Of single runs. */
typedef struct hn_latency {
    double min_ms, p50_ms, p90_ms, p99_ms, mean_ms;
    size_t runs;
} hn_latency;

typedef struct hn_timing {
    hn_latency latency;
    double *step_us;      /* median per plan step */
    double *step_best_us; /* of the fastest round */
    const hn_plan *plan;
} hn_timing;

/* Fixed inputs for a session: a batch of samples, kept for repeated runs. */
typedef struct hn_feed {
    const hn_tensor **in;
    const int64_t *label; /* n labels, -1: none; NULL: none at all */
    size_t n;             /* samples */
} hn_feed;
hn_status hn_feed_make(hn_env *env, hn_arena *arena, const hn_session *s, const hn_dataset *ds, const size_t *index,
                       size_t n, hn_feed *out) HN_MUST_CHECK;

/* The plan for a feed. */
hn_status hn_feed_ready(hn_env *env, hn_session *s, const hn_feed *feed, hn_ready *out) HN_MUST_CHECK;

/* Run each of `count` sessions on the same feed in turn, `rounds` rounds of runs that last about `slice_ms` each, with
 * per-step medians over the rounds. Sessions must accept the feed's shapes. Tables are in the arena. */
hn_status hn_time_sessions(hn_env *env, hn_arena *arena, hn_session *const *s, size_t count, const hn_feed *feed,
                           size_t rounds, double slice_ms, hn_timing *out) HN_MUST_CHECK;
/* Sum of medians over the steps whose name is `name`; negative when there is none. */
double hn_timing_of(const hn_timing *t, const char *name);
double hn_timing_best(const hn_timing *t, const char *name); /* the same of the fastest rounds */

/* Float outputs of a session over feeds, joined, each times its scale (NULL: 1). */
typedef struct hn_outputs {
    float *v;
    size_t n;
    size_t *elems; /* by output, of one feed; 0 where it is not float */
    bool uneven;   /* feeds differ in them */
} hn_outputs;
hn_status hn_outputs_take(hn_env *env, hn_arena *arena, hn_session *s, const hn_feed *feeds, size_t nfeeds,
                          const double *scale, hn_outputs *out) HN_MUST_CHECK;
/* Squared distance of two that were taken alike; infinite when they are not, or one is not finite. */
double hn_outputs_distance(const hn_outputs *a, const hn_outputs *b);

#endif
