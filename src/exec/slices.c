/* slices: a plan that is run several times, each time on the next rows of all inputs and outputs. Lanes, each an
 * instance with an arena of its own, take slices side by side and run their steps alone: no thread waits for another
 * between two steps. Which lane runs a slice changes nothing: a slice is cut by shape and knows no other. */
#include <stdatomic.h>
#include <string.h>

#include "base/pool.h"
#include "base/size.h"
#include "exec/exec_priv.h"

typedef struct lane {
    hn_instance *inst;
    hn_env env;    /* a lane fails, and counts, for itself; its steps have no pool */
    size_t failed; /* the slice that failed; SIZE_MAX: none */
} lane;

struct hn_slices {
    lane *lanes; /* number 0 is the instance that holds this */
    size_t nlanes;
    uint8_t **out;              /* per output: all rows */
    const hn_tensor *const *in; /* of the present run */
    atomic_size_t next;
    uint64_t *step_ns; /* of all lanes, as shares of the time that passes */
    size_t bytes;
};

/* Steps of reference kernels ask for memory as they run, which one thread at a time may do. Where there are more
 * threads than twice the slices, steps are cut instead. */
static size_t lanes_for(const hn_env *env, const hn_plan *p)
{
    size_t threads = hn_pool_threads(env->pool);
    for (size_t s = 0; s < p->nsteps; s++)
        if (p->steps[s].kind != HN_STEP_DRIVER) return 1;
    return 2 * p->slices < threads ? 1 : hn_min_size(threads, p->slices);
}

static hn_status fill(hn_env *env, hn_slices *s, hn_instance *inst)
{
    const hn_plan *p = inst->plan;
    s->nlanes = lanes_for(env, p);
    s->lanes = hn_zalloc(env, s->nlanes * sizeof *s->lanes);
    s->out = hn_zalloc(env, (p->nout + 1) * sizeof *s->out);
    s->step_ns = hn_zalloc(env, (p->nsteps + 1) * sizeof *s->step_ns);
    if (!s->lanes || !s->out || !s->step_ns) return HN_NOMEM;
    s->lanes[0].inst = inst;
    for (size_t k = 1; k < s->nlanes; k++) {
        HN_TRY(hn_instance_make(env, p, &s->lanes[k].inst));
        s->bytes += hn_instance_bytes(s->lanes[k].inst);
    }
    for (size_t i = 0; i < p->nout; i++) {
        const hn_plan_value *v = &p->values[p->out[i]];
        if (v->place.space != HN_SPACE_OUTPUT || v->place.offset != i) continue;
        s->out[i] = hn_arena_raw(env, &inst->arena, v->bytes * p->slices);
        if (!s->out[i]) return HN_NOMEM;
    }
    return HN_OK;
}

hn_status hn_slices_new(hn_env *env, hn_instance *inst)
{
    inst->slices = hn_zalloc(env, sizeof *inst->slices);
    return inst->slices ? fill(env, inst->slices, inst) : HN_NOMEM;
}

void hn_slices_free(hn_env *env, hn_slices *s)
{
    if (!s) return;
    for (size_t k = 1; s->lanes && k < s->nlanes; k++) hn_instance_free(env, s->lanes[k].inst);
    hn_free(env, s->lanes);
    hn_free(env, s->out);
    hn_free(env, s->step_ns);
    hn_free(env, s);
}

static hn_status run_slice(hn_env *env, hn_slices *s, hn_instance *inst, size_t slice)
{
    const hn_plan *p = inst->plan;
    for (size_t i = 0; i < inst->npatches; i++) {
        const hn_patch *a = &inst->patches[i];
        uint8_t *base = a->output ? s->out[a->index] : s->in[a->index]->data;
        *a->slot = base + slice * p->values[a->output ? p->out[a->index] : p->in[a->index]].bytes;
    }
    return hn_instance_steps(env, inst);
}

/* Slices are taken in order, so the first that fails is run whatever happens to the others. */
static void run_lane(void *ctx, size_t task)
{
    hn_slices *s = ctx;
    lane *l = &s->lanes[task];
    size_t count = l->inst->plan->slices;
    for (size_t i; (i = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed)) < count;) {
        if (run_slice(&l->env, s, l->inst, i) == HN_OK) continue;
        l->failed = i;
        return;
    }
}

static hn_status run_side_by_side(hn_env *env, hn_slices *s)
{
    const lane *bad = NULL;
    for (size_t k = 0; k < s->nlanes; k++) {
        s->lanes[k].env = *env;
        s->lanes[k].env.pool = NULL;
        s->lanes[k].failed = SIZE_MAX;
    }
    atomic_store_explicit(&s->next, 0, memory_order_relaxed);
    hn_pool_run(env->pool, s->nlanes, run_lane, s);
    for (size_t k = 0; k < s->nlanes; k++)
        if (s->lanes[k].failed != SIZE_MAX && (!bad || s->lanes[k].failed < bad->failed)) bad = &s->lanes[k];
    if (!bad) return HN_OK;
    env->error = bad->env.error;
    return env->error.status;
}

static void sum_profile(hn_slices *s)
{
    size_t nsteps = s->lanes[0].inst->plan->nsteps;
    for (size_t i = 0; i < nsteps; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < s->nlanes; k++) sum += s->lanes[k].inst->step_ns[i];
        s->step_ns[i] = sum / s->nlanes;
    }
}

hn_status hn_slices_run(hn_env *env, hn_instance *inst, const hn_tensor *const *in, hn_tensor *out)
{
    hn_slices *s = inst->slices;
    const hn_plan *p = inst->plan;
    s->in = in;
    if (s->nlanes > 1) {
        HN_TRY(run_side_by_side(env, s));
    } else {
        for (size_t i = 0; i < p->slices; i++) HN_TRY(run_slice(env, s, inst, i));
    }
    if (inst->profile) sum_profile(s);
    for (size_t i = 0; i < p->nout; i++) {
        const hn_plan_value *v = &p->values[p->out[i]];
        out[i] = inst->tensors[p->out[i]];
        out[i].dims[0] = p->out_type[i].dims[0];
        out[i].bytes = v->bytes * p->slices;
        out[i].data = v->place.space == HN_SPACE_INPUT ? in[v->place.offset]->data : s->out[v->place.offset];
    }
    return HN_OK;
}

void hn_slices_profile(hn_slices *s, bool on)
{
    size_t bytes = s->lanes[0].inst->plan->nsteps * sizeof *s->step_ns;
    memset(s->step_ns, 0, bytes);
    for (size_t k = 0; k < s->nlanes; k++) {
        s->lanes[k].inst->profile = on;
        memset(s->lanes[k].inst->step_ns, 0, bytes);
    }
}

const uint64_t *hn_slices_step_ns(const hn_slices *s)
{
    return s->step_ns;
}

size_t hn_slices_bytes(const hn_slices *s)
{
    return s->bytes;
}
