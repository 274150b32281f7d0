/* reader_npy: NumPy arrays. An npy file holds the inputs of all samples along its first axis. An npz holds one array
 * per input, and the labels in the member `labels`, `label` or `y`. Samples are copied from the mapped or unpacked
 * file. */
#include "data/data_priv.h"
#include "data/npy.h"

#include "base/size.h"

#include <string.h>

typedef struct arrays {
    hn_bytes bytes;     /* npy: the file */
    hn_archive archive; /* npz: its members */
    size_t inputs;
    const char *name[HN_DATA_MAX_INPUTS]; /* NULL for npy */
    hn_npy_header head[HN_DATA_MAX_INPUTS];
    const uint8_t *data[HN_DATA_MAX_INPUTS];
    hn_tensor turned[HN_DATA_MAX_INPUTS]; /* row-major copies of column-major arrays */
} arrays;

static void swap_words(uint8_t *p, size_t bytes, size_t width)
{
    for (size_t i = 0; i + width <= bytes; i += width)
        for (size_t a = 0; a < width / 2; a++) {
            uint8_t v = p[i + a];
            p[i + a] = p[i + width - 1 - a];
            p[i + width - 1 - a] = v;
        }
}

static hn_status npy_sample(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    const arrays *a = ds->impl;
    hn_tensor *t = hn_arena_array(env, arena, a->inputs, sizeof *t);
    if (!t) return env->error.status;
    for (size_t k = 0; k < a->inputs; k++) {
        const hn_npy_header *h = &a->head[k];
        size_t item = h->bytes / ds->count;
        hn_tensor raw;
        HN_TRY(hn_tensor_init(env, arena, &raw, h->dtype, h->rank - 1, h->dims + 1));
        if (item) memcpy(raw.data, a->data[k] + index * item, item);
        if (h->swap) swap_words(raw.data, raw.bytes, hn_dtype_bits(h->dtype) / 8);
        HN_TRY(hn_preprocess_array(env, arena, &ds->options.pre, &raw, &t[k]));
    }
    out->inputs = a->inputs;
    out->input = t;
    out->input_name = a->name;
    return HN_OK;
}

static void npy_close(hn_env *env, hn_dataset *ds)
{
    arrays *a = ds->impl;
    hn_bytes_close(env, &a->bytes);
    hn_archive_close(env, &a->archive);
}

static hn_status input_add(hn_env *env, hn_dataset *ds, arrays *a, const char *name, const uint8_t *data, size_t size)
{
    if (a->inputs == HN_DATA_MAX_INPUTS) return hn_fail(env, HN_LIMIT, "more than %d input arrays", HN_DATA_MAX_INPUTS);
    size_t k = a->inputs;
    hn_cursor c = hn_cursor_make(data, size);
    hn_npy_header *h = &a->head[k];
    HN_TRY(hn_npy_header_read(env, &c, h));
    if (h->rank < 1) return hn_fail(env, HN_INPUT, "the array has no axis of samples");
    if (h->dtype == HN_C64 || h->dtype == HN_C128)
        return hn_fail(env, HN_UNSUPPORTED, "complex arrays cannot be samples");
    if (k > 0 && (size_t)h->dims[0] != ds->count)
        return hn_fail(env, HN_INPUT, "the array has %lld samples but %s has %zu", (long long)h->dims[0], a->name[0],
                       ds->count);
    a->name[k] = name;
    a->data[k] = c.data + c.pos;
    if (h->fortran && h->rank > 1) {
        hn_cursor again = hn_cursor_make(data, size);
        HN_TRY(hn_npy_read(env, &ds->arena, &again, &a->turned[k]));
        a->data[k] = a->turned[k].data;
        h->swap = false;
    }
    ds->count = (size_t)h->dims[0];
    a->inputs++;
    return HN_OK;
}

static hn_status labels_take(hn_env *env, hn_dataset *ds, const hn_member *m)
{
    hn_cursor c = hn_cursor_make(m->data, m->size);
    hn_tensor t;
    HN_TRY(hn_npy_read(env, &ds->arena, &c, &t));
    if (!(HN_BIT(t.dtype) & (HN_T_INT | HN_T_FLOAT | HN_BIT(HN_BOOL))) || hn_tensor_elems(&t) != ds->count)
        return hn_fail(env, HN_INPUT, "%zu labels of type %s for %zu samples", hn_tensor_elems(&t),
                       hn_dtype_name(t.dtype), ds->count);
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) {
        label[i] = hn_get_i64(&t, i);
        if (hn_dtype_is_float(t.dtype) && hn_get_f64(&t, i) != (double)label[i])
            return hn_fail(env, HN_INPUT, "the label of sample %zu is %g, not a whole number", i, hn_get_f64(&t, i));
    }
    return hn_labels_set(env, ds, label);
}

static bool is_label(const char *name)
{
    return strcmp(name, "labels") == 0 || strcmp(name, "label") == 0 || strcmp(name, "y") == 0;
}

static hn_status npz_open(hn_env *env, const char *path, hn_dataset *ds, arrays *a)
{
    HN_TRY(hn_archive_open(env, &ds->arena, path, ds->options.max_bytes, &a->archive));
    const hn_member *labels = NULL;
    for (size_t i = 0; i < a->archive.count; i++) {
        const hn_member *m = &a->archive.member[i];
        if (!hn_path_has_ext(m->name, ".npy")) continue;
        const char *name = hn_arena_strndup(env, &ds->arena, m->name, strlen(m->name) - 4);
        if (!name) return env->error.status;
        if (is_label(name))
            labels = m;
        else
            HN_TRY(hn_context(env, input_add(env, ds, a, name, m->data, m->size), "array %s", name));
    }
    if (a->inputs == 0) {
        hn_status st = hn_fail(env, HN_INPUT, "the npz holds no input array");
        hn_hint(env, "save it as numpy.savez(path, x=inputs, labels=classes)");
        return st;
    }
    return labels ? hn_context(env, labels_take(env, ds, labels), "array %s", labels->name) : HN_OK;
}

static hn_status npy_open(hn_env *env, const char *path, hn_dataset *ds)
{
    arrays *a = hn_arena_alloc(env, &ds->arena, sizeof *a);
    if (!a) return env->error.status;
    ds->impl = a;
    ds->read = npy_sample;
    ds->close = npy_close;
    if (hn_path_has_ext(path, ".npz")) return npz_open(env, path, ds, a);
    HN_TRY(hn_bytes_open(env, path, ds->options.max_bytes, &a->bytes));
    return input_add(env, ds, a, NULL, a->bytes.data, a->bytes.size);
}

static hn_status npy_probe(hn_env *env, const char *path, int *score)
{
    uint8_t h[6];
    if (!hn_path_is_file(path)) return HN_OK;
    if (hn_path_has_ext(path, ".npz")) *score = 90;
    if (hn_bytes_peek(env, path, h, sizeof h) == sizeof h && memcmp(h, "\x93NUMPY", 6) == 0) *score = 95;
    return HN_OK;
}

const hn_reader hn_reader_npy = {
    .name = "npy",
    .doc = "NumPy .npy (samples along the first axis, no labels) or .npz (one array per input, labels in `labels` or "
           "`y`).",
    .probe = npy_probe,
    .open = npy_open,
};
