/* memory: offsets for blocks with known lifetimes. Greedy placement (lowest gap that fits, among live neighbours) from
 * several orders; the best order is then improved by moving blocks that end at the top of the arena to the front. The
 * work is bounded by counts, never by time, so that the result is the same on every machine. */
#include "base/rng.h"
#include "base/size.h"
#include "plan/plan_priv.h"

#include <stdlib.h>
#include <string.h>

enum { CLIMB_BUDGET = 60000000, CLIMB_ROUNDS = 4000 };

typedef struct placer {
    hn_block *blocks;
    size_t count;
    uint32_t *order, *best, *trial;
    size_t *offset; /* of the trial, by block */
    uint32_t *near; /* placed blocks that overlap in time, sorted by offset */
} placer;

static bool overlaps(const hn_block *a, const hn_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Place blocks in the given order; returns the arena size. */
static size_t place(placer *p, const uint32_t *order)
{
    size_t top = 0;
    for (size_t i = 0; i < p->count; i++) {
        const hn_block *b = &p->blocks[order[i]];
        size_t n = 0;
        for (size_t j = 0; j < i; j++) {
            uint32_t o = order[j];
            if (!overlaps(b, &p->blocks[o])) continue;
            size_t k = n++;
            for (; k > 0 && p->offset[p->near[k - 1]] > p->offset[o]; k--) p->near[k] = p->near[k - 1];
            p->near[k] = o;
        }
        size_t at = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
        for (size_t j = 0; j < n; j++) {
            size_t start = p->offset[p->near[j]], end = start + p->blocks[p->near[j]].bytes;
            if (start > at && start - at >= b->bytes && start - at < best_gap) {
                best = at;
                best_gap = start - at;
            }
            at = hn_max_size(at, end);
        }
        p->offset[order[i]] = best != SIZE_MAX ? best : at;
        top = hn_max_size(top, p->offset[order[i]] + b->bytes);
    }
    return top;
}

static void sort_order(placer *p, uint32_t *order, int by)
{
    for (size_t i = 0; i < p->count; i++) {
        uint32_t v = (uint32_t)i;
        const hn_block *b = &p->blocks[v];
        size_t j = i;
        for (; j > 0; j--) {
            const hn_block *a = &p->blocks[order[j - 1]];
            bool after;
            if (by == 0)
                after = b->bytes > a->bytes;
            else if (by == 1)
                after = b->last - b->first > a->last - a->first ||
                        (b->last - b->first == a->last - a->first && b->bytes > a->bytes);
            else
                after = b->first < a->first || (b->first == a->first && b->bytes > a->bytes);
            if (!after) break;
            order[j] = order[j - 1];
        }
        order[j] = v;
    }
}

/* The step with the largest live sum, and the sum. Sums change only where a block begins. */
static size_t lower_bound(const hn_block *blocks, size_t count, uint32_t *peak_step)
{
    size_t peak = 0;
    for (size_t i = 0; i < count; i++) {
        size_t live = 0;
        for (size_t j = 0; j < count; j++)
            if (blocks[j].first <= blocks[i].first && blocks[j].last >= blocks[i].first) live += blocks[j].bytes;
        if (live > peak) {
            peak = live;
            *peak_step = blocks[i].first;
        }
    }
    return peak;
}

/* A fourth order: blocks alive at the fullest step first, largest first. */
static void sort_peak(placer *p, uint32_t *order, uint32_t step)
{
    sort_order(p, p->trial, 0);
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < p->count; i++) {
            const hn_block *b = &p->blocks[p->trial[i]];
            bool at_peak = b->first <= step && b->last >= step;
            if (at_peak == (pass == 0)) order[n++] = p->trial[i];
        }
}

static void climb(placer *p, size_t bound, size_t *top)
{
    hn_rng rng;
    hn_rng_init(&rng, 1, 0);
    size_t work = p->count * p->count / 2 + 1;
    size_t rounds = hn_min_size(CLIMB_ROUNDS, CLIMB_BUDGET / work);
    for (size_t r = 0; r<rounds && * top> bound; r++) {
        memcpy(p->trial, p->best, p->count * sizeof *p->trial);
        /* Move one block, or two, to an earlier place. */
        for (uint64_t moves = 1 + hn_rng_below(&rng, 2); moves > 0; moves--) {
            size_t from = (size_t)hn_rng_below(&rng, p->count);
            size_t to = (size_t)hn_rng_below(&rng, from + 1);
            uint32_t v = p->trial[from];
            memmove(&p->trial[to + 1], &p->trial[to], (from - to) * sizeof v);
            p->trial[to] = v;
        }
        size_t got = place(p, p->trial);
        if (got <= *top) {
            *top = got;
            memcpy(p->best, p->trial, p->count * sizeof *p->trial);
        }
    }
}

hn_status hn_memory_place(hn_env *env, hn_block *blocks, size_t count, size_t *arena, size_t *bound)
{
    *arena = *bound = 0;
    if (count == 0) return HN_OK;
    hn_arena scratch = {0};
    placer p = {.blocks = blocks, .count = count};
    p.order = hn_arena_array(env, &scratch, count, sizeof *p.order);
    p.best = hn_arena_array(env, &scratch, count, sizeof *p.best);
    p.trial = hn_arena_array(env, &scratch, count, sizeof *p.trial);
    p.near = hn_arena_array(env, &scratch, count, sizeof *p.near);
    p.offset = hn_arena_array(env, &scratch, count, sizeof *p.offset);
    if (!p.order || !p.best || !p.trial || !p.near || !p.offset) {
        hn_arena_fini(env, &scratch);
        return HN_NOMEM;
    }
    uint32_t peak_step = 0;
    *bound = lower_bound(blocks, count, &peak_step);
    size_t top = SIZE_MAX;
    for (int by = 0; by < 4 && top > *bound; by++) {
        if (by < 3)
            sort_order(&p, p.order, by);
        else
            sort_peak(&p, p.order, peak_step);
        size_t got = place(&p, p.order);
        if (got < top) {
            top = got;
            memcpy(p.best, p.order, count * sizeof *p.best);
        }
    }
    climb(&p, *bound, &top);
    *arena = place(&p, p.best);
    for (size_t i = 0; i < count; i++) blocks[i].offset = p.offset[i];
    hn_arena_fini(env, &scratch);
    return HN_OK;
}
