/* search_priv: between search.c (the route), search_ranges.c, search_repair.c, search_time.c,
 * search_layers.c, search_bits.c, search_budget.c and search_steps.c (trials and measuring). */
#ifndef HN_OPTIMIZE_SEARCH_PRIV_H
#define HN_OPTIMIZE_SEARCH_PRIV_H

#include "optimize/qdq.h"
#include "optimize/score.h"
#include "optimize/search.h"

enum { HN_LOSS_SAMPLES = 64, HN_LOSS_BATCH = 8 };

typedef struct hn_probe {
    hn_feed feeds[HN_LOSS_SAMPLES];
    size_t nfeeds, nlayerwise; /* the first of them stand for all where it is done for every layer */
    hn_session *ends;          /* the float graph up to where outputs are compared */
    hn_outputs reference;
    double *score, *base_score; /* over the selection part */
} hn_probe;

hn_status hn_probe_make(hn_search *s, hn_probe *p) HN_MUST_CHECK;
void hn_probe_fini(hn_search *s, hn_probe *p);
/* Histograms of every activation of s->graph. */
hn_status hn_search_observe(hn_search *s) HN_MUST_CHECK;
/* A range for every group of activations, by the error of the outputs. */
hn_status hn_search_ranges(hn_search *s, hn_probe *p) HN_MUST_CHECK;
/* 7-bit weights or pairs that fit for the layers that gain by them; *loss as for repairs. */
hn_status hn_search_bits(hn_search *s, hn_probe *p, double *loss) HN_MUST_CHECK;
const char *hn_search_bits_name(const hn_search *s); /* of the step */
/* Once biases are final: what they are with 8-bit weights instead of 7. */
hn_status hn_search_other_bits(hn_search *s) HN_MUST_CHECK;
/* The other width for a layer that has, or had, 7 bits. */
void hn_search_swap_bits(hn_search *s, size_t i);
/* Repairs; *loss is the error without, and what it is afterwards. */
hn_status hn_search_bias(hn_search *s, hn_probe *p, double *loss) HN_MUST_CHECK;
hn_status hn_search_equalize(hn_search *s, hn_probe *p, double *loss) HN_MUST_CHECK;
/* Codes of weights whose errors make up for each other, with biases for them. */
hn_status hn_search_round(hn_search *s, hn_probe *p, double *loss) HN_MUST_CHECK;
/* Each layer's step in two graphs that are timed in turn, every layer apart: v[2 * i] and v[2 * i + 1], negative where
 * it has none. */
hn_status hn_search_time_layers(hn_search *s, hn_arena *arena, const hn_graph *a, const hn_graph *b,
                                double *v) HN_MUST_CHECK;
/* Time of the present choice as a share of the float model's. */
hn_status hn_search_time(hn_search *s, double *share) HN_MUST_CHECK;
/* Layers that are clearly faster in float go back to it; all of them where the model as a whole is. */
hn_status hn_search_refuse_slow(hn_search *s) HN_MUST_CHECK;
/* All of them; share: the model's time of that in float. */
hn_status hn_search_drop_slow(hn_search *s, double share) HN_MUST_CHECK;
/* What a layer gave up for accuracy: narrow weights, or INT8. */
typedef struct hn_given {
    size_t layer;
    bool widened;
} hn_given;
/* Layers give way until the selection part is within the budget. Its parts: the step that takes away most of the output
 * error for what it costs, false: none does enough; the step taken; the last of n steps undone. */
hn_status hn_search_hold_budget(hn_search *s, hn_probe *p) HN_MUST_CHECK;
bool hn_search_next_step(const hn_search *s, hn_given *step);
hn_status hn_search_give_way(hn_search *s, const hn_given *step) HN_MUST_CHECK;
void hn_search_take_back(hn_search *s, const hn_given *given, size_t n);
/* Fill sqnr_db; output_error and accuracy_delta of the layers. */
hn_status hn_search_sqnr(hn_search *s, hn_probe *p) HN_MUST_CHECK;
hn_status hn_search_alone(hn_search *s, hn_probe *p) HN_MUST_CHECK;
/* The present choice of layers and ranges as a graph and a session of their own; in a fresh arena that the caller frees
 * after closing the session. */
hn_status hn_search_build(hn_search *s, hn_arena *arena, const hn_qdq_options *q, hn_graph **g,
                          hn_session **session) HN_MUST_CHECK;
/* The same up to where outputs are compared. */
hn_status hn_search_build_ends(hn_search *s, hn_arena *arena, const hn_qdq_options *q,
                               hn_session **session) HN_MUST_CHECK;
/* Layers that end in outputs alone keep them in float. */
hn_status hn_search_plain_ends(hn_search *s, hn_probe *p, double *loss) HN_MUST_CHECK;
/* The weights and biases of the present choice. */
hn_qdq_options hn_search_variant(const hn_search *s);
/* Layer i in INT8 or in float. */
void hn_search_turn(hn_search *s, size_t i, bool on);
/* Loss of a variant on the calibration samples (the first `samples`). */
hn_status hn_search_loss(hn_search *s, hn_probe *p, const hn_qdq_options *q, size_t feeds, double *loss) HN_MUST_CHECK;
/* Sum of the scores of a session on the selection part, and the drop against the float baseline. */
hn_status hn_search_score(hn_search *s, hn_probe *p, hn_session *session, double *score, hn_drop *drop) HN_MUST_CHECK;
hn_trial *hn_search_trial(hn_search *s, const char *name, double loss);
hn_status hn_search_refuse(hn_search *s, const char *layer, const char *what, const char *fmt, ...) HN_PRINTF(4, 5);
bool hn_search_late(const hn_search *s);
void hn_search_stage(const hn_search *s, const char *stage, double done, double total);
size_t hn_search_on(const hn_search *s);
/* Bytes that the weights would take: i8 codes and scales for layers that are on, f32 for the rest. */
double hn_search_bytes(const hn_search *s);

#endif
