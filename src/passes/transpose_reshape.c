/* transpose_reshape: data movement that cancels, merges, or turns out to be no movement. */
#include "base/size.h"
#include "passes/lib_match.h"

static bool perm_of(const hn_node *n, int64_t *perm, int *rank)
{
    const int64_t *p;
    size_t count = hn_attr_ints(n, "perm", &p);
    *rank = n->in[0]->type.rank;
    if (*rank < 0 || (count != 0 && count != (size_t)*rank)) return false;
    for (int i = 0; i < *rank; ++i) perm[i] = count != 0 ? p[i] : *rank - 1 - i;
    return true;
}

static bool is_identity(const int64_t *perm, int rank)
{
    for (int i = 0; i < rank; ++i)
        if (perm[i] != i) return false;
    return true;
}

/* Only dims of 1 change their order: the bytes stay. */
static bool moves_nothing(const hn_type *t, const int64_t *perm)
{
    int64_t last = -1;
    for (int i = 0; i < t->rank; ++i) {
        if (t->dims[perm[i]] == 1) continue;
        if (perm[i] < last) return false;
        last = perm[i];
    }
    return true;
}

/* ---- a value as Transpose(perm) of something made without transposes ---- */
enum { DEPTH = 8 };

static bool strippable(const hn_value *v, const int64_t *perm, int rank, int depth)
{
    int64_t p[HN_MAX_RANK];
    int r;
    if (hn_type_known(&v->type) && hn_type_elems(&v->type) == 1 && v->type.rank <= 1) return true;
    if (v->data != NULL) return v->data->rank == rank && hn_dtype_bits(v->data->dtype) % 8 == 0;
    const hn_node *n = v->producer;
    if (n == NULL || depth == 0) return false;
    if (hn_node_is(n, "Transpose")) {
        if (!perm_of(n, p, &r) || r != rank) return false;
        for (int i = 0; i < rank; ++i)
            if (p[i] != perm[i]) return false;
        return true;
    }
    if ((n->op->flags & HN_OP_ELEMENTWISE) == 0 || n->nout != 1 || v->nuses != 1 || hn_value_is_output(v) ||
        n->nin == 0)
        return false;
    bool moved = false;
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL) continue;
        if (!strippable(n->in[i], perm, rank, depth - 1)) return false;
        moved = moved || n->in[i]->data == NULL;
    }
    return moved;
}

static hn_value *stripped(hn_rw *rw, hn_value *v, const int64_t *perm, int rank)
{
    if (hn_type_known(&v->type) && hn_type_elems(&v->type) == 1 && v->type.rank <= 1) return v;
    if (v->data != NULL) {
        int64_t back[HN_MAX_RANK];
        for (int i = 0; i < rank; ++i) back[perm[i]] = i;
        return hn_rw_transpose(rw, v, back, (size_t)rank);
    }
    hn_node *n = v->producer;
    if (hn_node_is(n, "Transpose")) return n->in[0];
    hn_value *in[8] = {NULL};
    if (n->nin > HN_COUNT(in)) return NULL;
    for (size_t i = 0; i < n->nin; ++i)
        if (n->in[i] != NULL) in[i] = stripped(rw, n->in[i], perm, rank);
    if (hn_rw_status(rw) != HN_OK) return NULL;
    hn_node *m = hn_node_new(rw->graph, rw->before, n->op, n->name, n->nin, in, 1);
    hn_status st = m == NULL ? rw->graph->env->error.status : hn_node_copy_attrs(m, n);
    if (st == HN_OK) st = hn_node_infer(m);
    if (st != HN_OK) (void)hn_rw_fail(rw, st);
    return st == HN_OK ? m->out[0] : NULL;
}

static hn_status sink(hn_pass_ctx *c, hn_node *n, const int64_t *perm, int rank)
{
    int64_t inverse[HN_MAX_RANK];
    hn_node *p = n->in[0]->producer;
    if (p == NULL || (p->op->flags & HN_OP_ELEMENTWISE) == 0 || p->nin > 8) return HN_OK;
    for (int i = 0; i < rank; ++i) inverse[perm[i]] = i;
    if (!strippable(n->in[0], inverse, rank, DEPTH)) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value *v = stripped(&rw, n->in[0], inverse, rank);
    return hn_replace_first(c, &rw, n, v);
}

/* ---- two transposes with only dims of 1 and elementwise nodes between them ---- */
static bool one_element(const hn_value *v)
{
    return v == NULL || (hn_type_known(&v->type) && hn_type_elems(&v->type) == 1 && v->type.rank <= 1);
}

/* One tensor, and at most single elements beside it. */
static bool is_plain(const hn_node *n)
{
    bool quant = hn_node_is(n, "QuantizeLinear") || hn_node_is(n, "DequantizeLinear");
    if (hn_node_is(n, "hone.QLut")) return true;
    if ((!quant && (n->op->flags & HN_OP_ELEMENTWISE) == 0) || n->nout != 1 || n->nin == 0 || n->nin > 4) return false;
    for (size_t i = 1; i < n->nin; ++i)
        if (!one_element(n->in[i])) return false;
    return n->in[0]->type.rank > 0;
}

static bool same_but_ones(const hn_type *a, const hn_type *b)
{
    int i = 0, j = 0;
    if (!hn_type_known(a) || !hn_type_known(b)) return false;
    for (;;) {
        while (i < a->rank && a->dims[i] == 1) ++i;
        while (j < b->rank && b->dims[j] == 1) ++j;
        if (i == a->rank || j == b->rank) return i == a->rank && j == b->rank;
        if (a->dims[i++] != b->dims[j++]) return false;
    }
}

/* axis[] numbers the dims of t that are not 1: in their order after perm. */
static int turned(const hn_type *t, const int64_t *perm, int64_t *axis)
{
    int64_t number[HN_MAX_RANK], from[HN_MAX_RANK];
    int count = 0, n = 0;
    for (int i = 0; i < t->rank; ++i) number[i] = t->dims[i] == 1 ? -1 : axis[count++];
    for (int i = 0; i < t->rank; ++i)
        if (number[perm[i]] >= 0) from[n++] = number[perm[i]];
    for (int i = 0; i < n; ++i) axis[i] = from[i];
    return n;
}

/* n last. Nodes between it and the transpose above it go to nodes[], the lowest first; NULL when they do not cancel. */
static hn_node *cancels(const hn_node *n, hn_node **nodes, size_t *count)
{
    int64_t perm[HN_MAX_RANK], axis[HN_MAX_RANK];
    int rank, k = 0;
    hn_node *p = n->in[0]->producer;
    for (*count = 0; p != NULL && !hn_node_is(p, "Transpose"); p = p->in[0]->producer) {
        bool moves = (hn_node_is(p, "Reshape") || hn_node_is(p, "Squeeze") || hn_node_is(p, "Unsqueeze")) &&
                     same_but_ones(&p->in[0]->type, &p->out[0]->type);
        if (*count == DEPTH || (!moves && (!is_plain(p) || hn_only_user(p->out[0]) == NULL))) return NULL;
        nodes[(*count)++] = p;
    }
    if (p == NULL || !hn_type_known(&p->in[0]->type) || !hn_type_known(&n->in[0]->type) || !perm_of(p, perm, &rank))
        return NULL;
    for (int i = 0; i < HN_MAX_RANK; ++i) axis[i] = i;
    (void)turned(&p->in[0]->type, perm, axis);
    if (!perm_of(n, perm, &rank)) return NULL;
    k = turned(&n->in[0]->type, perm, axis);
    for (int i = 0; i < k; ++i)
        if (axis[i] != i) return NULL;
    return p;
}

static hn_status take_cancelled(hn_pass_ctx *c, hn_node *n, bool *done)
{
    hn_node *nodes[DEPTH];
    size_t count;
    const hn_node *p = cancels(n, nodes, &count);
    *done = p != NULL;
    if (p == NULL) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value *v = p->in[0];
    while (count-- > 0) {
        const hn_node *m = nodes[count];
        if (!is_plain(m)) continue;
        hn_value *in[4] = {v};
        for (size_t i = 1; i < m->nin; ++i) in[i] = m->in[i];
        m = hn_rw_like(&rw, m, m->nin, in);
        if (m == NULL) return hn_rw_status(&rw);
        v = m->out[0];
    }
    rw.name = n->name;
    if (!hn_dims_same(&v->type, &n->out[0]->type))
        v = hn_rw_reshape(&rw, v, n->out[0]->type.rank, n->out[0]->type.dims);
    return hn_replace_first(c, &rw, n, v);
}

static hn_status take_transpose(hn_pass_ctx *c, hn_node *n)
{
    int64_t perm[HN_MAX_RANK], first[HN_MAX_RANK];
    int rank, before;
    if (!perm_of(n, perm, &rank)) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    rw.name = n->name;
    const hn_node *p = hn_made_by(n->in[0], "Transpose");
    if (p != NULL && perm_of(p, first, &before) && before == rank) {
        for (int i = 0; i < rank; ++i) perm[i] = first[perm[i]];
        hn_value *v = p->in[0];
        if (!is_identity(perm, rank)) v = hn_rw_transpose(&rw, v, perm, (size_t)rank);
        return hn_replace_first(c, &rw, n, v);
    }
    if (!is_identity(perm, rank) && hn_type_known(&n->in[0]->type) && moves_nothing(&n->in[0]->type, perm))
        return hn_replace_first(c, &rw, n, hn_rw_reshape(&rw, n->in[0], rank, n->out[0]->type.dims));
    bool done;
    HN_TRY(take_cancelled(c, n, &done));
    if (done) return HN_OK;
    return sink(c, n, perm, rank);
}

static bool reshapes(const hn_node *n)
{
    static const char *const ops[] = {"Flatten", "Reshape", "Squeeze", "Unsqueeze"};
    for (size_t i = 0; i < HN_COUNT(ops); ++i)
        if (hn_node_is(n, ops[i])) return true;
    return false;
}

/* One Reshape to known dims, from the first value of a chain. */
static hn_status take_reshape(hn_pass_ctx *c, hn_node *n)
{
    hn_value *x = n->in[0];
    if (!hn_type_known(&n->out[0]->type)) return HN_OK;
    while (x->producer != NULL && reshapes(x->producer)) x = x->producer->in[0];
    if (hn_node_is(n, "Reshape") && x == n->in[0] && n->in[1]->data != NULL) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    rw.name = n->name;
    if (!hn_dims_same(&x->type, &n->out[0]->type))
        x = hn_rw_reshape(&rw, x, n->out[0]->type.rank, n->out[0]->type.dims);
    return hn_replace_first(c, &rw, n, x);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (n->nout == 0 || n->out[0] == NULL || n->out[0]->nuses == 0) continue;
        if (hn_node_is(n, "Transpose"))
            HN_TRY(take_transpose(c, n));
        else if (reshapes(n))
            HN_TRY(take_reshape(c, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_transpose_reshape = {
    .name = "transpose_reshape",
    .doc = "Merges or cancels a Transpose after a Transpose, where that cancels also through elementwise nodes and "
           "dims of 1; a Transpose that only moves dims of 1 becomes a Reshape; chains of Reshape, Squeeze, Unsqueeze "
           "and Flatten with known dims "
           "become one "
           "Reshape.",
    .run = run,
};
