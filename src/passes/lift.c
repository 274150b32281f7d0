/* lift: a function of single elements, or a global pooling, behind a view of a convolution's result moves in front of
 * the view, where it can be fused or keep the convolution's layout. */
#include "base/size.h"
#include "passes/lib_match.h"

enum { MOST_INPUTS = 4, LONGEST = 8 };

static bool one_of(const hn_node *n, const char *const *ops)
{
    for (; *ops != NULL; ++ops)
        if (hn_node_is(n, *ops)) return true;
    return false;
}

/* One use that counts: nodes that became redundant stay, unread, until the sweep. */
static bool read_once(const hn_value *v)
{
    size_t count = 0;
    for (const hn_use *u = v->uses; u != NULL; u = u->next) {
        bool read = u->node == NULL;
        for (size_t i = 0; !read && i < u->node->nout; ++i)
            read = u->node->out[i] != NULL && u->node->out[i]->nuses > 0;
        if (read && u->node == NULL) return false;
        count += read;
    }
    return count == 1;
}

static bool function_of_elements(const hn_node *n)
{
    return (n->op->flags & HN_OP_ELEMENTWISE) != 0 && n->nout == 1 && n->nin > 0 && n->nin <= MOST_INPUTS;
}

/* A convolution made v, or functions of elements of its result did, and nobody else reads what is between. */
static bool of_conv(const hn_value *v)
{
    static const char *const convs[] = {"Conv", "ConvTranspose", NULL};
    for (int steps = 0; steps < LONGEST; ++steps) {
        const hn_node *n = v->producer;
        if (n == NULL || !read_once(v)) return false;
        if (one_of(n, convs)) return true;
        if (!function_of_elements(n)) return false;
        v = n->in[0]->data != NULL && n->nin > 1 ? n->in[1] : n->in[0];
    }
    return false;
}

static hn_node *view_of_conv(const hn_value *v)
{
    static const char *const views[] = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", NULL};
    hn_node *view = v->producer;
    if (view == NULL || !one_of(view, views) || !read_once(v) || !of_conv(view->in[0])) return NULL;
    return hn_type_known(&view->in[0]->type) && hn_type_known(&v->type) ? view : NULL;
}

/* Where the view drops the last dim, 1, or the one before it. */
static bool drops_one(const hn_type *x, const hn_type *v)
{
    return x->rank == 4 && v->rank == 3 && x->dims[0] == v->dims[0] && x->dims[1] == v->dims[1] &&
           (x->dims[2] == 1 || x->dims[3] == 1);
}

/* The other operand as it is before the view; NULL when it has no such form. */
static hn_value *operand(hn_rw *rw, hn_value *k, const hn_type *x, const hn_type *v)
{
    if (k->data == NULL || !hn_type_known(&k->type)) return NULL;
    if (k->type.rank <= 1 && hn_type_elems(&k->type) == 1) return k;
    if (k->type.rank != 3 || !drops_one(x, v) || k->type.dims[0] > v->dims[0] || k->type.dims[1] > v->dims[1] ||
        k->type.dims[2] > v->dims[2])
        return NULL;
    const int64_t *d = k->type.dims, last[] = {d[0], d[1], d[2], 1}, inner[] = {d[0], d[1], 1, d[2]};
    return hn_rw_const(rw, k->type.dtype, 4, x->dims[3] == 1 ? last : inner, k->data->data);
}

static hn_status lift_function(hn_pass_ctx *c, hn_node *n, const hn_node *view, size_t side)
{
    hn_value *in[MOST_INPUTS] = {NULL};
    hn_rw rw = hn_rw_at(c->graph, n);
    const hn_type *x = &view->in[0]->type, *v = &n->in[side]->type;
    if (!hn_dims_same(v, &n->out[0]->type)) return HN_OK;
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL) continue;
        in[i] = i == side ? view->in[0] : operand(&rw, n->in[i], x, v);
        HN_TRY(hn_rw_status(&rw));
        if (in[i] == NULL) return HN_OK;
    }
    const hn_node *m = hn_rw_like(&rw, n, n->nin, in);
    if (m == NULL) return hn_rw_status(&rw);
    return hn_replace_first(c, &rw, n, hn_rw_reshape(&rw, m->out[0], v->rank, v->dims));
}

/* [N, C, L] out of [N, C, L, 1] or [N, C, 1, L]. */
static hn_status lift_pooling(hn_pass_ctx *c, hn_node *n, const hn_node *view)
{
    const hn_type *x = &view->in[0]->type, *v = &n->in[0]->type;
    if (!drops_one(x, v)) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    rw.name = n->name;
    hn_value *y = hn_rw_1(&rw, n->op->name, view->in[0]);
    return hn_replace_first(c, &rw, n, hn_rw_reshape(&rw, y, 3, (int64_t[]){v->dims[0], v->dims[1], 1}));
}

static hn_status run(hn_pass_ctx *c)
{
    static const char *const poolings[] = {"GlobalMaxPool", "GlobalAveragePool", NULL};
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nin == 0 || n->in[0] == NULL || n->nout != 1 || n->out[0] == NULL || n->out[0]->nuses == 0) continue;
        size_t side = n->nin == 2 && n->in[0]->data != NULL && n->in[1] != NULL ? 1 : 0;
        const hn_node *view = view_of_conv(n->in[side]);
        if (view == NULL) continue;
        if (one_of(n, poolings))
            HN_TRY(lift_pooling(c, n, view));
        else if (function_of_elements(n))
            HN_TRY(lift_function(c, n, view, side));
    }
    return HN_OK;
}

const hn_pass hn_pass_lift = {
    .name = "lift",
    .doc = "A function of single elements, or a global pooling, behind a Reshape, Squeeze, Unsqueeze or Flatten of a "
           "convolution's result moves in front of it.",
    .run = run,
};
