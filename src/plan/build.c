/* build: graph -> plan. Three sweeps: lower every node to a step; find lifetimes, views and in-place reuse; place
 * memory and copy constants. Nothing here knows an operator: views, regions and capability come from rows and drivers.
 */
#include "base/size.h"
#include "ops/ops.h"
#include "plan/plan_priv.h"

#include <stdio.h>
#include <string.h>

typedef struct built_value {
    hn_plan_value pub;
    const hn_value *value;
    uint32_t block; /* index of its block, or HN_ABSENT */
    uint64_t shift; /* of a view: bytes from where its storage begins */
    bool is_const;
} built_value;

typedef struct builder {
    hn_env *env;
    hn_plan *plan;
    hn_arena tmp; /* lowering scratch: constant blobs before they are copied */
    const hn_plan_options *options;
    hn_machine machine;
    built_value *values;
    size_t nvalues, values_cap;
    hn_step *steps;
    size_t nsteps, steps_cap;
    hn_blob *blobs;
    void **blob_data;
    size_t nblobs, blobs_cap;
    int32_t *inplace; /* per step: operand number or -1 */
} builder;

static hn_status grow(builder *b, void **array, size_t *cap, size_t count, size_t elem)
{
    if (count < *cap) return HN_OK;
    size_t want = *cap ? *cap * 2 : 64;
    void *fresh = hn_arena_array(b->env, &b->tmp, want, elem);
    if (!fresh) return HN_NOMEM;
    if (count) memcpy(fresh, *array, count * elem);
    *array = fresh;
    *cap = want;
    return HN_OK;
}

static uint32_t number_of(const hn_value *v)
{
    return v ? (uint32_t)((uintptr_t)v->scratch - 1) : HN_ABSENT;
}

static hn_status number_value(builder *b, hn_value *v)
{
    if (!v || v->scratch) return HN_OK;
    void *array = b->values;
    HN_TRY(grow(b, &array, &b->values_cap, b->nvalues, sizeof *b->values));
    b->values = array;
    built_value *bv = &b->values[b->nvalues];
    *bv = (built_value){.value = v, .block = HN_ABSENT, .is_const = v->data != NULL};
    bv->pub.name = v->name ? hn_arena_strdup(b->env, &b->plan->arena, v->name) : NULL;
    if (v->name && !bv->pub.name) return HN_NOMEM;
    bv->pub.type = v->type;
    bv->pub.storage = (uint32_t)b->nvalues;
    if (hn_type_known(&v->type)) {
        bv->pub.bytes = v->data ? v->data->bytes : hn_type_bytes(&v->type);
        bv->pub.place.space = v->data ? HN_SPACE_CONST : HN_SPACE_ARENA;
    } else {
        bv->pub.place.space = HN_SPACE_DYNAMIC;
        bv->pub.place.offset = b->plan->ndynamic++;
    }
    b->nvalues++;
    v->scratch = (void *)(uintptr_t)b->nvalues;
    return HN_OK;
}

static hn_status number_all(builder *b, hn_graph *g)
{
    for (size_t i = 0; i < g->nin; i++) g->in[i]->scratch = NULL;
    for (size_t i = 0; i < g->nout; i++) g->out[i]->scratch = NULL;
    for (hn_node *n = g->first; n; n = n->next) {
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i]) n->in[i]->scratch = NULL;
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i]) n->out[i]->scratch = NULL;
    }
    for (size_t i = 0; i < g->nin; i++) {
        HN_TRY(number_value(b, g->in[i]));
        built_value *bv = &b->values[number_of(g->in[i])];
        if (!hn_type_ready(&g->in[i]->type)) {
            char type[160];
            hn_type_describe(g, &g->in[i]->type, type, sizeof type);
            hn_fail(b->env, HN_INPUT, "cannot plan: input \"%s\" has the shape %s", g->in[i]->name, type);
            hn_hint(b->env, "bind every free dimension to a number first");
            return HN_INPUT;
        }
        bv->pub.place = (hn_place){HN_SPACE_INPUT, i};
    }
    for (hn_node *n = g->first; n; n = n->next) {
        for (size_t i = 0; i < n->nin; i++) HN_TRY(number_value(b, n->in[i]));
        for (size_t i = 0; i < n->nout; i++) HN_TRY(number_value(b, n->out[i]));
    }
    for (size_t i = 0; i < g->nout; i++) HN_TRY(number_value(b, g->out[i]));
    return HN_OK;
}

/* Steps that pack the same weights share them. */
static hn_status take_blob(builder *b, const hn_operand *op, uint32_t *number)
{
    for (size_t i = 0; i < b->nblobs; i++) {
        if (b->blobs[i].bytes != op->bytes || memcmp(b->blob_data[i], op->data, op->bytes) != 0) continue;
        *number = HN_BLOB | (uint32_t)i;
        return HN_OK;
    }
    void *blobs = b->blobs, *data = b->blob_data;
    size_t cap = b->blobs_cap;
    HN_TRY(grow(b, &blobs, &cap, b->nblobs, sizeof *b->blobs));
    HN_TRY(grow(b, &data, &b->blobs_cap, b->nblobs, sizeof *b->blob_data));
    b->blobs = blobs;
    b->blob_data = data;
    b->blobs[b->nblobs] = (hn_blob){.bytes = op->bytes};
    b->blob_data[b->nblobs] = op->data;
    *number = HN_BLOB | (uint32_t)b->nblobs++;
    return HN_OK;
}

static hn_status take_driver(builder *b, hn_step *s, const hn_lower *c, const hn_driver *driver)
{
    hn_arena *arena = &b->plan->arena;
    s->kind = HN_STEP_DRIVER;
    s->driver = driver;
    memcpy(s->kernels, c->kernels, sizeof s->kernels);
    for (size_t k = 0; k < c->nkernels; k++) b->plan->isa |= c->kernels[k]->isa;
    if (c->params_bytes) {
        void *params = hn_arena_alloc_aligned(b->env, arena, c->params_bytes, HN_PLAN_ALIGN);
        if (!params) return HN_NOMEM;
        memcpy(params, c->params, c->params_bytes);
        s->params = params;
        s->params_bytes = c->params_bytes;
    }
    s->noperands = c->noperands;
    s->operands = hn_arena_array(b->env, arena, c->noperands, sizeof *s->operands);
    if (!s->operands) return HN_NOMEM;
    for (size_t k = 0; k < c->noperands; k++) {
        const hn_operand *op = &c->operands[k];
        if (op->kind == HN_OPERAND_CONST)
            HN_TRY(take_blob(b, op, &s->operands[k]));
        else
            s->operands[k] = number_of(op->value);
        if (op->written) {
            if (k >= 32)
                return hn_fail(b->env, HN_BUG, "driver %s: operand %zu is written; only the first 32 may be",
                               driver->name, k);
            s->written |= UINT32_C(1) << k;
        }
    }
    b->inplace[b->nsteps] = c->inplace;
    b->plan->scratch_bytes = hn_max_size(b->plan->scratch_bytes, hn_align_up(c->scratch_bytes, HN_PLAN_ALIGN));
    return HN_OK;
}

static bool node_known(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] && !hn_type_known(&n->in[i]->type)) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] && !hn_type_known(&n->out[i]->type)) return false;
    return true;
}

static bool node_lists(const hn_node *n)
{
    bool any = false;
    for (size_t i = 0; i < n->nin; i++) any = any || (n->in[i] && n->in[i]->type.kind != HN_KIND_TENSOR);
    for (size_t i = 0; i < n->nout; i++) any = any || (n->out[i] && n->out[i]->type.kind != HN_KIND_TENSOR);
    return any;
}

/* Sub-plans of regions whose input types are all known; the others are planned when the shapes are. */
static hn_status plan_regions(builder *b, hn_step *s, const hn_node *n)
{
    s->nsubplans = n->nregions;
    s->subplans = hn_arena_array(b->env, &b->plan->arena, n->nregions, sizeof *s->subplans);
    if (!s->subplans) return HN_NOMEM;
    if (b->plan->slices > 1) return hn_fail(b->env, HN_BUG, "plan: regions in slices");
    for (size_t r = 0; r < n->nregions; r++) {
        bool known = true;
        for (size_t i = 0; i < n->regions[r]->nin; i++) known = known && hn_type_ready(&n->regions[r]->in[i]->type);
        if (!known) continue;
        HN_TRY(hn_context(b->env, hn_plan_build(b->env, n->regions[r], b->options, &s->subplans[r]),
                          "region %zu of node \"%s\"", r, hn_node_label(n)));
        b->plan->isa |= s->subplans[r]->isa;
    }
    return HN_OK;
}

static hn_status fill_ref(builder *b, hn_step *s, const hn_node *n)
{
    hn_arena *arena = &b->plan->arena;
    s->node = n;
    s->nin = n->nin;
    s->nout = n->nout;
    s->ncaptures = n->ncaptures;
    s->in = hn_arena_array(b->env, arena, n->nin + 1, sizeof *s->in);
    s->out = hn_arena_array(b->env, arena, n->nout + 1, sizeof *s->out);
    if (!s->in || !s->out) return HN_NOMEM;
    for (size_t i = 0; i < n->nin; i++) s->in[i] = number_of(n->in[i]);
    for (size_t i = 0; i < n->nout; i++) s->out[i] = number_of(n->out[i]);
    return HN_OK;
}

static hn_status step_of(builder *b, hn_node *n)
{
    void *steps = b->steps;
    size_t cap = b->steps_cap;
    void *inplace = b->inplace;
    HN_TRY(grow(b, &steps, &cap, b->nsteps, sizeof *b->steps));
    HN_TRY(grow(b, &inplace, &b->steps_cap, b->nsteps, sizeof *b->inplace));
    b->steps = steps;
    b->inplace = inplace;
    b->inplace[b->nsteps] = -1;
    hn_step *s = &b->steps[b->nsteps];
    *s = (hn_step){.reason = ""};
    s->name = hn_arena_strdup(b->env, &b->plan->arena, hn_node_label(n));
    s->op = hn_arena_printf(b->env, &b->plan->arena, "%s%s%s", n->op->domain, n->op->domain[0] ? "." : "", n->op->name);
    if (!s->name || !s->op) return HN_NOMEM;
    if (node_known(n)) hn_op_cost(n, &s->cost);
    double slices = (double)b->plan->slices;
    s->cost = (hn_cost){s->cost.flops * slices, s->cost.macs * slices, s->cost.bytes * slices};
    if (hn_node_out(n, 0)) hn_type_describe(n->graph, &n->out[0]->type, s->shape, sizeof s->shape);
    if (n->op->flags & HN_OP_CONTROL && n->op->flags & HN_OP_INTERNAL) {
        hn_fail(b->env, HN_UNSUPPORTED, "node \"%s\" (%s) could not be taken apart: a shape is not known",
                hn_node_label(n), n->op->name);
        hn_hint(b->env, "it needs a model whose shapes follow from those of its inputs");
        return b->env->error.status;
    }
    if (n->op->flags & HN_OP_CONTROL) {
        s->kind = HN_STEP_CONTROL;
        b->nsteps++; /* from here on a failure frees the plans of its regions */
        HN_TRY(fill_ref(b, s, n));
        return plan_regions(b, s, n);
    }
    s->kind = HN_STEP_REF;
    s->reason = b->options->reference ? "reference kernels asked for"
                : node_lists(n)       ? "it has a sequence, an optional or a map"
                                      : "a shape is known only at run time";
    if (node_known(n) && !b->options->reference) {
        hn_lower c = {
            .env = b->env, .arena = &b->tmp, .node = n, .machine = &b->machine, .isa = b->options->isa, .inplace = -1};
        const hn_driver *driver = NULL;
        HN_TRY(hn_context(b->env, hn_device_lower(&c, &driver, b->options->trace, b->options->trace_self),
                          "node \"%s\" (%s)", hn_node_label(n), n->op->name));
        if (driver) {
            s->reason = "";
            HN_TRY(take_driver(b, s, &c, driver));
            b->nsteps++;
            return HN_OK;
        }
        s->reason = c.reason[0] ? hn_arena_strdup(b->env, &b->plan->arena, c.reason) : "no driver for this operator";
        if (!s->reason) return HN_NOMEM;
    }
    if (!n->op->ref)
        return hn_fail(b->env, HN_UNSUPPORTED, "node \"%s\": operator %s has no kernel on this device",
                       hn_node_label(n), n->op->name);
    HN_TRY(fill_ref(b, s, n));
    b->nsteps++;
    return HN_OK;
}

/* A node whose row says that output 0 is input 0 in other clothes, with a known type, becomes no step. */
static bool try_view(builder *b, const hn_node *n)
{
    if (!(n->op->flags & HN_OP_VIEW) || !n->nin || !n->in[0] || !n->out[0]) return false;
    built_value *in = &b->values[number_of(n->in[0])], *out = &b->values[number_of(n->out[0])];
    if (in->pub.place.space == HN_SPACE_DYNAMIC || out->pub.place.space == HN_SPACE_DYNAMIC) return false;
    if (in->pub.bytes != out->pub.bytes || in->pub.type.dtype == HN_STRING) return false;
    for (size_t i = 1; i < n->nout; i++)
        if (n->out[i]) return false;
    out->pub.storage = in->pub.storage;
    out->pub.place = in->pub.place;
    out->shift = in->shift;
    return true;
}

/* A node whose row says that it cuts input 0 along an axis becomes no step where the parts lie one behind the other in
 * the arena. */
static bool try_parts(builder *b, const hn_node *n)
{
    int axis;
    if (!(n->op->flags & HN_OP_CUTS) || !n->in[0] || !node_known(n) || b->plan->slices > 1) return false;
    const built_value *in = &b->values[number_of(n->in[0])];
    const hn_type *t = &in->pub.type;
    if (in->pub.place.space != HN_SPACE_ARENA || !hn_axis(hn_attr_int(n, "axis", 0), t->rank, &axis)) return false;
    if (t->dtype == HN_STRING || hn_dims_elems(t->rank, t->dims, 0, axis) != 1) return false;
    uint64_t shift = in->shift, bytes = 0;
    for (size_t i = 0; i < n->nout; i++) {
        if (!n->out[i]) return false;
        bytes += b->values[number_of(n->out[i])].pub.bytes;
    }
    if (bytes != in->pub.bytes) return false;
    for (size_t i = 0; i < n->nout; i++) {
        built_value *out = &b->values[number_of(n->out[i])];
        out->pub.storage = in->pub.storage;
        out->pub.place = in->pub.place;
        out->shift = shift;
        shift += out->pub.bytes;
    }
    return true;
}

typedef struct life {
    uint32_t first, last;
} life;

static void life_read(builder *b, life *lives, uint32_t v, uint32_t step)
{
    if (v == HN_ABSENT || (v & HN_BLOB)) return;
    life *l = &lives[b->values[v].pub.storage];
    if (l->last < step || l->last == HN_ABSENT) l->last = step;
}

static void life_write(builder *b, life *lives, uint32_t v, uint32_t step)
{
    if (v == HN_ABSENT || (v & HN_BLOB)) return;
    life *l = &lives[b->values[v].pub.storage];
    if (l->first == HN_ABSENT) l->first = step;
    if (l->last == HN_ABSENT || l->last < step) l->last = step;
}

static void find_lives(builder *b, life *lives)
{
    for (size_t i = 0; i < b->nvalues; i++) lives[i] = (life){HN_ABSENT, HN_ABSENT};
    for (size_t s = 0; s < b->nsteps; s++) {
        const hn_step *st = &b->steps[s];
        for (size_t k = 0; k < st->noperands; k++) {
            if (k < 32 && (st->written >> k & 1))
                life_write(b, lives, st->operands[k], (uint32_t)s);
            else
                life_read(b, lives, st->operands[k], (uint32_t)s);
        }
        for (size_t k = 0; k < st->nin; k++) life_read(b, lives, st->in[k], (uint32_t)s);
        for (size_t k = 0; k < st->nout; k++) life_write(b, lives, st->out[k], (uint32_t)s);
    }
    for (size_t i = 0; i < b->plan->nout; i++) life_read(b, lives, b->plan->out[i], (uint32_t)b->nsteps);
}

/* In-place: the output takes over the bytes of a dying input. `merged` maps a storage value to the one whose block it
 * uses. */
static void merge_inplace(builder *b, life *lives, uint32_t *merged)
{
    for (size_t i = 0; i < b->nvalues; i++) merged[i] = b->values[i].pub.storage;
    for (size_t s = 0; s < b->nsteps; s++) {
        const hn_step *st = &b->steps[s];
        if (b->inplace[s] < 0 || (size_t)b->inplace[s] >= st->noperands) continue;
        uint32_t in = st->operands[b->inplace[s]], out = HN_ABSENT;
        for (size_t k = 0; k < st->noperands && k < 32; k++)
            if (st->written >> k & 1) {
                out = st->operands[k];
                break;
            }
        if (in == HN_ABSENT || out == HN_ABSENT || (in & HN_BLOB) || b->values[in].shift > 0) continue;
        uint32_t in_root = merged[b->values[in].pub.storage], out_root = merged[b->values[out].pub.storage];
        if (in_root == out_root || b->values[in_root].pub.place.space != HN_SPACE_ARENA ||
            b->values[out_root].pub.place.space != HN_SPACE_ARENA)
            continue;
        if (lives[in_root].last != s || lives[out_root].first != s) continue;
        if (hn_align_up(b->values[out_root].pub.bytes, HN_PLAN_ALIGN) >
            hn_align_up(b->values[in_root].pub.bytes, HN_PLAN_ALIGN))
            continue;
        bool shared = false;
        for (size_t k = 0; k < st->noperands; k++) {
            uint32_t o = st->operands[k];
            if ((int32_t)k == b->inplace[s] || o == HN_ABSENT || (o & HN_BLOB) || o == out) continue;
            shared = shared || merged[b->values[o].pub.storage] == in_root;
        }
        if (shared) continue;
        lives[in_root].last = lives[out_root].last;
        for (size_t v = 0; v < b->nvalues; v++)
            if (merged[v] == out_root) merged[v] = in_root;
    }
}

static hn_status place_memory(builder *b)
{
    life *lives = hn_arena_array(b->env, &b->tmp, b->nvalues + 1, sizeof *lives);
    uint32_t *merged = hn_arena_array(b->env, &b->tmp, b->nvalues + 1, sizeof *merged);
    hn_block *blocks = hn_arena_array(b->env, &b->tmp, b->nvalues + 1, sizeof *blocks);
    if (!lives || !merged || !blocks) return HN_NOMEM;
    find_lives(b, lives);
    merge_inplace(b, lives, merged);
    size_t nblocks = 0;
    for (size_t i = 0; i < b->nvalues; i++) {
        built_value *v = &b->values[i];
        if (merged[i] != i || v->pub.place.space != HN_SPACE_ARENA || lives[i].first == HN_ABSENT || v->pub.bytes == 0)
            continue;
        v->block = (uint32_t)nblocks;
        blocks[nblocks++] = (hn_block){
            .bytes = hn_align_up(v->pub.bytes, HN_PLAN_ALIGN), .first = lives[i].first, .last = lives[i].last};
    }
    HN_TRY(hn_memory_place(b->env, blocks, nblocks, &b->plan->arena_bytes, &b->plan->arena_lower_bound_bytes));
    for (size_t i = 0; i < b->nvalues; i++) {
        built_value *v = &b->values[i];
        if (v->pub.place.space != HN_SPACE_ARENA) continue;
        uint32_t block = b->values[merged[i]].block;
        v->pub.place.offset = block == HN_ABSENT ? 0 : blocks[block].offset + v->shift;
    }
    return HN_OK;
}

/* Deep copies of the constants that were given a place among the strings. */
static hn_status place_strings(builder *b, size_t count)
{
    hn_plan *p = b->plan;
    p->nstrings = count;
    p->strings = hn_arena_array(b->env, &p->arena, count + 1, sizeof *p->strings);
    if (!p->strings) return HN_NOMEM;
    for (size_t i = 0; i < b->nvalues; i++) {
        const built_value *v = &b->values[i];
        if (!v->is_const || v->pub.place.space != HN_SPACE_STRINGS) continue;
        hn_tensor *copy;
        HN_TRY(hn_tensor_copy(b->env, &p->arena, v->value->data, &copy));
        p->strings[v->pub.place.offset] = copy->data;
    }
    return HN_OK;
}

/* Mark constants that some step reads as they stand; lay them and the blobs out; copy. */
static hn_status place_constants(builder *b)
{
    bool *needed = hn_arena_array(b->env, &b->tmp, b->nvalues + 1, sizeof *needed);
    if (!needed) return HN_NOMEM;
    for (size_t s = 0; s < b->nsteps; s++) {
        const hn_step *st = &b->steps[s];
        for (size_t k = 0; k < st->noperands; k++)
            if (st->operands[k] != HN_ABSENT && !(st->operands[k] & HN_BLOB))
                needed[b->values[st->operands[k]].pub.storage] = true;
        for (size_t k = 0; k < st->nin; k++)
            if (st->in[k] != HN_ABSENT) needed[b->values[st->in[k]].pub.storage] = true;
    }
    for (size_t i = 0; i < b->plan->nout; i++) needed[b->values[b->plan->out[i]].pub.storage] = true;
    size_t at = 0, nstrings = 0;
    for (size_t i = 0; i < b->nblobs; i++) {
        b->blobs[i].offset = at;
        at += hn_align_up(b->blobs[i].bytes, HN_PLAN_ALIGN);
    }
    for (size_t i = 0; i < b->nvalues; i++) {
        built_value *v = &b->values[i];
        if (v->is_const && !needed[i]) v->pub.place.space = HN_SPACE_NONE;
        if (!v->is_const || !needed[i]) continue;
        if (v->value->type.dtype == HN_STRING) {
            v->pub.place = (hn_place){HN_SPACE_STRINGS, nstrings++};
            continue;
        }
        v->pub.place = (hn_place){HN_SPACE_CONST, at};
        at += hn_align_up(v->pub.bytes, HN_PLAN_ALIGN);
    }
    uint8_t *block = hn_zalloc(b->env, at + HN_PLAN_ALIGN);
    if (!block) return HN_NOMEM;
    b->plan->owned = block;
    b->plan->constants = block;
    b->plan->constants_bytes = at;
    for (size_t i = 0; i < b->nblobs; i++)
        if (b->blobs[i].bytes) memcpy(block + b->blobs[i].offset, b->blob_data[i], b->blobs[i].bytes);
    for (size_t i = 0; i < b->nvalues; i++) {
        built_value *v = &b->values[i];
        if (v->is_const && needed[i] && v->pub.bytes && v->pub.place.space == HN_SPACE_CONST)
            memcpy(block + v->pub.place.offset, v->value->data->data, v->pub.bytes);
    }
    for (size_t i = 0; i < b->nvalues; i++) {
        built_value *v = &b->values[i];
        if (v->pub.storage != i && v->pub.place.space == HN_SPACE_CONST)
            v->pub.place = b->values[v->pub.storage].pub.place;
    }
    return place_strings(b, nstrings);
}

/* In a plan of slices outputs are written where the caller finds them. */
static hn_status place_outputs(builder *b)
{
    for (size_t i = 0; i < b->plan->nout && b->plan->slices > 1; i++) {
        uint32_t root = b->values[b->plan->out[i]].pub.storage;
        hn_space space = b->values[root].pub.place.space;
        if (space == HN_SPACE_INPUT || space == HN_SPACE_OUTPUT) continue;
        if (space != HN_SPACE_ARENA || b->plan->ndynamic)
            return hn_fail(b->env, HN_BUG, "plan: output %zu cannot be made in slices", i);
        for (size_t v = 0; v < b->nvalues; v++)
            if (b->values[v].pub.storage == root) b->values[v].pub.place = (hn_place){HN_SPACE_OUTPUT, i};
    }
    return HN_OK;
}

static hn_status copy_tables(builder *b)
{
    hn_plan *p = b->plan;
    p->values = hn_arena_array(b->env, &p->arena, b->nvalues + 1, sizeof *p->values);
    p->steps = hn_arena_array(b->env, &p->arena, b->nsteps + 1, sizeof *p->steps);
    p->blobs = hn_arena_array(b->env, &p->arena, b->nblobs + 1, sizeof *p->blobs);
    if (!p->values || !p->steps || !p->blobs) return HN_NOMEM;
    for (size_t i = 0; i < b->nvalues; i++) p->values[i] = b->values[i].pub;
    if (b->nsteps) memcpy(p->steps, b->steps, b->nsteps * sizeof *p->steps);
    if (b->nblobs) memcpy(p->blobs, b->blobs, b->nblobs * sizeof *p->blobs);
    p->nvalues = b->nvalues;
    p->nsteps = b->nsteps;
    p->nblobs = b->nblobs;
    return HN_OK;
}

static hn_status build(builder *b, hn_graph *g)
{
    hn_plan *p = b->plan;
    HN_TRY(number_all(b, g));
    p->nin = g->nin;
    p->nout = g->nout;
    p->in = hn_arena_array(b->env, &p->arena, g->nin + 1, sizeof *p->in);
    p->out = hn_arena_array(b->env, &p->arena, g->nout + 1, sizeof *p->out);
    if (!p->in || !p->out) return HN_NOMEM;
    for (size_t i = 0; i < g->nin; i++) p->in[i] = number_of(g->in[i]);
    for (size_t i = 0; i < g->nout; i++) p->out[i] = number_of(g->out[i]);
    for (hn_node *n = g->first; n; n = n->next)
        if (!try_view(b, n) && !try_parts(b, n)) HN_TRY(step_of(b, n));
    HN_TRY(place_outputs(b));
    HN_TRY(place_memory(b));
    HN_TRY(place_constants(b));
    HN_TRY(copy_tables(b));
    return hn_plan_types(b->env, p);
}

hn_status hn_plan_build(hn_env *env, hn_graph *g, const hn_plan_options *options, hn_plan **out)
{
    *out = NULL;
    hn_plan *p = hn_zalloc(env, sizeof *p);
    if (!p) return HN_NOMEM;
    builder b = {.env = env, .plan = p, .options = options};
    p->slices = options->slices > 1 ? options->slices : 1;
    hn_machine_read(&b.machine);
    p->source_sha256 = hn_arena_strdup(env, &p->arena, options->source_sha256 ? options->source_sha256 : "");
    hn_status st = p->source_sha256 ? build(&b, g) : HN_NOMEM;
    if (st != HN_OK) {
        for (size_t s = 0; s < b.nsteps; s++)
            for (size_t r = 0; b.steps[s].subplans && r < b.steps[s].nsubplans; r++)
                hn_plan_free(env, b.steps[s].subplans[r]);
        p->nsteps = 0;
        hn_plan_free(env, p);
    } else {
        *out = p;
    }
    hn_arena_fini(env, &b.tmp);
    return st;
}

hn_status hn_plan_types(hn_env *env, hn_plan *p)
{
    p->in_type = hn_arena_array(env, &p->arena, p->nin + 1, sizeof *p->in_type);
    p->out_type = hn_arena_array(env, &p->arena, p->nout + 1, sizeof *p->out_type);
    if (!p->in_type || !p->out_type) return HN_NOMEM;
    for (size_t i = 0; i < p->nin + p->nout; i++) {
        const hn_plan_value *v = &p->values[i < p->nin ? p->in[i] : p->out[i - p->nin]];
        hn_type *t = i < p->nin ? &p->in_type[i] : &p->out_type[i - p->nin];
        size_t bytes, all;
        *t = v->type;
        if (p->slices == 1) continue;
        bool ok = hn_type_known(t) && t->rank >= 1 && t->dims[0] <= INT64_MAX / (int64_t)p->slices &&
                  hn_dims_count(t->rank, t->dims, &bytes) && hn_dtype_bytes(t->dtype, bytes, &bytes) &&
                  bytes == v->bytes && hn_size_mul(bytes, p->slices, &all) && all <= SIZE_MAX / 4;
        if (!ok) return hn_fail(env, HN_INPUT, "plan: \"%s\" cannot be cut into slices", v->name ? v->name : "?");
        t->dims[0] *= (int64_t)p->slices;
    }
    return HN_OK;
}

void hn_plan_free(hn_env *env, hn_plan *p)
{
    if (!p) return;
    for (size_t s = 0; s < p->nsteps; s++)
        for (size_t r = 0; r < p->steps[s].nsubplans; r++) hn_plan_free(env, p->steps[s].subplans[r]);
    hn_free(env, p->owned);
    hn_map_close(&p->map);
    hn_arena_fini(env, &p->arena);
    hn_free(env, p);
}
