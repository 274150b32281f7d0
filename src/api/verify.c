/* verify: a folder of cases against their stored outputs, or one model against another. */
#include "api/api.h"
#include "api/case_random.h"
#include "api/case_table.h"

#include "base/io.h"
#include "formats/onnx_value.h"
#include "optimize/compare.h"
#include "optimize/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct verifier {
    hone_env *e;
    const hone_verify_options *o;
    double rtol, atol;
    hn_case_table table;
    const hn_case_row *row; /* of the running case, or NULL */
    hn_recs *r;
    hn_rec *list;
    size_t passed, failed, skipped, random;
} verifier;

typedef struct verdict {
    bool ok;
    bool random; /* passed, but some output by its shape only */
    double max_abs, max_rel;
    char reason[384];
} verdict;

/* Outputs of quantised models come in steps: the scale of the last DequantizeLinear above the output, through ops that
 * keep values. 0: not quantised. */
static double output_step(const hn_graph *g, size_t output)
{
    const hn_value *v = g->out[output];
    for (int depth = 0; depth < 64 && v->producer; depth++) {
        const hn_node *n = v->producer;
        if (hn_node_is(n, "DequantizeLinear")) {
            const hn_tensor *scale = hn_node_const(n, 1);
            return scale && hn_tensor_elems(scale) == 1 ? hn_get_f64(scale, 0) : 0;
        }
        if (!(n->op->flags & HN_OP_VIEW) || !hn_node_in(n, 0)) return 0;
        v = n->in[0];
    }
    return 0;
}

static bool is_quantised(const hn_graph *g)
{
    for (const hn_node *n = g->first; n; n = n->next)
        if (hn_node_is(n, "QuantizeLinear") || hn_node_is(n, "QLinearConv") || hn_node_is(n, "QLinearMatMul"))
            return true;
    return false;
}

/* True when the output is one of random numbers, which are in their range. */
static bool passes_as_random(verifier *v, const hn_graph *g, size_t i, const hn_tensor *got)
{
    hn_case_random r = {.random = false};
    if (!g || hn_case_random_of(&v->e->env, g, i, &r) != HN_OK || !r.random) return false;
    for (size_t k = 0, n = hn_tensor_elems(got); r.bounded && k < n; k++) {
        double x = hn_get_f64(got, k);
        if (!(x >= r.low && x <= r.high)) return false;
    }
    return true;
}

static void judge(verifier *v, const hn_graph *g, size_t i, const char *name, const hn_tensor *got,
                  const hn_tensor *want, verdict *res)
{
    double step = g && i < g->nout ? output_step(g, i) : 0;
    bool quantised = g && is_quantised(g);
    double rtol = v->rtol, atol = v->atol;
    if (v->row) {
        rtol = v->row->rtol;
        atol = v->row->atol;
    } else if (quantised) {
        rtol = step > 0 ? 0 : v->rtol;
        atol = step > 0 ? 2.001 * step : v->atol;
    }
    /* Two units in the last place, as in the runner of the ONNX backend cases. */
    if (!v->row && want->dtype == HN_BF16) rtol = fmax(rtol, 0x1p-6);
    hn_compare c = hn_compare_tensors(got, want, rtol, atol);
    char a[96], b[96];
    if (!c.same_type) {
        hn_tensor_describe(got, a, sizeof a);
        hn_tensor_describe(want, b, sizeof b);
        res->ok = false;
        snprintf(res->reason, sizeof res->reason, "output \"%s\" is %s, expected %s", name, a, b);
        return;
    }
    if (c.wrong && passes_as_random(v, g, i, got)) {
        res->random = true;
        return;
    }
    res->max_abs = fmax(res->max_abs, c.max_abs);
    res->max_rel = fmax(res->max_rel, c.max_rel);
    if (c.wrong && res->ok) {
        res->ok = false;
        if (hn_dtype_is_list(want->dtype))
            snprintf(res->reason, sizeof res->reason, "output \"%s\": %zu of %zu elements of its entries differ", name,
                     c.wrong, c.n);
        else if (want->dtype == HN_STRING)
            snprintf(res->reason, sizeof res->reason, "output \"%s\": %zu of %zu strings differ, first at %zu", name,
                     c.wrong, c.n, c.worst);
        else
            snprintf(res->reason, sizeof res->reason,
                     "output \"%s\": %zu of %zu elements differ, worst at %zu: %.9g, expected %.9g", name, c.wrong, c.n,
                     c.worst, hn_get_f64(got, c.worst), hn_get_f64(want, c.worst));
    }
    if (quantised && c.rows && c.rows_same_top != c.rows && want->rank == 2 && want->dims[1] < 4096 && step > 0 &&
        res->ok && c.rows > 0) {
        res->ok = false;
        snprintf(res->reason, sizeof res->reason, "output \"%s\": the top class differs in %zu of %zu rows", name,
                 c.rows - c.rows_same_top, c.rows);
    }
}

static hn_status load_folder(hn_env *env, hn_arena *tmp, const hn_session *s, const char *dir, const char *stem,
                             const char *kind, size_t n, hn_tensor *t, bool *have)
{
    bool input = strcmp(kind, "input") == 0;
    for (size_t i = 0; i < n; i++) {
        const hn_type *type = input ? hn_session_input_type(s, i) : hn_session_output_type(s, i);
        char *file = hn_arena_printf(env, tmp, "%s%s%s_%zu.pb", stem ? stem : "", stem ? "_" : "", kind, i);
        char *path = file ? hn_path_join(env, tmp, dir, file) : NULL;
        if (!path) return HN_NOMEM;
        have[i] = hn_path_is_file(path);
        if (have[i]) HN_TRY(hn_onnx_value_load(env, tmp, path, type, &t[i]));
    }
    return HN_OK;
}

static bool same_bytes(const hn_tensor *a, const hn_tensor *b)
{
    return hn_tensor_equal(a, b);
}

/* Save the plan for these inputs, map it, run it: the bytes must be the same. */
static hn_status through_plan(verifier *v, hn_arena *tmp, hn_session *s, const hn_tensor *const *in,
                              const hn_tensor *want, verdict *res)
{
    hn_env *env = &v->e->env;
    size_t nin = hn_session_inputs(s), nout = hn_session_outputs(s);
    hn_type types[HN_DATA_MAX_INPUTS];
    if (nin > HN_DATA_MAX_INPUTS) return hn_fail(env, HN_LIMIT, "%zu inputs", nin);
    for (size_t i = 0; i < nin; i++) types[i] = hn_session_type_for(s, i, in[i]);
    hn_ready ready;
    HN_TRY(hn_session_ready(env, s, types, &ready));
    const char *dir = getenv("TMPDIR");
    char *path = hn_arena_printf(env, tmp, "%s/hone-verify-%d.hone", dir && dir[0] ? dir : "/tmp", (int)getpid());
    hn_tensor *got = hn_arena_array(env, tmp, nout + 1, sizeof *got);
    if (!path || !got) return HN_NOMEM;
    HN_TRY(hn_plan_save(env, ready.plan, path));
    hn_session *p = NULL;
    hn_status st = hn_session_open(env, path, NULL, &p);
    if (st == HN_OK) st = hn_session_run(env, p, in, got);
    for (size_t i = 0; i < nout && st == HN_OK; i++)
        if (!same_bytes(&got[i], &want[i])) {
            res->ok = false;
            snprintf(res->reason, sizeof res->reason, "output %zu differs when run from a saved plan", i);
        }
    hn_session_close(env, p);
    unlink(path);
    return st;
}

/* Cases of one file and its outputs leave the inputs to convention: element k of n is k / n. */
static hn_status counting(hn_env *env, hn_arena *tmp, const hn_session *s, size_t i, hn_tensor *t)
{
    hn_type type;
    const char *which;
    if (!hn_session_default_dims(s, i, 1, &type, &which))
        return hn_fail(env, HN_INPUT, "input \"%s\" has a free dimension: %s", hn_session_input_name(s, i), which);
    HN_TRY(hn_tensor_init(env, tmp, t, type.dtype, type.rank, type.dims));
    for (size_t k = 0, n = hn_tensor_elems(t); k < n; k++) hn_set_f64(t, k, (double)k / (double)n);
    return HN_OK;
}

/* stem: of the files, which then lie beside the model; NULL: dir is a data set. */
static hn_status run_set(verifier *v, hn_arena *tmp, hn_session *s, const char *dir, const char *stem, verdict *res)
{
    hn_env *env = &v->e->env;
    size_t nin = hn_session_inputs(s), nout = hn_session_outputs(s);
    hn_tensor *in = hn_arena_array(env, tmp, nin + 1, sizeof *in);
    hn_tensor *want = hn_arena_array(env, tmp, nout + 1, sizeof *want);
    hn_tensor *got = hn_arena_array(env, tmp, nout + 1, sizeof *got);
    hn_tensor *copy = hn_arena_array(env, tmp, nout + 1, sizeof *copy);
    const hn_tensor **refs = hn_arena_array(env, tmp, nin + 1, sizeof *refs);
    bool *have_in = hn_arena_array(env, tmp, nin + 1, sizeof *have_in),
         *have_out = hn_arena_array(env, tmp, nout + 1, sizeof *have_out);
    if (!in || !want || !got || !refs || !have_in || !have_out || !copy) return HN_NOMEM;
    HN_TRY(load_folder(env, tmp, s, dir, stem, "input", nin, in, have_in));
    HN_TRY(load_folder(env, tmp, s, dir, stem, "output", nout, want, have_out));
    for (size_t i = 0; i < nin; i++) {
        if (!have_in[i] && stem)
            HN_TRY(counting(env, tmp, s, i, &in[i]));
        else if (!have_in[i])
            return hn_fail(env, HN_INPUT, "%s has no input_%zu.pb for input \"%s\"", dir, i,
                           hn_session_input_name(s, i));
        refs[i] = &in[i];
    }
    HN_TRY(hn_session_run(env, s, refs, got));
    for (size_t i = 0; i < nout; i++) {
        if (have_out[i]) judge(v, hn_session_graph(s), i, hn_session_output_name(s, i), &got[i], &want[i], res);
        hn_tensor *c;
        HN_TRY(hn_tensor_copy(env, tmp, &got[i], &c));
        copy[i] = *c;
    }
    if (v->o->plan) HN_TRY(through_plan(v, tmp, s, refs, copy, res));
    return HN_OK;
}

static hn_status run_case(verifier *v, const char *dir, const char *stem, verdict *res)
{
    hn_env *env = &v->e->env;
    hn_arena tmp = {0};
    hn_session *s = NULL;
    char **names = NULL;
    size_t count = 0, sets = 0;
    char *file = stem ? hn_arena_printf(env, &tmp, "%s.onnx", stem) : NULL;
    char *path = stem && !file ? NULL : hn_path_join(env, &tmp, dir, stem ? file : "model.onnx");
    hn_session_options how = {.reference = v->o->reference};
    hn_status st = path ? hn_session_open(env, path, &how, &s) : HN_NOMEM;
    if (st == HN_OK && stem)
        st = run_set(v, &tmp, s, dir, stem, res);
    else if (st == HN_OK)
        st = hn_dir_list(env, &tmp, dir, &names, &count);
    for (size_t i = 0; i < count && st == HN_OK; i++) {
        if (strncmp(names[i], "test_data_set_", 14) != 0) continue;
        char *set = hn_path_join(env, &tmp, dir, names[i]);
        if (!set) {
            st = HN_NOMEM;
            break;
        }
        if (!hn_path_is_dir(set)) continue;
        sets++;
        st = hn_context(env, run_set(v, &tmp, s, set, NULL, res), "in %s", names[i]);
    }
    if (st == HN_OK && !sets && !stem) st = hn_fail(env, HN_INPUT, "%s has no test_data_set_* folder", dir);
    hn_session_close(env, s);
    hn_arena_fini(env, &tmp);
    return st;
}

static hn_status one_case(verifier *v, const char *dir, const char *stem, const char *name)
{
    hn_env *env = &v->e->env;
    verdict res = {.ok = true};
    v->row = hn_case_table_find(&v->table, name);
    hn_status st = run_case(v, dir, stem, &res);
    char text[1024] = "";
    if (st == HN_NOMEM && env->error.status == HN_OK) return st;
    if (st != HN_OK) {
        hn_error_format(&env->error, text, sizeof text);
        hn_error_clear(env);
        res.ok = false;
    }
    v->passed += res.ok;
    v->failed += !res.ok;
    v->random += res.ok && res.random;
    if (res.ok && res.random) snprintf(res.reason, sizeof res.reason, "(random: shape compared)");
    hn_rec *c = hn_rec_map(v->r, v->list, NULL);
    hn_rec_str(v->r, c, "name", name);
    hn_rec_str(v->r, c, "status", res.ok ? "passed" : "failed");
    hn_rec_real(v->r, c, "max_abs", res.max_abs);
    hn_rec_real(v->r, c, "max_rel", res.max_rel);
    if (v->row) {
        hn_rec *x = hn_rec_map(v->r, c, "exception");
        hn_rec_real(v->r, x, "rtol", v->row->rtol);
        hn_rec_real(v->r, x, "atol", v->row->atol);
    }
    hn_rec_str(v->r, c, "reason", text[0] ? text : !res.ok || res.random || !v->row ? res.reason : v->row->reason);
    return env->error.status;
}

/* Is there NAME_output_0.pb beside NAME.onnx? Then name becomes NAME. */
static hn_status is_flat(hn_env *env, hn_arena *tmp, const char *path, char *name, bool *flat)
{
    size_t n = strlen(name), all = strlen(path);
    *flat = false;
    if (n < 6 || strcmp(name + n - 5, ".onnx") != 0) return HN_OK;
    char *output = hn_arena_printf(env, tmp, "%.*s_output_0.pb", (int)(all - 5), path);
    if (!output) return HN_NOMEM;
    *flat = hn_path_is_file(output);
    if (*flat) name[n - 5] = '\0';
    return HN_OK;
}

static hn_status all_cases(verifier *v, hn_arena *tmp)
{
    hn_env *env = &v->e->env;
    char **names;
    size_t count, seen = 0;
    char *here = hn_path_join(env, tmp, v->o->cases, "model.onnx");
    if (!here) return HN_NOMEM;
    if (!hn_path_is_dir(v->o->cases)) {
        hn_fail(env, HN_INPUT, "%s is not a folder", v->o->cases);
        hn_hint(env, "--cases takes a folder of folders that each hold model.onnx and test_data_set_*");
        return HN_INPUT;
    }
    if (hn_path_is_file(here)) return one_case(v, v->o->cases, NULL, hn_path_base(v->o->cases));
    HN_TRY(hn_dir_list(env, tmp, v->o->cases, &names, &count));
    for (size_t i = 0; i < count; i++) {
        bool flat;
        char *dir = hn_path_join(env, tmp, v->o->cases, names[i]),
             *file = dir ? hn_path_join(env, tmp, dir, "model.onnx") : NULL;
        if (!file) return HN_NOMEM;
        HN_TRY(is_flat(env, tmp, dir, names[i], &flat));
        if (!flat && !hn_path_is_file(file)) continue;
        if (v->o->only && strcmp(v->o->only, names[i]) != 0) continue;
        hn_api_progress(v->e, names[i], (double)i, (double)count);
        seen++;
        HN_TRY(one_case(v, flat ? v->o->cases : dir, flat ? names[i] : NULL, names[i]));
    }
    if (!seen)
        return hn_fail(env, HN_INPUT, "no case found in %s%s%s", v->o->cases, v->o->only ? " named " : "",
                       v->o->only ? v->o->only : "");
    return HN_OK;
}

/* a against b on data or on random inputs. */
static hn_status pair_inputs(verifier *v, hn_arena *tmp, hn_session *a, const hn_dataset *ds, size_t at,
                             const hn_tensor ***in)
{
    hn_env *env = &v->e->env;
    if (ds) {
        size_t n = hn_score_batch(a, 1), *index = hn_arena_array(env, tmp, n, sizeof *index);
        hn_batch batch;
        if (!index) return HN_NOMEM;
        for (size_t i = 0; i < n; i++) index[i] = at;
        HN_TRY(hn_dataset_batch(env, ds, index, n, tmp, &batch));
        return hn_score_feed(env, tmp, a, &batch, in);
    }
    size_t nin = hn_session_inputs(a);
    hn_type *types = hn_arena_array(env, tmp, nin + 1, sizeof *types);
    const hn_tensor **refs = hn_arena_array(env, tmp, nin + 1, sizeof *refs);
    hn_tensor *t;
    if (!types || !refs) return HN_NOMEM;
    for (size_t i = 0; i < nin; i++) {
        const char *which;
        if (!hn_session_default_dims(a, i, 1, &types[i], &which)) {
            hn_fail(env, HN_INPUT, "input \"%s\" has a free dimension: %s", hn_session_input_name(a, i), which);
            hn_hint(env, "give data with --data");
            return HN_INPUT;
        }
    }
    HN_TRY(hn_api_random_inputs(env, tmp, nin, types, env->seed + at, &t));
    for (size_t i = 0; i < nin; i++) refs[i] = &t[i];
    *in = refs;
    return HN_OK;
}

static hn_status one_pair(verifier *v, hn_arena *tmp, hn_session *a, hn_session *b, const hn_dataset *ds, size_t at,
                          double tol, verdict *res, size_t *same_top, size_t *rows)
{
    hn_env *env = &v->e->env;
    size_t nout = hn_session_outputs(a);
    const hn_tensor **in;
    hn_tensor *ga = hn_arena_array(env, tmp, nout + 1, sizeof *ga),
              *gb = hn_arena_array(env, tmp, nout + 1, sizeof *gb);
    if (!ga || !gb) return HN_NOMEM;
    HN_TRY(pair_inputs(v, tmp, a, ds, at, &in));
    HN_TRY(hn_session_run(env, a, in, ga));
    HN_TRY(hn_session_run(env, b, in, gb));
    for (size_t k = 0; k < nout; k++) {
        double range = 0;
        if (!hn_tensor_deep(&ga[k]))
            for (size_t i = 0, n = hn_tensor_elems(&ga[k]); i < n; i++) {
                double x = fabs(hn_get_f64(&ga[k], i));
                if (isfinite(x) && x > range) range = x;
            }
        hn_compare c = hn_compare_tensors(&gb[k], &ga[k], 0, v->o->bit_exact ? 0 : tol * range);
        if (k == 0) {
            *same_top += c.rows_same_top;
            *rows += c.rows;
        }
        res->max_abs = fmax(res->max_abs, c.max_abs);
        res->max_rel = fmax(res->max_rel, range > 0 ? c.max_abs / range : 0);
        bool bad = !c.same_type || c.wrong || (v->o->bit_exact && !same_bytes(&ga[k], &gb[k]));
        if (!bad || !res->ok) continue;
        res->ok = false;
        if (!c.same_type)
            snprintf(res->reason, sizeof res->reason, "output \"%s\" has another type or shape",
                     hn_session_output_name(a, k));
        else
            snprintf(res->reason, sizeof res->reason,
                     "output \"%s\": %zu of %zu elements differ, worst at %zu (sample %zu)",
                     hn_session_output_name(a, k), c.wrong, c.n, c.worst, at);
    }
    return HN_OK;
}

static hn_status pair(verifier *v, hn_rec *root)
{
    hn_env *env = &v->e->env;
    hn_session *a = NULL, *b = NULL;
    hn_dataset *ds = NULL;
    hn_arena tmp = {0};
    verdict res = {.ok = true};
    double tol = v->o->tol > 0 ? v->o->tol : 1e-3;
    size_t n = 8, same_top = 0, rows = 0;
    hn_status st = hn_session_open(env, v->o->a, NULL, &a);
    if (st == HN_OK) st = hn_session_open(env, v->o->b, NULL, &b);
    if (st == HN_OK && hn_session_inputs(a) != hn_session_inputs(b))
        st = hn_fail(env, HN_INPUT, "%s has %zu inputs, %s has %zu", v->o->a, hn_session_inputs(a), v->o->b,
                     hn_session_inputs(b));
    if (st == HN_OK && hn_session_outputs(a) != hn_session_outputs(b))
        st = hn_fail(env, HN_INPUT, "%s has %zu outputs, %s has %zu", v->o->a, hn_session_outputs(a), v->o->b,
                     hn_session_outputs(b));
    if (st == HN_OK && v->o->data.data) {
        st = hn_api_data_open(v->e, &v->o->data, a, &ds);
        if (st == HN_OK) n = ds->count;
    }
    for (size_t i = 0; i < n && st == HN_OK; i++) {
        hn_api_progress(v->e, "comparing", (double)i, (double)n);
        hn_arena_reset(env, &tmp);
        st = one_pair(v, &tmp, a, b, ds, i, tol, &res, &same_top, &rows);
    }
    if (st == HN_OK) {
        v->passed += res.ok;
        v->failed += !res.ok;
        hn_rec_str(v->r, root, "a", v->o->a);
        hn_rec_str(v->r, root, "b", v->o->b);
        hn_rec_str(v->r, root, "inputs", ds ? v->o->data.data : "random");
        hn_rec_int(v->r, root, "n", (int64_t)n);
        hn_rec_real(v->r, root, "max_abs", res.max_abs);
        hn_rec_real(v->r, root, "max_relative_to_range", res.max_rel);
        if (rows) {
            hn_rec_int(v->r, root, "rows", (int64_t)rows);
            hn_rec_int(v->r, root, "same_top1", (int64_t)same_top);
        }
        hn_rec_int(v->r, root, "bytes_a", (int64_t)hn_api_file_bytes(v->o->a));
        hn_rec_int(v->r, root, "bytes_b", (int64_t)hn_api_file_bytes(v->o->b));
        hn_rec_str(v->r, root, "reason", res.reason);
    }
    hn_dataset_close(env, ds);
    hn_session_close(env, a);
    hn_session_close(env, b);
    hn_arena_fini(env, &tmp);
    return st;
}

hone_status hone_verify(hone_env *e, const hone_verify_options *o, hone_record **out)
{
    hone_record *rec;
    hn_recs r;
    hn_arena tmp = {0};
    hn_status st = hn_api_record_new(e, "verify", &rec, &r);
    verifier v = {.e = e, .o = o, .rtol = o->rtol > 0 ? o->rtol : 1e-3, .atol = o->atol > 0 ? o->atol : 1e-4, .r = &r};
    if (st == HN_OK && !o->cases && (!o->a || !o->b))
        st = hn_fail(&e->env, HN_INPUT, "verify needs a folder of cases, or two models");
    if (st == HN_OK && o->cases) {
        v.list = hn_rec_list(&r, rec->root, "cases");
        if (o->table) st = hn_case_table_read(&e->env, &tmp, o->table, &v.table);
        if (st == HN_OK) st = all_cases(&v, &tmp);
    } else if (st == HN_OK) {
        st = pair(&v, rec->root);
    }
    if (st == HN_OK) {
        hn_rec_int(&r, rec->root, "passed", (int64_t)v.passed);
        hn_rec_int(&r, rec->root, "failed", (int64_t)v.failed);
        hn_rec_int(&r, rec->root, "skipped", (int64_t)v.skipped);
        if (o->cases) hn_rec_int(&r, rec->root, "random", (int64_t)v.random);
    }
    hn_arena_fini(&e->env, &tmp);
    return hn_api_finish(e, st, rec, out);
}
