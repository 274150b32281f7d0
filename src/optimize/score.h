/* score: runs a session over a list of samples and says which are answered right, sample by sample, so that two models
 * can be compared in pairs. */
#ifndef HN_OPTIMIZE_SCORE_H
#define HN_OPTIMIZE_SCORE_H

#include "data/data.h"
#include "optimize/session.h"
#include "optimize/stats.h"

typedef struct hn_score_options {
    size_t batch; /* 0: chosen from the model's input (fixed batch kept) */
    size_t top;   /* a sample counts as right when its label is among the `top` largest; 0: 1 */
    void (*progress)(void *self, size_t done, size_t total);
    void *self;
} hn_score_options;

/* right[i] = 1 when sample index[i] is answered right, else 0. The first output of the model is taken as [n, classes]
 * (further dimensions of size 1 are allowed); ties go to the lower class. HN_INPUT when a sample has no label or the
 * output is not a row of classes. */
hn_status hn_score(hn_env *env, hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                   const hn_score_options *options, double *right) HN_MUST_CHECK;

/* A batch of a walk: `in` holds `pad` samples one after the other, of which the first n are the samples at, at + 1, ...
 * of the list; those behind them fill a batch that is fixed. */
typedef struct hn_score_part {
    const hn_tensor **in;
    const int64_t *label; /* NULL: none */
    size_t at, n, pad;
} hn_score_part;
typedef hn_status hn_score_part_fn(void *self, hn_env *env, hn_arena *tmp, const hn_score_part *part);
/* Samples index[0..n) in batches that fit `s`, each as inputs of `s` to `part`. Its arena is emptied after each. */
hn_status hn_score_walk(hn_env *env, const hn_session *s, const hn_dataset *ds, const size_t *index, size_t n,
                        const hn_score_options *options, hn_score_part_fn *part, void *self) HN_MUST_CHECK;

/* Feed a batch to the model's inputs: matches names where the data names them, else order; adds or checks the batch
 * dimension, converts u8 to f32. *in gets nin pointers in the arena. */
hn_status hn_score_feed(hn_env *env, hn_arena *arena, const hn_session *s, const hn_batch *batch,
                        const hn_tensor ***in) HN_MUST_CHECK;
/* The batch size to use for a session: its fixed first dimension, else `wanted` (0: 8). */
size_t hn_score_batch(const hn_session *s, size_t wanted);

#endif
