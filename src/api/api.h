/* api: what the files of the api room share. Each public job is one file here: it turns options into calls of the rooms
 * below and the result into a record. */
#ifndef HN_API_API_H
#define HN_API_API_H

#include "base/env.h"
#include "base/pool.h"
#include "data/data.h"
#include "device/choices.h"
#include "device/device.h"
#include "hone/hone.h"
#include "meter/record.h"
#include "optimize/session.h"

struct hone_env {
    hn_env env;
    hn_machine machine; /* see hn_api_machine */
    hn_pool *pool;
    hn_choices choices;
    char *choices_path;            /* or NULL */
    bool isa_given, threads_given; /* by the caller, so that no recipe changes them */
    hone_log_fn *log;
    hone_progress_fn *progress;
    void *self;
    char message[4096];
};

struct hone_record {
    hn_arena arena;
    hn_rec *root, *machine;
    hone_env *asks; /* what the machine is, once somebody reads that field; NULL: it is there */
    hn_env *env;    /* whose allocator holds the arena */
    hn_buf json;
};

/* Read when it is first needed: in a virtual machine that takes as long as a small model. */
const hn_machine *hn_api_machine(hone_env *e);

struct hone_session {
    hn_session *inner;
    hn_env *env;
};

void hn_api_progress(hone_env *e, const char *stage, double done, double total);

/* A record under construction with the fields every object carries: hone, kind, machine, isa, threads, seed. */
hn_status hn_api_record_new(hone_env *e, const char *kind, hone_record **out, hn_recs *recs) HN_MUST_CHECK;
/* The same, but "machine" stays empty until the public functions read it. */
hn_status hn_api_record_begin(hone_env *e, const char *kind, hone_record **out, hn_recs *recs) HN_MUST_CHECK;
/* End of a job: on success hand the record over, else free it. Returns the public status. */
hone_status hn_api_finish(hone_env *e, hn_status st, hone_record *rec, hone_record **out);

/* Open data with its options; fails with HN_INPUT when no path is given. */
hn_status hn_api_data_open(hone_env *e, const hone_data_options *o, const hn_session *s,
                           hn_dataset **out) HN_MUST_CHECK;

/* Random inputs of known types: floats uniform in [-1, 1), integers in [0, 8), bool 0. Memory from the arena. */
hn_status hn_api_random_inputs(hn_env *env, hn_arena *arena, size_t n, const hn_type *types, uint64_t seed,
                               hn_tensor **out) HN_MUST_CHECK;
/* Inputs from --input specs for a session; see hone_run_options. */
hn_status hn_api_read_inputs(hone_env *e, hn_arena *arena, const hn_session *s, const char *const *specs, size_t count,
                             const char *preprocess, const hn_tensor **out) HN_MUST_CHECK;
/* What a job runs on when the user may leave out inputs: those of `specs`, else random ones of the declared shape.
 * `batch` (0: 1) completes a free first dimension; inputs of one sample are repeated up to it. HN_INPUT when the model
 * has another fixed batch. *samples gets the first dimension of the first input. */
hn_status hn_api_job_inputs(hone_env *e, hn_arena *arena, const hn_session *s, const char *const *specs, size_t count,
                            int64_t batch, const hn_tensor ***out, size_t *samples) HN_MUST_CHECK;
/* The types that a run on these inputs has. */
hn_type *hn_api_types_of(hn_env *env, hn_arena *arena, const hn_session *s, const hn_tensor *const *in);
/* What was recorded with the model about pre-processing ("hone.preprocess" in its metadata), or NULL. */
const char *hn_api_declared_preprocess(const hn_session *s);

/* Size of a file, 0 when it cannot be read. */
size_t hn_api_file_bytes(const char *path);

#endif
