/* search: INT8 within an accuracy budget. Chooses ranges by loss, repairs, leaves in float what is not faster or costs
 * too much accuracy, and records every trial.
 *
 * Three disjoint parts of data: calibration (ranges, repairs, losses), selection (which layers go back to float), test
 * (touched once, by the caller, for the figures that are reported). */
#ifndef HN_OPTIMIZE_SEARCH_H
#define HN_OPTIMIZE_SEARCH_H

#include "optimize/correct.h"
#include "optimize/cut.h"
#include "optimize/journal.h"
#include "optimize/judge.h"

typedef struct hn_search_options {
    hn_judge judge;
    double max_drop; /* points */
    int method;      /* hn_method, or -1: by loss, for each activation */
    bool per_tensor;
    int weight_bits; /* 7 or 8 */
    bool pairs;      /* layers that run as matrix products get weights two of which fit 16 bits with bytes: 7-bit ones
                      * where weight_bits is 7, else 8 or, where it measures faster, 7 */
    bool all;        /* keep every layer in INT8 */
    bool size;       /* goal size: do not leave layers in float for speed */
    double time_budget_s;
    hn_journal *journal; /* measurements of an earlier run, and where those of this one go; may be NULL */
    void (*progress)(void *self, const char *stage, double done, double total);
    void *self;
} hn_search_options;

typedef struct hn_trial {
    char name[64], note[160];
    size_t int8_layers;
    double loss;       /* of the outputs on calibration samples; NaN: not measured */
    double time_share; /* of the float model's time, both timed in turn; NaN: not measured */
    bool scored;
    double score; /* sum over the selection part */
    hn_drop drop; /* on it */
    double size_bytes;
    bool chosen;
} hn_trial;

/* What a step of the route gave; measured on the selection part. */
typedef struct hn_stage {
    const char *name;
    double loss, time_share, weight_bytes;
    double score;
    hn_drop drop;
} hn_stage;

typedef struct hn_refusal {
    const char *layer, *what;
    char reason[200];
} hn_refusal;

typedef struct hn_layer_report {
    double us_float, us_int8; /* of the layer's own step; negative: not a step of its own */
    double sqnr_db;           /* of its output; NaN: not measured */
    double output_error;      /* relative distance of the outputs with only this layer in INT8; NaN: not measured */
    double accuracy_delta;    /* points of top-1 lost with only this layer in INT8, on at most 32 samples; NaN: not
                                 measured */
    double gain;              /* share of the loss that this layer in INT8 is; NaN: not measured */
    double wide_gain;         /* share that goes away with 8-bit weights instead of 7 */
} hn_layer_report;

typedef struct hn_search {
    hn_env *env;
    hn_arena *arena;
    const hn_search_options *o;
    const hn_dataset *ds;
    const size_t *calib, *select;
    size_t ncalib, nselect;
    hn_graph *graph; /* float, cleaned (and equalised when that helped) */
    hn_layers layers;
    hn_hist *hist;             /* per activation */
    hn_ends ends;              /* where outputs are compared */
    const double *scale;       /* per output, in distances; NULL: 1 */
    double power;              /* squared distance, over all feeds, that is a loss of 1 */
    bool rounded;              /* weights are rounded together */
    const float **bias_shift;  /* NULL: not used */
    const float **other_shift; /* the same with the other width of weights */
    hn_graph *quantized;       /* the result: plain ONNX with Q and DQ; the float graph when nothing is left in INT8 */
    hn_session *float_session, *session; /* of graph and quantized */
    hn_trial *trials;
    size_t ntrials, trials_cap;
    hn_refusal *refusals;
    size_t nrefusals, refusals_cap;
    hn_stage stages[5];
    size_t nstages;
    hn_layer_report *report; /* per layer */
    double baseline_score;   /* sum over the selection part */
    bool budget_met;         /* on the selection part */
    bool alone;              /* what each layer does alone is measured, with its weights as they are */
    uint64_t deadline_ns;    /* 0: none */
} hn_search;

/* `clean` (after hn_pipeline_clean) is cloned. Results live in the arena and in sessions that hn_search_fini closes. */
hn_status hn_search_run(hn_env *env, hn_arena *arena, const hn_graph *clean, const hn_dataset *ds,
                        const hn_split *split, const hn_search_options *options, hn_search *out) HN_MUST_CHECK;
void hn_search_fini(hn_search *s);
/* Do pairs pay on an instruction set? Where exact products of bytes are added in 16 bits. */
bool hn_search_pairs_pay(uint64_t isa);
/* Layers with weights of 7 bits; and with pairs that fit. */
size_t hn_search_narrow(const hn_search *s);
size_t hn_search_paired(const hn_search *s);

#endif
