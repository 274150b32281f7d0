/* control: If, Loop, Scan and SequenceMap. A region is a plan of its own; when its input shapes were not known at plan
 * time, or change from one iteration to the next, it is specialised once per set of shapes and kept. Semantics: ONNX
 * operator specifications of If, Loop and Scan (since version 9 for Scan). */
#include "base/size.h"
#include "exec/exec_priv.h"

#include <string.h>

static void subrun_fini(hn_env *env, hn_subrun *s)
{
    hn_instance_free(env, s->inst);
    hn_plan_free(env, s->owned);
    hn_arena_fini(env, &s->graph);
    *s = (hn_subrun){0};
}

hn_status hn_control_new(hn_env *env, hn_instance *inst, const hn_step *s, hn_control **out)
{
    *out = NULL;
    if (s->nsubplans > 2) return hn_fail(env, HN_BUG, "node \"%s\" has %zu regions", s->name, s->nsubplans);
    hn_control *c = hn_arena_alloc(env, &inst->arena, sizeof *c);
    if (!c) return HN_NOMEM;
    c->ncarry = 2 * (s->nin + s->nout + 2);
    c->nscan = s->nout + 1;
    c->carry = hn_arena_array(env, &inst->arena, c->ncarry, sizeof *c->carry);
    c->store = hn_arena_array(env, &inst->arena, c->ncarry, sizeof *c->store);
    c->turn = hn_arena_array(env, &inst->arena, c->ncarry, sizeof *c->turn);
    c->in_own = hn_arena_array(env, &inst->arena, s->nin + 2, sizeof *c->in_own);
    c->out_own = hn_arena_array(env, &inst->arena, s->nout + 2, sizeof *c->out_own);
    c->scan = hn_arena_array(env, &inst->arena, c->nscan, sizeof *c->scan);
    c->out = hn_arena_array(env, &inst->arena, s->nout + 2, sizeof *c->out);
    c->out_ref = hn_arena_array(env, &inst->arena, s->nout + 2, sizeof *c->out_ref);
    if (!c->carry || !c->store || !c->turn || !c->in_own || !c->out_own || !c->scan || !c->out || !c->out_ref)
        return HN_NOMEM;
    for (size_t i = 0; i < s->nout + 2; i++) c->out_ref[i] = &c->out[i];
    *out = c;
    for (size_t r = 0; r < s->nsubplans; r++) {
        c->cache[r] = hn_arena_array(env, &inst->arena, HN_SUBRUN_CACHE, sizeof *c->cache[r]);
        if (!c->cache[r]) return HN_NOMEM;
        if (!s->subplans[r]) continue;
        c->cache[r][0].plan = s->subplans[r];
        c->count[r] = 1;
        HN_TRY(hn_instance_new(env, s->subplans[r], &c->cache[r][0].inst));
    }
    return HN_OK;
}

void hn_control_free(hn_env *env, hn_control *c)
{
    if (!c) return;
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; i < c->count[r]; i++) subrun_fini(env, &c->cache[r][i]);
    for (size_t i = 0; c->carry && i < c->ncarry; i++) hn_free(env, c->carry[i].data);
    for (size_t i = 0; c->store && i < c->ncarry; i++) hn_store_free(env, c->store[i]);
    for (size_t i = 0; c->scan && i < c->nscan; i++) hn_free(env, c->scan[i].data);
}

static bool fits(const hn_plan *p, const hn_tensor *const *in, hn_store *const *own)
{
    for (size_t i = 0; i < p->nin; i++) {
        const hn_type *t = &p->values[p->in[i]].type;
        if (t->kind != HN_KIND_TENSOR && !hn_store_holds(own[i], t, in[i])) return false;
        if (t->kind != HN_KIND_TENSOR) continue;
        if (t->dtype != in[i]->dtype || t->rank != in[i]->rank) return false;
        for (int d = 0; d < t->rank; d++)
            if (t->dims[d] != in[i]->dims[d]) return false;
    }
    return true;
}

static hn_status specialise(hn_env *env, const hn_step *st, size_t region, const hn_tensor *const *in, hn_subrun *s)
{
    if (!st->node || region >= st->node->nregions || !st->node->regions[region])
        return hn_fail(env, HN_UNSUPPORTED, "the saved plan has no region %zu for these shapes", region);
    hn_graph *g = hn_graph_clone(env, &s->graph, st->node->regions[region]);
    if (!g) return env->error.status;
    for (size_t i = 0; i < g->nin; i++) {
        if (hn_dtype_is_list(in[i]->dtype)) {
            if (g->in[i]->type.kind == HN_KIND_TENSOR) g->in[i]->type = hn_type_of(in[i]);
            continue;
        }
        if (g->in[i]->type.dtype == HN_NONE) g->in[i]->type.dtype = in[i]->dtype;
        HN_TRY(hn_graph_bind(g, i, in[i]->rank, in[i]->dims));
    }
    HN_TRY(hn_graph_infer(g));
    hn_plan_options options = {.isa = env->isa};
    HN_TRY(hn_plan_build(env, g, &options, &s->owned));
    s->plan = s->owned;
    return hn_instance_new(env, s->owned, &s->inst);
}

/* The region with the stores of its inputs (c->in_own); those of its outputs are in c->out_own. */
static hn_status run_owning(hn_env *env, hn_control *c, hn_instance *inst, const hn_tensor *const *in)
{
    const hn_plan *p = inst->plan;
    if (inst->own) memset(inst->own, 0, p->nvalues * sizeof *inst->own);
    for (size_t i = 0; inst->own && i < p->nin; i++) inst->own[p->in[i]] = c->in_own[i];
    HN_TRY(hn_instance_run_inner(env, inst, in, c->out));
    for (size_t i = 0; i < p->nout; i++) c->out_own[i] = inst->own ? inst->own[p->out[i]] : NULL;
    return HN_OK;
}

static hn_status run_region(hn_env *env, hn_control *c, const hn_step *st, size_t region, const hn_tensor *const *in)
{
    hn_subrun *pick = NULL, *oldest = NULL;
    c->clock++;
    for (size_t i = 0; i < c->count[region] && !pick; i++) {
        hn_subrun *s = &c->cache[region][i];
        if (fits(s->plan, in, c->in_own)) pick = s;
        if (s->owned && (!oldest || s->used < oldest->used)) oldest = s;
    }
    if (!pick) {
        if (c->count[region] < HN_SUBRUN_CACHE)
            pick = &c->cache[region][c->count[region]];
        else
            subrun_fini(env, pick = oldest);
        hn_status status = specialise(env, st, region, in, pick);
        if (status != HN_OK) {
            /* The slot keeps no half-made plan: it counts only when complete. */
            bool counted = pick < &c->cache[region][c->count[region]];
            subrun_fini(env, pick);
            if (counted) *pick = c->cache[region][--c->count[region]];
            return status;
        }
        if (pick == &c->cache[region][c->count[region]]) c->count[region]++;
    }
    pick->used = c->clock;
    return hn_context(env, run_owning(env, c, pick->inst, in), "region %zu", region);
}

static hn_status run_if(hn_env *env, hn_instance *inst, size_t step)
{
    const hn_step *st = &inst->plan->steps[step];
    hn_control *c = inst->control[step];
    const hn_tensor *cond = inst->in[step][0];
    if (hn_tensor_elems(cond) != 1)
        return hn_fail(env, HN_INPUT, "the condition of If has %zu elements, not 1", hn_tensor_elems(cond));
    for (size_t i = 1; i < st->nin; i++) c->in_own[i - 1] = hn_store_take(inst, step, i);
    HN_TRY(run_region(env, c, st, hn_get_i64(cond, 0) ? 0 : 1, inst->in[step] + 1));
    for (size_t i = 0; i < st->nout; i++) {
        HN_TRY(hn_instance_store(env, inst, st->out[i], &c->out[i]));
        if (inst->own && st->out[i] != HN_ABSENT) inst->own[st->out[i]] = c->out_own[i];
    }
    return HN_OK;
}

/* A sequence into the store of carried value k: there already when the region appended in place, else into its other
 * half, as the list may lie in the present one or in that of another value. */
static hn_status keep_list(hn_env *env, hn_control *c, size_t k, const hn_tensor *src, const hn_store *own,
                           hn_tensor *dst)
{
    hn_store **at = &c->store[2 * k];
    if (!own || own != at[c->turn[k]]) {
        c->turn[k] ^= 1;
        hn_store **s = &at[c->turn[k]];
        if (!*s) *s = hn_zalloc(env, sizeof **s);
        if (!*s) return HN_NOMEM;
        HN_TRY(hn_store_copy(env, *s, src));
    }
    *dst = at[c->turn[k]]->list;
    return HN_OK;
}

/* Carry n values into the half of the buffers that the present ones do not use: a region may hand its inputs on, even
 * swapped. own: stores of the values, or NULL. */
static hn_status keep(hn_env *env, hn_control *c, size_t n, const hn_tensor *const *src, hn_store *const *own,
                      hn_tensor *dst)
{
    c->half ^= 1;
    for (size_t k = 0; k < n; k++) {
        hn_grow *g = &c->carry[c->half * c->ncarry / 2 + k];
        size_t bytes = src[k]->bytes;
        if (src[k]->dtype == HN_SEQ) continue;
        if (hn_tensor_deep(src[k])) {
            HN_TRY(hn_tensor_pack_bytes(env, src[k], &bytes));
            HN_TRY(hn_work_add(env, (double)bytes));
        }
        HN_TRY(hn_grow_to(env, g, bytes));
    }
    for (size_t k = 0; k < n; k++) {
        hn_tensor made = *src[k];
        void *block = c->carry[c->half * c->ncarry / 2 + k].data;
        if (made.dtype == HN_SEQ) {
            HN_TRY(keep_list(env, c, k, &made, own ? own[k] : NULL, &dst[k]));
            continue;
        }
        if (hn_tensor_deep(&made)) {
            hn_tensor_pack(&made, block, &dst[k]);
            continue;
        }
        if (made.bytes) memcpy(block, made.data, made.bytes);
        dst[k] = made;
        dst[k].data = block;
    }
    return HN_OK;
}

/* Carried sequences belong to the inputs of the next run of the region. */
static void lend(hn_control *c, size_t from, size_t n, const hn_tensor *carried)
{
    for (size_t k = 0; k < n; k++) {
        hn_store *s = c->store[2 * k + c->turn[k]];
        c->in_own[from + k] = s && carried[k].dtype == HN_SEQ && carried[k].data == s->list.data ? s : NULL;
    }
}

/* Append one scan slice; every slice must have the same shape. */
static hn_status scan_append(hn_env *env, hn_arena *strings, hn_grow *g, hn_tensor *acc, const hn_tensor *slice,
                             size_t count)
{
    if (hn_dtype_is_list(slice->dtype))
        return hn_fail(env, HN_INPUT, "a scan output is a sequence, an optional or a map; they cannot be stacked");
    if (count == 0)
        *acc = *slice;
    else if (!hn_tensor_same_shape(acc, slice) || acc->dtype != slice->dtype)
        return hn_fail(env, HN_INPUT, "a scan output changed its shape after %zu iterations", count);
    size_t total;
    if (!hn_size_mul(slice->bytes, count + 1, &total)) return hn_fail(env, HN_LIMIT, "scan output too large");
    if (total > g->cap) HN_TRY(hn_grow_to(env, g, total * 2));
    if (!slice->bytes) return HN_OK;
    void *to = memcpy((uint8_t *)g->data + slice->bytes * count, slice->data, slice->bytes);
    /* The region's strings are gone with its next run. */
    hn_str *s = slice->dtype == HN_STRING ? to : NULL;
    for (size_t i = 0, n = hn_tensor_elems(slice); s && i < n; i++)
        if (!(s[i].data = hn_arena_strndup(env, strings, s[i].data, s[i].size))) return HN_NOMEM;
    return HN_OK;
}

/* Shape of a scan output that no iteration produced: what the region's output declares, unknown dims as 0. */
static void scan_empty(const hn_step *st, size_t body_output, hn_tensor *t)
{
    *t = (hn_tensor){.dtype = HN_F32};
    const hn_type *type = NULL;
    const hn_plan *sub = st->subplans[0];
    if (sub)
        type = &sub->values[sub->out[body_output]].type;
    else if (st->node && st->node->nregions && st->node->regions[0])
        type = &st->node->regions[0]->out[body_output]->type;
    if (!type || type->rank < 0) return;
    t->dtype = type->dtype;
    t->rank = type->rank;
    for (int d = 0; d < t->rank; d++) t->dims[d] = type->dims[d] < 0 ? 0 : type->dims[d];
}

/* Copy slice `index` along `axis` of `whole` to or from the dense `slice`. Elements under a byte move one by one: a
 * slice need not begin with a byte of the whole. */
static void slice_copy(const hn_tensor *whole, int axis, size_t index, void *slice, bool to_slice)
{
    size_t bits = hn_dtype_bits(whole->dtype), outer = hn_dims_elems(whole->rank, whole->dims, 0, axis);
    size_t inner = hn_dims_elems(whole->rank, whole->dims, axis + 1, whole->rank), n = (size_t)whole->dims[axis];
    hn_tensor part = *whole;
    part.data = slice;
    for (size_t o = 0; o < outer; o++) {
        size_t w = (o * n + index) * inner, d = o * inner;
        if (bits >= 8 && to_slice)
            memcpy((uint8_t *)slice + d * bits / 8, (uint8_t *)whole->data + w * bits / 8, inner * bits / 8);
        else if (bits >= 8)
            memcpy((uint8_t *)whole->data + w * bits / 8, (uint8_t *)slice + d * bits / 8, inner * bits / 8);
        for (size_t i = 0; bits < 8 && i < inner; i++) {
            if (to_slice)
                hn_set_f64(&part, d + i, hn_get_f64(whole, w + i));
            else
                hn_set_f64(whole, w + i, hn_get_f64(&part, d + i));
        }
    }
}

/* The scan output whose slices lie one after the other in g, in order of time, each from a byte on. */
static hn_status scan_gather(hn_env *env, hn_instance *inst, const hn_grow *g, const hn_tensor *slice, size_t count,
                             int axis, bool reverse, hn_tensor *whole)
{
    size_t elems;
    if (slice->rank + 1 > HN_MAX_RANK) return hn_fail(env, HN_LIMIT, "scan output of rank %d", slice->rank + 1);
    *whole = *slice;
    whole->rank = slice->rank + 1;
    memcpy(whole->dims, slice->dims, (size_t)axis * sizeof *whole->dims);
    whole->dims[axis] = (int64_t)count;
    memcpy(whole->dims + axis + 1, slice->dims + axis, (size_t)(slice->rank - axis) * sizeof *whole->dims);
    if (!hn_dims_count(whole->rank, whole->dims, &elems) || !hn_dtype_bytes(whole->dtype, elems, &whole->bytes))
        return hn_fail(env, HN_LIMIT, "scan output too large");
    if (axis == 0 && !reverse && hn_dtype_bits(slice->dtype) >= 8) {
        whole->data = g->data;
        return HN_OK;
    }
    whole->data = hn_arena_alloc(env, &inst->scratch, whole->bytes + 1);
    if (!whole->data) return HN_NOMEM;
    for (size_t t = 0; t < count; t++)
        slice_copy(whole, axis, reverse ? count - 1 - t : t, (uint8_t *)g->data + t * slice->bytes, false);
    return HN_OK;
}

static hn_status scan_finish(hn_env *env, hn_instance *inst, uint32_t value, const hn_grow *g, const hn_tensor *slice,
                             size_t count)
{
    hn_tensor t;
    HN_TRY(scan_gather(env, inst, g, slice, count, 0, false, &t));
    return hn_instance_store(env, inst, value, &t);
}

/* Carried values as the region declares them. */
static hn_status fit_all(hn_env *env, const hn_step *st, size_t from, size_t n, hn_tensor *carried, hn_tensor *some)
{
    const hn_plan *sub = st->subplans[0];
    bool graph = !sub && st->node && st->node->nregions && st->node->regions[0];
    for (size_t k = 0; k < n; k++) {
        const hn_type *t = sub     ? &sub->values[sub->in[from + k]].type
                           : graph ? &st->node->regions[0]->in[from + k]->type
                                   : NULL;
        if (t && (t->kind != HN_KIND_TENSOR || t->dtype != HN_NONE))
            HN_TRY(hn_instance_fit(env, t, &carried[k], &some[k]));
    }
    return HN_OK;
}

static hn_status run_loop(hn_env *env, hn_instance *inst, size_t step)
{
    const hn_step *st = &inst->plan->steps[step];
    hn_control *c = inst->control[step];
    const hn_tensor **in = inst->in[step];
    size_t ncap = st->ncaptures, ncarried = st->nin - 2 - ncap, nscan = st->nout - ncarried;
    int64_t limit = in[0] ? hn_get_i64(in[0], 0) : INT64_MAX;
    uint8_t cond = in[1] ? (uint8_t)(hn_get_i64(in[1], 0) != 0) : 1;
    const hn_tensor **args = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *args);
    hn_tensor *carried = hn_arena_array(env, &inst->scratch, ncarried + 1, sizeof *carried);
    hn_tensor *scans = hn_arena_array(env, &inst->scratch, nscan + 1, sizeof *scans);
    if (!args || !carried || !scans) return HN_NOMEM;
    int64_t i = 0;
    hn_tensor iter = {.dtype = HN_I64, .data = &i, .bytes = sizeof i},
              cond_in = {.dtype = HN_BOOL, .data = &cond, .bytes = 1};
    args[0] = &iter;
    args[1] = &cond_in;
    hn_tensor *some = hn_arena_array(env, &inst->scratch, ncarried + 1, sizeof *some);
    if (!some) return HN_NOMEM;
    HN_TRY(keep(env, c, ncarried, in + 2, NULL, carried));
    HN_TRY(fit_all(env, st, 2, ncarried, carried, some));
    for (size_t k = 0; k < ncarried; k++) args[2 + k] = &carried[k];
    for (size_t k = 0; k < ncap; k++) args[2 + ncarried + k] = in[2 + ncarried + k];
    for (; i < limit && cond; i++) {
        lend(c, 2, ncarried, carried);
        HN_TRY(run_region(env, c, st, 0, args));
        for (size_t k = 0; k < nscan; k++)
            HN_TRY(scan_append(env, &inst->scratch, &c->scan[k], &scans[k], &c->out[1 + ncarried + k], (size_t)i));
        cond = (uint8_t)(hn_get_i64(&c->out[0], 0) != 0);
        HN_TRY(keep(env, c, ncarried, c->out_ref + 1, c->out_own + 1, carried));
        HN_TRY(fit_all(env, st, 2, ncarried, carried, some));
    }
    for (size_t k = 0; k < ncarried; k++) HN_TRY(hn_instance_store(env, inst, st->out[k], &carried[k]));
    for (size_t k = 0; k < nscan; k++) {
        if (i == 0) scan_empty(st, 1 + ncarried + k, &scans[k]);
        HN_TRY(scan_finish(env, inst, st->out[ncarried + k], &c->scan[k], &scans[k], (size_t)i));
    }
    return HN_OK;
}

static int64_t list_at(const hn_node *n, const char *name, size_t i)
{
    const int64_t *v;
    return i < hn_attr_ints(n, name, &v) ? v[i] : 0;
}

static hn_status scan_inputs(hn_env *env, const hn_step *st, const hn_tensor *const *in, size_t nstate, size_t nscan,
                             int *axes, size_t *length)
{
    for (size_t k = 0; k < nscan; k++) {
        const hn_tensor *t = in[nstate + k];
        if (!hn_axis(list_at(st->node, "scan_input_axes", k), t->rank, &axes[k]))
            return hn_fail(env, HN_INPUT, "scan_input_axes[%zu] is outside the rank %d", k, t->rank);
        if (k == 0) *length = (size_t)t->dims[axes[0]];
        if ((size_t)t->dims[axes[k]] != *length) return hn_fail(env, HN_INPUT, "scan inputs differ in length");
    }
    return HN_OK;
}

/* Scan outputs were gathered with the scan axis first, in order of time; move the axis and reverse where asked. */
static hn_status scan_store(hn_env *env, hn_instance *inst, const hn_step *st, size_t nstate, size_t k, hn_control *c,
                            const hn_tensor *slice, size_t length)
{
    int axis;
    if (!hn_axis(list_at(st->node, "scan_output_axes", k), slice->rank + 1, &axis))
        return hn_fail(env, HN_INPUT, "scan_output_axes[%zu] is outside the rank %d", k, slice->rank + 1);
    bool reverse = list_at(st->node, "scan_output_directions", k) != 0;
    hn_tensor whole;
    HN_TRY(scan_gather(env, inst, &c->scan[k], slice, length, axis, reverse, &whole));
    return hn_instance_store(env, inst, st->out[nstate + k], &whole);
}

static hn_status run_scan(hn_env *env, hn_instance *inst, size_t step)
{
    const hn_step *st = &inst->plan->steps[step];
    hn_control *c = inst->control[step];
    const hn_tensor **in = inst->in[step];
    size_t ncap = st->ncaptures, nscan = (size_t)hn_attr_int(st->node, "num_scan_inputs", 0);
    if (nscan == 0 || nscan > st->nin - ncap) return hn_fail(env, HN_INPUT, "num_scan_inputs is %zu", nscan);
    size_t nstate = st->nin - ncap - nscan, nout = st->nout - nstate, length = 0;
    const hn_tensor **args = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *args);
    hn_tensor *local = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *local);
    hn_tensor *scans = hn_arena_array(env, &inst->scratch, nout + 1, sizeof *scans);
    int *axes = hn_arena_array(env, &inst->scratch, nscan, sizeof *axes);
    if (!args || !local || !scans || !axes) return HN_NOMEM;
    HN_TRY(scan_inputs(env, st, in, nstate, nscan, axes, &length));
    HN_TRY(keep(env, c, nstate, in, NULL, local));
    for (size_t k = 0; k < nscan; k++) {
        const hn_tensor *w = in[nstate + k];
        hn_tensor *t = &local[nstate + k];
        *t = *w;
        t->rank = w->rank - 1;
        memmove(t->dims + axes[k], w->dims + axes[k] + 1, (size_t)(w->rank - axes[k] - 1) * sizeof *t->dims);
        if (!hn_dtype_bytes(t->dtype, hn_tensor_elems(t), &t->bytes))
            return hn_fail(env, HN_LIMIT, "scan input too large");
        t->data = hn_arena_alloc(env, &inst->scratch, t->bytes + 1);
        if (!t->data) return HN_NOMEM;
    }
    for (size_t k = 0; k < nstate + nscan; k++) args[k] = &local[k];
    for (size_t k = 0; k < ncap; k++) args[nstate + nscan + k] = in[nstate + nscan + k];
    for (size_t t = 0; t < length; t++) {
        for (size_t k = 0; k < nscan; k++) {
            bool reverse = list_at(st->node, "scan_input_directions", k) != 0;
            slice_copy(in[nstate + k], axes[k], reverse ? length - 1 - t : t, local[nstate + k].data, true);
        }
        lend(c, 0, nstate, local);
        HN_TRY(run_region(env, c, st, 0, args));
        for (size_t k = 0; k < nout; k++)
            HN_TRY(scan_append(env, &inst->scratch, &c->scan[k], &scans[k], &c->out[nstate + k], t));
        HN_TRY(keep(env, c, nstate, c->out_ref, c->out_own, local));
    }
    for (size_t k = 0; k < nstate; k++) HN_TRY(hn_instance_store(env, inst, st->out[k], &local[k]));
    for (size_t k = 0; k < nout; k++) {
        if (length == 0) scan_empty(st, nstate + k, &scans[k]);
        HN_TRY(scan_store(env, inst, st, nstate, k, c, &scans[k], length));
    }
    return HN_OK;
}

/* Entry i of each sequence, and the tensors as they are, to the body; copies of what it gives make the results. */
static hn_status run_sequence_map(hn_env *env, hn_instance *inst, size_t step)
{
    const hn_step *st = &inst->plan->steps[step];
    hn_control *c = inst->control[step];
    const hn_tensor **in = inst->in[step];
    size_t given = st->nin - st->ncaptures, n = hn_tensor_elems(in[0]);
    const hn_tensor **args = hn_arena_array(env, &inst->scratch, st->nin + 1, sizeof *args);
    hn_tensor *made = hn_arena_array(env, &inst->scratch, st->nout + 1, sizeof *made), *copy;
    if (!args || !made) return HN_NOMEM;
    for (size_t k = 1; k < given; k++)
        if (in[k]->dtype == HN_SEQ && hn_tensor_elems(in[k]) != n)
            return hn_fail(env, HN_INPUT, "sequence %zu has %zu entries, the first %zu", k, hn_tensor_elems(in[k]), n);
    for (size_t k = 0; k < st->nout; k++) HN_TRY(hn_tensor_list(env, &inst->scratch, &made[k], HN_SEQ, n));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < st->nin; k++)
            args[k] = k < given && in[k]->dtype == HN_SEQ ? hn_tensor_item(in[k], i) : in[k];
        HN_TRY(run_region(env, c, st, 0, args));
        for (size_t k = 0; k < st->nout; k++) {
            HN_TRY(hn_tensor_copy(env, &inst->scratch, &c->out[k], &copy));
            *hn_tensor_item(&made[k], i) = *copy;
        }
    }
    for (size_t k = 0; k < st->nout; k++) HN_TRY(hn_instance_store(env, inst, st->out[k], &made[k]));
    return HN_OK;
}

/* The control rows of ONNX, told apart by name: they are semantics of the executor, as goto is of a machine. */
hn_status hn_control_run(hn_env *env, hn_instance *inst, size_t step)
{
    const hn_step *st = &inst->plan->steps[step];
    if (strcmp(st->op, "If") == 0) return run_if(env, inst, step);
    if (strcmp(st->op, "Loop") == 0) return run_loop(env, inst, step);
    if (strcmp(st->op, "Scan") == 0) return run_scan(env, inst, step);
    if (strcmp(st->op, "SequenceMap") == 0) return run_sequence_map(env, inst, step);
    return hn_fail(env, HN_UNSUPPORTED, "control operator %s", st->op);
}
