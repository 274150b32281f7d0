/* attention: MatMul, scale, constant mask, Softmax, MatMul over heads become Attention; with it go the transposes that
 * exporters put around it and the copies of K and V that grouped heads are made with.
 *
 * Masks have to be constant and leave every query a finite entry: Attention gives 0 where Softmax would give NaN. */
#include <math.h>

#include "base/size.h"
#include "passes/lib_match.h"

/* Less than any mask that only discourages: -1e9 and the like leave a weight of exactly 0. */
static const double SHUT = -1e8;

typedef struct parts {
    hn_value *q, *k, *v, *mask;
    int64_t heads, kv_heads;
    double scale;
    bool causal;
} parts;

static bool perm_is(const hn_node *n, const int64_t *want)
{
    const int64_t *p;
    if (hn_attr_ints(n, "perm", &p) != 4) return false;
    for (int i = 0; i < 4; ++i)
        if (p[i] != want[i]) return false;
    return true;
}

/* The value whose transpose over the last two axes v is, as a node's input and a permutation left to do. */
static hn_value *untransposed(hn_rw *rw, hn_value *v)
{
    const int64_t *p;
    const hn_node *n = hn_made_by(v, "Transpose");
    if (n == NULL || hn_attr_ints(n, "perm", &p) != 4) return NULL;
    int64_t rest[4] = {p[0], p[1], p[3], p[2]};
    bool none = true;
    for (int i = 0; i < 4; ++i) none = none && rest[i] == i;
    return none ? n->in[0] : hn_rw_transpose(rw, n->in[0], rest, 4);
}

/* x where v is x with each head repeated: [b, h, t, d] -> [b, h, r, t, d] -> [b, h r, t, d]. */
static hn_value *unrepeated(hn_value *v)
{
    const hn_node *merge = hn_made_by(v, "Reshape"), *many = NULL;
    if (merge != NULL) many = hn_made_by(merge->in[0], "Concat");
    if (many == NULL) many = merge != NULL ? hn_made_by(merge->in[0], "Expand") : NULL;
    if (many == NULL || many->out[0]->type.rank != 5) return v;
    const int64_t *wide = many->out[0]->type.dims, *out = v->type.dims;
    if (hn_node_is(many, "Concat")) {
        if (hn_attr_int(many, "axis", 0) != 2 && hn_attr_int(many, "axis", 0) != -3) return v;
        for (size_t i = 1; i < many->nin; ++i)
            if (many->in[i] != many->in[0]) return v;
    }
    const hn_node *lift = hn_made_by(many->in[0], "Reshape");
    if (lift == NULL) lift = hn_made_by(many->in[0], "Unsqueeze");
    if (lift == NULL || lift->in[0]->type.rank != 4 || many->in[0]->type.rank != 5) return v;
    const int64_t *x = lift->in[0]->type.dims, *l = many->in[0]->type.dims;
    bool same = l[2] == 1 && x[0] == l[0] && x[1] == l[1] && x[2] == l[3] && x[3] == l[4];
    same = same && wide[0] == l[0] && wide[1] == l[1] && wide[3] == l[3] && wide[4] == l[4];
    same = same && v->type.rank == 4 && out[1] == wide[1] * wide[2] && out[2] == wide[3] && out[3] == wide[4];
    return same ? lift->in[0] : v;
}

/* The flat value [b, t, h d] behind [b, h, t, d], or NULL. */
static hn_value *flat_of(hn_value *v)
{
    static const int64_t swap[] = {0, 2, 1, 3};
    const hn_node *turn = hn_made_by(v, "Transpose");
    if (turn == NULL || !perm_is(turn, swap)) return NULL;
    const hn_node *cut = hn_made_by(turn->in[0], "Reshape");
    if (cut == NULL) return NULL;
    const hn_type *x = &cut->in[0]->type, *y = &cut->out[0]->type;
    bool fits = x->rank == 3 && y->rank == 4 && x->dims[0] == y->dims[0] && x->dims[1] == y->dims[1];
    return fits ? cut->in[0] : NULL;
}

/* Is the constant 0 for keys up to the query and shut above, for every head? */
static bool is_causal(const hn_tensor *m, int64_t t)
{
    if (hn_tensor_elems(m) != (size_t)(t * t)) return false;
    for (int64_t i = 0; i < t; ++i)
        for (int64_t j = 0; j < t; ++j) {
            double x = hn_get_f64(m, (size_t)(i * t + j));
            if (j <= i ? x != 0 : !(x <= SHUT)) return false;
        }
    return true;
}

static bool read_mask(parts *p, hn_value *mask, const hn_type *scores)
{
    const hn_tensor *m = mask->data;
    int64_t keys = scores->dims[3];
    if (m == NULL || m->dtype != HN_F32 || m->rank < 2 || m->rank > 4 || p->mask != NULL) return false;
    if (m->dims[m->rank - 1] != keys) return false;
    for (int d = 0; d < m->rank; ++d)
        if (m->dims[d] != 1 && m->dims[d] != scores->dims[4 - m->rank + d]) return false;
    for (size_t i = 0, n = hn_tensor_elems(m); i < n; i += (size_t)keys) {
        bool open = false;
        for (int64_t j = 0; j < keys; ++j) {
            double x = hn_get_f64(m, i + (size_t)j);
            open = open || isfinite(x);
            if (!(x < HUGE_VAL)) return false;
        }
        if (!open) return false;
    }
    p->causal = scores->dims[2] == keys && is_causal(m, keys);
    p->mask = mask;
    return true;
}

/* From the Softmax's input back to the product: scales and one mask on the way. The mask is added to scaled scores, so
 * no scale may follow it. */
static hn_node *scores_of(parts *p, hn_value *v)
{
    p->scale = 1;
    while (v->producer != NULL && hn_only_user(v) != NULL) {
        hn_node *n = v->producer;
        double s;
        if (hn_node_is(n, "MatMul")) return n;
        if (n->nin != 2) return NULL;
        if (hn_node_is(n, "Mul") && hn_const_scalar(n->in[1], &s)) {
            p->scale *= s;
            v = n->in[0];
        } else if (hn_node_is(n, "Mul") && hn_const_scalar(n->in[0], &s)) {
            p->scale *= s;
            v = n->in[1];
        } else if (hn_node_is(n, "Div") && hn_const_scalar(n->in[1], &s)) {
            p->scale /= s;
            v = n->in[0];
        } else if (hn_node_is(n, "Add") && p->scale == 1 && p->mask == NULL) {
            int side = n->in[0]->data != NULL ? 1 : 0;
            v = n->in[side];
            if (!read_mask(p, n->in[1 - side], &n->out[0]->type)) return NULL;
        } else {
            return NULL;
        }
        if (!hn_dims_same(&v->type, &n->out[0]->type)) return NULL;
    }
    return NULL;
}

static bool heads_known(const hn_node *n)
{
    for (size_t i = 0; i < 2; ++i)
        if (n->in[i]->type.rank != 4 || n->in[i]->type.dtype != HN_F32 || !hn_type_known(&n->in[i]->type)) return false;
    const int64_t *a = n->in[0]->type.dims, *b = n->in[1]->type.dims;
    return a[0] == b[0] && a[1] == b[1] && a[1] > 0; /* Attention wants heads */
}

static hn_status emit(hn_pass_ctx *c, hn_node *n, parts *p)
{
    static const int64_t swap[] = {0, 2, 1, 3};
    hn_node *turn = hn_only_user(n->out[0]), *merge = NULL;
    if (turn != NULL && hn_node_is(turn, "Transpose") && perm_is(turn, swap)) merge = hn_only_user(turn->out[0]);
    bool flat = merge != NULL && hn_node_is(merge, "Reshape") && merge->out[0]->type.rank == 3 &&
                merge->out[0]->type.dims[1] == n->out[0]->type.dims[2] &&
                merge->out[0]->type.dims[0] == n->out[0]->type.dims[0];
    hn_value *in[4] = {flat_of(p->q), flat_of(p->k), flat_of(p->v), p->causal ? NULL : p->mask};
    flat = flat && in[0] != NULL && in[1] != NULL && in[2] != NULL;
    if (!flat) {
        in[0] = p->q;
        in[1] = p->k;
        in[2] = p->v;
    }
    hn_node *end = flat ? merge : n;
    hn_rw rw = hn_rw_at(c->graph, end);
    rw.name = n->name;
    hn_rw_attr attrs[5] = {HN_A_FLOAT("scale", p->scale)};
    size_t at = 1;
    if (p->causal) attrs[at++] = (hn_rw_attr)HN_A_INT("is_causal", 1);
    if (flat) attrs[at++] = (hn_rw_attr)HN_A_INT("q_num_heads", p->heads);
    if (flat) attrs[at++] = (hn_rw_attr)HN_A_INT("kv_num_heads", p->kv_heads);
    hn_value *y = hn_rw_op(&rw, "Attention", in[3] == NULL ? 3 : 4, in, attrs);
    HN_TRY(hn_rw_status(&rw));
    if (!hn_dims_same(&y->type, &end->out[0]->type)) return HN_OK;
    return hn_replace_first(c, &rw, end, y);
}

static hn_status take(hn_pass_ctx *c, hn_node *n)
{
    hn_node *soft = hn_made_by(n->in[0], "Softmax"), *first;
    parts p = {0};
    int axis;
    if (soft == NULL || hn_only_user(n->in[0]) != n || !heads_known(n)) return HN_OK;
    if (!hn_axis(hn_attr_int(soft, "axis", -1), 4, &axis) || axis != 3) return HN_OK;
    first = scores_of(&p, soft->in[0]);
    if (first == NULL || !heads_known(first) || !(isfinite(p.scale) && p.scale != 0)) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    rw.name = first->name;
    p.q = first->in[0];
    p.k = untransposed(&rw, first->in[1]);
    HN_TRY(hn_rw_status(&rw));
    if (p.k == NULL) return HN_OK;
    p.v = n->in[1];
    hn_value *k = unrepeated(p.k), *v = unrepeated(p.v);
    if (k->type.dims[1] == v->type.dims[1]) {
        p.k = k;
        p.v = v;
    }
    p.heads = p.q->type.dims[1];
    p.kv_heads = p.k->type.dims[1];
    return emit(c, n, &p);
}

static hn_status run(hn_pass_ctx *c)
{
    if (hn_op_find(c->graph->ops, "", "Attention") == NULL) return HN_OK;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (!hn_node_is(n, "MatMul") || n->out[0]->nuses == 0) continue;
        HN_TRY(take(c, n));
        if (n->graph != NULL) next = n->next;
    }
    return HN_OK;
}

const hn_pass hn_pass_attention = {
    .name = "attention",
    .doc =
        "Softmax(scale Q K' + mask) V over heads becomes Attention, without the transposes and repeated heads around "
        "it. Masks have to be constant.",
    .needs_types = false,
    .run = run,
};
