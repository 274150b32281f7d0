/* search_bits: narrow weights where they make a layer faster. Without instructions that multiply bytes into 32-bit
 * sums, products of bytes are added in 16 bits, where two of them fit with weights of 7 bits, or of 8 in pairs, and
 * more of them with 7. Only the layers that run as matrix products gain by it: depthwise layers, first layers and 3 x 3
 * windows have kernels that multiply words. */
#include "optimize/search_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TIMES = 3 };
static const double clearly = 0.95; /* a step that takes at most this share is faster */
static const double least_us = 0.1; /* and by this much: what a clock cannot tell apart */

bool hn_search_pairs_pay(uint64_t isa)
{
    return (isa & HN_ISA_AVX2) && !(isa & HN_ISA_VNNI);
}

size_t hn_search_narrow(const hn_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->layers.nlayers; i++) n += s->layers.layer[i].on && s->layers.layer[i].bits == 7;
    return n;
}

size_t hn_search_paired(const hn_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->layers.nlayers; i++) n += s->layers.layer[i].on && s->layers.layer[i].pairs;
    return n;
}

static const hn_kernel *kernel_of(const hn_plan *plan, const hn_layer *y)
{
    for (size_t i = 0; i < plan->nsteps; i++)
        if (strcmp(plan->steps[i].name, y->name) == 0) return plan->steps[i].kernels[0];
    return NULL;
}

/* What runs each layer when all of them have such weights; NULL where it has no step of its own. */
static hn_status find_kernels(hn_search *s, int bits, bool pairs, const hn_kernel **kernel)
{
    const hn_session_options apart = {.apart = true};
    const hn_qdq_options q = {.per_tensor = s->o->per_tensor};
    hn_arena arena = {0};
    hn_graph *g = NULL;
    hn_session *session = NULL;
    hn_feed feed;
    hn_ready ready;
    size_t n = s->layers.nlayers, batch = hn_score_batch(s->float_session, 1);
    for (size_t i = 0; i < n; i++) {
        s->layers.layer[i].bits = bits;
        s->layers.layer[i].pairs = pairs;
    }
    hn_status st = hn_qdq_insert(s->env, &arena, &s->layers, &q, &g);
    if (st == HN_OK) st = hn_session_new(s->env, g, NULL, &apart, &session);
    if (st == HN_OK)
        st = hn_feed_make(s->env, &arena, s->float_session, s->ds, s->calib, batch < s->ncalib ? batch : s->ncalib,
                          &feed);
    if (st == HN_OK) st = hn_feed_ready(s->env, session, &feed, &ready);
    for (size_t i = 0; i < n && st == HN_OK; i++) kernel[i] = kernel_of(ready.plan, &s->layers.layer[i]);
    hn_session_close(s->env, session);
    hn_arena_fini(s->env, &arena);
    return st;
}

static void set_bits(hn_search *s, const double *bits, int narrow)
{
    for (size_t i = 0; i < s->layers.nlayers; i++) {
        s->layers.layer[i].pairs = bits[i] > 0;
        s->layers.layer[i].bits = bits[i] == 7 ? narrow : 8;
    }
}

/* Of the layers with bits[i] 7, those stay so whose step is then clearly faster than with 8 in pairs. */
static hn_status keep_faster(hn_search *s, double *bits)
{
    const hn_qdq_options q = {.per_tensor = s->o->per_tensor};
    size_t n = s->layers.nlayers;
    hn_arena arena = {0};
    hn_graph *wide = NULL, *narrow = NULL;
    double *best = hn_arena_array(s->env, s->arena, 2 * n + 1, sizeof *best),
           *v = hn_arena_array(s->env, s->arena, 2 * n + 1, sizeof *v);
    if (!best || !v) return HN_NOMEM;
    set_bits(s, bits, 8);
    hn_status st = hn_qdq_insert(s->env, &arena, &s->layers, &q, &wide);
    set_bits(s, bits, 7);
    if (st == HN_OK) st = hn_qdq_insert(s->env, &arena, &s->layers, &q, &narrow);
    for (int k = 0; k < TIMES && st == HN_OK; k++) {
        st = hn_search_time_layers(s, &arena, wide, narrow, v);
        for (size_t i = 0; i < 2 * n; i++) best[i] = k == 0 ? v[i] : fmin(best[i], v[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (bits[i] == 7 && !(best[2 * i] > 0 && best[2 * i + 1] < fmin(best[2 * i] * clearly, best[2 * i] - least_us)))
            bits[i] = 8;
    hn_arena_fini(s->env, &arena);
    return st;
}

/* Pairs pay for a layer that is a matrix product then, or that another kernel takes only then: where weights are
 * large, sums may be beyond what Winograd's transforms keep exact. bits[i]: 0 where they do not pay. */
static hn_status choose_bits(hn_search *s, double *bits)
{
    size_t n = s->layers.nlayers;
    const hn_kernel **narrow = hn_arena_array(s->env, s->arena, n + 1, sizeof *narrow),
                    **wide = hn_arena_array(s->env, s->arena, n + 1, sizeof *wide);
    if (!narrow || !wide) return HN_NOMEM;
    HN_TRY(find_kernels(s, s->o->weight_bits, true, narrow));
    HN_TRY(find_kernels(s, 8, false, wide));
    for (size_t i = 0; i < n; i++) {
        bool product = narrow[i] && strcmp(narrow[i]->family, "gemm_q8") == 0;
        bits[i] = narrow[i] && (product || narrow[i] != wide[i]) ? 7 : 0;
    }
    if (s->o->weight_bits == 7) return HN_OK;
    if (!s->o->size) return keep_faster(s, bits);
    for (size_t i = 0; i < n; i++) bits[i] = bits[i] > 0 ? 8 : 0;
    return HN_OK;
}

hn_status hn_search_bits(hn_search *s, hn_probe *p, double *loss)
{
    size_t n = s->layers.nlayers;
    bool taken;
    if (!s->o->pairs) return HN_OK;
    double with, *bits = hn_arena_array(s->env, s->arena, n + 1, sizeof *bits);
    if (!bits) return HN_NOMEM;
    HN_TRY(hn_journal_take(s->env, s->o->journal, HN_JOURNAL_BITS, n, bits, &taken));
    if (!taken) {
        HN_TRY(choose_bits(s, bits));
        HN_TRY(hn_journal_put(s->env, s->o->journal, HN_JOURNAL_BITS, n, bits));
    }
    set_bits(s, bits, 7);
    if (hn_search_paired(s) == 0) return HN_OK;
    hn_qdq_options q = hn_search_variant(s);
    HN_TRY(hn_search_loss(s, p, &q, 0, &with));
    hn_trial *t = hn_search_trial(s, hn_search_bits_name(s), with);
    if (!t) return HN_NOMEM;
    snprintf(t->note, sizeof t->note,
             "%zu of %zu layers, those that run as matrix products, %zu with 7 bits: output error %.3g without, %.3g "
             "with",
             hn_search_paired(s), n, hn_search_narrow(s), *loss, with);
    *loss = with;
    return HN_OK;
}

const char *hn_search_bits_name(const hn_search *s)
{
    return s->o->weight_bits == 7 ? "7-bit weights" : "weights in pairs";
}

static void swap_weights(hn_layer *y)
{
    const int8_t *code = y->code;
    y->bits = 7 + 8 - y->bits;
    y->code = y->other_code;
    y->other_code = code;
}

/* Biases are corrected for the weights as they are rounded, so each width has its own. */
hn_status hn_search_other_bits(hn_search *s)
{
    const float **narrow, **wide;
    size_t n = s->layers.nlayers;
    s->other_shift = hn_arena_array(s->env, s->arena, n + 1, sizeof *s->other_shift);
    bool *was = hn_arena_array(s->env, s->arena, n + 1, sizeof *was);
    if (!s->other_shift || !was) return HN_NOMEM;
    if (!s->bias_shift || hn_search_narrow(s) == 0) return HN_OK;
    HN_TRY(hn_bias_shift(s->env, s->arena, &s->layers, s->hist, s->o->per_tensor, &narrow));
    for (size_t i = 0; i < n; i++) {
        was[i] = s->layers.layer[i].bits == 7;
        if (was[i]) swap_weights(&s->layers.layer[i]);
    }
    hn_status st = hn_bias_shift(s->env, s->arena, &s->layers, s->hist, s->o->per_tensor, &wide);
    for (size_t i = 0; i < n; i++)
        if (was[i]) swap_weights(&s->layers.layer[i]);
    HN_TRY(st);
    for (size_t i = 0; i < n; i++) {
        size_t channels = s->layers.layer[i].channels;
        s->other_shift[i] = s->bias_shift[i];
        if (!was[i] || !s->bias_shift[i] || !narrow[i]) continue;
        float *shift = hn_arena_array(s->env, s->arena, channels, sizeof *shift);
        if (!shift) return HN_NOMEM;
        for (size_t c = 0; c < channels; c++) shift[c] = s->bias_shift[i][c] + (wide[i][c] - narrow[i][c]);
        s->other_shift[i] = shift;
    }
    return HN_OK;
}

void hn_search_swap_bits(hn_search *s, size_t i)
{
    swap_weights(&s->layers.layer[i]);
    if (!s->bias_shift) return;
    const float *shift = s->bias_shift[i];
    s->bias_shift[i] = s->other_shift[i];
    s->other_shift[i] = shift;
}
