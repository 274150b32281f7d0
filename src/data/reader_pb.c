/* reader_pb: inputs as ONNX TensorProto files. A folder of `test_data_set_*` folders, each with input_0.pb, input_1.pb,
 * ... (the layout of the ONNX backend tests), one such folder, or a folder of other .pb files, each a sample with one
 * input. Tensors are whole: they hold their batch dimension. */
#include "data/data_priv.h"
#include "formats/onnx_tensor.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

typedef struct pb_set {
    const char **dir;  /* of each case, or NULL when samples are single files */
    const char **file; /* of each sample */
} pb_set;

static bool is_input(const char *name, int64_t *k)
{
    static const char head[] = "input_";
    size_t n = strlen(name);
    return n > sizeof head + 2 && strncmp(name, head, sizeof head - 1) == 0 && hn_path_has_ext(name, ".pb") &&
           hn_text_i64(name + sizeof head - 1, n - (sizeof head - 1) - 3, k) && *k >= 0;
}

static hn_status case_read(hn_env *env, const char *dir, hn_arena *arena, hn_sample *out)
{
    hn_tensor *t = hn_arena_array(env, arena, HN_DATA_MAX_INPUTS, sizeof *t);
    const char **name = hn_arena_array(env, arena, HN_DATA_MAX_INPUTS, sizeof *name);
    if (!t || !name) return env->error.status;
    for (size_t k = 0; k < HN_DATA_MAX_INPUTS; k++) {
        const char *path = hn_arena_printf(env, arena, "%s/input_%zu.pb", dir, k);
        if (!path) return env->error.status;
        if (!hn_path_is_file(path)) break;
        HN_TRY(hn_onnx_tensor_load(env, arena, path, &t[k], &name[k]));
        if (name[k] && name[k][0] == '\0') name[k] = NULL;
        out->inputs = k + 1;
    }
    if (out->inputs == 0) return hn_fail(env, HN_INPUT, "%s has no input_0.pb", dir);
    out->input = t;
    out->input_name = name;
    return HN_OK;
}

static hn_status pb_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const pb_set *s = ds->impl;
    if (s->dir) return case_read(env, s->dir[index], arena, out);
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof *t);
    const char **name = hn_arena_alloc(env, arena, sizeof *name);
    if (!t || !name) return env->error.status;
    HN_TRY(hn_onnx_tensor_load(env, arena, s->file[index], t, name));
    if (*name && (*name)[0] == '\0') *name = NULL;
    *out = (hn_sample){.inputs = 1, .input = t, .input_name = name};
    return HN_OK;
}

typedef struct listing {
    char **name;
    size_t count;
    size_t cases, inputs, files; /* sub-folders test_data_set_*, input_K.pb, .pb of any name */
} listing;

static bool is_case(const char *name)
{
    return strncmp(name, "test_data_set_", 14) == 0;
}

static hn_status list(hn_env *env, hn_arena *arena, const char *path, listing *l)
{
    *l = (listing){0};
    HN_TRY(hn_dir_list(env, arena, path, &l->name, &l->count));
    for (size_t i = 0; i < l->count; i++) {
        int64_t k = 0;
        l->cases += is_case(l->name[i]);
        l->inputs += is_input(l->name[i], &k);
        l->files += hn_path_has_ext(l->name[i], ".pb");
    }
    return HN_OK;
}

/* test_data_set_10 comes after test_data_set_9. */
static int case_order(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strlen(x), m = strlen(y);
    return n != m && is_case(x) ? (n < m ? -1 : 1) : strcmp(x, y);
}

static hn_status pb_open(hn_env *env, const char *path, hn_dataset *ds)
{
    listing l;
    pb_set *s = hn_arena_alloc(env, &ds->arena, sizeof *s);
    if (!s) return env->error.status;
    ds->impl = s;
    ds->read = pb_read;
    ds->whole = true;
    if (hn_path_is_file(path)) {
        const char **one = hn_arena_array(env, &ds->arena, 2, sizeof *one);
        if (!one) return env->error.status;
        one[0] = path;
        one[1] = hn_path_base(path);
        s->file = one;
        ds->name = one + 1;
        ds->count = 1;
        return HN_OK;
    }
    HN_TRY(list(env, &ds->arena, path, &l));
    const char **name = hn_arena_array(env, &ds->arena, l.count + 1, sizeof *name);
    const char **full = hn_arena_array(env, &ds->arena, l.count + 1, sizeof *full);
    if (!name || !full) return env->error.status;
    if (l.cases == 0 && l.inputs > 0) {
        name[0] = hn_path_base(path);
        full[0] = path;
        ds->count = 1;
    } else {
        for (size_t i = 0; i < l.count; i++)
            if (l.cases ? is_case(l.name[i]) : hn_path_has_ext(l.name[i], ".pb")) name[ds->count++] = l.name[i];
        qsort(name, ds->count, sizeof *name, case_order);
        for (size_t i = 0; i < ds->count; i++)
            if ((full[i] = hn_path_join(env, &ds->arena, path, name[i])) == NULL) return env->error.status;
    }
    ds->name = name;
    if (l.cases || l.inputs)
        s->dir = full;
    else
        s->file = full;
    return HN_OK;
}

static hn_status pb_probe(hn_env *env, const char *path, int *score)
{
    if (hn_path_is_file(path)) {
        *score = hn_path_has_ext(path, ".pb") ? 60 : 0;
        return HN_OK;
    }
    if (!hn_path_is_dir(path)) return HN_OK;
    hn_arena scratch = {0};
    listing l;
    hn_status st = list(env, &scratch, path, &l);
    if (st == HN_OK) *score = l.cases || l.inputs ? 80 : l.files ? 50 : 0;
    hn_arena_fini(env, &scratch);
    if (st == HN_NOMEM) return st;
    hn_error_clear(env);
    return HN_OK;
}

const hn_reader hn_reader_pb = {
    .name = "pb",
    .doc = "ONNX TensorProto files: a folder of test_data_set_* with input_K.pb, one such folder, or a folder of .pb "
           "files.",
    .probe = pb_probe,
    .open = pb_open,
};
