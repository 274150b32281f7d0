/* lib_q: parameters, ranges, tables. */
#include "passes/lib_q.h"

#include <math.h>
#include <string.h>

#include "passes/lib_cone.h"

static bool params(const hn_node *n, hn_dtype dtype, hn_qp *p)
{
    double zp = 0;
    p->dtype = dtype;
    if (dtype != HN_U8 && dtype != HN_I8) return false;
    if (!hn_const_scalar(hn_node_in(n, 1), &p->scale) || n->in[1]->type.dtype != HN_F32) return false;
    if (hn_node_in(n, 2) != NULL && !hn_const_scalar(n->in[2], &zp)) return false;
    p->zp = (int64_t)zp;
    return p->scale > 0 && isfinite(p->scale);
}

hn_value *hn_q_source(const hn_value *v, hn_qp *p)
{
    const hn_node *n = hn_made_by(v, "DequantizeLinear");
    return n != NULL && v->type.dtype == HN_F32 && params(n, n->in[0]->type.dtype, p) ? n->in[0] : NULL;
}

bool hn_q_params(const hn_node *n, hn_qp *p)
{
    return n->in[0]->type.dtype == HN_F32 && params(n, n->out[0]->type.dtype, p);
}

hn_q_range hn_q_full(const hn_qp *y)
{
    return (hn_q_range){hn_qp_lo(y), hn_qp_hi(y)};
}

/* Quantisation is monotonous, so clamping before it is clamping after it at the quantised bounds. */
static int64_t quantised(double v, const hn_qp *y)
{
    double q = rint((double)(float)(v / y->scale)) + (double)y->zp;
    if (!(q > (double)hn_qp_lo(y))) return hn_qp_lo(y);
    return q > (double)hn_qp_hi(y) ? hn_qp_hi(y) : (int64_t)q;
}

bool hn_q_act_bounds(const hn_node *n, double *lo, double *hi)
{
    const bool relu = hn_node_is(n, "Relu");
    *lo = relu ? 0 : -INFINITY;
    *hi = INFINITY;
    if (relu) return true;
    if (!hn_node_is(n, "Clip")) return false;
    if (hn_node_in(n, 1) != NULL && !hn_const_scalar(n->in[1], lo)) return false;
    if (hn_node_in(n, 2) != NULL && !hn_const_scalar(n->in[2], hi)) return false;
    return !isnan(*lo) && !isnan(*hi) && *lo <= *hi;
}

hn_value *hn_q_before_act(hn_value *v, const hn_qp *y, hn_q_range *r)
{
    for (;;) {
        hn_node *n = v->producer;
        double lo, hi;
        if (n == NULL || hn_only_user(v) == NULL || !hn_q_act_bounds(n, &lo, &hi)) return v;
        int64_t qlo = quantised(lo, y), qhi = quantised(hi, y);
        /* This node works before those that were met already. */
        if (qlo < r->lo) qlo = r->lo;
        if (qlo > r->hi) qlo = r->hi;
        if (qhi > r->hi) qhi = r->hi;
        if (qhi < r->lo) qhi = r->lo;
        *r = (hn_q_range){qlo, qhi};
        v = n->in[0];
    }
}

static hn_tensor *all_codes(hn_env *env, hn_arena *arena, hn_dtype dtype)
{
    hn_tensor *t = hn_arena_alloc(env, arena, sizeof(*t));
    if (t == NULL || hn_tensor_init(env, arena, t, dtype, 1, (int64_t[]){256}) != HN_OK) return NULL;
    for (size_t i = 0; i < 256; ++i) ((uint8_t *)t->data)[i] = (uint8_t)i;
    return t;
}

/* The table of dequantise, nodes of the cone, quantise, through the rows' references. */
static hn_status table(hn_env *env, hn_arena *arena, const hn_cone *cone, const hn_node *dq, const hn_node *q,
                       hn_tensor **out)
{
    hn_tensor *codes = all_codes(env, arena, dq->in[0]->type.dtype), *x, *y;
    const hn_tensor *in[3] = {codes, hn_node_const(dq, 1), hn_node_const(dq, 2)};
    if (codes == NULL) return env->error.status;
    HN_TRY(hn_eval_node(env, arena, dq, in, &x));
    HN_TRY(hn_cone_eval(env, arena, cone, x, &y));
    in[0] = y;
    in[1] = hn_node_const(q, 1);
    in[2] = hn_node_const(q, 2);
    return hn_eval_node(env, arena, q, in, out);
}

hn_status hn_q_lut(hn_pass_ctx *c, hn_rw *rw, hn_node *n, hn_value **out)
{
    hn_cone cone;
    hn_qp from;
    hn_value *q = NULL;
    *out = NULL;
    hn_cone_start(&cone, n->in[0], false);
    for (bool more = true; more; more = hn_cone_grow(&cone)) {
        q = cone.source != NULL && hn_dims_same(&cone.source->type, &n->out[0]->type) ? hn_q_source(cone.source, &from)
                                                                                      : NULL;
        if (q != NULL) break;
    }
    /* Nodes that somebody else reads too would be computed twice. */
    if (q == NULL || q->data != NULL || (cone.count > 0 && hn_only_user(n->in[0]) == NULL)) return HN_OK;
    hn_arena scratch = {0};
    hn_tensor *t;
    hn_status st = table(c->env, &scratch, &cone, cone.source->producer, n, &t);
    hn_value *lut = st == HN_OK ? hn_rw_const(rw, t->dtype, 1, (int64_t[]){256}, t->data) : NULL;
    hn_arena_fini(c->env, &scratch);
    HN_TRY(st);
    *out = hn_rw_2(rw, "hone.QLut", q, lut);
    return hn_rw_status(rw);
}

hn_value *hn_q_rescale(hn_rw *rw, hn_value *q, const hn_qp *from, const hn_qp *to)
{
    hn_tensor *t;
    if (hn_qp_same(from, to)) return q;
    hn_value *lut = hn_rw_const_new(rw, to->dtype, 1, (int64_t[]){256}, &t);
    for (int i = 0; lut != NULL && i < 256; ++i) {
        int64_t code = from->dtype == HN_I8 ? (int8_t)(uint8_t)i : i;
        float v = (float)(code - from->zp) * (float)from->scale;
        double y = rint((double)(v / (float)to->scale)) + (double)to->zp;
        double lo = (double)hn_qp_lo(to), hi = (double)hn_qp_hi(to);
        hn_set_i64(t, (size_t)i, (int64_t)(y < lo ? lo : y > hi ? hi : y));
    }
    return hn_rw_2(rw, "hone.QLut", q, lut);
}
