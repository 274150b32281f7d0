/* cut: a part of a graph as a model of its own, so that a change in the middle does not cost what lies before it. Taps
 * run a graph once and keep the values that a cut starts from. */
#ifndef HN_OPTIMIZE_CUT_H
#define HN_OPTIMIZE_CUT_H

#include "optimize/measure.h"

/* Where an output is compared. Where the highest class is the answer: before a final Softmax, whose probabilities say
 * little about small errors until they say everything about them. Else the output itself. */
typedef enum hn_ends { HN_ENDS_OUTPUTS, HN_ENDS_SCORES } hn_ends;
hn_value *hn_end_of(hn_value *output, hn_ends ends);
/* Makes the ends the outputs. */
hn_status hn_ends_set(hn_graph *g, hn_ends ends) HN_MUST_CHECK;

/* The nodes that compute to[] from from[]: what is needed of from[] becomes the first inputs, graph inputs that are
 * needed besides follow, to[] become the outputs; all under their names. Constants are borrowed from g. *out is NULL,
 * without an error, when the part cannot stand alone: a node with regions, a value that is no tensor, an output that
 * nothing computes. */
hn_status hn_cut_graph(hn_env *env, hn_arena *arena, const hn_graph *g, hn_value *const *from, size_t nfrom,
                       hn_value *const *to, size_t nto, hn_graph **out) HN_MUST_CHECK;

/* A graph run up to the ends of its outputs, with more of its values as outputs. */
typedef struct hn_taps {
    hn_session *session;
    const hn_graph *graph; /* the caller's */
    hn_tensor *out;        /* ends of the graph's outputs, then the tapped values; valid until the next run */
    uint32_t *slot;        /* by value id: number in out; 0: not tapped and no output, else one more */
    hn_ends ends;
    const hn_feed *feed; /* of the last run; NULL: none */
    const double *scale; /* of the ends in distances, by output; the caller's, NULL: 1 */
} hn_taps;
/* Constants and values listed twice are passed over. */
hn_status hn_taps_open(hn_env *env, hn_arena *arena, const hn_graph *g, hn_ends ends, hn_value *const *value, size_t n,
                       hn_taps *out) HN_MUST_CHECK;
hn_status hn_taps_run(hn_env *env, hn_taps *t, const hn_feed *feed) HN_MUST_CHECK;
const hn_tensor *hn_taps_get(const hn_taps *t, const hn_value *v); /* NULL: not there */
void hn_taps_close(hn_env *env, hn_taps *t);

/* What depends on some values of a graph, its sources. */
typedef struct hn_behind {
    const hn_graph *graph;
    hn_ends ends;
    hn_value **from; /* read from elsewhere: the sources first; all but graph inputs are to be tapped */
    size_t nfrom, nsources;
    size_t *output; /* numbers of the graph outputs whose ends are computed behind */
    size_t noutputs;
    bool apart; /* no source depends on another one */
    /* after hn_behind_open */
    hn_arena arena;
    hn_session *session; /* NULL: nothing is computed behind, or it cannot stand alone */
    hn_tensor *out;
    const hn_tensor *const *source; /* of the last run */
} hn_behind;
/* Tables in the arena. */
hn_status hn_behind_find(hn_env *env, hn_arena *arena, const hn_graph *g, hn_ends ends, hn_value *const *source,
                         size_t n, hn_behind *out) HN_MUST_CHECK;
/* *possible false: run the whole model instead. */
hn_status hn_behind_open(hn_env *env, hn_behind *b, bool *possible) HN_MUST_CHECK;
/* With these tensors in place of the sources, and all else as it was in the last run of the taps. */
hn_status hn_behind_run(hn_env *env, hn_behind *b, const hn_taps *t, const hn_tensor *const *source) HN_MUST_CHECK;
/* End of graph output k after that run. */
const hn_tensor *hn_behind_output(const hn_behind *b, const hn_taps *t, size_t k);
/* Squared distance of all float ends to those of the taps, by their scales, added to *d2; infinite when one is not
 * finite. */
hn_status hn_behind_distance(hn_env *env, const hn_behind *b, const hn_taps *t, double *d2) HN_MUST_CHECK;
void hn_behind_close(hn_env *env, hn_behind *b);

#endif
