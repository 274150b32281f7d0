/* check: re-derives from the finished plan, without the planner's tables, that every value a step reads still has its
 * bytes. */
#include "plan/plan_priv.h"

typedef struct span {
    uint64_t from, to;
} span;

static bool arena_span(const hn_plan *p, uint32_t v, span *out)
{
    if (v == HN_ABSENT || (v & HN_BLOB) || p->values[v].place.space != HN_SPACE_ARENA || p->values[v].bytes == 0)
        return false;
    *out = (span){p->values[v].place.offset, p->values[v].place.offset + p->values[v].bytes};
    return true;
}

typedef struct checker {
    hn_env *env;
    const hn_plan *plan;
    bool *valid;    /* by storage value: its bytes are in memory */
    uint32_t *live; /* the valid ones, in any order */
    size_t nlive;
} checker;

static hn_status reads(checker *c, uint32_t v, size_t step)
{
    span a;
    if (!arena_span(c->plan, v, &a)) return HN_OK;
    if (c->valid[c->plan->values[v].storage]) return HN_OK;
    const char *name = c->plan->values[v].name;
    return hn_fail(c->env, HN_BUG, "plan: step %zu reads value %u (%s), whose bytes are not there or were overwritten",
                   step, v, name ? name : "unnamed");
}

static hn_status writes(checker *c, uint32_t v)
{
    span a, b;
    if (!arena_span(c->plan, v, &a)) return HN_OK;
    if (a.to > c->plan->arena_bytes) return hn_fail(c->env, HN_BUG, "plan: value %u ends beyond the arena", v);
    uint32_t storage = c->plan->values[v].storage;
    size_t kept = 0;
    for (size_t i = 0; i < c->nlive; i++) {
        uint32_t o = c->live[i];
        if (o != storage && arena_span(c->plan, o, &b) && a.from < b.to && b.from < a.to)
            c->valid[o] = false;
        else
            c->live[kept++] = o;
    }
    c->nlive = kept;
    if (!c->valid[storage]) c->live[c->nlive++] = storage;
    c->valid[storage] = true;
    return HN_OK;
}

/* Within one step a written operand may overlap a read one only when they start at the same byte (in place). */
static hn_status step_overlap(checker *c, const hn_step *s, size_t step)
{
    for (size_t w = 0; w < s->noperands && w < 32; w++) {
        span a, b;
        if (!(s->written >> w & 1) || !arena_span(c->plan, s->operands[w], &a)) continue;
        for (size_t r = 0; r < s->noperands; r++) {
            if (r == w || !arena_span(c->plan, s->operands[r], &b)) continue;
            bool written = r < 32 && (s->written >> r & 1);
            if (a.from < b.to && b.from < a.to && (written || a.from != b.from))
                return hn_fail(c->env, HN_BUG, "plan: step %zu: operands %zu and %zu overlap", step, w, r);
        }
    }
    return HN_OK;
}

static hn_status check(checker *c)
{
    const hn_plan *p = c->plan;
    for (size_t s = 0; s < p->nsteps; s++) {
        const hn_step *st = &p->steps[s];
        for (size_t k = 0; k < st->noperands; k++)
            if (k >= 32 || !(st->written >> k & 1)) HN_TRY(reads(c, st->operands[k], s));
        for (size_t k = 0; k < st->nin; k++) HN_TRY(reads(c, st->in[k], s));
        HN_TRY(step_overlap(c, st, s));
        for (size_t k = 0; k < st->noperands && k < 32; k++)
            if (st->written >> k & 1) HN_TRY(writes(c, st->operands[k]));
        for (size_t k = 0; k < st->nout; k++) HN_TRY(writes(c, st->out[k]));
        for (size_t r = 0; r < st->nsubplans; r++)
            if (st->subplans[r]) HN_TRY(hn_plan_check(c->env, st->subplans[r]));
    }
    for (size_t i = 0; i < p->nout; i++) HN_TRY(reads(c, p->out[i], p->nsteps));
    return HN_OK;
}

hn_status hn_plan_check(hn_env *env, const hn_plan *plan)
{
    hn_arena tmp = {0};
    checker c = {.env = env, .plan = plan};
    c.valid = hn_arena_array(env, &tmp, plan->nvalues + 1, sizeof *c.valid);
    c.live = hn_arena_array(env, &tmp, plan->nvalues + 1, sizeof *c.live);
    hn_status st = c.valid && c.live ? check(&c) : HN_NOMEM;
    hn_arena_fini(env, &tmp);
    return st;
}
