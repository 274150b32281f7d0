/* one_hot: a product of one-hot rows, spelled as Equal with consecutive numbers, picks rows of a table. The product of
 * the identity matrix, with bias and activation, is that table, made once; what matches no number gets one of
 * two rows of zeros at the end, from above or, counted backwards, from below. */
#include <math.h>

#include "base/size.h"
#include "passes/lib_match.h"

enum { MOST_CLASSES = 1 << 16 };

static bool is_int(const hn_value *v)
{
    return v->type.dtype == HN_I32 || v->type.dtype == HN_I64;
}

/* v[0], v[0] + 1, ... along the last dim. */
static bool consecutive(const hn_value *v, int64_t classes, int64_t *first)
{
    const hn_tensor *t = v->data;
    if (t == NULL || !is_int(v) || t->rank == 0 || t->dims[t->rank - 1] != classes) return false;
    if ((int64_t)hn_tensor_elems(t) != classes) return false;
    double start = hn_get_f64(t, 0);
    if (fabs(start) > 1e9) return false;
    for (int64_t i = 0; i < classes; ++i)
        if (hn_get_f64(t, (size_t)i) != start + (double)i) return false;
    *first = (int64_t)start;
    return true;
}

typedef struct hot {
    hn_value *index;
    int64_t classes, first;
} hot;

/* a is 1 where index equals its column's number and 0 elsewhere. */
static bool read_hot(const hn_value *a, hot *h)
{
    const hn_node *cast = hn_made_by(a, "Cast"), *equal = cast == NULL ? NULL : hn_made_by(cast->in[0], "Equal");
    const hn_type *t = &a->type;
    if (equal == NULL || t->rank < 2 || !hn_type_known(t)) return false;
    h->classes = t->dims[t->rank - 1];
    if (h->classes < 1 || h->classes > MOST_CLASSES) return false;
    for (size_t side = 0; side < 2; ++side) {
        hn_value *index = equal->in[1 - side];
        const hn_type *x = &index->type;
        if (!consecutive(equal->in[side], h->classes, &h->first)) continue;
        bool same = x->rank == t->rank && hn_type_known(x) && x->dims[x->rank - 1] == 1;
        for (int i = 0; same && i < x->rank - 1; ++i) same = x->dims[i] == t->dims[i];
        h->index = index;
        if (same && index->data == NULL) return true;
    }
    return false;
}

static hn_status take(hn_pass_ctx *c, hn_node *n)
{
    hot h;
    hn_tensor *eye;
    if (n->in[0]->type.dtype != HN_F32 || hn_node_in(n, 3) != NULL || !read_hot(n->in[0], &h)) return HN_OK;
    for (size_t i = 1; i < n->nin; ++i)
        if (n->in[i] != NULL && !hn_const_finite(n->in[i])) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_dtype dtype = h.index->type.dtype;
    rw.name = n->name;
    hn_value *in[3] = {hn_rw_const_new(&rw, HN_F32, 2, (int64_t[]){h.classes + 2, h.classes}, &eye), n->in[1],
                       hn_node_in(n, 2)};
    HN_TRY(hn_rw_status(&rw));
    for (int64_t i = 0; i < h.classes; ++i) ((float *)eye->data)[i * h.classes + i] = 1.0f;
    hn_node *table = hn_node_new(c->graph, n, n->op, n->name, in[2] != NULL ? 3 : 2, in, 1);
    if (table == NULL) return c->env->error.status;
    HN_TRY(hn_node_copy_attrs(table, n));
    HN_TRY(hn_node_infer(table));
    hn_value *index = hn_rw_reshape(&rw, h.index, h.index->type.rank - 1, h.index->type.dims);
    index = hn_rw_3(&rw, "Clip", index, hn_rw_scalar(&rw, dtype, (double)(h.first - 1)),
                    hn_rw_scalar(&rw, dtype, (double)(h.first + h.classes)));
    if (h.first != 0) index = hn_rw_2(&rw, "Sub", index, hn_rw_scalar(&rw, dtype, (double)h.first));
    hn_value *picked[] = {table->out[0], index};
    return hn_replace_first(c, &rw, n, hn_rw_op(&rw, "Gather", 2, picked, NULL));
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (hn_node_is(n, "hone.Gemm") && n->out[0]->nuses > 0) HN_TRY(take(c, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_one_hot = {
    .name = "one_hot",
    .doc = "A product whose left side is Equal with consecutive numbers (one-hot rows) becomes Gather of rows of a "
           "table that is folded "
           "with its bias and activation.",
    .run = run,
};
