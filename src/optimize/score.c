/* score: see the header. */
#include "optimize/score.h"

#include <string.h>

size_t hn_score_batch(const hn_session *s, size_t wanted)
{
    if (hn_session_inputs(s) == 0) return 1;
    const hn_type *t = hn_session_input_type(s, 0);
    if (t->rank > 0 && t->dims[0] > 0) return (size_t)t->dims[0];
    return wanted ? wanted : 8;
}

static hn_status feed_one(hn_env *env, hn_arena *arena, const hn_session *s, size_t i, const hn_tensor *src,
                          const hn_tensor **out)
{
    const hn_type *want = hn_session_input_type(s, i);
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof *t);
    if (!t) return HN_NOMEM;
    *t = *src;
    *out = t;
    if (want->kind != HN_KIND_TENSOR) return HN_OK; /* the run says what does not fit */
    if (want->dtype == HN_F32 && t->dtype != HN_F32 && t->dtype != HN_STRING) {
        hn_tensor f;
        HN_TRY(hn_tensor_init(env, arena, &f, HN_F32, src->rank, src->dims));
        hn_tensor_to_f32(src, f.data);
        *t = f;
    }
    /* [n,h,w] pixels for a model that wants [n,1,h,w], or [n,c,h,w] for [n,c*h*w]. */
    if (want->rank == t->rank + 1 && want->rank <= HN_MAX_RANK && want->dims[1] == 1) {
        memmove(t->dims + 2, t->dims + 1, (size_t)(t->rank - 1) * sizeof *t->dims);
        t->dims[1] = 1;
        t->rank++;
    } else if (want->rank == 2 && t->rank > 2 && t->dims[0] > 0) {
        t->dims[1] = (int64_t)(hn_tensor_elems(t) / (size_t)t->dims[0]);
        t->rank = 2;
    }
    *out = t;
    return HN_OK;
}

hn_status hn_score_feed(hn_env *env, hn_arena *arena, const hn_session *s, const hn_batch *batch, const hn_tensor ***in)
{
    size_t nin = hn_session_inputs(s);
    const hn_tensor **refs = hn_arena_array(env, arena, nin + 1, sizeof *refs);
    if (!refs) return HN_NOMEM;
    *in = refs;
    for (size_t i = 0; i < nin; i++) {
        size_t pick = SIZE_MAX;
        for (size_t k = 0; k < batch->inputs; k++)
            if (batch->input_name && batch->input_name[k] &&
                strcmp(batch->input_name[k], hn_session_input_name(s, i)) == 0)
                pick = k;
        if (pick == SIZE_MAX && i < batch->inputs) pick = i;
        if (pick == SIZE_MAX) {
            hn_fail(env, HN_INPUT, "the data give %zu inputs, but the model also needs \"%s\"", batch->inputs,
                    hn_session_input_name(s, i));
            return HN_INPUT;
        }
        HN_TRY(feed_one(env, arena, s, i, &batch->input[pick], &refs[i]));
    }
    return HN_OK;
}

/* Rank of the label: how many classes score higher (or as high with a lower number). NaN never wins. */
static size_t rank_of(const hn_tensor *out, size_t row, size_t classes, int64_t label)
{
    double mine = hn_get_f64(out, row * classes + (size_t)label);
    size_t above = 0;
    if (mine != mine) return classes;
    for (size_t c = 0; c < classes; c++) {
        double v = hn_get_f64(out, row * classes + c);
        if (v > mine || (v == mine && c < (size_t)label)) above++;
    }
    return above;
}

static int32_t top_of(const hn_tensor *out, size_t row, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (hn_get_f64(out, row * classes + c) > hn_get_f64(out, row * classes + best)) best = c;
    return (int32_t)best;
}

static hn_status check_output(hn_env *env, const hn_tensor *out, size_t n, size_t *classes)
{
    size_t elems = hn_tensor_elems(out);
    char text[128];
    hn_tensor_describe(out, text, sizeof text);
    if (out->rank < 1 || out->dtype == HN_STRING || (size_t)out->dims[0] != n || elems % n != 0 || elems / n < 2)
        return hn_fail(env, HN_INPUT, "the model's first output is %s, which is not one row of class scores a sample",
                       text);
    *classes = elems / n;
    return HN_OK;
}

static hn_status score_batch(hn_env *env, hn_arena *tmp, hn_session *s, const hn_dataset *ds, const size_t *index,
                             size_t n, size_t pad, size_t top, uint8_t *right, int32_t *answer)
{
    size_t *list = hn_arena_array(env, tmp, pad, sizeof *list);
    hn_tensor *out = hn_arena_array(env, tmp, hn_session_outputs(s) + 1, sizeof *out);
    if (!list || !out) return HN_NOMEM;
    for (size_t i = 0; i < pad; i++) list[i] = index[i < n ? i : n - 1];
    hn_batch batch;
    const hn_tensor **in;
    size_t classes = 0;
    HN_TRY(hn_dataset_batch(env, ds, list, pad, tmp, &batch));
    HN_TRY(hn_score_feed(env, tmp, s, &batch, &in));
    HN_TRY(hn_session_run(env, s, in, out));
    HN_TRY(check_output(env, &out[0], pad, &classes));
    for (size_t i = 0; i < n; i++) {
        int64_t label = batch.label ? batch.label[i] : -1;
        if (label < 0) return hn_fail(env, HN_INPUT, "sample %zu has no label", index[i]);
        if ((size_t)label >= classes) {
            hn_fail(env, HN_INPUT, "sample %zu has label %lld, but the model knows %zu classes", index[i],
                    (long long)label, classes);
            hn_hint(env, "--label-offset shifts labels; this output has room for 0..%zu", classes - 1);
            return HN_INPUT;
        }
        right[i] = rank_of(&out[0], i, classes, label) < top;
        if (answer) answer[i] = top_of(&out[0], i, classes);
    }
    return HN_OK;
}

hn_status hn_score(hn_env *env, hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                   const hn_score_options *o, uint8_t *right, int32_t *answer)
{
    static const hn_score_options defaults;
    if (!o) o = &defaults;
    size_t size = hn_score_batch(s, o->batch), top = o->top ? o->top : 1;
    hn_arena tmp = {0};
    hn_status st = HN_OK;
    const hn_type *t = hn_session_inputs(s) ? hn_session_input_type(s, 0) : NULL;
    bool fixed = t && t->rank > 0 && t->dims[0] > 0;
    if (hn_session_outputs(s) == 0)
        return hn_fail(env, HN_INPUT, "the model has no output, so there is nothing to score");
    for (size_t at = 0; at < n && st == HN_OK; at += size) {
        size_t take = n - at < size ? n - at : size;
        hn_arena_reset(env, &tmp);
        st = score_batch(env, &tmp, s, ds, index + at, take, fixed ? size : take, top, right + at,
                         answer ? answer + at : NULL);
        if (o->progress) o->progress(o->self, at + take, n);
    }
    hn_arena_fini(env, &tmp);
    return st;
}
