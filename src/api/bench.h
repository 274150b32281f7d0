/* bench: what the timing and the profile of hone_bench share. */
#ifndef HN_API_BENCH_H
#define HN_API_BENCH_H

#include "api/api.h"

typedef struct hn_bench_subject {
    const char *path;
    hn_session *session;
    const hn_tensor **in;
    hn_tensor *out;
    hn_ready ready;
    size_t samples; /* in one run */
    double cold_ms;
} hn_bench_subject;

/* The per-operator table, the roofline and the trace of a model that is ready to run. */
hn_status hn_api_bench_profile(hone_env *e, hn_bench_subject *x, const hone_bench_options *o, hn_recs *r,
                               hn_rec *root) HN_MUST_CHECK;

#endif
