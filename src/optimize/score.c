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

/* Dimensions of 1 beside the classes are allowed: [n, classes, 1, 1]. */
static hn_status check_output(hn_env *env, const hn_tensor *out, size_t n, size_t *classes)
{
    size_t elems = hn_tensor_elems(out), wide = 0;
    char text[128];
    hn_tensor_describe(out, text, sizeof text);
    for (int d = 1; d < out->rank; d++) wide += out->dims[d] != 1;
    if (out->rank < 1 || out->dtype == HN_STRING || (size_t)out->dims[0] != n || elems < 2 * n || wide > 1) {
        hn_fail(env, HN_INPUT, "the model's first output is %s, which is not one row of class scores a sample", text);
        hn_hint(env, "what hone optimize makes of a model without classes is judged by --metric fidelity");
        return HN_INPUT;
    }
    *classes = elems / n;
    return HN_OK;
}

hn_status hn_score_walk(hn_env *env, const hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                        const hn_score_options *o, hn_score_part_fn *part, void *self)
{
    static const hn_score_options defaults;
    if (!o) o = &defaults;
    size_t size = hn_score_batch(s, o->batch);
    hn_arena tmp = {0};
    hn_status st = HN_OK;
    const hn_type *t = hn_session_inputs(s) ? hn_session_input_type(s, 0) : NULL;
    bool fixed = t && t->rank > 0 && t->dims[0] > 0;
    if (hn_session_outputs(s) == 0)
        return hn_fail(env, HN_INPUT, "the model has no output, so there is nothing to score");
    for (size_t at = 0; at < n && st == HN_OK; at += size) {
        hn_score_part p = {.at = at, .n = n - at < size ? n - at : size};
        hn_batch batch;
        p.pad = fixed ? size : p.n;
        size_t *list = hn_arena_array(env, &tmp, p.pad, sizeof *list);
        if (!list) st = HN_NOMEM;
        for (size_t i = 0; i < p.pad && list; i++) list[i] = index[at + (i < p.n ? i : p.n - 1)];
        if (st == HN_OK) st = hn_dataset_batch(env, ds, list, p.pad, &tmp, &batch);
        if (st == HN_OK) st = hn_score_feed(env, &tmp, s, &batch, &p.in);
        if (st == HN_OK) {
            p.label = batch.label;
            st = part(self, env, &tmp, &p);
        }
        hn_arena_reset(env, &tmp);
        if (o->progress) o->progress(o->self, at + p.n, n);
    }
    hn_arena_fini(env, &tmp);
    return st;
}

typedef struct scoring {
    hn_session *s;
    const size_t *index;
    size_t top;
    double *right;
} scoring;

static hn_status score_part(void *self, hn_env *env, hn_arena *tmp, const hn_score_part *p)
{
    scoring *k = self;
    hn_tensor *out = hn_arena_array(env, tmp, hn_session_outputs(k->s), sizeof *out);
    size_t classes = 0;
    if (!out) return HN_NOMEM;
    HN_TRY(hn_session_run(env, k->s, p->in, out));
    HN_TRY(check_output(env, &out[0], p->pad, &classes));
    for (size_t i = 0; i < p->n; i++) {
        int64_t label = p->label ? p->label[i] : -1;
        if (label < 0) return hn_fail(env, HN_INPUT, "sample %zu has no label", k->index[p->at + i]);
        if ((size_t)label >= classes) {
            hn_fail(env, HN_INPUT, "sample %zu has label %lld, but the model knows %zu classes", k->index[p->at + i],
                    (long long)label, classes);
            hn_hint(env, "--label-offset shifts labels; this output has room for 0..%zu", classes - 1);
            return HN_INPUT;
        }
        k->right[p->at + i] = rank_of(&out[0], i, classes, label) < k->top;
    }
    return HN_OK;
}

hn_status hn_score(hn_env *env, hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                   const hn_score_options *o, double *right)
{
    scoring k = {s, index, o && o->top ? o->top : 1, right};
    return hn_score_walk(env, s, ds, index, n, o, score_part, &k);
}
