/* instance: the run state of a plan, and the loop over its steps. */
#include "base/clock.h"
#include "base/size.h"
#include "exec/exec_priv.h"

#include <string.h>

hn_status hn_grow_to(hn_env *env, hn_grow *g, size_t bytes)
{
    if (bytes <= g->cap && g->data) return HN_OK;
    size_t cap = hn_align_up(bytes + bytes / 2 + 64, 64);
    void *fresh = hn_alloc(env, cap);
    if (!fresh) return HN_NOMEM;
    if (g->data && g->cap) memcpy(fresh, g->data, g->cap);
    hn_free(env, g->data);
    g->data = fresh;
    g->cap = cap;
    return HN_OK;
}

static void *place_address(const hn_instance *inst, hn_place p)
{
    switch (p.space) {
    case HN_SPACE_ARENA: return inst->memory + p.offset;
    case HN_SPACE_CONST: return (void *)(uintptr_t)(inst->plan->constants + p.offset);
    case HN_SPACE_STRINGS: return (void *)(uintptr_t)inst->plan->strings[p.offset];
    default: return NULL;
    }
}

static hn_status patch_add(hn_instance *inst, size_t *cap, hn_env *env, void **slot, hn_place place)
{
    if (place.space != HN_SPACE_INPUT && place.space != HN_SPACE_OUTPUT) return HN_OK;
    if (inst->npatches == *cap) {
        size_t want = *cap ? *cap * 2 : 16;
        hn_patch *fresh = hn_arena_array(env, &inst->arena, want, sizeof *fresh);
        if (!fresh) return HN_NOMEM;
        if (inst->npatches) memcpy(fresh, inst->patches, inst->npatches * sizeof *fresh);
        inst->patches = fresh;
        *cap = want;
    }
    inst->patches[inst->npatches++] = (hn_patch){slot, (uint32_t)place.offset, place.space == HN_SPACE_OUTPUT};
    return HN_OK;
}

static bool is_list(const hn_plan_value *v)
{
    return v->type.kind != HN_KIND_TENSOR;
}

static void empty_list(const hn_type *type, hn_tensor *t)
{
    *t = (hn_tensor){.dtype = hn_type_list_dtype(type), .rank = 1};
}

static hn_status init_tensors(hn_env *env, hn_instance *inst, size_t *cap)
{
    const hn_plan *p = inst->plan;
    for (size_t i = 0; i < p->nvalues; i++) {
        const hn_plan_value *v = &p->values[i];
        hn_tensor *t = &inst->tensors[i];
        t->dtype = v->type.dtype;
        if (is_list(v)) empty_list(&v->type, t);
        if (v->place.space == HN_SPACE_DYNAMIC || is_list(v)) continue;
        t->rank = v->type.rank;
        memcpy(t->dims, v->type.dims, sizeof t->dims);
        t->bytes = v->bytes;
        t->data = place_address(inst, v->place);
        HN_TRY(patch_add(inst, cap, env, &t->data, v->place));
    }
    return HN_OK;
}

static hn_status init_driver_step(hn_env *env, hn_instance *inst, size_t s, size_t *cap)
{
    const hn_plan *p = inst->plan;
    const hn_step *st = &p->steps[s];
    void **ptr = inst->ptr[s] = hn_arena_array(env, &inst->arena, st->noperands + 1, sizeof *ptr);
    if (!ptr) return HN_NOMEM;
    for (size_t k = 0; k < st->noperands; k++) {
        uint32_t o = st->operands[k];
        if (o == HN_ABSENT) continue;
        if (o & HN_BLOB) {
            ptr[k] = (void *)(uintptr_t)(p->constants + p->blobs[o & ~HN_BLOB].offset);
            continue;
        }
        ptr[k] = inst->tensors[o].data;
        HN_TRY(patch_add(inst, cap, env, &ptr[k], p->values[o].place));
    }
    return HN_OK;
}

static hn_status init_ref_step(hn_env *env, hn_instance *inst, size_t s)
{
    const hn_step *st = &inst->plan->steps[s];
    inst->in[s] = hn_arena_array(env, &inst->arena, st->nin + 1, sizeof **inst->in);
    inst->out[s] = hn_arena_array(env, &inst->arena, st->nout + 1, sizeof **inst->out);
    if (!inst->in[s] || !inst->out[s]) return HN_NOMEM;
    for (size_t k = 0; k < st->nin; k++) inst->in[s][k] = st->in[k] == HN_ABSENT ? NULL : &inst->tensors[st->in[k]];
    for (size_t k = 0; k < st->nout; k++) inst->out[s][k] = st->out[k] == HN_ABSENT ? NULL : &inst->tensors[st->out[k]];
    if (st->kind == HN_STEP_CONTROL) HN_TRY(hn_control_new(env, inst, st, &inst->control[s]));
    return HN_OK;
}

/* A step costs something even when it moves nothing: an empty region in a loop counts too. */
enum { STEP_WORK = 100 };

static hn_status count_work(hn_env *env, hn_instance *inst)
{
    const hn_plan *p = inst->plan;
    inst->work = STEP_WORK;
    double start = STEP_WORK * (double)p->slices;
    for (size_t s = 0; s < p->nsteps; s++) inst->work += start + p->steps[s].cost.flops + p->steps[s].cost.bytes;
    env->work = 0;
    return hn_work_add(env, inst->work);
}

/* About what the tables of an instance take, and the inputs of a plan file, which a caller may put beside them. */
static size_t front_bytes(const hn_plan *p)
{
    enum { A_STEP = 128, AN_INPUT = 512, INPUTS_MOST = 1 << 24 };
    size_t tables = p->nvalues * sizeof(hn_tensor) + p->nsteps * A_STEP, inputs = p->nin * AN_INPUT;
    for (size_t i = 0; i < p->nin && p->map.data && inputs < INPUTS_MOST; i++)
        if (hn_type_known(&p->in_type[i])) inputs += hn_min_size(hn_type_bytes(&p->in_type[i]), INPUTS_MOST);
    return tables + hn_min_size(inputs, INPUTS_MOST);
}

/* Large memory comes after the tables: one thread leaves the end of the scratch alone, and what is used then lies on
 * fewer huge pages. Small memory comes first: all fits on one huge page, or on few small ones. */
static void *take_memory(hn_env *env, hn_instance *inst)
{
    enum { LARGE = 1 << 20 };
    size_t bytes = inst->memory_bytes + 64;
    if (bytes < LARGE) return hn_arena_raw(env, &inst->arena, bytes);
    return hn_arena_raw_behind(env, &inst->arena, front_bytes(inst->plan), bytes);
}

static hn_status init(hn_env *env, hn_instance *inst)
{
    const hn_plan *p = inst->plan;
    inst->memory_bytes = p->arena_bytes + p->scratch_bytes;
    inst->memory = take_memory(env, inst);
    inst->ptr = hn_arena_array(env, &inst->arena, p->nsteps + 1, sizeof *inst->ptr);
    inst->in = hn_arena_array(env, &inst->arena, p->nsteps + 1, sizeof *inst->in);
    inst->out = hn_arena_array(env, &inst->arena, p->nsteps + 1, sizeof *inst->out);
    inst->control = hn_arena_array(env, &inst->arena, p->nsteps + 1, sizeof *inst->control);
    inst->step_ns = hn_arena_array(env, &inst->arena, p->nsteps + 1, sizeof *inst->step_ns);
    inst->tensors = hn_arena_array(env, &inst->arena, p->nvalues + 1, sizeof *inst->tensors);
    inst->dynamic = hn_arena_array(env, &inst->arena, p->ndynamic + 1, sizeof *inst->dynamic);
    if (!inst->memory || !inst->ptr || !inst->in || !inst->out || !inst->control || !inst->step_ns || !inst->tensors ||
        !inst->dynamic)
        return HN_NOMEM;
    size_t cap = 0;
    HN_TRY(hn_store_init(env, inst));
    HN_TRY(init_tensors(env, inst, &cap));
    for (size_t s = 0; s < p->nsteps; s++) {
        if (p->steps[s].kind == HN_STEP_DRIVER)
            HN_TRY(init_driver_step(env, inst, s, &cap));
        else
            HN_TRY(init_ref_step(env, inst, s));
    }
    return HN_OK;
}

hn_status hn_instance_make(hn_env *env, const hn_plan *plan, hn_instance **out)
{
    *out = NULL;
    hn_instance *inst = hn_zalloc(env, sizeof *inst);
    if (!inst) return HN_NOMEM;
    inst->plan = plan;
    double outer = env->work;
    hn_status st = count_work(env, inst);
    env->work = outer;
    if (st == HN_OK) st = init(env, inst);
    if (st != HN_OK) {
        hn_instance_free(env, inst);
        return st;
    }
    *out = inst;
    return HN_OK;
}

hn_status hn_instance_new(hn_env *env, const hn_plan *plan, hn_instance **out)
{
    HN_TRY(hn_instance_make(env, plan, out));
    if (plan->slices == 1) return HN_OK;
    hn_status st = hn_slices_new(env, *out);
    if (st == HN_OK) return HN_OK;
    hn_instance_free(env, *out);
    *out = NULL;
    return st;
}

void hn_instance_free(hn_env *env, hn_instance *inst)
{
    if (!inst) return;
    hn_slices_free(env, inst->slices);
    if (inst->control)
        for (size_t s = 0; s < inst->plan->nsteps; s++) hn_control_free(env, inst->control[s]);
    if (inst->dynamic)
        for (size_t i = 0; i < inst->plan->ndynamic; i++) hn_free(env, inst->dynamic[i].data);
    hn_arena_fini(env, &inst->scratch);
    hn_arena_fini(env, &inst->arena);
    hn_free(env, inst);
}

/* Give a dynamic value its shape of this run. */
static hn_status resize_dynamic(hn_env *env, hn_instance *inst, uint32_t value, hn_dtype dtype, int rank,
                                const int64_t *dims)
{
    size_t elems, bytes;
    if (!hn_dims_count(rank, dims, &elems) || !hn_dtype_bytes(dtype, elems, &bytes))
        return hn_fail(env, HN_LIMIT, "value \"%s\": its size at run time is beyond what memory can address",
                       inst->plan->values[value].name ? inst->plan->values[value].name : "?");
    hn_grow *g = &inst->dynamic[inst->plan->values[value].place.offset];
    HN_TRY(hn_grow_to(env, g, bytes));
    hn_tensor *t = &inst->tensors[value];
    t->dtype = dtype;
    t->rank = rank;
    memcpy(t->dims, dims, (size_t)rank * sizeof *dims);
    t->bytes = bytes;
    t->data = g->data;
    return HN_OK;
}

hn_status hn_instance_fit(hn_env *env, const hn_type *declared, hn_tensor *t, hn_tensor *some)
{
    hn_dtype want = hn_type_list_dtype(declared);
    if (want == HN_OPT && t->dtype != HN_OPT) {
        *some = *t;
        *t = (hn_tensor){.dtype = HN_OPT, .rank = 1, .dims = {1}, .data = some, .bytes = sizeof *some};
    } else if (want != HN_OPT && t->dtype == HN_OPT) {
        if (hn_tensor_elems(t) == 0) return hn_fail(env, HN_INPUT, "an empty optional where a value is declared");
        *t = *hn_tensor_item(t, 0);
    }
    return HN_OK;
}

hn_status hn_instance_store(hn_env *env, hn_instance *inst, uint32_t value, const hn_tensor *t)
{
    if (value == HN_ABSENT) return HN_OK;
    const hn_plan_value *v = &inst->plan->values[value];
    if (is_list(v)) {
        hn_tensor *some = hn_arena_alloc(env, &inst->scratch, sizeof *some);
        if (!some) return HN_NOMEM;
        inst->tensors[value] = *t;
        return hn_instance_fit(env, &v->type, &inst->tensors[value], some);
    }
    if (v->place.space == HN_SPACE_DYNAMIC && !hn_dtype_is_list(t->dtype)) {
        HN_TRY(resize_dynamic(env, inst, value, t->dtype, t->rank, t->dims));
    } else if (v->type.dtype != t->dtype || v->bytes != t->bytes) {
        char got[128];
        hn_tensor_describe(t, got, sizeof got);
        return hn_fail(env, HN_INPUT, "value \"%s\": a region gave %s, which is not the declared shape",
                       v->name ? v->name : "?", got);
    }
    if (t->bytes) memcpy(inst->tensors[value].data, t->data, t->bytes);
    return HN_OK;
}

/* Outputs of a step whose shapes depend on the data of this run. */
static hn_status shape_outputs(hn_env *env, hn_instance *inst, const hn_step *st)
{
    bool dynamic = false;
    for (size_t k = 0; k < st->nout; k++)
        dynamic =
            dynamic || (st->out[k] != HN_ABSENT && inst->plan->values[st->out[k]].place.space == HN_SPACE_DYNAMIC);
    if (!dynamic) return HN_OK;
    hn_type *types = hn_arena_array(env, &inst->scratch, st->nin + st->nout + 1, sizeof *types);
    const hn_type **in = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *in);
    const hn_tensor **data = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *data);
    if (!types || !in || !data) return HN_NOMEM;
    for (size_t k = 0; k < st->nin; k++) {
        if (st->in[k] == HN_ABSENT) continue;
        const hn_tensor *t = &inst->tensors[st->in[k]];
        const hn_type *planned = &inst->plan->values[st->in[k]].type;
        types[k] = hn_dtype_is_list(t->dtype) ? *planned : hn_type_tensor(t->dtype, t->rank, t->dims);
        in[k] = &types[k];
        data[k] = t;
    }
    hn_type *out = types + st->nin;
    double work = 0;
    for (size_t k = 0; k < st->nin; k++) work += data[k] ? (double)data[k]->bytes : 0;
    for (size_t k = 0; k < st->nout; k++) out[k] = hn_type_tensor(HN_NONE, -1, NULL);
    hn_infer c = {.env = env, .node = st->node, .nin = st->nin, .nout = st->nout, .in = in, .data = data, .out = out};
    HN_TRY(st->node->op->infer(&c));
    for (size_t k = 0; k < st->nout; k++) {
        if (st->out[k] == HN_ABSENT || inst->plan->values[st->out[k]].place.space != HN_SPACE_DYNAMIC) continue;
        if (is_list(&inst->plan->values[st->out[k]])) {
            empty_list(&inst->plan->values[st->out[k]].type, &inst->tensors[st->out[k]]);
            continue;
        }
        if (!hn_type_known(&out[k]))
            return hn_fail(env, HN_UNSUPPORTED, "node \"%s\" (%s): the shape of output %zu stays unknown at run time",
                           st->name, st->op, k);
        HN_TRY(resize_dynamic(env, inst, st->out[k], out[k].dtype, out[k].rank, out[k].dims));
        work += (double)inst->tensors[st->out[k]].bytes;
    }
    return hn_work_add(env, work);
}

/* What the kernel put into a list, or what its strings point to, may borrow from anywhere: keep a copy that lives as
 * long as the run's results. */
static hn_status keep_lists(hn_env *env, hn_instance *inst, const hn_step *st)
{
    for (size_t k = 0; k < st->nout; k++) {
        if (st->out[k] == HN_ABSENT || !is_list(&inst->plan->values[st->out[k]])) continue;
        hn_tensor *t = &inst->tensors[st->out[k]], made = *t;
        hn_grow *g = &inst->dynamic[inst->plan->values[st->out[k]].place.offset];
        size_t bytes = 0;
        HN_TRY(hn_tensor_pack_bytes(env, &made, &bytes));
        HN_TRY(hn_work_add(env, (double)bytes));
        HN_TRY(hn_grow_to(env, g, bytes));
        hn_tensor_pack(&made, g->data, t);
    }
    return HN_OK;
}

static hn_status run_ref(hn_env *env, hn_instance *inst, size_t s)
{
    const hn_step *st = &inst->plan->steps[s];
    bool done;
    HN_TRY(hn_store_step(env, inst, s, &done));
    if (done) return HN_OK;
    HN_TRY(shape_outputs(env, inst, st));
    for (size_t k = 0; k < st->nout; k++)
        if (inst->out[s][k] && inst->out[s][k]->bytes) memset(inst->out[s][k]->data, 0, inst->out[s][k]->bytes);
    hn_refargs a = {.env = env,
                    .node = st->node,
                    .nin = st->nin,
                    .nout = st->nout,
                    .in = inst->in[s],
                    .out = inst->out[s],
                    .scratch = &inst->scratch};
    HN_TRY(st->node->op->ref(&a));
    return keep_lists(env, inst, st);
}

static hn_status run_step(hn_env *env, hn_instance *inst, size_t s)
{
    const hn_step *st = &inst->plan->steps[s];
    if (st->kind == HN_STEP_DRIVER) {
        hn_run r = {.env = env,
                    .ptr = inst->ptr[s],
                    .params = st->params,
                    .kernels = st->kernels,
                    .scratch = inst->memory + inst->plan->arena_bytes,
                    .pool = env->pool};
        return st->driver->run(&r);
    }
    return st->kind == HN_STEP_REF ? run_ref(env, inst, s) : hn_control_run(env, inst, s);
}

static hn_status check_inputs(hn_env *env, hn_instance *inst, const hn_tensor *const *in)
{
    const hn_plan *p = inst->plan;
    for (size_t i = 0; i < p->nin; i++) {
        const hn_plan_value *v = &p->values[p->in[i]];
        const hn_tensor *t = in[i];
        bool same = t && is_list(v) && hn_store_holds(inst->own ? inst->own[p->in[i]] : NULL, &v->type, t);
        if (same) {
            inst->tensors[p->in[i]] = *t;
            continue;
        }
        const hn_type *type = &p->in_type[i];
        same = t && !is_list(v) && t->dtype == type->dtype && t->rank == type->rank;
        for (int d = 0; same && d < t->rank; d++) same = t->dims[d] == type->dims[d];
        if (same) continue;
        char got[128] = "nothing", want[128];
        if (t) hn_tensor_describe(t, got, sizeof got);
        hn_type_describe(NULL, type, want, sizeof want);
        return hn_fail(env, HN_INPUT, "input \"%s\": the plan is for %s, but %s was given", v->name ? v->name : "?",
                       want, got);
    }
    return HN_OK;
}

hn_status hn_instance_run(hn_env *env, hn_instance *inst, const hn_tensor *const *in, hn_tensor *out)
{
    env->work = 0;
    return hn_instance_run_inner(env, inst, in, out);
}

hn_status hn_instance_steps(hn_env *env, hn_instance *inst)
{
    const hn_plan *p = inst->plan;
    hn_arena_reset(env, &inst->scratch);
    uint64_t before = inst->profile ? hn_clock_ns() : 0;
    for (size_t s = 0; s < p->nsteps; s++) {
        hn_status st = run_step(env, inst, s);
        if (st != HN_OK) return hn_context(env, st, "node \"%s\" (%s)", p->steps[s].name, p->steps[s].op);
        if (inst->profile) {
            uint64_t now = hn_clock_ns();
            inst->step_ns[s] += now - before;
            before = now;
        }
    }
    return HN_OK;
}

hn_status hn_instance_run_inner(hn_env *env, hn_instance *inst, const hn_tensor *const *in, hn_tensor *out)
{
    const hn_plan *p = inst->plan;
    HN_TRY(hn_work_add(env, inst->work));
    HN_TRY(check_inputs(env, inst, in));
    if (inst->slices) {
        HN_TRY(hn_slices_run(env, inst, in, out));
    } else {
        for (size_t i = 0; i < inst->npatches; i++) *inst->patches[i].slot = in[inst->patches[i].index]->data;
        HN_TRY(hn_instance_steps(env, inst));
        for (size_t i = 0; i < p->nout; i++) out[i] = inst->tensors[p->out[i]];
    }
    inst->runs++;
    return HN_OK;
}

void hn_instance_profile(hn_instance *inst, bool on)
{
    inst->profile = on;
    inst->runs = 0;
    memset(inst->step_ns, 0, inst->plan->nsteps * sizeof *inst->step_ns);
    if (inst->slices) hn_slices_profile(inst->slices, on);
}

const uint64_t *hn_instance_step_ns(const hn_instance *inst, uint64_t *runs)
{
    *runs = inst->runs;
    return inst->slices ? hn_slices_step_ns(inst->slices) : inst->step_ns;
}

hn_arena *hn_instance_arena(hn_instance *inst)
{
    return &inst->arena;
}

size_t hn_instance_bytes(const hn_instance *inst)
{
    size_t n = inst->arena.used_bytes + inst->scratch.used_bytes;
    for (size_t i = 0; i < inst->plan->ndynamic; i++) n += inst->dynamic[i].cap;
    return n + (inst->slices ? hn_slices_bytes(inst->slices) : 0);
}
