/* dataset: opening by the best reader, reading one sample, stacking samples into a batch. */
#include "data/data.h"

#include "base/pool.h"
#include "base/size.h"
#include "data/data_priv.h"

#include <string.h>

static const size_t default_max_bytes = (size_t)4 << 30;
static const size_t default_max_samples = (size_t)1 << 31;

static hn_status reader_by_name(hn_env *env, const char *name, const hn_reader **out)
{
    const char *names[64];
    size_t n = hn_min_size(hn_reader_count, HN_COUNT(names));
    for (size_t i = 0; i < n; i++) {
        names[i] = hn_reader_rows[i]->name;
        if (strcmp(names[i], name) == 0) {
            *out = hn_reader_rows[i];
            return HN_OK;
        }
    }
    const char *near = hn_nearest_word(name, names, n);
    hn_status st = hn_fail(env, HN_INPUT, "there is no data reader called \"%s\"", name);
    if (near) hn_hint(env, "did you mean %s?", near);
    return st;
}

static hn_status reader_by_path(hn_env *env, const char *path, const hn_reader **out)
{
    int best = 0;
    for (size_t i = 0; i < hn_reader_count; i++) {
        int score = 0;
        HN_TRY(hn_reader_rows[i]->probe(env, path, &score));
        if (score > best) {
            best = score;
            *out = hn_reader_rows[i];
        }
    }
    if (best > 0) return HN_OK;
    bool there = hn_path_is_dir(path) || hn_path_is_file(path);
    hn_status st = there ? hn_fail(env, HN_INPUT, "no data reader knows %s", path)
                         : hn_fail(env, HN_INPUT, "there is no file or folder %s", path);
    hn_hint(env, "accepted: a folder with labels.tsv or one sub-folder a class, npy, npz, IDX, CIFAR .bin, CSV/TSV, "
                 "tar, wav, a folder of .pb");
    return st;
}

static hn_status labels_shift(hn_env *env, hn_dataset *ds)
{
    int64_t by = ds->options.label_offset;
    if (!ds->label || by == 0) return HN_OK;
    int64_t *label = hn_arena_array(env, &ds->arena, ds->count, sizeof *label);
    if (!label) return env->error.status;
    for (size_t i = 0; i < ds->count; i++) {
        label[i] = ds->label[i];
        if (label[i] < 0) continue;
        if (!hn_i64_add(label[i], by, &label[i]) || label[i] < 0)
            return hn_fail(env, HN_INPUT, "label offset %lld makes the label of sample %zu negative", (long long)by, i);
    }
    ds->label = label;
    ds->class_name = NULL;
    if (ds->classes && !hn_i64_add(ds->classes, by, &ds->classes))
        return hn_fail(env, HN_INPUT, "the label offset is too large");
    return HN_OK;
}

static hn_status open_with(hn_env *env, const hn_reader *reader, const char *path, hn_dataset *ds)
{
    hn_data_options *o = &ds->options;
    if (o->max_bytes == 0) o->max_bytes = default_max_bytes;
    if (o->max_pixels == 0) o->max_pixels = HN_IMAGE_MAX_PIXELS;
    if (o->max_samples == 0) o->max_samples = default_max_samples;
    ds->reader = reader;
    ds->path = hn_arena_strdup(env, &ds->arena, path);
    if (!ds->path) return env->error.status;
    if (o->label_column && (o->label_column = hn_arena_strdup(env, &ds->arena, o->label_column)) == NULL)
        return env->error.status;
    HN_TRY(reader->open(env, ds->path, ds));
    if (ds->count == 0) return hn_fail(env, HN_INPUT, "there are no samples");
    if (ds->count > o->max_samples)
        return hn_fail(env, HN_LIMIT, "%zu samples are above the limit of %zu", ds->count, o->max_samples);
    HN_TRY(labels_shift(env, ds));
    if (o->first && ds->count > o->first) ds->count = o->first;
    return HN_OK;
}

hn_status hn_dataset_open(hn_env *env, const char *path, const hn_data_options *options, hn_dataset **out)
{
    const hn_reader *reader = NULL;
    if (options && options->reader)
        HN_TRY(reader_by_name(env, options->reader, &reader));
    else
        HN_TRY(reader_by_path(env, path, &reader));
    hn_dataset *ds = hn_zalloc(env, sizeof *ds);
    if (!ds) return env->error.status;
    if (options) ds->options = *options;
    hn_status st = open_with(env, reader, path, ds);
    if (st != HN_OK) {
        hn_dataset_close(env, ds);
        return hn_context(env, st, "in data set %s (reader %s)", path, reader->name);
    }
    *out = ds;
    return HN_OK;
}

void hn_dataset_close(hn_env *env, hn_dataset *ds)
{
    if (!ds) return;
    if (ds->close) ds->close(env, ds);
    hn_arena_fini(env, &ds->arena);
    hn_free(env, ds);
}

int64_t hn_dataset_label(const hn_dataset *ds, size_t index)
{
    return ds->label && index < ds->count ? ds->label[index] : -1;
}

size_t hn_dataset_labelled(const hn_dataset *ds)
{
    size_t n = 0;
    for (size_t i = 0; ds->label && i < ds->count; i++) n += ds->label[i] >= 0;
    return n;
}

hn_status hn_dataset_read(hn_env *env, const hn_dataset *ds, size_t index, hn_arena *arena, hn_sample *out)
{
    if (index >= ds->count)
        return hn_fail(env, HN_INPUT, "sample %zu was asked for, but %s has %zu", index, ds->path, ds->count);
    *out = (hn_sample){0};
    hn_status st = ds->read(env, ds, index, arena, out);
    if (st != HN_OK)
        return hn_context(env, st, "sample %zu%s%s of %s", index, ds->name ? ", " : "", ds->name ? ds->name[index] : "",
                          ds->path);
    out->label = hn_dataset_label(ds, index);
    out->name = ds->name ? ds->name[index] : hn_arena_printf(env, arena, "%s#%zu", hn_path_base(ds->path), index);
    return out->name ? HN_OK : env->error.status;
}

hn_status hn_sample_one(hn_env *env, hn_arena *arena, const hn_tensor *t, hn_sample *out)
{
    hn_tensor *copy = hn_arena_alloc(env, arena, sizeof *copy);
    const char **name = hn_arena_alloc(env, arena, sizeof *name);
    if (!copy || !name) return env->error.status;
    *copy = *t;
    out->inputs = 1;
    out->input = copy;
    out->input_name = name;
    return HN_OK;
}

hn_status hn_labels_set(hn_env *env, hn_dataset *ds, const int64_t *label)
{
    int64_t top = -1;
    for (size_t i = 0; i < ds->count; i++) {
        if (label[i] < 0 || label[i] > INT32_MAX)
            return hn_fail(env, HN_INPUT, "the label of sample %zu is %lld, outside 0..%d", i, (long long)label[i],
                           INT32_MAX);
        if (label[i] > top) top = label[i];
    }
    if (ds->classes && top >= ds->classes)
        return hn_fail(env, HN_INPUT, "label %lld is outside the %lld classes of the set", (long long)top,
                       (long long)ds->classes);
    if (ds->classes == 0) ds->classes = top + 1;
    ds->label = label;
    return HN_OK;
}

/* Batches. Tasks read one sample each with an env of their own, because an env belongs to one thread at a time. */

typedef struct batch_job {
    const hn_dataset *ds;
    const size_t *index;
    hn_sample *sample;
    hn_arena *arena; /* one a sample */
    hn_env *env;     /* one a sample */
} batch_job;

static void read_task(void *ctx, size_t i)
{
    batch_job *job = ctx;
    /* A failure stays recorded in the task's env. */
    hn_status st = hn_dataset_read(&job->env[i], job->ds, job->index[i], &job->arena[i], &job->sample[i]);
    (void)st;
}

static hn_status shape_error(hn_env *env, const hn_sample *first, const hn_sample *other, const hn_tensor *a,
                             const hn_tensor *b)
{
    char ta[128], tb[128];
    hn_tensor_describe(a, ta, sizeof ta);
    hn_tensor_describe(b, tb, sizeof tb);
    hn_status st = hn_fail(env, HN_INPUT, "samples differ in shape and cannot share a batch: %s is %s, %s is %s",
                           first->name, ta, other->name, tb);
    hn_hint(env, "give --preprocess resize=...,crop=..., or use batch 1");
    return st;
}

static bool stackable(const hn_tensor *a, const hn_tensor *b, int from)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->rank < from) return false;
    for (int d = from; d < a->rank; d++)
        if (a->dims[d] != b->dims[d]) return false;
    return true;
}

static hn_status stack_input(hn_env *env, hn_arena *arena, const hn_sample *s, size_t n, size_t k, bool whole,
                             hn_tensor *out)
{
    const hn_tensor *first = &s[0].input[k];
    if (hn_dtype_bits(first->dtype) < 8)
        return hn_fail(env, HN_UNSUPPORTED, "packed %s samples cannot be stacked", hn_dtype_name(first->dtype));
    int64_t dims[HN_MAX_RANK + 1] = {0};
    int64_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        const hn_tensor *t = &s[i].input[k];
        if (!stackable(first, t, whole ? 1 : 0)) return shape_error(env, &s[0], &s[i], first, t);
        if (!hn_i64_add(rows, whole ? t->dims[0] : 1, &rows)) return hn_fail(env, HN_LIMIT, "the batch is too large");
    }
    int rank = first->rank + (whole ? 0 : 1);
    if (rank > HN_MAX_RANK)
        return hn_fail(env, HN_UNSUPPORTED, "a batch of rank-%d samples would have rank %d; at most %d", first->rank,
                       rank, HN_MAX_RANK);
    dims[0] = rows;
    for (int d = 1; d < rank; d++) dims[d] = first->dims[whole ? d : d - 1];
    HN_TRY(hn_tensor_init(env, arena, out, first->dtype, rank, dims));
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const hn_tensor *t = &s[i].input[k];
        if (t->bytes) memcpy((uint8_t *)out->data + at, t->data, t->bytes);
        at += t->bytes;
    }
    return HN_OK;
}

static hn_status same_inputs(hn_env *env, const hn_sample *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (s[i].inputs != s[0].inputs)
            return hn_fail(env, HN_INPUT, "%s has %zu inputs but %s has %zu", s[0].name, s[0].inputs, s[i].name,
                           s[i].inputs);
    return HN_OK;
}

static hn_status batch_join(hn_env *env, const hn_dataset *ds, const size_t *index, size_t n, const hn_sample *s,
                            hn_arena *arena, hn_batch *out)
{
    HN_TRY(same_inputs(env, s, n));
    size_t inputs = s[0].inputs;
    hn_tensor *t = hn_arena_array(env, arena, inputs, sizeof *t);
    const char **name = hn_arena_array(env, arena, inputs, sizeof *name);
    int64_t *label = hn_arena_array(env, arena, n, sizeof *label);
    if (!t || !name || !label) return env->error.status;
    for (size_t i = 0; i < n; i++) label[i] = hn_dataset_label(ds, index[i]);
    for (size_t k = 0; k < inputs; k++) {
        if (s[0].input_name[k] && (name[k] = hn_arena_strdup(env, arena, s[0].input_name[k])) == NULL)
            return env->error.status;
        if (ds->whole && n == 1) {
            hn_tensor *copy = NULL;
            HN_TRY(hn_tensor_copy(env, arena, &s[0].input[k], &copy));
            t[k] = *copy;
        } else {
            HN_TRY(stack_input(env, arena, s, n, k, ds->whole, &t[k]));
        }
    }
    *out = (hn_batch){n, inputs, t, name, label};
    return HN_OK;
}

hn_status hn_dataset_batch(hn_env *env, const hn_dataset *ds, const size_t *index, size_t n, hn_arena *arena,
                           hn_batch *out)
{
    if (n == 0) return hn_fail(env, HN_INPUT, "a batch needs at least one sample");
    hn_arena scratch = {0};
    batch_job job = {ds, index, NULL, NULL, NULL};
    hn_status st = HN_OK;
    job.sample = hn_arena_array(env, &scratch, n, sizeof *job.sample);
    job.arena = hn_arena_array(env, &scratch, n, sizeof *job.arena);
    job.env = hn_arena_array(env, &scratch, n, sizeof *job.env);
    if (!job.sample || !job.arena || !job.env) {
        st = env->error.status;
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        job.env[i].alloc = env->alloc;
        job.env[i].isa = env->isa;
        job.env[i].seed = env->seed;
    }
    hn_pool_run(env->pool, n, read_task, &job);
    for (size_t i = 0; i < n; i++)
        if (job.env[i].error.status != HN_OK) {
            if (env->error.status == HN_OK) env->error = job.env[i].error;
            st = env->error.status;
            goto out;
        }
    st = batch_join(env, ds, index, n, job.sample, arena, out);
out:
    if (job.arena && job.env)
        for (size_t i = 0; i < n; i++) hn_arena_fini(env, &job.arena[i]);
    hn_arena_fini(env, &scratch);
    return st;
}
