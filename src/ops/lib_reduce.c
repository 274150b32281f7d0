/* lib_reduce: the reduction rows differ in a few functions only. Axes come from input 1 (constant or at run time) or,
 * in rows that kept it (ArgMax has its own code), from an attribute; no axes means all, unless noop_with_empty_axes is
 * set. */
#include "ops/lib.h"

static hn_status flags_of(hn_env *env, const hn_node *node, const hn_tensor *axes, int rank, bool flag[HN_MAX_RANK])
{
    int64_t list[HN_MAX_RANK];
    size_t n = 0;
    if (axes) HN_TRY(hn_op_ints(env, node, axes, HN_MAX_RANK, list, &n));
    return hn_op_axes(env, node, n, list, rank, !hn_attr_int(node, "noop_with_empty_axes", 0), flag);
}

hn_status hn_infer_reduce(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    bool keep = hn_attr_int(c->node, "keepdims", 1) != 0;
    y->dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    bool given = c->nin > 1 && c->in[1];
    if (given && !c->data[1]) {
        if (keep) hn_type_unknown_dims(y, x->rank);
        return HN_OK;
    }
    bool flag[HN_MAX_RANK];
    HN_TRY(flags_of(c->env, c->node, given ? c->data[1] : NULL, x->rank, flag));
    y->rank = 0;
    for (int d = 0; d < x->rank; d++) {
        if (!flag[d])
            y->dims[y->rank++] = x->dims[d];
        else if (keep)
            y->dims[y->rank++] = 1;
    }
    return HN_OK;
}

typedef struct reduction {
    const hn_tensor *x, *y;
    int64_t ystride[HN_MAX_RANK]; /* 0 along reduced axes */
    size_t n;                     /* elements of x */
    double *acc, *max;
    int64_t *acc_i;
} reduction;

static void floats(reduction *s, const hn_reduce *r)
{
    size_t m = hn_tensor_elems(s->y);
    hn_walk start, w;
    hn_walk_init(&start, s->x->rank, s->x->dims);
    hn_walk_add_strides(&start, 0, s->ystride);
    for (size_t i = 0; i < m; i++) s->acc[i] = r->start;
    if (r->shifted) {
        for (size_t i = 0; i < m; i++) s->max[i] = -INFINITY;
        w = start;
        for (size_t i = 0; i < s->n; i++, hn_walk_next(&w))
            s->max[w.offset[0]] = fmax(s->max[w.offset[0]], hn_get_f64(s->x, i));
        for (size_t i = 0; i < m; i++)
            if (isinf(s->max[i])) s->max[i] = s->max[i] > 0 ? s->max[i] : 0;
    }
    w = start;
    for (size_t i = 0; i < s->n; i++, hn_walk_next(&w)) {
        double v = hn_get_f64(s->x, i), *acc = &s->acc[w.offset[0]];
        /* inf - inf must be 0: the largest element counts once whatever it is. */
        if (r->shifted) v = v == s->max[w.offset[0]] ? 0 : v - s->max[w.offset[0]];
        *acc = r->fn.f(*acc, v);
    }
    double each = m ? (double)(s->n / m) : 0;
    for (size_t i = 0; i < m; i++)
        hn_set_f64(s->y, i, r->finish ? r->finish(s->acc[i], each, r->shifted ? s->max[i] : 0) : s->acc[i]);
}

static void integers(reduction *s, const hn_reduce *r)
{
    size_t m = hn_tensor_elems(s->y);
    bool u = s->x->dtype == HN_BOOL || !hn_dtype_is_signed(s->x->dtype);
    hn_walk w;
    hn_walk_init(&w, s->x->rank, s->x->dims);
    hn_walk_add_strides(&w, 0, s->ystride);
    for (size_t i = 0; i < m; i++) s->acc_i[i] = u ? (int64_t)r->start_u : r->start_i;
    for (size_t i = 0; i < s->n; i++, hn_walk_next(&w)) {
        int64_t *acc = &s->acc_i[w.offset[0]];
        if (u && r->fn.u)
            *acc = (int64_t)r->fn.u((uint64_t)*acc, hn_get_u64(s->x, i));
        else
            *acc = r->fn.i(*acc, hn_get_i64(s->x, i));
    }
    for (size_t i = 0; i < m; i++) hn_set_i64(s->y, i, s->acc_i[i]);
}

hn_status hn_ref_reduce(const hn_refargs *a, const hn_reduce *r)
{
    reduction s = {.x = a->in[0], .y = a->out[0], .n = hn_tensor_elems(a->in[0])};
    bool flag[HN_MAX_RANK];
    HN_TRY(flags_of(a->env, a->node, a->nin > 1 ? a->in[1] : NULL, s.x->rank, flag));
    int64_t stride = 1;
    for (int d = s.x->rank - 1; d >= 0; d--) {
        s.ystride[d] = flag[d] ? 0 : stride;
        if (!flag[d]) stride *= s.x->dims[d];
    }
    size_t m = hn_tensor_elems(s.y);
    if (hn_ref_integer(s.x->dtype) && r->fn.i) {
        s.acc_i = hn_arena_array(a->env, a->scratch, m, sizeof *s.acc_i);
        if (!s.acc_i) return a->env->error.status;
        integers(&s, r);
        return HN_OK;
    }
    s.acc = hn_arena_array(a->env, a->scratch, m, sizeof *s.acc);
    s.max = hn_arena_array(a->env, a->scratch, m, sizeof *s.max);
    if (!s.acc || !s.max) return a->env->error.status;
    floats(&s, r);
    return HN_OK;
}

void hn_cost_reduce(const hn_node *node, hn_cost *cost)
{
    const hn_type *x = &node->in[0]->type, *y = &node->out[0]->type;
    *cost = (hn_cost){.flops = (double)hn_type_elems(x), .bytes = (double)(hn_type_bytes(x) + hn_type_bytes(y))};
}

bool hn_reduce_axes(const hn_node *node, bool flag[HN_MAX_RANK])
{
    hn_env *env = node->graph->env;
    if (hn_node_in(node, 1) && !hn_node_const(node, 1)) return false;
    return flags_of(env, node, hn_node_const(node, 1), node->in[0]->type.rank, flag) == HN_OK;
}

hn_value *hn_g_keepdims(hn_gradargs *g, hn_value *v)
{
    bool flag[HN_MAX_RANK];
    if (!v || hn_attr_int(g->node, "keepdims", 1)) return v;
    if (!hn_reduce_axes(g->node, flag)) {
        hn_rw_fail(g->rw, hn_op_unsupported(g->rw->graph->env, g->node, "the gradient needs constant axes"));
        return NULL;
    }
    const hn_type *x = &g->node->in[0]->type;
    int64_t dims[HN_MAX_RANK];
    for (int d = 0; d < x->rank; d++) dims[d] = flag[d] ? 1 : x->dims[d];
    return hn_rw_reshape(g->rw, v, x->rank, dims);
}
