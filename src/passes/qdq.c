/* qdq: integer arithmetic for graphs that say how they are quantised. DequantizeLinear sinks below data movement; then
 * each QuantizeLinear looks at what made its input and becomes an integer row where all parts are integers. */
#include <math.h>

#include "passes/lib_cone.h"
#include "passes/lib_q.h"

/* MatMul, Add of a constant: the bias that MatMul has no input for. Returns the product's value, *bias the constant. */
static hn_value *before_bias(hn_value *v, hn_value **bias)
{
    hn_node *n = hn_made_by(v, "Add");
    *bias = NULL;
    for (size_t i = 0; n != NULL && i < 2; ++i) {
        hn_value *product = n->in[i];
        if (hn_made_by(product, "MatMul") == NULL || hn_only_user(product) != n || n->in[1 - i]->data == NULL) continue;
        if (!hn_dims_same(&product->type, &v->type)) continue;
        *bias = n->in[1 - i];
        return product;
    }
    return v;
}

static hn_status take_product(hn_pass_ctx *c, hn_node *n, const hn_qp *y, bool *done)
{
    hn_q_range range = hn_q_full(y);
    hn_q_product p;
    hn_value *bias, *v = hn_q_before_act(n->in[0], y, &range);
    if (hn_only_user(v) == NULL) return HN_OK;
    v = before_bias(v, &bias);
    if (v->producer == NULL || !hn_q_product_of(c, v->producer, &p)) return HN_OK;
    if (bias != NULL) p.bias = bias;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value *q = hn_q_product_emit(&rw, &p, y, range);
    HN_TRY(hn_rw_status(&rw));
    if (q == NULL) return HN_OK;
    *done = true;
    return hn_replace_first(c, &rw, n, q);
}

/* Add, Sub and Mul of two quantised tensors, and an activation. */
static hn_status take_binary(hn_pass_ctx *c, hn_node *n, const hn_qp *y, bool *done)
{
    hn_q_range range = hn_q_full(y);
    hn_value *v = hn_q_before_act(n->in[0], y, &range);
    hn_node *b = v->producer;
    hn_qp p[2];
    if (b == NULL || hn_only_user(v) == NULL) return HN_OK;
    bool add = hn_node_is(b, "Add"), sub = hn_node_is(b, "Sub"), mul = hn_node_is(b, "Mul");
    if (!add && !sub && !mul) return HN_OK;
    hn_value *in[2] = {hn_q_source(b->in[0], &p[0]), hn_q_source(b->in[1], &p[1])};
    if (in[0] == NULL || in[1] == NULL || (p[0].dtype != y->dtype && p[1].dtype != y->dtype)) return HN_OK;
    size_t first = p[0].dtype == y->dtype ? 0 : 1;
    double scale[2] = {p[0].scale / y->scale, p[1].scale / y->scale * (sub ? -1 : 1)};
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_rw_attr attrs[8] = {HN_A_INT("a_zp", p[first].zp), HN_A_INT("b_zp", p[1 - first].zp), HN_A_INT("y_zp", y->zp),
                           HN_A_INT("y_lo", range.lo), HN_A_INT("y_hi", range.hi)};
    if (mul) {
        attrs[5] = (hn_rw_attr)HN_A_FLOAT("scale", p[0].scale * p[1].scale / y->scale);
    } else {
        attrs[5] = (hn_rw_attr)HN_A_FLOAT("a_scale", scale[first]);
        attrs[6] = (hn_rw_attr)HN_A_FLOAT("b_scale", scale[1 - first]);
    }
    rw.name = b->name;
    hn_value *q = hn_rw_op(&rw, mul ? "hone.QMul" : "hone.QAdd", 2, (hn_value *[]){in[first], in[1 - first]}, attrs);
    *done = true;
    return hn_replace_first(c, &rw, n, q);
}

static bool spatial_mean(const hn_node *n)
{
    int64_t axes[8];
    size_t count;
    if (!hn_node_is(n, "ReduceMean") || !hn_const_ints(hn_node_in(n, 1), 8, axes, &count) || count != 2) return false;
    for (size_t i = 0; i < 2; ++i)
        if (axes[i] < 0) axes[i] += 4;
    return (axes[0] == 2 && axes[1] == 3) || (axes[0] == 3 && axes[1] == 2);
}

static hn_status take_average(hn_pass_ctx *c, hn_node *n, const hn_qp *y, bool *done)
{
    hn_q_range range = hn_q_full(y);
    hn_value *v = hn_q_before_act(n->in[0], y, &range);
    hn_node *pool = v->producer;
    hn_window_attrs w = {.n = 2, .strides = {1, 1}, .dilations = {1, 1}};
    const int64_t *kernel;
    hn_qp p;
    if (pool == NULL || hn_only_user(v) == NULL || pool->nin == 0 || pool->in[0] == NULL) return HN_OK;
    bool windowed = hn_node_is(pool, "AveragePool"),
         global = hn_node_is(pool, "GlobalAveragePool") || spatial_mean(pool);
    hn_value *x = windowed || global ? hn_q_source(pool->in[0], &p) : NULL;
    if (x == NULL || p.dtype != y->dtype || x->type.rank != 4 || !hn_type_known(&x->type)) return HN_OK;
    for (int i = 0; i < 2; ++i) w.kernel[i] = x->type.dims[2 + i];
    if (windowed && (hn_attr_ints(pool, "kernel_shape", &kernel) != 2 || !hn_window_of(pool, kernel, 2, &w)))
        return HN_OK;
    if (w.kernel[0] < 1 || w.kernel[1] < 1) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    const hn_rw_attr attrs[] = {HN_A_STR("mode", "average"),
                                HN_A_INTS("kernel_shape", w.kernel, 2),
                                HN_A_INTS("strides", w.strides, 2),
                                HN_A_INTS("dilations", w.dilations, 2),
                                HN_A_INTS("pads", w.pads, 4),
                                HN_A_INT("ceil_mode", windowed ? hn_attr_int(pool, "ceil_mode", 0) : 0),
                                HN_A_INT("count_include_pad", windowed ? hn_attr_int(pool, "count_include_pad", 0) : 0),
                                HN_A_INT("x_zp", p.zp),
                                HN_A_FLOAT("m", p.scale / y->scale),
                                HN_A_INT("y_zp", y->zp),
                                HN_A_INT("y_lo", range.lo),
                                HN_A_INT("y_hi", range.hi),
                                {0}};
    rw.name = pool->name;
    hn_value *q = hn_rw_op(&rw, "hone.QPool", 1, &x, attrs);
    const hn_type *t = &n->out[0]->type;
    if (q != NULL && t->rank != 4) q = hn_rw_reshape(&rw, q, t->rank, t->dims);
    *done = true;
    return hn_replace_first(c, &rw, n, q);
}

/* Concat of tensors with parameters of their own: each is rescaled first. */
static hn_status take_concat(hn_pass_ctx *c, hn_node *n, const hn_qp *y, bool *done)
{
    hn_node *cat = hn_made_by(n->in[0], "Concat");
    if (cat == NULL || hn_only_user(n->in[0]) == NULL) return HN_OK;
    hn_value **in = hn_arena_array(c->env, c->graph->arena, cat->nin, sizeof(hn_value *));
    hn_qp *p = hn_arena_array(c->env, c->graph->arena, cat->nin, sizeof(hn_qp));
    if (in == NULL || p == NULL) return c->env->error.status;
    for (size_t i = 0; i < cat->nin; ++i) {
        in[i] = hn_q_source(cat->in[i], &p[i]);
        if (in[i] == NULL) return HN_OK;
    }
    hn_rw rw = hn_rw_at(c->graph, n);
    for (size_t i = 0; i < cat->nin; ++i) in[i] = hn_q_rescale(&rw, in[i], &p[i], y);
    const hn_rw_attr attrs[] = {HN_A_INT("axis", hn_attr_int(cat, "axis", 0)), {0}};
    *done = true;
    return hn_replace_first(c, &rw, n, hn_rw_op(&rw, "Concat", cat->nin, in, attrs));
}

static hn_status take_same_or_lut(hn_pass_ctx *c, hn_node *n, const hn_qp *y)
{
    hn_qp p;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value *q = hn_q_source(n->in[0], &p);
    if (q != NULL && hn_qp_same(&p, y)) return hn_replace_first(c, &rw, n, q);
    HN_TRY(hn_q_lut(c, &rw, n, &q));
    return q != NULL ? hn_replace_first(c, &rw, n, q) : HN_OK;
}

static hn_status take_quantize(hn_pass_ctx *c, hn_node *n)
{
    hn_qp y;
    bool done = false;
    if (!hn_q_params(n, &y) || n->in[0]->producer == NULL) return HN_OK;
    HN_TRY(take_product(c, n, &y, &done));
    if (!done) HN_TRY(take_binary(c, n, &y, &done));
    if (!done) HN_TRY(take_average(c, n, &y, &done));
    if (!done) HN_TRY(take_concat(c, n, &y, &done));
    return done ? HN_OK : take_same_or_lut(c, n, &y);
}

/* Whether the parameters of QLinearMatMul fit DequantizeLinear: one for all of a, one for all or for each column of b.
 */
static bool matmul_fits(const hn_node *n)
{
    const hn_type *b = &n->in[3]->type;
    const size_t scales = hn_tensor_elems(n->in[4]->data);
    if (hn_tensor_elems(n->in[1]->data) != 1 || hn_tensor_elems(n->in[2]->data) != 1) return false;
    if (b->rank < 1 || hn_tensor_elems(n->in[5]->data) != scales) return false;
    return scales == 1 || (n->in[4]->type.rank == 1 && (int64_t)scales == b->dims[b->rank - 1]);
}

/* QLinearConv and QLinearMatMul say the same in one node. */
static hn_status take_operator(hn_pass_ctx *c, hn_node *n)
{
    bool conv = hn_node_is(n, "QLinearConv");
    hn_rw rw = hn_rw_at(c->graph, n);
    if ((!conv && !hn_node_is(n, "QLinearMatMul")) || n->nin < 8) return HN_OK;
    for (size_t i = 1; i < 8; ++i)
        if (i != 3 && hn_node_const(n, i) == NULL) return HN_OK;
    if (hn_node_const(n, 3) == NULL || !hn_type_known(&n->out[0]->type)) return HN_OK;
    if (!conv && !matmul_fits(n)) return HN_OK;
    /* Written apart and taken in as any other pair; what does not fit stays as it was. */
    hn_value *x = hn_rw_op(&rw, "DequantizeLinear", 3, n->in, NULL);
    const hn_rw_attr axis[] = {HN_A_INT("axis", conv ? 0 : -1), {0}};
    hn_value *w = hn_rw_op(&rw, "DequantizeLinear", 3, n->in + 3, axis);
    HN_TRY(hn_rw_status(&rw));
    hn_node *f = hn_rw_node(&rw, conv ? "Conv" : "MatMul", 2, (hn_value *[]){x, w}, 1, NULL);
    if (f == NULL) return hn_rw_status(&rw);
    HN_TRY(hn_node_copy_attrs(f, n));
    f->out[0]->type = hn_type_tensor(HN_F32, n->out[0]->type.rank, n->out[0]->type.dims);
    hn_value *q = hn_rw_3(&rw, "QuantizeLinear", f->out[0], n->in[6], n->in[7]);
    hn_qp y;
    hn_q_product p;
    HN_TRY(hn_rw_status(&rw));
    if (!hn_q_params(q->producer, &y) || !hn_q_product_of(c, f, &p)) return HN_OK;
    if (hn_node_in(n, 8) != NULL) {
        if (n->in[8]->data == NULL) return HN_OK;
        hn_tensor *s;
        hn_value *scales = hn_rw_const_new(&rw, HN_F32, 1, &p.channels, &s);
        for (size_t i = 0; scales != NULL && i < (size_t)p.channels; ++i) hn_set_f64(s, i, p.xp.scale * p.w_scale[i]);
        p.bias = hn_rw_op(&rw, "DequantizeLinear", 2, (hn_value *[]){n->in[8], scales},
                          (const hn_rw_attr[]){HN_A_INT("axis", 0), {0}});
        HN_TRY(hn_rw_status(&rw));
    }
    hn_value *v = hn_q_product_emit(&rw, &p, &y, hn_q_full(&y));
    HN_TRY(hn_rw_status(&rw));
    return v != NULL ? hn_replace_first(c, &rw, n, v) : HN_OK;
}

static hn_value *add_bias(hn_rw *rw, const hn_q_product *p, hn_value *v, hn_value *bias)
{
    int64_t dims[HN_MAX_RANK] = {p->channels, 1, 1, 1, 1, 1, 1, 1};
    if (p->conv) bias = hn_rw_reshape(rw, bias, v->type.rank - 1, dims);
    return bias != NULL ? hn_rw_2(rw, "Add", v, bias) : NULL;
}

/* Takes in each Relu and Clip that alone reads what n, then the one before, gives; returns the last one, or n. */
static hn_node *bounds_after(hn_node *n, hn_q_product *p)
{
    for (;;) {
        hn_node *act = hn_only_user(n->out[0]);
        double lo, hi;
        if (act == NULL || act->in[0] != n->out[0] || !hn_q_act_bounds(act, &lo, &hi)) return n;
        p->lo = p->lo < lo ? lo : p->lo > hi ? hi : p->lo;
        p->hi = p->hi < lo ? lo : p->hi > hi ? hi : p->hi;
        n = act;
    }
}

/* Products whose result stays float. */
static hn_status take_float(hn_pass_ctx *c, hn_node *n)
{
    hn_q_product p;
    if (!hn_q_product_of(c, n, &p) || n->out[0]->nuses == 0) return HN_OK;
    /* Depthwise: as fast in float, and its input is bytes or floats, whichever is at hand. */
    if (p.conv && hn_attr_int(n, "group", 1) > 1 && p.w->type.dims[1] == 1) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_node *last = n, *add = hn_only_user(n->out[0]);
    if (add != NULL && hn_node_is(n, "MatMul") && hn_node_is(add, "Add")) {
        hn_value *bias, *v = before_bias(add->out[0], &bias);
        if (v == n->out[0]) {
            last = add;
            p.bias = bias;
            rw = hn_rw_at(c->graph, add);
        }
    }
    last = bounds_after(last, &p);
    hn_value *v = hn_q_product_emit(&rw, &p, NULL, (hn_q_range){0, 0});
    if (v == NULL && p.bias != NULL) {
        /* A bias between the steps of the sum is added to the float result. */
        HN_TRY(hn_rw_status(&rw));
        hn_value *own = hn_node_in(n, 2);
        p.bias = NULL;
        p.lo = -INFINITY;
        p.hi = INFINITY;
        last = n;
        rw = hn_rw_at(c->graph, n);
        v = hn_q_product_emit(&rw, &p, NULL, (hn_q_range){0, 0});
        if (v != NULL && own != NULL) v = add_bias(&rw, &p, v, own);
    }
    HN_TRY(hn_rw_status(&rw));
    return v != NULL ? hn_replace_first(c, &rw, last, v) : HN_OK;
}

/* QConv or QGemm that only a QAdd reads takes it in as its residual. */
static hn_status take_residual(hn_pass_ctx *c, hn_node *n)
{
    if (!hn_node_is(n, "hone.QAdd")) return HN_OK;
    for (size_t side = 0; side < 2; ++side) {
        hn_node *p = n->in[side]->producer;
        hn_value *r = n->in[1 - side];
        if (p == NULL || hn_only_user(n->in[side]) == NULL ||
            (!hn_node_is(p, "hone.QConv") && !hn_node_is(p, "hone.QGemm")))
            continue;
        if (hn_node_in(p, 4) != NULL || !hn_dims_same(&r->type, &n->out[0]->type) ||
            !hn_dims_same(&p->out[0]->type, &r->type))
            continue;
        const char *const mine[2] = {side == 0 ? "a_scale" : "b_scale", side == 0 ? "b_scale" : "a_scale"};
        hn_value *in[5] = {p->in[0], p->in[1], p->in[2], hn_node_in(p, 3), r};
        hn_node *m = hn_node_new(c->graph, n, p->op, p->name, 5, in, 1);
        if (m == NULL) return c->env->error.status;
        HN_TRY(hn_node_copy_attrs(m, p));
        HN_TRY(hn_node_set_float(m, "t_scale", hn_attr_float(n, mine[0], 1)));
        HN_TRY(hn_node_set_float(m, "r_scale", hn_attr_float(n, mine[1], 1)));
        HN_TRY(hn_node_set_int(m, "r_zp", hn_attr_int(n, side == 0 ? "b_zp" : "a_zp", 0)));
        HN_TRY(hn_node_set_int(m, "y_zp", hn_attr_int(n, "y_zp", 0)));
        HN_TRY(hn_node_set_int(m, "y_lo", hn_attr_int(n, "y_lo", 0)));
        HN_TRY(hn_node_set_int(m, "y_hi", hn_attr_int(n, "y_hi", 255)));
        HN_TRY(hn_node_set_int(m, "y_dtype", n->out[0]->type.dtype));
        HN_TRY(hn_node_infer(m));
        hn_rw rw = hn_rw_at(c->graph, n);
        return hn_replace_first(c, &rw, n, m->out[0]);
    }
    return HN_OK;
}

typedef hn_status step_fn(hn_pass_ctx *c, hn_node *n);

static hn_status sink_step(hn_pass_ctx *c, hn_node *n)
{
    bool done;
    return hn_q_sink(c, n, &done);
}

static hn_status quantize_step(hn_pass_ctx *c, hn_node *n)
{
    return hn_node_is(n, "QuantizeLinear") ? take_quantize(c, n) : HN_OK;
}

static hn_status each(hn_pass_ctx *c, step_fn *step)
{
    size_t removed = 0;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nout == 0 || n->out[0] == NULL || n->out[0]->nuses == 0) continue;
        HN_TRY(step(c, n));
        /* The node after n may be the one that was replaced. */
        if (n->graph != NULL) next = n->next;
    }
    return hn_dead_sweep(c->graph, &removed);
}

static hn_status run(hn_pass_ctx *c)
{
    HN_TRY(each(c, take_operator));
    for (size_t round = 0, before = SIZE_MAX; round < 16 && before != c->changes; ++round) {
        before = c->changes;
        HN_TRY(each(c, sink_step));
        HN_TRY(each(c, quantize_step));
    }
    HN_TRY(each(c, take_float));
    return each(c, take_residual);
}

const hn_pass hn_pass_qdq = {
    .name = "qdq",
    .doc =
        "Integer rows for quantised graphs: Conv, Gemm and MatMul with their bias and Relu or Clip (hone.QConv, "
        "hone.QGemm; also "
        "with a float result), Add, Sub, Mul, average and max pooling, Concat, data movement, chains of elementwise "
        "functions as "
        "one table (hone.QLut), QLinearConv and QLinearMatMul. What has a part that is not an integer stays as it is.",
    .run = run,
};
