/* gemm: matrix products with constant weights become hone.Gemm and take in what follows. */
#include "passes/lib_epilogue.h"

typedef struct product {
    hn_value *a, *b, *bias;
    bool trans_b;
    double alpha;
} product;

/* A constant that broadcasts along the last of `rank` dims only, as a bias of n entries times scale; NULL when it is
 * another. */
static hn_value *bias_of(hn_pass_ctx *c, hn_rw *rw, const hn_value *v, int rank, int64_t n, double scale)
{
    hn_tensor *t;
    if (v == NULL || v->data == NULL || n <= 0) return NULL;
    double *values = hn_arena_array(c->env, c->graph->arena, (size_t)n, sizeof(double));
    if (values == NULL || !hn_const_channel(v, rank, rank - 1, n, values)) return NULL;
    hn_value *bias = hn_rw_const_new(rw, v->data->dtype, 1, &n, &t);
    for (size_t i = 0; bias != NULL && i < (size_t)n; ++i) hn_set_f64(t, i, values[i] * scale);
    return bias;
}

static hn_status emit(hn_pass_ctx *c, hn_node *n, product *p)
{
    int64_t cols = p->b->data->dims[p->trans_b ? 0 : 1];
    hn_node *from = n;
    hn_node *next = p->bias == NULL ? hn_only_user(n->out[0]) : NULL;
    if (next != NULL && hn_node_is(next, "Add")) {
        hn_rw rw = hn_rw_at(c->graph, next);
        int rank = n->out[0]->type.rank, side = hn_operand(next, n->out[0]);
        hn_value *bias = hn_dims_same(&n->out[0]->type, &next->out[0]->type)
                             ? bias_of(c, &rw, next->in[1 - side], rank, cols, 1)
                             : NULL;
        HN_TRY(hn_rw_status(&rw));
        if (bias != NULL) from = next;
        p->bias = bias;
    }
    /* Only float32 products finish their tiles beyond the bias. */
    hn_epilogue e = {.out = from->out[0], .last = from, .act = ""};
    if (p->a->type.dtype == HN_F32) e = hn_epilogue_of(from);
    hn_rw rw = hn_rw_at(c->graph, e.last);
    hn_rw_attr attrs[8] = {HN_A_INT("trans_b", p->trans_b), HN_A_FLOAT("alpha", p->alpha)};
    size_t at = 2;
    rw.name = n->name;
    if (e.act[0] != 0) {
        attrs[at++] = (hn_rw_attr)HN_A_STR("act", e.act);
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_alpha", e.alpha);
        attrs[at++] = (hn_rw_attr)HN_A_FLOAT("act_beta", e.beta);
    }
    if (e.act_first) attrs[at++] = (hn_rw_attr)HN_A_INT("act_first", 1);
    hn_value *in[] = {p->a, p->b, p->bias, e.residual};
    hn_value *y = hn_rw_op(&rw, "hone.Gemm", e.residual != NULL ? 4 : p->bias != NULL ? 3 : 2, in, attrs);
    return hn_replace_first(c, &rw, e.last, y);
}

static bool weights(const hn_node *n)
{
    const hn_tensor *b = hn_node_const(n, 1);
    return b != NULL && b->rank == 2 && hn_is_real(n->in[1]) && n->in[0]->type.rank >= 2 && n->in[0]->data == NULL;
}

static hn_status take_matmul(hn_pass_ctx *c, hn_node *n)
{
    product p = {.a = n->in[0], .b = n->in[1], .alpha = 1};
    return weights(n) ? emit(c, n, &p) : HN_OK;
}

static hn_status take_gemm(hn_pass_ctx *c, hn_node *n)
{
    if (!weights(n)) return HN_OK;
    product p = {.a = n->in[0], .b = n->in[1], .alpha = hn_attr_float(n, "alpha", 1)};
    p.trans_b = hn_attr_int(n, "transB", 0) != 0;
    double beta = hn_attr_float(n, "beta", 1);
    hn_rw rw = hn_rw_at(c->graph, n);
    if (hn_node_in(n, 2) != NULL && beta != 0) {
        p.bias = bias_of(c, &rw, n->in[2], 2, p.b->data->dims[p.trans_b ? 0 : 1], beta);
        if (p.bias == NULL) return hn_rw_status(&rw);
    }
    if (hn_attr_int(n, "transA", 0) != 0) p.a = hn_rw_transpose(&rw, p.a, (int64_t[]){1, 0}, 2);
    HN_TRY(hn_rw_status(&rw));
    return emit(c, n, &p);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nout == 0 || n->out[0] == NULL || n->out[0]->nuses == 0) continue;
        if (hn_node_is(n, "MatMul"))
            HN_TRY(take_matmul(c, n));
        else if (hn_node_is(n, "Gemm"))
            HN_TRY(take_gemm(c, n));
        /* The node after n may have been taken in. Then n itself is still there, unread. */
        if (n->graph != NULL) next = n->next;
    }
    return HN_OK;
}

const hn_pass hn_pass_gemm = {
    .name = "gemm",
    .doc = "MatMul with a constant matrix (and the bias after it) and Gemm with constant weights become hone.Gemm and "
           "take in the "
           "activation, the residual addition and the activation after them.",
    .run = run,
};
