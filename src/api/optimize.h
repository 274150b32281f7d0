/* optimize: state of one optimize job, between the file that does it and the file that tells it. */
#ifndef HN_API_OPTIMIZE_H
#define HN_API_OPTIMIZE_H

#include "api/api.h"
#include "optimize/recipe.h"
#include "optimize/score.h"
#include "optimize/search.h"

enum { HN_JOB_STAGES = 3 }; /* of the waterfall, before INT8 */

typedef struct hn_job {
    hone_env *e;
    const hone_optimize_options *o;
    hone_optimize_options merged; /* o points here once a recipe was taken in */
    hn_recipe recipe;
    hn_pool *pool; /* of the recipe, else NULL */
    hn_journal journal;
    const char *state_path;
    uint64_t outer_isa, outer_seed;
    const char *path, *out;
    hn_arena arena;
    hn_recs r;
    uint64_t started_ns;
    hn_session *source;
    const char *sha256;
    hn_graph *clean;
    size_t params_removed;
    hn_dataset *ds, *test_ds; /* test_ds: NULL when the test part comes from ds */
    hn_split split;
    size_t *test, ntest, batch;
    hn_search_options so;
    hn_search s;
    double before_score, after_score; /* sums over the test part */
    hn_interval before, after;        /* of their means */
    hn_drop drop;
    bool budget_met, certified;
    hn_timing timing[2];
    char *model_path, *plan_path;
    size_t before_bytes, after_bytes, export_same, export_n;
    double export_steps; /* largest difference in steps of the output's code; NaN: the output has no code */
    double stage_ms[HN_JOB_STAGES];
    double source_macs; /* as in the file */
} hn_job;

/* Reads the recipe of the options, when they name one, and merges it under them; sets the environment up as it says. */
hn_status hn_job_recipe(hn_job *j) HN_MUST_CHECK;
/* Is the model the one that the recipe is for? */
hn_status hn_job_recipe_check(hn_job *j) HN_MUST_CHECK;
void hn_job_recipe_print(const hn_job *j, const char *preprocess, hn_buf *b); /* recipe.lock.yaml */
void hn_job_recipe_fini(hn_job *j);                                           /* the environment as it was */
/* After the search options are set: measurements go to state/ in the output folder; with --resume those there come
 * first. */
hn_status hn_job_state_open(hn_job *j) HN_MUST_CHECK;
/* Multiply-accumulates of all steps. */
double hn_job_macs(const hn_plan *p);
/* Fill the record (schema in docs/report.md). */
hn_status hn_job_record(hn_job *j, hn_rec *root) HN_MUST_CHECK;
/* Write report.json, report.html, report.txt, recipe.lock.yaml and log.txt into the folder. */
hn_status hn_job_write(hn_job *j, const hn_rec *root) HN_MUST_CHECK;

#endif
