/* run: a model once on given inputs, or over every sample of a folder; writes the outputs and says what is in them. */
#include "api/api.h"

#include "data/npy.h"
#include "formats/onnx_value.h"
#include "optimize/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ROWS = 64, FIRST = 8, LANES = 4 };

typedef struct runner {
    hone_env *e;
    const hone_run_options *o;
    hn_session *s;
    hn_recs *r;
    hn_rec *root;
} runner;

/* The k largest entries of one row, largest first, ties to the lower index; NaN never counts as large. */
static void write_top(runner *x, hn_rec *rows, const hn_tensor *t, size_t from, size_t width)
{
    hn_rec *list = hn_rec_list(x->r, rows, NULL);
    double above = INFINITY;
    size_t last = SIZE_MAX;
    for (size_t k = 0; k < x->o->top && k < width; k++) {
        size_t best = SIZE_MAX;
        double most = 0;
        for (size_t i = 0; i < width; i++) {
            double v = hn_get_f64(t, from + i);
            bool left = v < above || (v == above && last != SIZE_MAX && i > last) || (v == above && last == SIZE_MAX);
            if (left && (best == SIZE_MAX || v > most)) {
                best = i;
                most = v;
            }
        }
        if (best == SIZE_MAX) return;
        hn_rec *m = hn_rec_map(x->r, list, NULL);
        hn_rec_int(x->r, m, "index", (int64_t)best);
        hn_rec_real(x->r, m, "value", most);
        above = most;
        last = best;
    }
}

typedef struct summary {
    double lo, hi, sum;
    size_t bad; /* not finite, and in none of the others */
} summary;

typedef struct lanes {
    float lo[LANES], hi[LANES];
    double sum[LANES];
} lanes;

static inline void take_lanes(lanes *s, const float *x)
{
    for (size_t k = 0; k < LANES; k++) s->lo[k] = x[k] < s->lo[k] ? x[k] : s->lo[k];
    for (size_t k = 0; k < LANES; k++) s->hi[k] = x[k] > s->hi[k] ? x[k] : s->hi[k];
    for (size_t k = 0; k < LANES; k++) s->sum[k] += (double)x[k];
}

/* Whole blocks; returns how many numbers they hold. As no sum of finite floats overflows a double, the sum is finite
 * just when all of them are; when it is not, the rest says nothing. */
static size_t sum_up_f32(const float *x, size_t n, summary *s)
{
    lanes a = {.sum = {0}}, b;
    size_t i = 0;
    if (n < 2 * LANES) return 0;
    memcpy(a.lo, x, sizeof a.lo);
    memcpy(a.hi, x, sizeof a.hi);
    b = a;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        take_lanes(&a, x + i);
        take_lanes(&b, x + i + LANES);
    }
    for (size_t k = 0; k < LANES; k++) {
        s->lo = fmin(s->lo, (double)fminf(a.lo[k], b.lo[k]));
        s->hi = fmax(s->hi, (double)fmaxf(a.hi[k], b.hi[k]));
        s->sum += a.sum[k] + b.sum[k];
    }
    return i;
}

static summary sum_up(const hn_tensor *t)
{
    const summary none = {.lo = INFINITY, .hi = -INFINITY};
    summary s = none;
    size_t i = t->dtype == HN_F32 ? sum_up_f32(t->data, hn_tensor_elems(t), &s) : 0;
    if (!isfinite(s.sum)) {
        s = none;
        i = 0;
    }
    for (size_t n = hn_tensor_elems(t); i < n; i++) {
        double v = hn_get_f64(t, i);
        if (isfinite(v)) {
            s.lo = fmin(s.lo, v);
            s.hi = fmax(s.hi, v);
            s.sum += v;
        } else {
            s.bad++;
        }
    }
    return s;
}

static void write_numbers(runner *x, hn_rec *m, const hn_tensor *t)
{
    size_t n = hn_tensor_elems(t), i;
    const summary s = sum_up(t);
    hn_rec_int(x->r, m, "elements", (int64_t)n);
    hn_rec_int(x->r, m, "not_finite", (int64_t)s.bad);
    if (s.bad == n) return;
    hn_rec_real(x->r, m, "min", s.lo);
    hn_rec_real(x->r, m, "max", s.hi);
    hn_rec_real(x->r, m, "mean", s.sum / (double)(n - s.bad));
    hn_rec *first = hn_rec_list(x->r, m, "first");
    for (i = 0; i < n && i < FIRST; i++) hn_rec_real(x->r, first, NULL, hn_get_f64(t, i));
    if (!x->o->top || t->rank < 1) return;
    size_t width = (size_t)t->dims[t->rank - 1], rows = width ? n / width : 0;
    hn_rec *list = hn_rec_list(x->r, m, "top");
    for (i = 0; i < rows && i < MAX_ROWS; i++) write_top(x, list, t, i * width, width);
}

static void write_texts(runner *x, hn_rec *m, const hn_tensor *t)
{
    size_t n = hn_tensor_elems(t);
    const hn_str *s = t->data;
    hn_rec_int(x->r, m, "elements", (int64_t)n);
    hn_rec *first = hn_rec_list(x->r, m, "texts");
    for (size_t i = 0; i < n && i < FIRST; i++)
        hn_rec_strf(x->r, first, NULL, "%.*s", (int)(s[i].size < 200 ? s[i].size : 200), s[i].size ? s[i].data : "");
}

/* How many entries a list has, and the types of the first ones. */
static void write_entries(runner *x, hn_rec *m, const hn_tensor *t)
{
    size_t n = hn_tensor_elems(t);
    hn_rec_int(x->r, m, "entries", (int64_t)n);
    hn_rec *first = hn_rec_list(x->r, m, "entry_types");
    for (size_t i = 0; i < n && i < FIRST; i++) {
        char type[128];
        hn_tensor_describe(hn_tensor_item(t, i), type, sizeof type);
        hn_rec_str(x->r, first, NULL, type);
    }
}

/* prefix: "" for a single run, else the sample's name and a dot. */
static hn_status write_output(runner *x, hn_arena *tmp, hn_rec *list, size_t k, const hn_tensor *t, const char *prefix)
{
    hn_env *env = &x->e->env;
    char type[128];
    hn_rec *m = hn_rec_map(x->r, list, NULL);
    hn_tensor_describe(t, type, sizeof type);
    hn_rec_str(x->r, m, "name", hn_session_output_name(x->s, k));
    hn_rec_str(x->r, m, "type", type);
    if (t->dtype == HN_STRING)
        write_texts(x, m, t);
    else if (hn_dtype_is_list(t->dtype))
        write_entries(x, m, t);
    else
        write_numbers(x, m, t);
    if (!x->o->output) return HN_OK;
    bool pb = x->o->pb || hn_tensor_deep(t); /* npy holds numbers only */
    char *name = hn_arena_printf(env, tmp, "%soutput_%zu.%s", prefix, k, pb ? "pb" : "npy");
    char *path = name ? hn_path_join(env, tmp, x->o->output, name) : NULL;
    if (!path) return HN_NOMEM;
    hn_rec_str(x->r, m, "file", path);
    return pb ? hn_onnx_value_save(env, t, hn_session_output_name(x->s, k), path) : hn_npy_save(env, path, t);
}

static hn_status run_once(runner *x, hn_arena *tmp, const hn_tensor *const *in, hn_rec *into, const char *prefix)
{
    hn_env *env = &x->e->env;
    size_t nin = hn_session_inputs(x->s), nout = hn_session_outputs(x->s), bad = 0;
    hn_tensor *out = hn_arena_array(env, tmp, nout + 1, sizeof *out);
    if (!out) return HN_NOMEM;
    for (size_t i = 0; i < nin; i++)
        if (hn_dtype_is_float(in[i]->dtype)) bad += sum_up(in[i]).bad;
    hn_rec_int(x->r, into, "inputs_not_finite", (int64_t)bad);
    HN_TRY(hn_session_run(env, x->s, in, out));
    hn_rec *list = hn_rec_list(x->r, into, "outputs");
    for (size_t k = 0; k < nout; k++) HN_TRY(write_output(x, tmp, list, k, &out[k], prefix));
    return HN_OK;
}

/* File names must not leave the output folder: everything but letters, digits, dots, dashes and underscores becomes
 * '_'. */
static char *plain_name(hn_env *env, hn_arena *tmp, const char *name, size_t index)
{
    char *s = name ? hn_arena_printf(env, tmp, "%s.", hn_path_base(name)) : hn_arena_printf(env, tmp, "%zu.", index);
    for (char *p = s; p && *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '.' ||
                     *p == '-' || *p == '_';
        if (!plain) *p = '_';
    }
    return s;
}

static hn_status run_sample(runner *x, hn_arena *tmp, const hn_dataset *ds, size_t at, hn_rec *list)
{
    hn_env *env = &x->e->env;
    size_t n = hn_score_batch(x->s, 1), *index = hn_arena_array(env, tmp, n, sizeof *index);
    hn_batch batch;
    const hn_tensor **in;
    if (!index) return HN_NOMEM;
    for (size_t i = 0; i < n; i++) index[i] = at; /* a fixed batch is filled with the one sample */
    HN_TRY(hn_dataset_batch(env, ds, index, n, tmp, &batch));
    HN_TRY(hn_score_feed(env, tmp, x->s, &batch, &in));
    const char *name = ds->name ? ds->name[at] : NULL;
    char *prefix = plain_name(env, tmp, name, at);
    if (!prefix) return HN_NOMEM;
    hn_rec *m = hn_rec_map(x->r, list, NULL);
    if (name)
        hn_rec_str(x->r, m, "name", name);
    else
        hn_rec_strf(x->r, m, "name", "%zu", at);
    return hn_context(env, run_once(x, tmp, in, m, prefix), "sample %s", name ? name : prefix);
}

static hn_status run_folder(runner *x, const char *path)
{
    hn_env *env = &x->e->env;
    hn_data_options d = {0};
    hn_dataset *ds;
    hn_arena tmp = {0};
    const char *text = x->o->preprocess ? x->o->preprocess : hn_api_declared_preprocess(x->s);
    HN_TRY(hn_preprocess_parse(env, text, &d.pre));
    HN_TRY(hn_context(env, hn_dataset_open(env, path, &d, &ds), "input %s", path));
    hn_status st = ds->count ? HN_OK : hn_fail(env, HN_INPUT, "%s holds no sample", path);
    hn_rec *list = hn_rec_list(x->r, x->root, "samples");
    for (size_t i = 0; i < ds->count && st == HN_OK; i++) {
        hn_api_progress(x->e, "running", (double)i, (double)ds->count);
        hn_arena_reset(env, &tmp);
        st = run_sample(x, &tmp, ds, i, list);
    }
    hn_arena_fini(env, &tmp);
    hn_dataset_close(env, ds);
    return st;
}

static bool holds_case(const char *dir)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/input_0.pb", dir);
    return n > 0 && (size_t)n < sizeof path && hn_path_is_file(path);
}

static hn_status run(runner *x, const char *model)
{
    hn_env *env = &x->e->env;
    const hone_run_options *o = x->o;
    hn_rec_str(x->r, x->root, "model", model);
    if (!o->inputs && hn_session_inputs(x->s)) {
        hn_fail(env, HN_INPUT, "no input given");
        hn_hint(env, "give --input %s=FILE, a folder of input_K.pb, or a folder of images",
                hn_session_input_name(x->s, 0));
        return HN_INPUT;
    }
    if (o->output) HN_TRY(hn_dir_make(env, o->output));
    if (o->inputs == 1 && !strchr(o->input[0], '=') && hn_path_is_dir(o->input[0]) && !holds_case(o->input[0]))
        return run_folder(x, o->input[0]);
    hn_arena *arena;
    const hn_tensor *t = NULL;
    size_t nin = hn_session_inputs(x->s);
    HN_TRY(hn_session_arena(env, x->s, &arena));
    const hn_tensor **in = hn_arena_array(env, arena, nin + 1, sizeof *in);
    if (!in) return HN_NOMEM;
    HN_TRY(hn_api_read_inputs(x->e, arena, x->s, o->input, o->inputs, o->preprocess, &t));
    for (size_t i = 0; i < nin; i++) in[i] = &t[i];
    return run_once(x, arena, in, x->root, "");
}

hone_status hone_run(hone_env *e, const char *model, const hone_run_options *options, hone_record **out)
{
    static const hone_run_options defaults;
    hone_record *rec;
    hn_recs r;
    runner x = {.e = e, .o = options ? options : &defaults, .r = &r};
    hn_status st = hn_api_record_begin(e, "run", &rec, &r);
    if (st == HN_OK) x.root = rec->root;
    if (st == HN_OK) st = hn_session_open(&e->env, model, NULL, &x.s);
    if (st == HN_OK) st = run(&x, model);
    hn_session_close(&e->env, x.s);
    return hn_api_finish(e, st, rec, out);
}
