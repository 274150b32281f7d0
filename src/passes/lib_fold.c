/* lib_fold: constant folding, interleaved with inference: what an earlier node's value makes known is used by the next.
 */
#include "passes/lib_match.h"

enum { MOST = 64 };
#define GROW_TIMES  16
#define GROW_BYTES  ((size_t)1 << 20)
#define TOTAL_BYTES ((size_t)1 << 31) /* of all that one run makes */

static size_t attr_bytes(const hn_node *n)
{
    size_t bytes = 0;
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next)
        if (a->kind == HN_ATTR_TENSOR) bytes += a->u.tensor->bytes;
    return bytes;
}

static bool foldable(const hn_node *n, bool all, size_t left)
{
    uint32_t never = HN_OP_RANDOM | HN_OP_CONTROL | (all ? 0 : HN_OP_FOLD_NEVER);
    if ((n->op->flags & never) != 0 || n->op->ref == NULL || n->nin > MOST || n->nout > MOST) return false;
    size_t in_bytes = attr_bytes(n), out_bytes = 0;
    for (size_t i = 0; i < n->nin; ++i) {
        const hn_value *v = n->in[i];
        if (v == NULL) continue;
        bool shape_only = i == 0 && (n->op->flags & HN_OP_SHAPE_ONLY) != 0 && hn_type_known(&v->type);
        if (v->data == NULL && !shape_only) return false;
        if (v->data != NULL) in_bytes += v->data->bytes;
    }
    for (size_t i = 0; i < n->nout; ++i) {
        if (n->out[i] == NULL) continue;
        if (!hn_type_known(&n->out[i]->type)) return false;
        out_bytes += hn_type_bytes(&n->out[i]->type);
    }
    return out_bytes <= left && (out_bytes <= GROW_BYTES || out_bytes / GROW_TIMES <= in_bytes);
}

/* A node whose reference refuses its data may sit on a path that is never taken: it is left for the run to report. */
static hn_status fold_node(hn_pass_ctx *c, hn_node *n, size_t *left)
{
    hn_graph *g = c->graph;
    const hn_tensor *in[MOST] = {NULL};
    hn_tensor shapes, *out[MOST] = {NULL};
    hn_value *made[MOST] = {NULL};
    for (size_t i = 0; i < n->nin; ++i) {
        const hn_value *v = n->in[i];
        if (v == NULL) continue;
        in[i] = v->data;
        if (v->data != NULL) continue;
        shapes = (hn_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
        for (int d = 0; d < v->type.rank; ++d) shapes.dims[d] = v->type.dims[d];
        in[i] = &shapes;
    }
    hn_status st = hn_eval_node(c->env, g->arena, n, in, out);
    if (st == HN_INPUT || st == HN_UNSUPPORTED) {
        hn_error_clear(c->env);
        return HN_OK;
    }
    HN_TRY(st);
    for (size_t i = 0; i < n->nout; ++i) {
        if (out[i] == NULL) continue;
        made[i] = hn_graph_const(g, NULL, out[i]);
        if (made[i] == NULL) return c->env->error.status;
        *left -= out[i]->bytes;
    }
    hn_rw rw = hn_rw_at(g, n);
    c->changes++;
    return hn_rw_replace(&rw, n, made);
}

hn_status hn_fold(hn_pass_ctx *c, bool all)
{
    size_t left = TOTAL_BYTES;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        /* The Identity that gives a constant an output's name. */
        if (hn_node_is(n, "Identity") && hn_value_is_output(n->out[0]) && n->in[0]->data != NULL) continue;
        if (c->graph->parent == NULL) HN_TRY(hn_node_infer(n));
        if (foldable(n, all, left)) HN_TRY(fold_node(c, n, &left));
    }
    return HN_OK;
}
