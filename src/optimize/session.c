/* session: see the header. One compiled entry per input signature; the least recently used one leaves first. */
#include "optimize/session.h"

#include "ops/ops.h"
#include "passes/lib_slice.h"
#include "passes/pass.h"

#include <stdio.h>
#include <string.h>

typedef struct entry {
    hn_type *types; /* of the inputs */
    hn_arena arena; /* the compiled graph */
    hn_graph *graph;
    hn_plan *plan;
    hn_instance *inst;
    char unsliced[160];
    uint64_t used;
} entry;

struct hn_session {
    hn_session_options options;
    hn_model *model; /* owned, or NULL */
    hn_plan *plan;   /* from a plan file, owned; or NULL */
    const hn_graph *source;
    hn_arena arena;
    hn_graph *clean; /* source after hn_pipeline_clean; shapes still free */
    const char *digest;
    entry *entries;
    size_t count;
    uint64_t clock;
};

static void entry_fini(hn_env *env, entry *e)
{
    hn_instance_free(env, e->inst);
    hn_plan_free(env, e->plan);
    hn_arena_fini(env, &e->arena);
    *e = (entry){0};
}

static hn_status start(hn_env *env, hn_session *s, const hn_session_options *options)
{
    if (options) s->options = *options;
    if (!s->options.keep) s->options.keep = 8;
    s->entries = hn_arena_array(env, &s->arena, s->options.keep, sizeof *s->entries);
    if (!s->entries) return HN_NOMEM;
    if (!s->source) return HN_OK;
    if (!env->isa) env->isa = hn_machine_isa();
    s->clean = hn_graph_clone(env, &s->arena, s->source);
    if (!s->clean) return env->error.status;
    if (s->options.plain || s->options.reference) return HN_OK;
    return hn_pipeline_run(env, s->clean, hn_pipeline_clean);
}

hn_status hn_session_new(hn_env *env, const hn_graph *graph, const char *digest, const hn_session_options *options,
                         hn_session **out)
{
    *out = NULL;
    hn_session *s = hn_zalloc(env, sizeof *s);
    if (!s) return HN_NOMEM;
    s->source = graph;
    s->digest = digest;
    hn_status st = start(env, s, options);
    if (st != HN_OK) {
        hn_session_close(env, s);
        return st;
    }
    *out = s;
    return HN_OK;
}

hn_status hn_session_open(hn_env *env, const char *path, const hn_session_options *options, hn_session **out)
{
    *out = NULL;
    hn_session *s = hn_zalloc(env, sizeof *s);
    if (!s) return HN_NOMEM;
    hn_status st = hn_plan_load(env, path, &hn_ops, &s->plan);
    if (st == HN_OK && !s->plan) {
        st = hn_model_open(env, path, NULL, &s->model);
        if (st == HN_OK) {
            s->source = s->model->graph;
            s->digest = hn_model_sha256(s->model);
        }
    }
    if (st == HN_OK) st = start(env, s, options);
    if (st != HN_OK) {
        hn_session_close(env, s);
        return st;
    }
    *out = s;
    return HN_OK;
}

void hn_session_close(hn_env *env, hn_session *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->count; i++) {
        if (s->entries[i].plan == s->plan) s->entries[i].plan = NULL;
        entry_fini(env, &s->entries[i]);
    }
    hn_plan_free(env, s->plan);
    hn_arena_fini(env, &s->arena);
    hn_model_close(env, s->model);
    hn_free(env, s);
}

const hn_graph *hn_session_graph(const hn_session *s)
{
    return s->source;
}
const hn_model *hn_session_model(const hn_session *s)
{
    return s->model;
}
size_t hn_session_inputs(const hn_session *s)
{
    return s->plan ? s->plan->nin : s->source->nin;
}
size_t hn_session_outputs(const hn_session *s)
{
    return s->plan ? s->plan->nout : s->source->nout;
}

const char *hn_session_input_name(const hn_session *s, size_t i)
{
    return s->plan ? s->plan->values[s->plan->in[i]].name : s->source->in[i]->name;
}

const char *hn_session_output_name(const hn_session *s, size_t i)
{
    return s->plan ? s->plan->values[s->plan->out[i]].name : s->source->out[i]->name;
}

const hn_type *hn_session_input_type(const hn_session *s, size_t i)
{
    return s->plan ? &s->plan->in_type[i] : &s->source->in[i]->type;
}

const hn_type *hn_session_output_type(const hn_session *s, size_t i)
{
    return s->plan ? &s->plan->out_type[i] : &s->source->out[i]->type;
}

hn_type hn_session_type_for(const hn_session *s, size_t i, const hn_tensor *value)
{
    return hn_dtype_is_list(value->dtype) ? *hn_session_input_type(s, i)
                                          : hn_type_tensor(value->dtype, value->rank, value->dims);
}

bool hn_session_default_dims(const hn_session *s, size_t i, int64_t batch, hn_type *out, const char **which)
{
    *out = *hn_session_input_type(s, i);
    *which = NULL;
    if (out->kind != HN_KIND_TENSOR) return true;
    if (out->rank < 0) {
        *which = "its rank";
        return false;
    }
    for (int d = 0; d < out->rank; d++) {
        if (out->dims[d] >= 0) continue;
        if (d == 0) {
            out->dims[d] = batch;
            continue;
        }
        *which = s->source ? hn_graph_symbol_name(s->source, out->dims[d]) : NULL;
        if (!*which) *which = "a dimension without a name";
        return false;
    }
    return true;
}

static hn_status compile_for(hn_env *env, hn_session *s, const hn_type *types, hn_arena *arena, hn_graph **out)
{
    hn_graph *g = *out = hn_graph_clone(env, arena, s->clean);
    if (!g) return env->error.status;
    for (size_t i = 0; i < g->nin; i++)
        if (types[i].kind == HN_KIND_TENSOR)
            HN_TRY(hn_context(env, hn_graph_bind(g, i, types[i].rank, types[i].dims), "input \"%s\"", g->in[i]->name));
    HN_TRY(hn_graph_infer(g));
    /* Gradient is defined by the nodes it stands for; it has no kernel, not even a reference. */
    if (s->options.plain || s->options.reference) return hn_pass_run(env, g, "gradient", NULL);
    HN_TRY(hn_pipeline_run(env, g, hn_pipeline_clean));
    HN_TRY(hn_pipeline_run(env, g, hn_pipeline_compile));
    return s->options.apart ? HN_OK : hn_pipeline_run(env, g, hn_pipeline_join);
}

/* The size of the first dimension where it is free in all inputs and the same; else 1. */
static int64_t batch_of(const hn_session *s, const hn_type *types)
{
    int64_t batch = 0;
    for (size_t i = 0; i < s->clean->nin; i++) {
        const hn_type *declared = &s->source->in[i]->type, *t = &types[i];
        bool is_free = t->kind == HN_KIND_TENSOR && t->rank >= 1 && (declared->rank < 0 || declared->dims[0] < 0);
        if (!is_free || (batch && t->dims[0] != batch)) return 1;
        batch = t->dims[0];
    }
    return batch ? batch : 1;
}

/* *slices gets how often the graph has to run: as it is once, or what takes its place, for fewer samples. */
static hn_status cut(hn_env *env, hn_session *s, const hn_type *types, entry *e, size_t *slices)
{
    int64_t batch = batch_of(s, types), slice = s->options.slice;
    size_t nin = s->clean->nin;
    hn_graph *part;
    bool proved;
    *slices = 1;
    if (batch < 2 || s->options.plain || s->options.reference) return HN_OK;
    if (slice == 0) slice = hn_slice_choose(e->graph, batch);
    if (slice >= batch || batch % slice != 0) return HN_OK;
    hn_type *fewer = hn_arena_array(env, &e->arena, nin, sizeof *fewer);
    if (!fewer) return HN_NOMEM;
    for (size_t i = 0; i < nin; i++) {
        fewer[i] = types[i];
        fewer[i].dims[0] = slice;
    }
    hn_status st = compile_for(env, s, fewer, &e->arena, &part);
    if (st == HN_INPUT || st == HN_UNSUPPORTED) { /* a number of samples is written into the model */
        snprintf(e->unsliced, sizeof e->unsliced, "%.150s", env->error.text);
        hn_error_clear(env);
        return HN_OK;
    }
    HN_TRY(st);
    HN_TRY(hn_slice_proved(env, e->graph, part, batch, slice, &proved, e->unsliced));
    if (!proved) return HN_OK;
    *slices = (size_t)(batch / slice);
    e->graph = part;
    return HN_OK;
}

static hn_status compile(hn_env *env, hn_session *s, const hn_type *types, entry *e)
{
    size_t slices;
    HN_TRY(compile_for(env, s, types, &e->arena, &e->graph));
    HN_TRY(cut(env, s, types, e, &slices));
    hn_plan_options o = {.isa = env->isa,
                         .source_sha256 = s->digest,
                         .trace = s->options.trace,
                         .trace_self = s->options.trace_self,
                         .slices = slices,
                         .reference = s->options.reference};
    HN_TRY(hn_plan_build(env, e->graph, &o, &e->plan));
    HN_TRY(hn_plan_check(env, e->plan));
    return hn_instance_new(env, e->plan, &e->inst);
}

static hn_status fill(hn_env *env, hn_session *s, const hn_type *types, entry *e)
{
    size_t nin = hn_session_inputs(s);
    e->types = hn_arena_array(env, &e->arena, nin + 1, sizeof *e->types);
    if (!e->types) return HN_NOMEM;
    memcpy(e->types, types, nin * sizeof *types);
    if (!s->plan) return compile(env, s, types, e);
    e->plan = s->plan;
    return hn_instance_new(env, e->plan, &e->inst);
}

hn_status hn_session_ready(hn_env *env, hn_session *s, const hn_type *types, hn_ready *out)
{
    size_t nin = hn_session_inputs(s);
    entry *pick = NULL, *oldest = NULL;
    for (size_t i = 0; i < s->count && !pick; i++) {
        entry *e = &s->entries[i];
        bool same = true;
        for (size_t k = 0; k < nin && same; k++) same = hn_type_same(&e->types[k], &types[k]);
        if (same) pick = e;
        if (!oldest || e->used < oldest->used) oldest = e;
    }
    /* A plan file has one signature: a mismatch is reported by the run, with both shapes. */
    if (!pick && s->plan && s->count) pick = &s->entries[0];
    if (!pick) {
        bool full = s->count == s->options.keep;
        pick = full ? oldest : &s->entries[s->count];
        if (full) entry_fini(env, pick);
        hn_status st = fill(env, s, types, pick);
        if (st != HN_OK) {
            if (pick->plan == s->plan) pick->plan = NULL;
            entry_fini(env, pick);
            if (full) *pick = s->entries[--s->count];
            return st;
        }
        if (!full) s->count++;
    }
    pick->used = ++s->clock;
    *out = (hn_ready){pick->plan, pick->inst, pick->graph, pick->unsliced};
    return HN_OK;
}

hn_status hn_session_arena(hn_env *env, hn_session *s, hn_arena **out)
{
    hn_ready r;
    *out = &s->arena;
    if (!s->plan) return HN_OK;
    HN_TRY(hn_session_ready(env, s, s->plan->in_type, &r));
    *out = hn_instance_arena(r.inst);
    return HN_OK;
}

static hn_status wrong_kind(hn_env *env, const hn_session *s, size_t i, const hn_tensor *got)
{
    char a[128], b[128];
    hn_tensor_describe(got, a, sizeof a);
    hn_type_describe(s->source, hn_session_input_type(s, i), b, sizeof b);
    return hn_fail(env, HN_INPUT, "input \"%s\" is %s, not %s", hn_session_input_name(s, i), a, b);
}

hn_status hn_session_run(hn_env *env, hn_session *s, const hn_tensor *const *in, hn_tensor *out)
{
    hn_type types[64];
    size_t nin = hn_session_inputs(s);
    if (nin > 64) return hn_fail(env, HN_LIMIT, "a model with %zu inputs; at most 64 can be run", nin);
    for (size_t i = 0; i < nin; i++) {
        const hn_type *want = hn_session_input_type(s, i);
        if (want->kind != HN_KIND_TENSOR || hn_dtype_is_list(in[i]->dtype)) {
            if (!hn_type_holds(want, in[i])) return wrong_kind(env, s, i, in[i]);
        } else if (in[i]->dtype != want->dtype) {
            hn_fail(env, HN_INPUT, "input \"%s\" has elements of type %s, not %s", hn_session_input_name(s, i),
                    hn_dtype_name(in[i]->dtype), hn_dtype_name(want->dtype));
            return HN_INPUT;
        }
        types[i] = hn_session_type_for(s, i, in[i]);
    }
    hn_ready r;
    HN_TRY(hn_session_ready(env, s, types, &r));
    return hn_instance_run(env, r.inst, in, out);
}
