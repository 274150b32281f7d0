/* lib_cone: see the header. A node joins when every reader of its output has joined, so the order of joining, reversed,
 * is an order of evaluation. */
#include "passes/lib_cone.h"

#include "base/size.h"

static bool in_set(const hn_cone *c, const hn_node *n)
{
    for (size_t i = 0; i < c->count; ++i)
        if (c->nodes[i] == n) return true;
    return false;
}

static bool row_op(const hn_node *n)
{
    static const char *const ops[] = {"ReduceMax", "ReduceMean", "ReduceSum", "ReduceSumSquare",
                                      "Reshape",   "Squeeze",    "Unsqueeze"};
    for (size_t i = 0; i < HN_COUNT(ops); ++i)
        if (hn_node_is(n, ops[i])) return true;
    return false;
}

static bool operands_fit(const hn_cone *c, const hn_node *n, const hn_value *v)
{
    for (size_t i = 0; i < n->nin; ++i) {
        const hn_value *x = n->in[i];
        if (x == NULL || (c->rows && x->data != NULL)) continue;
        if (x->data == NULL && (!hn_is_real(x) || (!c->rows && !hn_dims_same(&x->type, &v->type)))) return false;
        if (x->data != NULL && hn_tensor_elems(x->data) != 1) return false;
        if (c->rows && x->data == NULL && i > 0 && row_op(n)) return false;
    }
    return true;
}

static bool may_join(const hn_cone *c, const hn_value *v)
{
    const hn_node *n = v->producer;
    if (n == NULL || (n->op->flags & HN_OP_RANDOM) != 0) return false;
    if ((n->op->flags & HN_OP_ELEMENTWISE) == 0 && (!c->rows || !row_op(n))) return false;
    if (n->nout != 1 || n->nregions != 0 || n->nin == 0 || n->nin > 8 || c->count == HN_CONE_NODES) return false;
    if (n->op->domain[0] != 0) return false;
    for (const hn_use *u = v->uses; v != c->root && u != NULL; u = u->next)
        if (u->node == NULL || !in_set(c, u->node)) return false;
    return hn_is_real(v) && operands_fit(c, n, v);
}

/* Values read by the set and not made in it; at most `most`. */
static size_t frontier(const hn_cone *c, hn_value **out, size_t most)
{
    size_t count = 0;
    for (size_t k = 0; k < c->count; ++k) {
        for (size_t i = 0; i < c->nodes[k]->nin; ++i) {
            hn_value *v = c->nodes[k]->in[i];
            if (v == NULL || v->data != NULL || (v->producer != NULL && in_set(c, v->producer))) continue;
            bool known = false;
            for (size_t j = 0; j < count; ++j) known = known || out[j] == v;
            if (!known && count < most) out[count++] = v;
        }
    }
    return count;
}

void hn_cone_start(hn_cone *c, hn_value *root, bool rows)
{
    *c = (hn_cone){.rows = rows, .root = root, .source = root};
}

bool hn_cone_grow(hn_cone *c)
{
    hn_value *open[HN_CONE_NODES * 2] = {c->root};
    size_t count = c->count == 0 ? 1 : frontier(c, open, HN_CONE_NODES * 2);
    for (size_t i = 0; i < count; ++i) {
        if (!may_join(c, open[i])) continue;
        c->nodes[c->count++] = open[i]->producer;
        count = frontier(c, open, HN_CONE_NODES * 2);
        c->source = count == 1 ? open[0] : NULL;
        return true;
    }
    return false;
}

hn_status hn_cone_eval(hn_env *env, hn_arena *arena, const hn_cone *c, hn_tensor *x, hn_tensor **y)
{
    hn_tensor *made[HN_CONE_NODES] = {NULL};
    *y = x;
    for (size_t k = c->count; k-- > 0;) {
        const hn_node *n = c->nodes[k];
        const hn_tensor *in[8] = {NULL};
        hn_tensor flat[8];
        for (size_t i = 0; i < n->nin; ++i) {
            const hn_value *v = n->in[i];
            if (v == NULL) continue;
            in[i] = v->data != NULL ? v->data : x;
            if (v->data != NULL && !c->rows) {
                /* A single element of whatever rank must not add dims to the samples. */
                flat[i] = *v->data;
                flat[i].rank = 0;
                in[i] = &flat[i];
            }
            for (size_t j = k + 1; j < c->count; ++j)
                if (c->nodes[j] == v->producer) in[i] = made[j];
        }
        HN_TRY(hn_eval_node(env, arena, n, in, &made[k]));
        *y = made[k];
    }
    return HN_OK;
}
