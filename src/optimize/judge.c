/* judge: see the header. */
#include "optimize/judge.h"

#include "optimize/spread.h"

#include <math.h>

const char *const hn_judge_name[HN_JUDGES] = {"top1", "fidelity"};

/* A float output, and that of the float model over the samples so far. */
typedef struct output {
    size_t number;
    hn_spread spread;
} output;

typedef struct judging {
    hn_session *s[2]; /* the float model; the other */
    hn_tensor *out[2];
    hn_arena *arena;
    output *output;
    size_t noutputs, n;
    double *distance; /* sample by output */
    const size_t *index;
} judging;

static hn_status list_outputs(judging *j, hn_env *env, const hn_score_part *p)
{
    size_t nout = hn_session_outputs(j->s[0]);
    j->output = hn_arena_array(env, j->arena, nout, sizeof *j->output);
    if (!j->output) return HN_NOMEM;
    for (size_t k = 0; k < nout; k++) {
        const hn_tensor *t = &j->out[0][k];
        if (!hn_dtype_is_float(t->dtype)) continue;
        if (t->rank < 1 || (size_t)t->dims[0] % p->pad != 0) {
            char text[128];
            hn_tensor_describe(t, text, sizeof text);
            return hn_fail(env, HN_INPUT, "output \"%s\" is %s for %zu samples, which cannot be told apart in it",
                           hn_session_output_name(j->s[0], k), text, p->pad);
        }
        output *o = &j->output[j->noutputs++];
        o->number = k;
        HN_TRY(hn_spread_start(env, j->arena, hn_tensor_elems(t) / p->pad, &o->spread));
    }
    if (j->noutputs == 0) return hn_fail(env, HN_INPUT, "the model has no float output, so fidelity has no meaning");
    j->distance = hn_arena_array(env, j->arena, j->n * j->noutputs, sizeof *j->distance);
    return j->distance ? HN_OK : HN_NOMEM;
}

static hn_status floats(hn_env *env, hn_arena *tmp, const hn_tensor *t, const float **out)
{
    *out = t->data;
    if (t->dtype == HN_F32) return HN_OK;
    float *v = hn_arena_array(env, tmp, hn_tensor_elems(t), sizeof *v);
    if (!v) return HN_NOMEM;
    hn_tensor_to_f32(t, v);
    *out = v;
    return HN_OK;
}

static hn_status judge_output(judging *j, hn_env *env, hn_arena *tmp, const hn_score_part *p, size_t k)
{
    output *o = &j->output[k];
    const size_t elems = o->spread.elems;
    const hn_tensor *want = &j->out[0][o->number], *got = &j->out[1][o->number];
    const char *name = hn_session_output_name(j->s[0], o->number);
    if (!hn_tensor_same_shape(want, got) || !hn_dtype_is_float(got->dtype) || hn_tensor_elems(want) != elems * p->pad)
        return hn_fail(env, HN_INPUT, "output \"%s\" has another size for sample %zu, so fidelity has no meaning", name,
                       j->index[p->at]);
    const float *a, *b;
    HN_TRY(floats(env, tmp, want, &a));
    HN_TRY(floats(env, tmp, got, &b));
    for (size_t i = 0; i < p->n; i++, a += elems, b += elems) {
        double d2 = 0;
        hn_spread_add(&o->spread, a);
        for (size_t e = 0; e < elems; e++) {
            double d = (double)b[e] - (double)a[e];
            d2 += d * d;
        }
        if (!isfinite(d2) || !isfinite(o->spread.squares))
            return hn_fail(env, HN_INPUT, "output \"%s\" of sample %zu is not finite", name, j->index[p->at + i]);
        j->distance[(p->at + i) * j->noutputs + k] = d2;
    }
    return HN_OK;
}

static hn_status judge_part(void *self, hn_env *env, hn_arena *tmp, const hn_score_part *p)
{
    judging *j = self;
    for (int k = 0; k < 2; k++) {
        j->out[k] = hn_arena_array(env, tmp, hn_session_outputs(j->s[k]), sizeof *j->out[k]);
        if (!j->out[k]) return HN_NOMEM;
        HN_TRY(hn_session_run(env, j->s[k], p->in, j->out[k]));
    }
    if (!j->output) HN_TRY(list_outputs(j, env, p));
    for (size_t k = 0; k < j->noutputs; k++) HN_TRY(judge_output(j, env, tmp, p, k));
    return HN_OK;
}

/* Outputs that are the same for all samples tell nothing about them and are left out. */
static hn_status conclude(judging *j, hn_env *env, double *score)
{
    size_t counted = 0;
    for (size_t i = 0; i < j->n; i++) score[i] = 0;
    for (size_t k = 0; k < j->noutputs; k++) {
        const double spread = hn_spread_of(&j->output[k].spread);
        if (!(spread > 0)) continue;
        for (size_t i = 0; i < j->n; i++) score[i] += j->distance[i * j->noutputs + k] / spread;
        counted++;
    }
    if (!counted) return hn_fail(env, HN_INPUT, "the float model gives the same outputs for all %zu samples", j->n);
    for (size_t i = 0; i < j->n; i++) score[i] = 1 - score[i] / (double)counted;
    return HN_OK;
}

static hn_status fidelity(hn_env *env, judging *j, const hn_dataset *ds, const hn_score_options *options, double *score)
{
    if (j->s[0] == j->s[1]) {
        for (size_t i = 0; i < j->n; i++) score[i] = 1;
        return HN_OK;
    }
    HN_TRY(hn_score_walk(env, j->s[0], ds, j->index, j->n, options, judge_part, j));
    return conclude(j, env, score);
}

hn_status hn_judge_score(hn_env *env, hn_judge judge, hn_session *reference, hn_session *s, const hn_dataset *ds,
                         const size_t *index, size_t n, const hn_score_options *options, double *score)
{
    hn_arena arena = {0};
    judging j = {.s = {reference, s}, .arena = &arena, .n = n, .index = index};
    hn_status st = n == 0                   ? HN_OK
                   : judge == HN_JUDGE_TOP1 ? hn_score(env, s, ds, index, n, options, score)
                                            : fidelity(env, &j, ds, options, score);
    hn_arena_fini(env, &arena);
    return st;
}
