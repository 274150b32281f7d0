/* inputs: tensors for a session from files, folders of input_K.pb, or a seeded generator; and data sets from their
 * options. */
#include "api/api.h"

#include "base/rng.h"
#include "data/npy.h"
#include "formats/onnx_value.h"
#include "image/image.h"

#include <stdio.h>
#include <string.h>

const char *hn_api_declared_preprocess(const hn_session *s)
{
    const hn_model *m = s ? hn_session_model(s) : NULL;
    return m ? hn_model_meta(m, "hone.preprocess") : NULL;
}

hn_status hn_api_data_open(hone_env *e, const hone_data_options *o, const hn_session *s, hn_dataset **out)
{
    *out = NULL;
    if (!o->data) {
        hn_fail(&e->env, HN_INPUT, "no data given");
        hn_hint(&e->env, "name a data set with --data; hone never makes up data on its own");
        return HN_INPUT;
    }
    const char *text = o->preprocess ? o->preprocess : hn_api_declared_preprocess(s);
    hn_data_options d = {.label_column = o->label_column, .label_offset = o->label_offset, .first = o->limit};
    HN_TRY(hn_context(&e->env, hn_preprocess_parse(&e->env, text, &d.pre), "in the pre-processing \"%s\"",
                      text ? text : "none"));
    return hn_context(&e->env, hn_dataset_open(&e->env, o->data, &d, out), "data %s", o->data);
}

static void fill_random(hn_tensor *t, hn_rng *rng)
{
    if (t->dtype == HN_STRING || t->dtype == HN_BOOL) return;
    size_t elems = hn_tensor_elems(t);
    for (size_t k = 0; k < elems; k++) {
        if (hn_dtype_is_float(t->dtype))
            hn_set_f64(t, k, 2 * hn_rng_unit(rng) - 1);
        else
            hn_set_i64(t, k, (int64_t)hn_rng_below(rng, 8));
    }
}

/* A value of this type: lists get a few entries, whose free dims are 2. */
static hn_status random_value(hn_env *env, hn_arena *arena, const hn_type *type, hn_rng *rng, hn_tensor *t)
{
    enum { ENTRIES = 3, FREE = 2 };
    if (type->kind == HN_KIND_TENSOR) {
        int64_t dims[HN_MAX_RANK] = {FREE};
        for (int d = 0; d < type->rank; d++) dims[d] = type->dims[d] < 0 ? FREE : type->dims[d];
        HN_TRY(hn_tensor_init(env, arena, t, type->dtype, type->rank < 0 ? 1 : type->rank, dims));
        fill_random(t, rng);
        return HN_OK;
    }
    hn_dtype list = hn_type_list_dtype(type);
    size_t n = list == HN_SEQ ? ENTRIES : list == HN_OPT ? 1 : 2;
    HN_TRY(hn_tensor_list(env, arena, t, list, n));
    hn_type item = hn_type_item(type);
    if (list == HN_MAP) item = hn_type_tensor(type->key, 1, (int64_t[]){ENTRIES});
    for (size_t i = 0; i < n; i++) {
        if (list == HN_MAP && i == 1) item = hn_type_tensor(type->dtype, 1, (int64_t[]){ENTRIES});
        HN_TRY(random_value(env, arena, &item, rng, hn_tensor_item(t, i)));
    }
    return HN_OK;
}

hn_status hn_api_random_inputs(hn_env *env, hn_arena *arena, size_t n, const hn_type *types, uint64_t seed,
                               hn_tensor **out)
{
    hn_tensor *t = hn_arena_array(env, arena, n + 1, sizeof *t);
    if (!t) return HN_NOMEM;
    *out = t;
    for (size_t i = 0; i < n; i++) {
        hn_rng rng;
        hn_rng_init(&rng, seed, i);
        HN_TRY(random_value(env, arena, &types[i], &rng, &t[i]));
    }
    return HN_OK;
}

/* A leading batch dimension of 1 where the model has one more dimension than the data. */
static void add_batch(hn_tensor *t, const hn_type *want)
{
    if (want->rank != t->rank + 1 || t->rank >= HN_MAX_RANK || (want->dims[0] > 1)) return;
    memmove(t->dims + 1, t->dims, (size_t)t->rank * sizeof *t->dims);
    t->dims[0] = 1;
    t->rank++;
}

/* Numbers of another type are converted when that loses nothing the user would miss: u8 or f64 data for an f32 input.
 */
static hn_status convert(hn_env *env, hn_arena *arena, hn_tensor *t, hn_dtype want)
{
    if (t->dtype == want || want == HN_NONE) return HN_OK;
    bool both_float = hn_dtype_is_float(t->dtype) && hn_dtype_is_float(want);
    bool widens =
        hn_dtype_is_int(t->dtype) && (hn_dtype_is_float(want) || hn_dtype_bits(want) > hn_dtype_bits(t->dtype));
    if (!both_float && !widens) return HN_OK; /* the run reports the mismatch */
    hn_tensor to;
    HN_TRY(hn_tensor_init(env, arena, &to, want, t->rank, t->dims));
    size_t n = hn_tensor_elems(t);
    for (size_t i = 0; i < n; i++) {
        if (hn_dtype_is_float(want))
            hn_set_f64(&to, i, hn_get_f64(t, i));
        else
            hn_set_i64(&to, i, hn_get_i64(t, i));
    }
    *t = to;
    return HN_OK;
}

static hn_status read_tensor(hn_env *env, hn_arena *arena, const char *path, const char *preprocess,
                             const hn_type *type, hn_tensor *out)
{
    if (hn_path_has_ext(path, ".pb")) return hn_onnx_value_load(env, arena, path, type, out);
    if (hn_path_has_ext(path, ".npy")) return hn_npy_load(env, arena, path, out);
    /* Everything else is a data set of its own: its first sample. */
    hn_data_options d = {0};
    hn_dataset *ds;
    hn_sample sample;
    HN_TRY(hn_preprocess_parse(env, preprocess, &d.pre));
    HN_TRY(hn_dataset_open(env, path, &d, &ds));
    hn_status st = hn_dataset_read(env, ds, 0, arena, &sample);
    hn_tensor *copy = NULL;
    if (st == HN_OK && sample.inputs == 0) st = hn_fail(env, HN_INPUT, "%s holds no input", path);
    if (st == HN_OK) st = hn_tensor_copy(env, arena, &sample.input[0], &copy);
    if (st == HN_OK) *out = *copy;
    hn_dataset_close(env, ds);
    return st;
}

static hn_status case_folder(hn_env *env, hn_arena *arena, const hn_session *s, const char *dir, size_t nin,
                             hn_tensor *t, bool *have)
{
    for (size_t i = 0; i < nin; i++) {
        char file[64];
        snprintf(file, sizeof file, "input_%zu.pb", i);
        char *path = hn_path_join(env, arena, dir, file);
        if (!path) return HN_NOMEM;
        if (!hn_path_is_file(path)) continue;
        HN_TRY(hn_onnx_value_load(env, arena, path, hn_session_input_type(s, i), &t[i]));
        have[i] = true;
    }
    return HN_OK;
}

static hn_status find_input(hn_env *env, const hn_session *s, const char *name, size_t length, size_t *index)
{
    for (size_t i = 0; i < hn_session_inputs(s); i++) {
        const char *have = hn_session_input_name(s, i);
        if (strlen(have) == length && memcmp(have, name, length) == 0) {
            *index = i;
            return HN_OK;
        }
    }
    hn_fail(env, HN_INPUT, "the model has no input named \"%.*s\"", (int)length, name);
    if (hn_session_inputs(s))
        hn_hint(env, "its first input is \"%s\"; `hone inspect` lists them all", hn_session_input_name(s, 0));
    return HN_INPUT;
}

hn_status hn_api_read_inputs(hone_env *e, hn_arena *arena, const hn_session *s, const char *const *specs, size_t count,
                             const char *preprocess, const hn_tensor **out)
{
    hn_env *env = &e->env;
    size_t nin = hn_session_inputs(s);
    hn_tensor *t = hn_arena_array(env, arena, nin + 1, sizeof *t);
    bool *have = hn_arena_array(env, arena, nin + 1, sizeof *have);
    if (!t || !have) return HN_NOMEM;
    *out = t;
    if (!preprocess) preprocess = hn_api_declared_preprocess(s);
    for (size_t k = 0; k < count; k++) {
        const char *eq = strchr(specs[k], '='), *path = eq ? eq + 1 : specs[k];
        size_t at = k;
        if (!eq && count == 1 && hn_path_is_dir(path)) {
            HN_TRY(case_folder(env, arena, s, path, nin, t, have));
            continue;
        }
        if (eq) HN_TRY(find_input(env, s, specs[k], (size_t)(eq - specs[k]), &at));
        if (at >= nin) return hn_fail(env, HN_INPUT, "%zu inputs given, but the model has %zu", count, nin);
        HN_TRY(hn_context(env, read_tensor(env, arena, path, preprocess, hn_session_input_type(s, at), &t[at]),
                          "input \"%s\"", hn_session_input_name(s, at)));
        have[at] = true;
    }
    for (size_t i = 0; i < nin; i++) {
        if (!have[i]) {
            hn_fail(env, HN_INPUT, "no data for input \"%s\"", hn_session_input_name(s, i));
            hn_hint(env, "give it with --input %s=FILE", hn_session_input_name(s, i));
            return HN_INPUT;
        }
        const hn_type *want = hn_session_input_type(s, i);
        if (want->kind != HN_KIND_TENSOR) continue;
        add_batch(&t[i], want);
        HN_TRY(convert(env, arena, &t[i], want->dtype));
    }
    return HN_OK;
}

static hn_status repeat(hn_env *env, hn_arena *arena, const hn_tensor *one, int64_t batch, const hn_tensor **out)
{
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, one->dims, sizeof dims);
    dims[0] = batch;
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof *t);
    if (!t) return HN_NOMEM;
    HN_TRY(hn_tensor_init(env, arena, t, one->dtype, one->rank, dims));
    if (one->bytes * (size_t)batch != t->bytes)
        return hn_fail(env, HN_INPUT, "an input with elements under a byte cannot be repeated for a batch of %lld",
                       (long long)batch);
    for (int64_t i = 0; i < batch; i++) memcpy((char *)t->data + (size_t)i * one->bytes, one->data, one->bytes);
    *out = t;
    return HN_OK;
}

static hn_status random_inputs(hone_env *e, hn_arena *arena, const hn_session *s, int64_t batch, const hn_tensor **refs)
{
    hn_env *env = &e->env;
    size_t nin = hn_session_inputs(s);
    hn_type *types = hn_arena_array(env, arena, nin + 1, sizeof *types);
    hn_tensor *t;
    if (!types) return HN_NOMEM;
    for (size_t i = 0; i < nin; i++) {
        const char *which;
        if (hn_session_default_dims(s, i, batch, &types[i], &which)) continue;
        hn_fail(env, HN_INPUT, "input \"%s\" has a free dimension: %s", hn_session_input_name(s, i), which);
        hn_hint(env, "give an input with --input %s=FILE", hn_session_input_name(s, i));
        return HN_INPUT;
    }
    HN_TRY(hn_api_random_inputs(env, arena, nin, types, env->seed, &t));
    for (size_t i = 0; i < nin; i++) refs[i] = &t[i];
    return HN_OK;
}

hn_status hn_api_job_inputs(hone_env *e, hn_arena *arena, const hn_session *s, const char *const *specs, size_t count,
                            int64_t batch, const hn_tensor ***out, size_t *samples)
{
    hn_env *env = &e->env;
    size_t nin = hn_session_inputs(s);
    const hn_tensor **refs = hn_arena_array(env, arena, nin + 1, sizeof *refs);
    if (!refs) return HN_NOMEM;
    const hn_type *first = nin ? hn_session_input_type(s, 0) : NULL;
    if (batch < 0 || batch > 65536)
        return hn_fail(env, HN_INPUT, "a batch of %lld; 1 to 65536 is possible", (long long)batch);
    if (batch > 0 && first && first->rank > 0 && first->dims[0] >= 0 && first->dims[0] != batch) {
        hn_fail(env, HN_INPUT, "the model has a fixed first dimension of %lld, so a batch of %lld cannot be run",
                (long long)first->dims[0], (long long)batch);
        return HN_INPUT;
    }
    if (count) {
        const hn_tensor *t;
        HN_TRY(hn_api_read_inputs(e, arena, s, specs, count, NULL, &t));
        for (size_t i = 0; i < nin; i++) {
            const hn_type *want = hn_session_input_type(s, i);
            refs[i] = &t[i];
            if (batch > 1 && want->kind == HN_KIND_TENSOR && !hn_tensor_deep(&t[i]) && t[i].rank > 0 &&
                t[i].dims[0] == 1 && want->rank > 0 && want->dims[0] < 0)
                HN_TRY(repeat(env, arena, &t[i], batch, &refs[i]));
        }
    } else {
        HN_TRY(random_inputs(e, arena, s, batch > 0 ? batch : 1, refs));
    }
    *out = refs;
    *samples = nin && refs[0]->rank > 0 && !hn_dtype_is_list(refs[0]->dtype) ? (size_t)refs[0]->dims[0] : 1;
    return HN_OK;
}

hn_type *hn_api_types_of(hn_env *env, hn_arena *arena, const hn_session *s, const hn_tensor *const *in)
{
    size_t nin = hn_session_inputs(s);
    hn_type *types = hn_arena_array(env, arena, nin + 1, sizeof *types);
    for (size_t i = 0; types && i < nin; i++) types[i] = hn_session_type_for(s, i, in[i]);
    return types;
}
