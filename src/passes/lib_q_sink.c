/* lib_q_sink: DequantizeLinear sinks below nodes that only move elements, so that they move bytes and the integers meet
 * the next QuantizeLinear. */
#include "base/size.h"
#include "passes/lib_q.h"

static bool moves(const hn_node *n)
{
    static const char *const ops[] = {"DepthToSpace", "Flatten", "Identity", "Reshape",   "Slice",
                                      "SpaceToDepth", "Split",   "Squeeze",  "Transpose", "Unsqueeze"};
    for (size_t i = 0; i < HN_COUNT(ops); ++i)
        if (hn_node_is(n, ops[i])) return true;
    /* Rows of a constant may be read more often than there are rows. */
    if (hn_node_is(n, "Gather")) return n->in[0]->producer->in[0]->data == NULL;
    if (hn_node_is(n, "Resize"))
        return hn_attr_is(n, "mode", "nearest") &&
               !hn_attr_is(n, "coordinate_transformation_mode", "tf_crop_and_resize");
    if (hn_node_is(n, "Pad"))
        return hn_attr_is(n, "mode", "constant") && (hn_node_in(n, 2) == NULL || hn_const_all(n->in[2], 0));
    return false;
}

static hn_value *dequantised(hn_rw *rw, const hn_node *dq, hn_value *q)
{
    return hn_rw_op(rw, "DequantizeLinear", dq->nin, (hn_value *[]){q, dq->in[1], hn_node_in(dq, 2)}, NULL);
}

static hn_status sink_move(hn_pass_ctx *c, hn_node *n, hn_value *q, const hn_qp *p)
{
    hn_value *in[8] = {q}, *out[64] = {NULL};
    const hn_node *dq = n->in[0]->producer;
    hn_rw rw = hn_rw_at(c->graph, n);
    if (n->nin > HN_COUNT(in) || n->nout > HN_COUNT(out) || dq->nin > 3) return HN_OK;
    size_t nin = n->nin;
    for (size_t i = 1; i < nin; ++i) in[i] = n->in[i];
    if (hn_node_is(n, "Pad")) {
        in[2] = hn_rw_scalar(&rw, p->dtype, (double)p->zp);
        if (nin < 3) nin = 3;
    }
    const hn_node *m = hn_rw_like(&rw, n, nin, in);
    if (m == NULL) return hn_rw_status(&rw);
    for (size_t i = 0; i < n->nout; ++i)
        if (n->out[i] != NULL) out[i] = dequantised(&rw, dq, m->out[i]);
    HN_TRY(hn_rw_status(&rw));
    c->changes++;
    return hn_rw_replace(&rw, n, out);
}

static hn_status sink_max_pool(hn_pass_ctx *c, hn_node *n, hn_value *q)
{
    hn_window_attrs w;
    const int64_t *kernel;
    hn_rw rw = hn_rw_at(c->graph, n);
    for (size_t i = 1; i < n->nout; ++i)
        if (n->out[i] != NULL && n->out[i]->nuses != 0) return HN_OK;
    if (q->type.rank != 4 || hn_attr_ints(n, "kernel_shape", &kernel) != 2 || !hn_window_of(n, kernel, 2, &w))
        return HN_OK;
    const hn_rw_attr attrs[] = {HN_A_STR("mode", "max"),
                                HN_A_INTS("kernel_shape", w.kernel, 2),
                                HN_A_INTS("strides", w.strides, 2),
                                HN_A_INTS("dilations", w.dilations, 2),
                                HN_A_INTS("pads", w.pads, 4),
                                HN_A_INT("ceil_mode", hn_attr_int(n, "ceil_mode", 0)),
                                {0}};
    rw.name = n->name;
    hn_value *v = hn_rw_op(&rw, "hone.QPool", 1, &q, attrs);
    return hn_replace_first(c, &rw, n, dequantised(&rw, n->in[0]->producer, v));
}

static hn_status sink_concat(hn_pass_ctx *c, hn_node *n)
{
    hn_qp first, p;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value **in = hn_arena_array(c->env, c->graph->arena, n->nin, sizeof(hn_value *));
    if (in == NULL) return c->env->error.status;
    for (size_t i = 0; i < n->nin; ++i) {
        in[i] = hn_q_source(n->in[i], i == 0 ? &first : &p);
        if (in[i] == NULL || (i > 0 && !hn_qp_same(&first, &p))) return HN_OK;
    }
    hn_value *v =
        hn_rw_op(&rw, "Concat", n->nin, in, (const hn_rw_attr[]){HN_A_INT("axis", hn_attr_int(n, "axis", 0)), {0}});
    return hn_replace_first(c, &rw, n, dequantised(&rw, n->in[0]->producer, v));
}

hn_status hn_q_sink(hn_pass_ctx *c, hn_node *n, bool *done)
{
    hn_qp p;
    size_t before = c->changes;
    hn_value *q = n->nin > 0 && n->in[0] != NULL ? hn_q_source(n->in[0], &p) : NULL;
    if (q != NULL && n->out[0] != NULL && n->out[0]->nuses > 0) {
        if (moves(n))
            HN_TRY(sink_move(c, n, q, &p));
        else if (hn_node_is(n, "MaxPool"))
            HN_TRY(sink_max_pool(c, n, q));
        else if (hn_node_is(n, "Concat"))
            HN_TRY(sink_concat(c, n));
    }
    *done = c->changes != before;
    return HN_OK;
}
