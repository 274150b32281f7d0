/* hone.h: the public API. One environment, models, sessions, and one function per job of the program; every job returns
 * a record, the same tree that --json prints and reports are made of.
 *
 * Ownership: what a function gives through an `out` parameter belongs to the caller and goes back through the matching
 * _free or _close; every other pointer is borrowed from its parent. An environment is used by one thread at a time;
 * several environments may be used side by side. No function prints, exits or touches the network. */
#ifndef HONE_HONE_H
#define HONE_HONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HONE_API        __attribute__((visibility("default")))
#define HONE_MUST_CHECK __attribute__((warn_unused_result))
#else
#define HONE_API
#define HONE_MUST_CHECK
#endif

#define HONE_VERSION "0.1.0"

typedef enum hone_status {
    HONE_OK = 0,
    HONE_INPUT,       /* wrong file, argument or data */
    HONE_UNSUPPORTED, /* valid, but hone cannot do it; the message names op and node */
    HONE_LIMIT,
    HONE_NOMEM,
    HONE_IO,
    HONE_DEVICE,
    HONE_COMM,
    HONE_BUG
} hone_status;

/* ---- environment ---- */
typedef struct hone_env hone_env;

typedef void hone_log_fn(void *self, int level,
                         const char *line); /* level: 0 error, 1 warning, 2 information, 3 debug */
/* stage: what is being done; done of total units; total 0: unknown. */
typedef void hone_progress_fn(void *self, const char *stage, double done, double total);

typedef struct hone_env_options {
    size_t threads;  /* 0: one per usable core */
    const char *isa; /* NULL or "auto", "generic", "avx2", "avx512", "vnni", "bf16": cap on the instruction sets used */
    uint64_t seed;
    hone_log_fn *log;           /* NULL: silent */
    hone_progress_fn *progress; /* NULL: silent */
    void *self;                 /* handed to both */
    const char *numerics;       /* NULL or "fast"; "strict": no kernel that trades rounding for fewer operations */
    const char *choices;        /* file of measured choices (hone_tune) to read, if it is there; NULL: none */
    double max_work;            /* most that one run may ask for, in operations and bytes moved; 0: 1e15 */
} hone_env_options;

/* options may be NULL. On failure *out holds an environment that can still tell the error, or NULL when even that
 * failed. */
HONE_API hone_status hone_env_new(const hone_env_options *options, hone_env **out) HONE_MUST_CHECK;
HONE_API void hone_env_free(hone_env *env);
/* The message of the last failed call: what, where, why, what to do; lines separated by '\n'. Valid until the next
 * call. */
HONE_API const char *hone_env_message(hone_env *env);
HONE_API const char *hone_version(void);

/* ---- records ---- */
typedef struct hone_record hone_record;

HONE_API void hone_record_free(hone_record *record);
/* JSON text, one object; borrowed from the record. NULL when memory ran out or the library that writes it is not there;
 * see hone_env_message. */
HONE_API const char *hone_record_json(hone_env *env, hone_record *record);
/* Path: "layers.3.name". Absent: the given default; for _count 0. */
HONE_API double hone_record_number(const hone_record *record, const char *path, double otherwise);
HONE_API int64_t hone_record_int(const hone_record *record, const char *path, int64_t otherwise);
HONE_API const char *hone_record_string(const hone_record *record, const char *path, const char *otherwise);
HONE_API bool hone_record_bool(const hone_record *record, const char *path, bool otherwise);
HONE_API size_t hone_record_count(const hone_record *record, const char *path); /* entries of a list or map */
HONE_API bool hone_record_has(const hone_record *record, const char *path);

/* ---- tensors and sessions ---- */
/* Contiguous, row-major. dtype: the number of ONNX TensorProto.DataType (1 float32, 2 uint8, 3 int8, 7 int64 ...).
 * Strings (8) are an array of {const char *text; size_t size}. A value that is no plain tensor has rank 1 and an array
 * of dims[0] hone_tensor as data: HONE_SEQUENCE, HONE_OPTIONAL (0 or 1 of them), HONE_MAP (2: keys [n] and values [n]).
 */
enum { HONE_SEQUENCE = 29, HONE_OPTIONAL = 30, HONE_MAP = 31 };
typedef struct hone_tensor {
    int dtype;
    int rank;
    int64_t dims[8];
    void *data;
    size_t bytes;
} hone_tensor;

typedef struct hone_session hone_session;

/* A model file (ONNX) or a plan file (model.hone), told apart by content. */
HONE_API hone_status hone_session_open(hone_env *env, const char *path, hone_session **out) HONE_MUST_CHECK;
HONE_API void hone_session_close(hone_env *env, hone_session *session);
HONE_API size_t hone_session_inputs(const hone_session *session);
HONE_API size_t hone_session_outputs(const hone_session *session);
HONE_API const char *hone_session_input_name(const hone_session *session, size_t i);
HONE_API const char *hone_session_output_name(const hone_session *session, size_t i);
/* dims < 0 are free, the length of a list among them; data is NULL. */
HONE_API hone_status hone_session_input_type(const hone_session *session, size_t i, hone_tensor *out) HONE_MUST_CHECK;
/* in: borrowed for the call. out: views that are valid until the next run or close. A plan is built the first time that
 * a set of input shapes is met. */
HONE_API hone_status hone_session_run(hone_env *env, hone_session *session, const hone_tensor *in,
                                      hone_tensor *out) HONE_MUST_CHECK;

/* ---- jobs. Option structs are zeroed for defaults. ---- */

typedef struct hone_data_options {
    const char *data; /* path; see docs/data.md */
    const char
        *preprocess; /* "torch", "tf", "none", "KEY=VALUE,..."; NULL: what the model's package declares, else none */
    const char *label_column;
    int64_t label_offset;
    size_t limit; /* use at most so many samples; 0: all */
} hone_data_options;

typedef struct hone_inspect_options {
    bool ops;      /* the operator table, with what is unsupported */
    bool text;     /* the graph's text form under "text" */
    bool compiled; /* with text: after the passes, for `batch` */
    int64_t batch;
} hone_inspect_options;
HONE_API hone_status hone_inspect(hone_env *env, const char *model, const hone_inspect_options *options,
                                  hone_record **out) HONE_MUST_CHECK;

typedef struct hone_run_options {
    const char *const *input; /* "NAME=FILE", "FILE" (first input) or one folder of input_K.pb */
    size_t inputs;
    const char *output;     /* folder for output_K.npy, or NULL */
    const char *preprocess; /* for images */
    bool pb;                /* write output_K.pb instead */
    size_t top;             /* list the largest `top` entries of each output row; 0: none */
} hone_run_options;
HONE_API hone_status hone_run(hone_env *env, const char *model, const hone_run_options *options,
                              hone_record **out) HONE_MUST_CHECK;

typedef struct hone_bench_options {
    const char *const *input; /* as in run; none: random of the declared shape, said so in the record */
    size_t inputs;
    int64_t batch;        /* for a free first dimension; 0: 1 */
    const char *scenario; /* "single-stream" (NULL), "multi-stream", "offline", "server" */
    const char *baseline; /* a second model, interleaved */
    bool profile;
    const char *trace; /* write a Chrome trace of one run there, or NULL */
    double seconds;    /* measuring time; 0: 2 */
    double target_qps; /* server scenario */
} hone_bench_options;
HONE_API hone_status hone_bench(hone_env *env, const char *model, const hone_bench_options *options,
                                hone_record **out) HONE_MUST_CHECK;

typedef struct hone_eval_options {
    hone_data_options data;
    const char *metric; /* "top1" (NULL), "top5", "auc", "f1", "ppl", "xent", "mse", "rmse", "mae": docs/metrics.md */
    int64_t batch;      /* 0: chosen */
} hone_eval_options;
HONE_API hone_status hone_eval(hone_env *env, const char *model, const hone_eval_options *options,
                               hone_record **out) HONE_MUST_CHECK;

typedef struct hone_verify_options {
    const char *cases;      /* a folder of cases, or one case; then a and b are NULL */
    const char *a, *b;      /* two models or plans */
    hone_data_options data; /* inputs for a against b; none: random */
    double rtol, atol;      /* 0: 1e-3 and 1e-4 */
    double tol;             /* a against b: largest difference relative to a's range; 0: 1e-3 */
    bool bit_exact;
    const char *only;  /* a case name */
    const char *table; /* TSV file: case, rtol, atol, reason; NULL: no exceptions */
    bool plan;         /* run each case through a saved and mapped plan as well, and demand equal bytes */
    bool reference;    /* run cases by the reference kernels on the graph as it stands, without any pass */
} hone_verify_options;
HONE_API hone_status hone_verify(hone_env *env, const hone_verify_options *options, hone_record **out) HONE_MUST_CHECK;

typedef struct hone_explain_options {
    const char *node; /* one node only */
    int64_t batch;
} hone_explain_options;
HONE_API hone_status hone_explain(hone_env *env, const char *model, const hone_explain_options *options,
                                  hone_record **out) HONE_MUST_CHECK;

typedef struct hone_tune_options {
    int64_t batch;        /* for a free first dimension; 0: 1 */
    double time_budget_s; /* 0: 60 */
} hone_tune_options;
/* Time what can do each node and write the file that the environment was made with. */
HONE_API hone_status hone_tune(hone_env *env, const char *model, const hone_tune_options *options,
                               hone_record **out) HONE_MUST_CHECK;

typedef struct hone_export_options {
    const char *to;           /* "onnx", "onnx-qdq", "plan" */
    const char *out;          /* folder */
    int64_t opset;            /* 0: the source's, raised as far as the operators need */
    int64_t batch;            /* plan: for a free first dimension; 0: 1 */
    bool check;               /* read the result back and compare with the source on the inputs, or on random ones */
    const char *const *input; /* plan: inputs whose shapes it is made for, as in run; none: the declared shapes */
    size_t inputs;
} hone_export_options;
HONE_API hone_status hone_export(hone_env *env, const char *model, const hone_export_options *options,
                                 hone_record **out) HONE_MUST_CHECK;

typedef struct hone_optimize_options {
    hone_data_options
        data; /* calibration, selection and test parts are cut from it, disjoint; a separate test set: eval */
    hone_data_options eval;  /* .data NULL: the test part of `data` */
    const char *metric;      /* "auto" (NULL), "top1", "fidelity": docs/metrics.md */
    double max_drop;         /* points of the metric; 0: 1.0 */
    const char *goal;        /* "latency" (NULL), "size", "throughput" */
    const char *recipe;      /* YAML file or NULL */
    const char *out;         /* output folder; NULL: MODEL-hone next to the model */
    double time_budget_s;    /* 0: none */
    size_t calib;            /* calibration samples; 0: 256, or a quarter of the data */
    const char *calibration; /* "auto" (NULL), "minmax", "percentile", "mse", "entropy" */
    bool per_tensor;         /* weights per tensor instead of per channel */
    bool all;                /* quantize: keep no layer in float for speed or accuracy */
    bool dry_run;
    bool resume;
    bool quantize_only;  /* the one step, without search: what `hone quantize` runs */
    const char *command; /* the command line, for the report */
} hone_optimize_options;
/* `model` may be NULL when the recipe names it. */
HONE_API hone_status hone_optimize(hone_env *env, const char *model, const hone_optimize_options *options,
                                   hone_record **out) HONE_MUST_CHECK;

typedef struct hone_report_options {
    const char *folder, *against;   /* output folders; against may be NULL */
    const char *html, *json, *text; /* files to write, or NULL */
} hone_report_options;
HONE_API hone_status hone_report(hone_env *env, const hone_report_options *options, hone_record **out) HONE_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
