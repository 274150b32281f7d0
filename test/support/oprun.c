/* oprun: see oprun.h. */
#include <math.h>
#include <string.h>

#include "support/oprun.h"

hn_status hn_oprun_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in, hn_tensor **out)
{
    hn_type *types = hn_arena_array(env, arena, n->nin + n->nout, sizeof(hn_type));
    const hn_type **ptr = hn_arena_array(env, arena, n->nin, sizeof *ptr);
    if (!types || !ptr) return HN_NOMEM;
    for (size_t i = 0; i < n->nin; i++) {
        if (!in[i]) continue;
        types[i] = hn_type_of(in[i]);
        if (hn_dtype_is_list(in[i]->dtype) && n->in[i]) types[i] = n->in[i]->type;
        ptr[i] = &types[i];
    }
    hn_infer c = {.env = env, .node = n, .nin = n->nin, .nout = n->nout, .in = ptr, .data = in, .out = types + n->nin};
    for (size_t i = 0; i < n->nout; i++) c.out[i] = (hn_type){.rank = -1};
    HN_TRY(n->op->infer(&c));
    for (size_t i = 0; i < n->nout; i++) {
        out[i] = NULL;
        if (!n->out[i]) continue;
        if (c.out[i].kind != HN_KIND_TENSOR) {
            out[i] = hn_arena_alloc(env, arena, sizeof(hn_tensor));
            if (!out[i]) return HN_NOMEM;
            HN_TRY(hn_tensor_list(env, arena, out[i], hn_type_list_dtype(&c.out[i]), 0));
            continue;
        }
        if (!hn_type_known(&c.out[i]))
            return hn_fail(env, HN_BUG, "%s: the type of output %zu is not known from values", n->op->name, i);
        out[i] = hn_arena_alloc(env, arena, sizeof(hn_tensor));
        if (!out[i]) return HN_NOMEM;
        HN_TRY(hn_tensor_init(env, arena, out[i], c.out[i].dtype, c.out[i].rank, c.out[i].dims));
    }
    hn_refargs a = {.env = env, .node = n, .nin = n->nin, .nout = n->nout, .in = in, .out = out, .scratch = arena};
    if (!n->op->ref) return hn_fail(env, HN_UNSUPPORTED, "%s has no reference kernel", n->op->name);
    return n->op->ref(&a);
}

hn_status hn_oprun(hn_env *env, hn_arena *arena, hn_graph *g, const hn_tensor *const *in, hn_tensor **out)
{
    const hn_tensor **at = hn_arena_array(env, arena, *g->next_id, sizeof *at);
    if (!at) return HN_NOMEM;
    for (size_t i = 0; i < g->nin; i++) at[g->in[i]->id] = in[i];
    for (hn_node *n = g->first; n; n = n->next) {
        const hn_tensor **a = hn_arena_array(env, arena, n->nin, sizeof *a);
        hn_tensor **r = hn_arena_array(env, arena, n->nout, sizeof *r);
        if (!a || !r) return HN_NOMEM;
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i]) a[i] = n->in[i]->data ? n->in[i]->data : at[n->in[i]->id];
        HN_TRY(hn_context(env, hn_oprun_node(env, arena, n, a, r), "running %s", hn_node_label(n)));
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i]) at[n->out[i]->id] = r[i];
    }
    for (size_t i = 0; i < g->nout; i++) {
        const hn_tensor *t = g->out[i]->data ? g->out[i]->data : at[g->out[i]->id];
        if (!t) return hn_fail(env, HN_BUG, "output %zu has no value", i);
        HN_TRY(hn_tensor_copy(env, arena, t, &out[i]));
    }
    return HN_OK;
}

double hn_tensor_excess(const hn_tensor *got, const hn_tensor *want, double rtol, double atol)
{
    double worst = 0;
    if (hn_dtype_is_list(want->dtype) && got->dtype == want->dtype && hn_tensor_same_shape(got, want)) {
        for (size_t i = 0, n = hn_tensor_elems(want); i < n; i++)
            worst = fmax(worst, hn_tensor_excess(hn_tensor_item(got, i), hn_tensor_item(want, i), rtol, atol));
        return worst;
    }
    if (got->dtype != want->dtype || !hn_tensor_same_shape(got, want)) return INFINITY;
    if (got->dtype == HN_STRING) return hn_tensor_equal(got, want) ? 0 : INFINITY;
    size_t n = hn_tensor_elems(got);
    bool complex = got->dtype == HN_C64 || got->dtype == HN_C128;
    hn_tensor g = *got, w = *want;
    if (complex) {
        g.dtype = w.dtype = got->dtype == HN_C64 ? HN_F32 : HN_F64;
        n *= 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (hn_dtype_is_int(w.dtype) || w.dtype == HN_BOOL) {
            int64_t p = hn_get_i64(&g, i), q = hn_get_i64(&w, i);
            if (p != q) worst = fmax(worst, fabs((double)p - (double)q));
            continue;
        }
        double p = hn_get_f64(&g, i), q = hn_get_f64(&w, i);
        if (p == q || (isnan(p) && isnan(q))) continue;
        if (!isfinite(p) || !isfinite(q)) return INFINITY;
        double over = fabs(p - q) - rtol * fabs(q) - atol;
        if (over > 0) worst = fmax(worst, fabs(p - q));
    }
    return worst;
}
